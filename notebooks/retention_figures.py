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
# # The figures of retention
#
# `churn kpis` writes `output/kpis/kpis.json`. This notebook draws some of them. Each figure has the size of its
# population, an interval where one can be computed, and a reason where it has no value. Start it after `churn run`
# or `churn kpis`, in the folder of `params.yaml`. It writes nothing.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from churn.params import load_params

params_file = next(path for path in (Path("params.yaml"), Path("../params.yaml")) if path.exists())
params = load_params(params_file)
kpis = json.loads((params.output / "kpis" / "kpis.json").read_text())
sections, definitions = kpis["sections"], kpis["definitions"]
print("as of", kpis["cutoff"], "-", ", ".join(sections))

# %% [markdown]
# ## Retention and churn by month
#
# What each figure means is part of the file: `definitions`.


# %%
series = sections["retention"]["series"]  # one for each figure, kind of period and segment
columns = ("name", "start", "value", "low", "high", "n")
months = pd.concat(
    pd.DataFrame({name: own[name] for name in columns if name in own})
    for own in series
    if own["period"] == "month" and "slice" not in own
)
chosen = [
    name for name in ("customer_churn", "voluntary_churn", "early_churn") if name in set(months["name"])
]
figure, axes = plt.subplots(figsize=(7.5, 3.4))
for name in chosen:
    line = months[months["name"] == name].set_index("start").sort_index()
    axes.plot(line.index, line["value"], marker="o", label=definitions[name]["title"])
    axes.fill_between(line.index, line["low"].astype(float), line["high"].astype(float), alpha=0.2)
axes.set(ylabel=definitions["customer_churn"]["unit"], ylim=(0, None), title="By month, with 95 % intervals")
axes.tick_params(axis="x", rotation=60)
axes.legend()
plt.show()

# %%
pd.Series({definitions[name]["title"]: definitions[name]["definition"] for name in chosen}).to_frame("how")

# %% [markdown]
# ## How long customers stay
#
# The share that is still there at each age. Those who are still there count as long as they have been seen.

# %%
curve = pd.DataFrame(sections["cohorts"]["survival"]["curves"][0]["points"])
figure, axes = plt.subplots(figsize=(6.5, 3.2))
axes.step(curve["age_days"], 100 * curve["share"], where="post")
axes.fill_between(curve["age_days"], 100 * curve["low"], 100 * curve["high"], step="post", alpha=0.2)
axes.set(
    xlabel="days since joining", ylabel="still there, %", ylim=(0, 100), title="Survival of all customers"
)
plt.show()

# %% [markdown]
# ## The cohort triangle
#
# Each row is a month of joining. Read down a column: do newer customers stay better at the same age?

# %%
triangle = pd.DataFrame(
    {
        str(row["cells"][0]["at"])[:7]: {cell["month"]: cell.get("share") for cell in row["cells"]}
        for row in sections["cohorts"]["triangle"]["rows"]
        if row["cells"]
    }
).T
figure, axes = plt.subplots(figsize=(7, 4.5))
image = axes.imshow(100 * triangle.astype(float), aspect="auto", cmap="viridis", vmin=0, vmax=100)
axes.set_yticks(range(len(triangle)), triangle.index)
axes.set(xlabel="months since joining", title="Still there, %")
figure.colorbar(image)
plt.show()

# %% [markdown]
# ## What moved
#
# Watched figures against their own history. An empty table is good news.

# %%
pd.DataFrame(sections["alarms"]["alarms"])

# %% [markdown]
# ## What cannot be said
#
# A figure without a value has a reason. It is never 0.

# %%
reasons = [
    (own["name"], reason)
    for part in sections.values()
    for own in part.get("series", [])
    for reason in own.get("reason", {}).values()
]
missing = pd.DataFrame(reasons, columns=["name", "reason"])
missing.groupby(["name", "reason"]).size().rename("periods").to_frame().head(12)
