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
# # Explore the signals of a company
#
# Which signals differ between those who left and those who stayed? How do they look for one customer? This
# notebook reads the snapshots of a finished `churn run`. Start it in the folder of `params.yaml`, or in a folder
# next to it. It writes nothing.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from churn.params import load_params

params_file = next(path for path in (Path("params.yaml"), Path("../params.yaml")) if path.exists())
params = load_params(params_file)
folder = params.output / "snapshots"
manifest = json.loads((folder / "manifest.json").read_text())
signals = pd.DataFrame(json.loads((params.output / "train" / "signals.json").read_text())).set_index("name")
print(len(signals), "signals of", signals["table"].nunique(), "tables")

# %% [markdown]
# ## The past cutoffs
#
# A snapshot holds all customers at risk at one midnight, with what was known at that midnight. `left` is empty until
# the outcome is known. A share that jumps from one month to the next needs an explanation before any model.

# %%
cutoffs = pd.DataFrame.from_dict(manifest["cutoffs"], orient="index")
cutoffs["share"] = cutoffs["left"] / cutoffs["rows"]
figure, axes = plt.subplots(figsize=(7, 2.6))
axes.plot(cutoffs.index, 100 * cutoffs["share"], marker="o")
axes.set(ylabel="left, % of those at risk", ylim=(0, None), title="Churn by cutoff")
axes.tick_params(axis="x", rotation=60)
plt.show()

# %% [markdown]
# ## Who left, by signal
#
# For the six numbers that matter most to the model: the share that left in each fifth of the values. A line that rises or falls steadily is a signal
# that a person can understand. The grey line is the share of all customers.

# %%
known = [cutoff for cutoff, row in manifest["cutoffs"].items() if row["matured"]]
rows = pd.concat([pd.read_parquet(folder / f"cutoff={cutoff}" / "part.parquet") for cutoff in known[-6:]])
left = rows["left"].astype(float)
numbers = signals.index[signals["kind"] == "number"]
importance = pd.Series(json.loads((params.output / "train" / "importance.json").read_text()))
strongest = importance[importance.index.isin(numbers)].nlargest(6).index
figure, grid = plt.subplots(2, 3, figsize=(10, 5), sharey=True)
for axes, name in zip(grid.flat, strongest, strict=False):
    fifth = pd.qcut(rows[name].rank(method="first"), 5, labels=False)
    share = 100 * left.groupby(fifth).mean()
    axes.plot(share.index + 1, share, marker="o")
    axes.axhline(100 * left.mean(), color="grey", linewidth=1)
    axes.set(title=name, xlabel=f"fifth of the values, {signals.loc[name, 'unit']}")
grid[0, 0].set_ylabel("left, %")
grid[1, 0].set_ylabel("left, %")
figure.tight_layout()
plt.show()

# %% [markdown]
# A signal that separates nearly perfectly is rather a leak than a discovery: `churn check` looks for those.
# A signal that goes with leaving is no cause either.
#
# ## What is missing
#
# Missing is not zero. A signal that is missing for most customers says little, and a signal that is missing only
# for those who left is a leak.

# %%
missing = pd.DataFrame(
    {
        "missing, %": 100 * rows[signals.index].isna().mean(),
        "of those who left, %": 100 * rows.loc[left == 1, signals.index].isna().mean(),
    }
)
missing.nlargest(10, "missing, %").round(1)

# %% [markdown]
# ## One customer over time
#
# The same signals of one customer who left, at each past cutoff.

# %%
last = rows[left == 1].iloc[-1]  # the last cutoff at which this customer was at risk
customer = last["customer_id"]
history = pd.concat(
    [
        pd.read_parquet(path, columns=["customer_id", "cutoff", *strongest[:4]]).query(
            "customer_id == @customer"
        )
        for path in sorted(folder.glob("cutoff=*/part.parquet"))
    ]
).set_index("cutoff")
axes = history.drop(columns="customer_id").plot(subplots=True, figsize=(7, 5), marker="o")
axes[0].set_title(f"{customer}, who left within {params.label.horizon_days} days of {last['cutoff']}")
plt.show()
