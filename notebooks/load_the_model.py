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
# # Load the model in another service
#
# The champion is data and one Python file. A service needs `lightgbm` and `numpy`, and neither this package nor
# MLflow. This notebook shows what such a service does. Start it after `churn run`, in the folder of `params.yaml`, or
# next to it. It writes nothing.

# %%
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

home = next(path for path in (Path(), Path("..")) if (path / "params.yaml").exists())
sys.path.insert(0, str(home / "models" / "champion"))  # a service copies scorer.py to its own code
from scorer import CorruptError, SchemaError, Scorer

# %% [markdown]
# ## First: perhaps you need no model
#
# Tonight's score of a customer is in the files of the night, and on request in a database (`score.sink`). It comes
# with the arm that chance gave to the person: a control is left alone.

# %%
night = max((home / "output" / "scores").glob("cutoff=*"))
columns = ["customer_id", "churn_probability", "excluded_because", "health", "reason_1", "arm"]
scores = pq.read_table(night / "scores.parquet", columns=columns).to_pandas()
customer = scores.loc[scores["churn_probability"].idxmax(), "customer_id"]
scores[scores["customer_id"] == customer].T

# %% [markdown]
# ## Load
#
# The checksums of all files are verified first. No code of the bundle runs, because there is none.

# %%
model = Scorer.load(home / "models" / "champion" / "artifacts" / "bundle")
print(
    len(model.names),
    "signals,",
    model.spec["horizon_days"],
    "days, trained up to",
    model.spec["trained_cutoffs"][-1],
)

# %%
snapshots = sorted((home / "output" / "snapshots").glob("cutoff=*/part.parquet"))
rows = pd.read_parquet(snapshots[-1])
probability = model.predict(rows)
figure, axes = plt.subplots(figsize=(6, 2.8))
axes.hist(100 * probability, bins=40)
axes.set(xlabel="probability to leave, %", ylabel="customers", title=f"{len(rows):,} customers of one cutoff")
plt.show()

# %% [markdown]
# ## Why this customer?
#
# The contribution of each signal to the log-odds. It explains the score, and is no cause.

# %%
highest = int(np.argmax(probability))
parts = pd.DataFrame(model.contributions(rows.iloc[[highest]])).drop(columns="baseline").iloc[0]
top = parts[parts.abs().nlargest(8).index][::-1]
figure, axes = plt.subplots(figsize=(6, 3))
axes.barh(top.index, top, color=["tab:red" if value > 0 else "tab:green" for value in top])
axes.set(xlabel="log-odds; right of 0: more likely to leave", title=f"Probability {probability[highest]:.0%}")
plt.show()

# %% [markdown]
# ## What it refuses
#
# A wrong table is refused with all problems at once. It never gives a number in silence.

# %%
try:
    model.predict(rows.drop(columns=model.names[0]).rename(columns={model.names[1]: model.names[1] + "s"}))
except SchemaError as error:
    print(error)

# %%
import shutil
import tempfile

with tempfile.TemporaryDirectory() as folder:
    copy = Path(
        shutil.copytree(home / "models" / "champion" / "artifacts" / "bundle", Path(folder) / "bundle")
    )
    text = (copy / "spec.json").read_text()
    (copy / "spec.json").write_text(text.replace('"base_rate"', '"base_rates"', 1))
    try:
        Scorer.load(copy)
    except CorruptError as error:
        print(error)
