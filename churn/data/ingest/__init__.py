"""Ingest: from the source to the sorted store, all rows or new ones only."""
