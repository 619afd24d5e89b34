"""Metrics with their intervals, and the catalogue of the titles, units and decimals of all metrics."""
