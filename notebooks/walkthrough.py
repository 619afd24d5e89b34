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
# This notebook reads the files of one `churn run`. Start it after `churn run` (for the demo company: `make
# run`), in the folder of `params.yaml` or in a folder next to `params.yaml`. It writes nothing, and its one
# training takes seconds.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from churn.evaluation.result import EvaluationResult
from churn.metrics.catalog import METRICS
from churn.model.scorer import Scorer
from churn.params import load_params

params_file = next(path for path in (Path("params.yaml"), Path("../params.yaml")) if path.exists())
params = load_params(params_file)
night = max((params.output / "scores").glob("cutoff=*"))
print("label:", params.label.kind, "within", params.label.horizon_days, "days; the night:", night.name)

# %% [markdown]
# ## What the model learned from
#
# There is one snapshot per cutoff. It holds all customers at risk at that midnight, with the data known at that midnight.
# `left` is empty until the label is matured; the model never learns from such a snapshot.

# %%
manifest = json.loads((params.output / "snapshots" / "manifest.json").read_text())
cutoffs = pd.DataFrame.from_dict(manifest["cutoffs"], orient="index")
cutoffs["share who left"] = cutoffs["left"] / cutoffs["rows"]
cutoffs[["rows", "left", "share who left", "matured", "mature_on"]]

# %% [markdown]
# ## How good it is on later months
#
# The table gives each metric with its interval, for the model and for the baselines. The test cutoffs were
# not used to select the model. Look at the intervals before the values: if two intervals overlap widely,
# the data do not show which model is better.

# %%
evaluation = EvaluationResult.read(params.output / "evaluate" / "metrics.json")
names = ["log_loss", "auc", "average_precision", "lift_at_contact_share", "observed_expected"]
pd.DataFrame(
    {
        candidate: {name: METRICS[name].format(metrics.metric(name)) for name in names}
        for candidate, metrics in evaluation.candidates.items()
    }
).T

# %% [markdown]
# One in five customers with a probability of 20 % should leave. Each row is a group of customers with
# similar predictions: the predicted share, the observed share, and the interval of the observed share.

# %%
calibration = pd.DataFrame([row.as_json() for row in evaluation.calibration_table])
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
# There is one row per customer. Excluded customers have a row too, with the reason.

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
# The champion consists of data and one Python file, and loads without MLflow. For customers of a snapshot the
# champion gives probabilities, and the contribution of each signal to the log-odds before calibration.

# %%
scorer = Scorer.load(params.champion / "artifacts" / "bundle")
snapshot = pd.read_parquet(max((params.output / "snapshots").glob("cutoff=*/part.parquet")))
sample = snapshot.head(200)
probabilities = scorer.predict(sample)
print(f"{len(scorer.names)} signals; mean probability of {len(sample)} customers: {probabilities.mean():.1%}")

# %%
contributions = pd.DataFrame(scorer.contributions(sample)).drop(columns="baseline")
contributions.abs().mean().nlargest(10).rename("mean size of the contribution, log-odds").to_frame()

# %% [markdown]
# ## Train a model here
#
# `churn train` calls the same function. It selects the candidate and the calibration on cutoffs before the
# first test, and then fits the model on all matured snapshots. Here the only candidate is the logistic
# regression, because its training takes seconds. Nothing is written or registered. The function of `churn evaluate` is
# `evaluate_challenger` in `churn.evaluation.evaluate`.

# %%
from churn.snapshots.read import read_snapshots
from churn.training.split import plan_cutoffs
from churn.training.train import train_challenger

snapshots = read_snapshots(params)
plan = plan_cutoffs(
    snapshots.rows, snapshots.mature_on, params.evaluate.test_cutoffs, params.label.horizon_days
)
settings = params.train.model_copy(update={"candidates": ("logistic",)})
trained = train_challenger(snapshots, plan, settings)
print(f"{trained.recipe.describe()}, calibration {trained.recipe.calibration}")

# %%
pd.DataFrame(
    {
        "candidate": [score.recipe.candidate for score in trained.selection.scores],
        "log loss on the choice cutoffs": [score.log_loss for score in trained.selection.scores],
        "AUC on the choice cutoffs": [score.auc for score in trained.selection.scores],
    }
)

# %%
importance = trained.model.importance(snapshots.rows, threads=1)
pd.Series(importance, name="share of the contributions").head(10).to_frame()

# %% [markdown]
# ## The runs in MLflow
#
# Each `churn train` is a run, and its candidates are child runs. `churn ui` shows them on a page.

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
