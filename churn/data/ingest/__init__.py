"""Ingest: read the source into the sorted store, all rows or only the new rows."""
