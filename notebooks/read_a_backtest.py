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
# # Read a backtest
#
# `churn evaluate` tests the model on later months than all that was used to learn or to choose. This notebook reads
# its result. Start it after `churn run`, in the folder of `params.yaml` or next to it. It writes nothing.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from churn.evaluation.result import EvaluationResult
from churn.metrics.catalog import CANDIDATE_NAMES, METRICS
from churn.params import load_params

params_file = next(path for path in (Path("params.yaml"), Path("../params.yaml")) if path.exists())
params = load_params(params_file)
result = EvaluationResult.read(params.output / "evaluate" / "metrics.json")
predictions = pd.read_parquet(params.output / "evaluate" / "predictions.parquet")
print("test cutoffs:", ", ".join(map(str, result.cutoffs)), "- used", result.looks_at_test, "time(s)")

# %% [markdown]
# ## Is it better than simple rules?
#
# Look at the intervals before the values. If two intervals overlap widely, the table below decides: it compares on
# the same rows.

# %%
names = ["log_loss", "auc", "average_precision", "lift_at_contact_share", "observed_expected"]
pd.DataFrame(
    {
        CANDIDATE_NAMES.get(candidate, candidate): {
            METRICS[name].title_at(result.contact_share): METRICS[name].format(metrics.metric(name))
            for name in names
        }
        for candidate, metrics in result.candidates.items()
    }
).T

# %%
auc = {candidate: metrics.metric("auc") for candidate, metrics in result.candidates.items()}
figure, axes = plt.subplots(figsize=(6, 2.6))
for place, metric in enumerate(reversed(auc.values())):
    axes.plot([metric.low, metric.high], [place, place], color="tab:blue")
    axes.plot(metric.value, place, "o", color="tab:blue")
axes.set_yticks(range(len(auc)), [CANDIDATE_NAMES.get(name, name) for name in reversed(auc)])
axes.set(xlabel="AUC with its 95 % interval; .5 is chance", title="Challenger and baselines")
plt.show()

# %% [markdown]
# ## Are the probabilities right?
#
# Of customers with 20 %, one in five should leave. Each point is a tenth of the customers.

# %%
calibration = pd.DataFrame([row.as_json() for row in result.calibration_table])
below, above = calibration["observed"] - calibration["low"], calibration["high"] - calibration["observed"]
figure, axes = plt.subplots(figsize=(4.2, 4.2))
axes.errorbar(
    calibration["predicted"], calibration["observed"], yerr=[below.clip(0), above.clip(0)], fmt="o", capsize=3
)
highest = calibration[["predicted", "high"]].to_numpy().max()
axes.plot([0, highest], [0, highest], color="grey", linewidth=1)
axes.set(xlabel="predicted share", ylabel="observed share, with interval", title="Calibration")
plt.show()

# %% [markdown]
# ## How many churners does a short list reach?

# %%
gain = pd.DataFrame([row.as_json() for row in result.gain_table])
figure, axes = plt.subplots(figsize=(5.5, 3.2))
axes.plot(100 * gain["share"], 100 * gain["captured"], label="model")
axes.plot(100 * gain["share"], 100 * gain["recency"], label="recency rule")
axes.plot(
    100 * gain["share"], 100 * gain["perfect"], color="grey", linestyle=":", label="nobody can do better"
)
axes.plot([0, 100], [0, 100], color="grey", linewidth=1, label="chance")
axes.axvline(100 * result.contact_share, color="black", linewidth=0.8)
axes.set(
    xlabel="contacted, % of customers", ylabel="reached, % of churners", title="Gain on the test cutoffs"
)
axes.legend()
plt.show()

# %% [markdown]
# ## Does it hold in each month?
#
# One bad month among three is no proof that the model is bad, but ask what was different in it.

# %%
pd.DataFrame(
    {
        str(cutoff): {
            METRICS[name].title_at(result.contact_share): METRICS[name].format(metrics.metric(name))
            for name in names
        }
        for cutoff, candidates in result.by_cutoff.items()
        for candidate, metrics in candidates.items()
        if candidate == "challenger"
    }
)

# %% [markdown]
# ## Who was missed?
#
# The churners with the lowest probabilities. Show them to somebody who knows customers: is there a sign that no
# table holds?

# %%
print(len(predictions), "predictions;", ", ".join(predictions.columns))
predictions.query("left == 1").nsmallest(10, "challenger")
