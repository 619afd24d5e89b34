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
# # Plan and measure a play
#
# A contact helps if fewer customers leave with it than without it. Only a control group shows this. First: how large
# must the groups be? Then: what do the groups of this company show? Start it after `churn measure`, in the folder of
# `params.yaml`. It writes nothing.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from churn.experiments.effect import rate_difference
from churn.experiments.power import power_of, smallest_effect, units_needed
from churn.params import load_params

params_file = next(path for path in (Path("params.yaml"), Path("../params.yaml")) if path.exists())
params = load_params(params_file)
evaluation = json.loads((params.output / "evaluate" / "decile_table.json").read_text())
effects = json.loads((params.output / "measure" / "effects.json").read_text())
print(effects["nights"], "night(s); the data are complete up to", effects["watermark"])

# %% [markdown]
# ## Before the start: what can be seen?
#
# Among the contacted, perhaps 20 % would leave without contact. The picture shows how sure a control group finds an
# effect, by the number of persons. Below 80 % the groups are too small: the effect is often missed.

# %%
churn = 0.20
persons = np.arange(200, 8001, 200)
figure, axes = plt.subplots(figsize=(6.5, 3.4))
for saved in (0.02, 0.04, 0.06):
    sure = [power_of(churn, churn - saved, round(0.1 * n), n - round(0.1 * n)) for n in persons]
    axes.plot(persons, 100 * np.array(sure), label=f"{100 * saved:.0f} of 100 fewer leave")
axes.axhline(80, color="grey", linewidth=1)
axes.set(xlabel="persons, 10 % of them in the control group", ylabel="sure to find it, %", ylim=(0, 100))
axes.legend()
plt.show()

# %%
needed = {
    f"{share:.0%} in the control": {
        f"{100 * saved:.0f} points": units_needed(churn, churn - saved, control_share=share).n_control
        + units_needed(churn, churn - saved, control_share=share).n_treatment
        for saved in (0.02, 0.04, 0.06)
    }
    for share in (0.1, 0.2, 0.5)
}
pd.DataFrame(needed)

# %% [markdown]
# A larger control group answers sooner, and leaves more persons alone until then. `churn plan` computes this for each
# play with the numbers of the company:

# %%
designs = pd.DataFrame(effects["designs"])
designs[["name", "units", "control_share", "churn", "effect", "power", "answer_in_days"]].round(3)

# %% [markdown]
# ## After some weeks: did it help?
#
# The result so far. An experiment without a verdict has too few churners, or no outcome is known yet: that is no sign
# that the play does nothing.

# %%
experiments = [part for part in (effects["universal"], *effects["plays"]) if part]
measured = pd.DataFrame(
    {
        experiment["name"]: {
            "controls": experiment["difference"]["control"]["n"],
            "treated": experiment["difference"]["treatment"]["n"],
            "waiting for their outcome": experiment["immature"],
            "next outcome on": experiment["next_outcome_on"],
            "no verdict because": experiment["difference"].get("no_verdict_because"),
        }
        | experiment["difference"]["difference"]
        for experiment in experiments
    }
).T
measured[["value", "low", "high"]] = 100 * measured[["value", "low", "high"]].astype(float)
measured.rename(columns={"value": "fewer of 100 leave", "low": "at least", "high": "at most"})

# %% [markdown]
# ## How to read an interval
#
# A made-up play, whose truth we know: without contact 20 of 100 leave, with contact 16. Twenty companies try it with
# 3,000 persons each. Most intervals contain the truth (the line at 4 points); some companies would believe that it
# does not help at all, although it does the same everywhere.

# %%
draw = np.random.default_rng(7)
figure, axes = plt.subplots(figsize=(6.5, 4))
for company in range(20):
    effect = rate_difference(draw.binomial(300, 0.20), 300, draw.binomial(2700, 0.16), 2700).difference
    axes.plot([100 * effect.low, 100 * effect.high], [company, company], color="tab:blue")
    axes.plot(100 * effect.value, company, "o", color="tab:blue", markersize=4)
axes.axvline(4, color="green", linewidth=1)
axes.axvline(0, color="grey", linewidth=1)
axes.set(
    xlabel="fewer of 100 leave, with its 95 % interval",
    ylabel="company",
    title="One truth, twenty experiments",
)
plt.show()

# %%
found = smallest_effect(churn, 300, 2700)
print(
    f"With 300 and 2,700 persons, an effect of {100 * found.effect:.1f} points is found in 80 % of experiments."
)
