"""Honest companies of odd shape and public data sets, and what the guards of `churn check` find in them."""
