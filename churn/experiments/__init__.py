"""Whether contact helps: the effect on churn, nightly looks, and the size of an experiment."""
