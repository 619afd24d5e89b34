"""What the experiment and the registered model say of themselves in MLflow."""

from __future__ import annotations

WORKFLOW = "workflowType=machine_learning"
"""What an address must say, or MLflow opens it in its GenAI mode."""

DESCRIPTION = 5000
"""So many characters a version's description may have: the column's size in MLflow's own database."""

UNITS = (
    "Log loss in nats; AUC, average precision and precision from 0 to 1; lift in times of calling at random; "
    "profit in your currency per customer at risk; observed/expected in leavers over expected leavers. "
    "`_low` and `_high` are the ends of the 95 % interval, in the unit of the metric."
)

EXPERIMENT = {
    "mlflow.experimentKind": "custom_model_development",  # else MLflow takes it for one of its GenAI mode
    "mlflow.note.content": (
        "Who is about to leave. Each run is a training; its child runs are what was tried, its folds and all "
        "that was judged beside it.\n\n"
        "- `judged/…`: the model on the test cutoffs; `rest/…`: all other metrics there\n"
        "- `paired/…`: differences of log loss on the same rows; below 0 the challenger is better\n"
        "- `tried/…`, `out_of_time/…`: before the test cutoffs were looked at\n"
        "- `within_fold/…`: one cutoff each; those of the test once they were looked at\n\n"
        f"Units: {UNITS} What the figures depend on are the parameters `evaluate.…`, `label.…` and `data.…`."
    ),
    "made_by": "churn",
}
"""Tags of the experiment, its description among them."""

MODEL = (
    "The probability that a customer at risk leaves within the horizon of the label. `champion` is the "
    "version in use, `previous` the one before it, `challenger` the one trained last. The description of a "
    "version is its model card in short."
)
"""The description of the registered model."""
