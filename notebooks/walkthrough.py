# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A walk through a finished run
#
# What one `churn run` leaves behind, and how to read it. Start it in the folder of `params.yaml` or in a folder
# beside it, after `churn run` (for the demo company: `make run`). Nothing is computed anew but one look inside the model.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from churn.model.scorer import Scorer
from churn.params import load_params

params_file = next(path for path in (Path("params.yaml"), Path("../params.yaml")) if path.exists())
params = load_params(params_file)
night = max((params.output / "scores").glob("cutoff=*"))
print("label:", params.label.kind, "within", params.label.horizon_days, "days; the night:", night.name)

# %% [markdown]
# ## What the model learned from
#
# One snapshot per cutoff: everyone at risk at that midnight, as far as was known then. `left` is empty as long
# as the label's window has not ripened; such a snapshot is never learned from.

# %%
manifest = json.loads((params.output / "snapshots" / "manifest.json").read_text())
cutoffs = pd.DataFrame.from_dict(manifest["cutoffs"], orient="index")
cutoffs["share who left"] = cutoffs["left"] / cutoffs["rows"]
cutoffs[["rows", "left", "share who left", "matured", "mature_on"]]

# %% [markdown]
# ## How good it is on later months
#
# Each metric on test cutoffs that no choice has seen, with its interval, beside the baselines. Look at the
# intervals before the values: where they overlap, the data do not tell the two apart.

# %%
metrics = json.loads((params.output / "evaluate" / "metrics.json").read_text())
shown = ["log_loss", "auc", "average_precision", "lift_at_contact_share", "observed_expected"]
pd.DataFrame(
    {
        name: {
            key: "{value:.3f} [{low:.3f}, {high:.3f}]".format(**measured[key])
            for key in shown
            if measured.get(key)
        }
        for name, measured in metrics["candidates"].items()
    }
).T

# %% [markdown]
# A probability of 20 % should mean one in five. Each row is a group of customers with similar predictions: what
# was predicted, what was observed, and the interval of what was observed.

# %%
calibration = pd.DataFrame(metrics["calibration_table"])
calibration

# %%
figure, axes = plt.subplots(figsize=(4.5, 4.5))
below, above = calibration["observed"] - calibration["low"], calibration["high"] - calibration["observed"]
axes.errorbar(
    calibration["predicted"], calibration["observed"], yerr=[below.clip(0), above.clip(0)], fmt="o", capsize=3
)
highest = calibration[["predicted", "high"]].to_numpy().max()
axes.plot([0, highest], [0, highest], color="grey", linewidth=1)
axes.set(
    xlabel="predicted share", ylabel="observed share, with interval", title="Calibration on later months"
)
plt.show()

# %% [markdown]
# ## Tonight
#
# One row per customer, also those who were left out, with the reason why.

# %%
scores = pd.read_parquet(night / "scores.parquet")
scores["excluded_because"].fillna("scored").value_counts()

# %%
columns = [
    "customer_id",
    "churn_probability",
    "health",
    "value_at_risk",
    "reason_1",
    "play",
    "owner",
    "due_at",
]
scores.dropna(subset=["churn_probability"]).nlargest(10, "churn_probability")[columns]

# %% [markdown]
# ## Inside the model
#
# The champion is data and one file of Python; it loads without MLflow. Asked about customers of a snapshot, it
# gives probabilities, and what each signal added to the log-odds before calibration.

# %%
scorer = Scorer.load(params.champion / "artifacts" / "bundle")
snapshot = pd.read_parquet(max((params.output / "snapshots").glob("cutoff=*/part.parquet")))
some = snapshot.head(200)
probabilities = scorer.predict(some)
print(f"{len(scorer.names)} signals; mean probability of {len(some)} customers: {probabilities.mean():.1%}")

# %%
contributions = pd.DataFrame(scorer.contributions(some)).drop(columns="baseline")
contributions.abs().mean().nlargest(10).rename("mean size of the contribution, log-odds").to_frame()

# %% [markdown]
# ## The runs in MLflow
#
# Each `churn train` is a run, its candidates are children. `churn ui` shows the same on a page.

# %%
import os

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import mlflow

client = mlflow.MlflowClient(tracking_uri=params.tracking.uri, registry_uri=params.tracking.uri)
experiment = client.get_experiment_by_name(params.tracking.experiment)
runs = client.search_runs([experiment.experiment_id], max_results=50)
pd.DataFrame(
    {
        "run": [run.info.run_name for run in runs],
        "status": [run.info.status for run in runs],
        "metrics logged": [len(run.data.metrics) for run in runs],
    }
)

# %%
client.get_registered_model(params.tracking.model).aliases
