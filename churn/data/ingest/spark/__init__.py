"""Ingest by Spark: many Spark tasks together write one store."""
