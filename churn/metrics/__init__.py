"""Metrics with their intervals, and the catalogue of the titles, units and digits of all metrics."""
