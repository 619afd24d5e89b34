"""Plan experiments: the number of units that each experiment needs, and the days until an answer."""

from __future__ import annotations

from datetime import date

from churn.errors import CallError, Stop
from churn.experiments.design import DEFAULT_DAYS, design_experiments, design_terms
from churn.experiments.experiment_units import Maturity
from churn.experiments.ledger import read_ledger, read_whole_ledger
from churn.features.library import all_signals
from churn.labels.outcomes import label_window
from churn.params import Params
from churn.reporting.effects_table import design_lines, measured_effect_lines
from churn.scoring.playbook import read_playbook
from pipelines.echo import Echo
from pipelines.measure import event_of, kept_share_of, known_effects

DEFAULT_SHARE = 0.1
"""The planned share of units in the control group if no control group is drawn yet."""


def run(
    params: Params,
    *,
    cutoff: date | None = None,
    effect: float | None = None,
    share: float | None = None,
    days: int | None = None,
    echo: Echo,
) -> int | None:
    """Print for each experiment the number of units that it needs, the power, and the days until an answer.

    A unit is a person, an account or a customer. The ledger gives the number of new units per day, and their
    predicted rate of churn, or of the event that the label predicts.

    Args:
        params: The parameters.
        cutoff: Use only nights before this date; by default all nights.
        effect: The effect to detect, such as 0.02: the difference in the churn rate, or the gain in the rate
            of the event.
        share: The planned share of units in the control group; by default the shares in params.yaml and the
            playbook.
        days: The number of days ahead for which the power and the smallest effect are computed.
        echo: Prints lines, warnings and progress.

    Raises:
        CallError: an option has an impossible value.
        PlaybookError: the playbook has mistakes.
        Stop: there is no night in the ledger.
    """
    _check_options(effect, share, days)
    ledger = read_ledger(params.output, cutoff) if cutoff else read_whole_ledger(params.output)
    if not ledger.nights:
        before = f" before {cutoff}" if cutoff else ""
        raise Stop(
            f"{params.output / 'ledger'}: the ledger holds no night{before}, so nobody knows how many new "
            "units come per night and how many of them leave. Score a night with `churn score`; nobody has "
            "to work through the call list for this."
        )
    control, event = params.experiments.control, event_of(params)
    if control.share == 0 and share is None:
        echo.warn(
            f"no control group is drawn ({control.because}); the plan is for a control group of "
            f"{DEFAULT_SHARE:.0%}."
        )
    universal_share = share or control.share or DEFAULT_SHARE
    signals = all_signals(params)
    playbook = read_playbook(
        params.score.playbook,
        {name: signal.kind for name, signal in signals.items()},
        is_event=params.label.is_event,
    )
    effects = known_effects(params, cutoff)
    terms = design_terms(
        playbook,
        universal_share=universal_share,
        kept_share=kept_share_of(params),
        share=share,
        measured_shares=effects.accept_shares,
    )
    last_night, late_days = ledger.nights[-1].cutoff, params.snapshot.late_days
    mature_on = {
        night.cutoff: label_window(night.cutoff, params.label, late_days).mature_on for night in ledger.nights
    }
    designs = design_experiments(
        ledger,
        terms,
        effect=effect,
        days=days or DEFAULT_DAYS,
        maturity=Maturity(mature_on.__getitem__, last_night),
        maturity_days=(mature_on[last_night] - last_night).days,
        is_gain=event is not None,
    )
    lines = design_lines(designs, len(ledger.nights), event)
    echo.report([*lines, *(measured_effect_lines(effects) if effects.is_known else ())])
    return 0


def _check_options(effect: float | None, share: float | None, days: int | None) -> None:
    problems = []
    if effect is not None and not 0 < effect < 1:
        problems.append(f"--effect {effect}: a difference of rates must be between 0 and 1, such as 0.02.")
    if share is not None and not 0 < share <= 0.5:
        problems.append(
            f"--share {share}: the control group's share of the customers must be above 0 and at most 0.5, "
            "such as 0.1."
        )
    if days is not None and days < 1:
        problems.append(f"--days {days}: give a number of days of at least 1, such as 90.")
    if problems:
        raise CallError(*problems)


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("plan"))
