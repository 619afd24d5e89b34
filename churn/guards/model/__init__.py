"""The guards of the model, which `train` and `evaluate` run; `churn check` runs the guards of the data."""
