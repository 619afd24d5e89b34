"""How honest `churn uplift` is: null effects, coverage, and another implementation on the same real data."""
