"""The pipeline: one module per verb of `churn`. A scheduler runs the verbs."""

import os

# Waiting threads of LightGBM otherwise spin, and on a busy machine they take the cores that they wait for.
# The library reads this once, when it loads. A value that the user has set stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
