"""Ingest by Spark: many tasks write the same store."""
