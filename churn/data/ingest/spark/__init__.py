"""Ingest by Spark: the same store, written by many tasks."""
