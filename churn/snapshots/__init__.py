"""Snapshots: the cohort and its signals at each cutoff, and the labels once they have matured."""
