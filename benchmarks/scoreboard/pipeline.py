"""Run our own verbs on a set, as a newcomer would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.scoreboard.sets import TimeSet
from churn.params import Params
from pipelines import snapshot
from pipelines.say import Say


def params_of(one: TimeSet, folder: Path, every: str, test: Sequence[date] = (), **more: str) -> Params:
    """Return the example's parameters for a grid of cutoffs, judged on the set's test cutoffs or on others.

    Args:
        one: The set.
        folder: Where outputs go.
        every: The grid, as `TimeSet.grid` names it.
        test: Other cutoffs to be judged on.
        more: Further values, as `TimeSet.params` names them.
    """
    asked = {
        "snapshot__cutoffs": _listed(one.grid(every)),
        "evaluate__test_cutoffs": _listed(test or one.test),
    }
    return one.params(folder, **asked, **more)


def write_snapshots(one: TimeSet, work: Path, every: str, say: Say) -> Params:
    """Write the snapshots of a set on a grid of cutoffs and return the parameters that fit them."""
    params = params_of(one, work / one.name / every.replace(" ", "-"), every)
    snapshot.run(params, say=say)
    return params


def _listed(days: Sequence[date]) -> str:
    return "[" + ", ".join(map(str, sorted(days))) + "]"
