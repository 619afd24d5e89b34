"""Snapshots: the cohort and its signals at each cutoff, and the labels once the outcomes are known."""
