"""Honest churn models on public data, all judged on the same rows."""
