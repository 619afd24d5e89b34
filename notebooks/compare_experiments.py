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
# # Compare experiments
#
# Each `churn train` is a run in MLflow. Its child runs are the candidates and the folds. This notebook compares them
# in a table; `churn ui --open` shows the same as a page. Start it after `churn run`, in the folder of `params.yaml`.
# It writes nothing.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import mlflow

from churn.evaluation.result import EvaluationResult
from churn.params import load_params

params_file = next(path for path in (Path("params.yaml"), Path("../params.yaml")) if path.exists())
params = load_params(params_file)
client = mlflow.MlflowClient(tracking_uri=params.tracking.uri, registry_uri=params.tracking.uri)
experiment = client.get_experiment_by_name(params.tracking.experiment)
runs = client.search_runs([experiment.experiment_id], max_results=200)
trainings = [run for run in runs if "model_version" in run.data.tags]  # other verbs have runs of their own
print(len(trainings), "training(s) among", len(runs), "runs")

# %% [markdown]
# ## What differs between the trainings?
#
# Only parameters that are not the same everywhere are shown. If `label.id` or `data.snapshots_digest` differ, the runs
# answer different questions, and their metrics cannot be compared.

# %%
settings = pd.DataFrame({run.info.run_name: run.data.params for run in trainings})
settings[settings.nunique(axis=1, dropna=False) > 1] if len(trainings) > 1 else settings.head(12)

# %%
judged = pd.DataFrame({run.info.run_name: run.data.metrics for run in trainings})
judged[judged.index.str.startswith("judged/")].round(3)

# %% [markdown]
# ## The candidates of the newest training
#
# They were compared on cutoffs before the test. `behind` is the distance in log loss to the selected one; a
# difference of less than two standard errors may be chance.

# %%
newest = trainings[0].info.run_id
children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == newest]
tried = pd.DataFrame(
    {run.info.run_name: run.data.metrics for run in children if run.info.run_name.startswith("candidate")}
).T
tried[[name for name in tried.columns if name.startswith("tried/")]].round(4)

# %%
folds = {run.info.run_name: run.data.metrics for run in children if run.info.run_name.startswith("fold")}
within = pd.DataFrame(folds).T.sort_index()
figure, axes = plt.subplots(figsize=(7, 2.6))
axes.plot(within.index.str.removeprefix("fold "), within["within_fold/auc"], marker="o")
axes.set(ylabel="AUC within the fold", title="Each past cutoff, predicted by a model of earlier cutoffs")
axes.tick_params(axis="x", rotation=60)
plt.show()

# %% [markdown]
# ## Is the difference real?
#
# Two values do not show which model is better. A paired interval does: both models were tested on the same customers.
# Below 0 the challenger is better; an interval that contains 0 decides nothing.

# %%
result = EvaluationResult.read(params.output / "evaluate" / "metrics.json")
paired = {name: differences.metric("log_loss") for name, differences in result.paired.items()}
figure, axes = plt.subplots(figsize=(6, 2.6))
for place, metric in enumerate(paired.values()):
    axes.plot([metric.low, metric.high], [place, place], color="tab:blue")
    axes.plot(metric.value, place, "o", color="tab:blue")
axes.axvline(0, color="grey", linewidth=1)
axes.set_yticks(range(len(paired)), [name.removeprefix("challenger_minus_") for name in paired])
axes.set(xlabel="log loss of the challenger minus that of …", title="Paired on the test cutoffs")
plt.show()
