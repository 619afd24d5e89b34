"""Hold the tables against their contracts, say what is there, and look for leaks."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from churn.data.store import Store
from churn.errors import CallError, Stop
from churn.params import Params
from pipelines.ingest import ensure_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn.features.signal import Signal
    from churn.finding import Finding
    from pipelines.echo import Echo

PROVED = 3
"""At so many cutoffs, spread over those of the snapshots, signals are proved."""


def run(params: Params, *, cutoff: date | None = None, echo: Echo, prove: bool = False) -> int | None:
    """Print the tables, the possible signals, the cohort at a sample cutoff, and what the guards found.

    Args:
        params: The parameters.
        cutoff: The sample cutoff; by default the latest whose label is known.
        echo: Where lines, warnings and progress go.
        prove: Also compute signals again from altered data, to prove that none sees the future.

    Raises:
        Stop: a guard said stop and nobody signed it off.
    """
    from churn.data.check import describe_tables

    store = ensure_store(params, echo)
    for line in describe_tables(store):
        echo(line)
    _echo_signals(params, store, echo)
    _echo_cohort(params, store, cutoff, echo)
    _echo_findings(params, store, echo, prove)
    return None


def _echo_signals(params: Params, store: Store, echo: Echo) -> None:
    from churn.features.library import possible

    every = possible(params, store)
    on = [one for one in every if one.off_because is None]
    echo(f"signals: {len(on)} possible")
    for family in dict.fromkeys(one.signal.family for one in on):
        echo(f"  {family}: {', '.join(one.signal.name for one in on if one.signal.family == family)}")
    reasons = dict.fromkeys(one.off_because for one in every if one.off_because)
    for reason in reasons:
        off = [one.signal.name for one in every if one.off_because == reason]
        echo(f"  off, {reason}: {', '.join(off[:4])}{f' and {len(off) - 4} more' if len(off) > 4 else ''}")


def _echo_cohort(params: Params, store: Store, cutoff: date | None, echo: Echo) -> None:
    from churn.features.engine.matrix import cohorts_at
    from churn.labels.calendar import latest_matured_cutoff
    from churn.labels.truth_sheet import truth_sheet
    from churn.reporting.console import truth_table

    sample = store.cutoff_or_tonight(cutoff) if cutoff else latest_matured_cutoff(params, store)
    echo(f"label {params.label_id}; complete up to {store.watermark}; sample cutoff:")
    for line in truth_table(truth_sheet(store, cohorts_at(store, [sample]))):
        echo(f"  {line}")


def _echo_findings(params: Params, store: Store, echo: Echo, prove: bool) -> None:
    from churn.features.library import selected
    from churn.guards.run import GUARDS, judge, look_once, place_of
    from churn.guards.sign_off import grouped, in_words, key_words
    from churn.labels.calendar import snapshot_cutoffs

    signals = selected(params, store)
    cutoffs: tuple[date, ...] = ()
    try:
        cutoffs = snapshot_cutoffs(params, store)
    except (CallError, Stop) as error:
        echo.warn(f"the guards that need labels find nothing without cutoffs: {error.problems[0]}")
    _warn_of_returns(params, store, cutoffs, echo)
    kept = look_once(params, store, signals, cutoffs, echo.progress)
    ran, proofs = list(GUARDS), []
    if prove:
        from churn.guards.proofs import GUARDS as PROOFS

        proofs = _proved(params, store, signals, cutoffs, echo)
        ran += PROOFS
    judged = judge([*kept, *proofs], params.check.accept, ran, params.evaluate.accept)
    reasons = dict(judged.accepted)
    for group in grouped(list(reasons), reasons.__getitem__):
        echo(f"signed off: {in_words(group)} Accepted: {reasons[group[0]]}")
    for group in grouped(judged.warnings):
        echo.warn(f"{in_words(group)} {key_words(group, 'check.accept')}")
    for idle in judged.idle:
        echo.warn(idle)
    numbers = f"{len(judged.stops)} say stop, {len(judged.warnings)} warn, {len(judged.accepted)} signed off"
    written = f" All of it{' but the proofs' if proofs else ''}: {place_of(params)}" if kept else ""
    echo(f"guards: {len(ran)} looked; {numbers}.{written}")
    if judged.stops:
        raise Stop(
            *map(in_words, grouped(judged.stops)),
            "check: mend what the guards found before you train. What is right as it is, a person signs off "
            f"in {params.locate('check')}: {{accept: {{PLACE or GUARD: the reason}}}}.",
        )


def _warn_of_returns(params: Params, store: Store, cutoffs: tuple[date, ...], echo: Echo) -> None:
    """Warn of what `snapshot` will refuse: a silence after which many come back."""
    from churn.features.engine.matrix import cohorts_at
    from churn.labels.truth_sheet import truth_sheet

    if params.label.kind != "inactivity" or not cutoffs:
        return
    try:
        truth_sheet(store, cohorts_at(store, cutoffs)).refuse_what_comes_back()
    except Stop as refusal:
        echo.warn(refusal.problems[0])


def _proved(
    params: Params, store: Store, signals: Sequence[Signal], cutoffs: tuple[date, ...], echo: Echo
) -> list[Finding]:
    from churn.guards.proofs import GUARDS, SAMPLE, prove

    if not cutoffs:
        return []
    chosen = sorted({cutoffs[place * (len(cutoffs) - 1) // max(PROVED - 1, 1)] for place in range(PROVED)})
    with echo.progress("prove", len(chosen) * len(GUARDS)) as advance:
        found = list(prove(store, signals, chosen, params.train.seed, advance))
    echo(
        f"proved: {len(signals)} signals of {min(SAMPLE, store.n_customers):,} customers at "
        f"{', '.join(map(str, chosen))}: {'; '.join(GUARDS.values())}."
        if not found
        else f"proofs: {len(found)} times a signal moved that may not."
    )
    return found


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("check"))
