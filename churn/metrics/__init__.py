"""Metrics with their intervals, and one catalogue of their titles, units and digits."""
