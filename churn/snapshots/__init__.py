"""Snapshots: the cohort and its signals at each cutoff, with labels when they are matured."""
