"""Hold the tables against their contracts and say what is there."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from churn.data.store import Store
from churn.params import Params
from pipelines.ingest import ensure_store

if TYPE_CHECKING:
    from pipelines.cli import Say


def run(params: Params, *, cutoff: date | None = None, say: Say) -> int | None:
    """Print the tables, the possible signals and the cohort with label counts at a sample cutoff."""
    from churn.data.check import described

    store = ensure_store(params, say)
    for line in described(store):
        say(line)
    _say_signals(params, store, say)
    _say_cohort(params, store, cutoff, say)
    return None


def _say_signals(params: Params, store: Store, say: Say) -> None:
    from churn.features.library import possible

    every = possible(params, store)
    on = [one for one in every if one.off_because is None]
    say(f"signals: {len(on)} possible")
    for family in dict.fromkeys(one.signal.family for one in on):
        say(f"  {family}: {', '.join(one.signal.name for one in on if one.signal.family == family)}")
    reasons = dict.fromkeys(one.off_because for one in every if one.off_because)
    for reason in reasons:
        off = [one.signal.name for one in every if one.off_because == reason]
        say(f"  off, {reason}: {', '.join(off[:4])}{f' and {len(off) - 4} more' if len(off) > 4 else ''}")


def _say_cohort(params: Params, store: Store, cutoff: date | None, say: Say) -> None:
    from churn.features.cohort import cohorts, read_customers
    from churn.training.build import latest_matured
    from churn.training.label import truth_sheet

    sample = store.cutoff_or_tonight(cutoff) if cutoff else latest_matured(params, store)
    say(f"label {params.label_id}; complete up to {store.watermark}; sample cutoff:")
    for line in truth_sheet(store, cohorts(store, read_customers(store), [sample])):
        say(f"  {line}")


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("check"))
