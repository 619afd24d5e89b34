"""Snapshots: cohort x signals at each cutoff, with labels once matured; written and read here."""
