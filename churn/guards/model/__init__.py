"""The guards of the model. `train` and `evaluate` run them; `churn check` runs the guards of the data."""
