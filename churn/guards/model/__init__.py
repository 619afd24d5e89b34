"""Guards of the model, which `train` and `evaluate` ask; those of `churn check` look at the tables."""
