"""Honest churn models on public data, all evaluated on the same rows."""
