"""The lines of `churn measure` and `churn plan`, which say in plain words what experiments show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from churn.experiments.assignment import UNIVERSAL
from churn.experiments.design import ExperimentDesign
from churn.experiments.effect import ArmChurn, Effect
from churn.experiments.measured_effects import MeasuredEffects, PlayEffect
from churn.experiments.play_success import PlaySuccess
from churn.experiments.result import Effects, Guard, MeasuredExperiment
from churn.metrics.interval import HasInterval, format_interval
from churn.params.label_words import CHURN_WORDS, LabelWords, event_words
from churn.reporting.cost_lines import cost_lines, cost_metrics, measured_cost_lines
from churn.reporting.outside_table import outside_lines, outside_metrics
from churn.reporting.share_differences import CANNOT_BE_SAID, points, possible_part
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM

LABEL_WIDTH = 26

MAX_DAYS = 3650
"""The number of days above which an answer is called out of reach."""


def effect_lines(effects: Effects) -> list[str]:
    """Return the lines that `churn measure` prints.

    The churn of treated units is never shown without the churn of their controls. If the label is an
    event other than leaving, the lines show the rate of this event, and an effect is a gain.
    """
    lines, words = [], _words_of(effects.event)
    if effects.nights:
        lines.append(
            f"label {effects.label_id}, outcomes known up to {effects.watermark}, "
            f"{_count(effects.nights, 'night')} in the ledger"
        )
    lines += [f"no control group in some nights, because: {reason}" for reason in effects.no_control_because]
    for experiment in effects.experiments:
        lines += [_title(experiment), *(f"  {line}" for line in _experiment_lines(experiment, words))]
    lines += [*_total_lines(effects), *cost_lines(effects.costs), *_erased_lines(effects)]
    lines += outside_lines(effects.outside)
    return lines


def _words_of(event: str | None) -> LabelWords:
    return CHURN_WORDS if event is None else event_words(event)


def measured_effect_lines(effects: MeasuredEffects) -> list[str]:
    """Return lines that say which share of churners a contact is expected to keep and what a contact costs.

    For each of the two numbers, the lines say that it is measured, or why it is assumed.

    Args:
        effects: The effects that were measured before the night.
    """
    lines = [
        f"effect of play {name}: measured, a contact keeps {_percent(effect)} of those who would leave "
        f"(outcomes up to {effects.as_of})"
        if effect.is_used
        else f"effect of play {name}: assumed, because the measured effect is {_percent(effect)}: "
        f"{effect.reason}"
        for name, effect in sorted(effects.plays.items())
    ]
    others = "the effects of other plays" if lines else "effects"
    because = f" ({effects.reason})" if effects.reason else ""
    own_costs = list(measured_cost_lines(effects.costs, effects.as_of))
    costs = "other costs" if own_costs else "costs"
    return [
        *lines,
        *own_costs,
        f"{costs} are those of `evaluate.profit` and the playbook, and {others} are assumed{because}",
    ]


def _percent(effect: PlayEffect) -> str:
    return format_interval(effect.kept_share, 0, percent=True)


def effect_metrics(effects: Effects) -> dict[str, float]:
    """Return the metrics that `churn measure` logs in MLflow, by keys such as `win_back.control_n`.

    The churn of treated units is never logged without the churn of their controls.
    """
    metrics: dict[str, float] = {}
    for experiment in effects.experiments:
        difference, savings, gained = experiment.difference, experiment.savings, experiment.gain
        if savings is None and gained is None:
            continue
        rate = "churn" if gained is None else "rate"
        name = "/".join(filter(None, (experiment.play or UNIVERSAL, experiment.variant)))
        numbers = {
            "control_n": difference.control.n,
            "treated_n": difference.treatment.n,
            f"control_{rate}": difference.control.churn,
            f"treated_{rate}": difference.treatment.churn,
            "difference": difference.difference.value,
            "difference_low": difference.difference.low,
            "difference_high": difference.difference.high,
            "saved_customers": savings.customers.value if savings else None,
            "saved_money": savings.money.value if savings else None,
            "gained_customers": gained.value if gained else None,
        }
        metrics |= {f"{name}.{key}": float(value) for key, value in numbers.items() if value is not None}
    return metrics | cost_metrics(effects.costs) | outside_metrics(effects.outside)


def size_warnings(effects: Effects) -> list[str]:
    """Return a warning for each experiment whose arms do not have the planned sizes."""
    names = [
        experiment.name for experiment in effects.experiments if experiment.ratio and experiment.ratio.alarm
    ]
    names += [
        experiment.name for experiment in effects.outside if experiment.sizes and experiment.sizes.alarm
    ]
    return [f"measure: {name}: the sizes of the arms do not agree with the design." for name in names]


def _title(experiment: MeasuredExperiment) -> str:
    name = "all contacts" if experiment.play is None else f"play {experiment.name}"
    if experiment.control_share is None:
        return f"{name}: no control group"
    return f"{name}: control group of {100 * experiment.control_share:.4g}%"


def _experiment_lines(experiment: MeasuredExperiment, words: LabelWords) -> Iterator[str]:
    difference, rate = experiment.difference, _rate_name(words)
    yield _line("units", f"control {difference.control.n:,}, treated {difference.treatment.n:,}")
    if counts := ", ".join(not_counted(experiment)):
        yield _line("not counted", counts)
    ratio = experiment.ratio
    if ratio is not None and ratio.alarm:
        yield _line(
            "ALARM",
            f"{ratio.n_control:,} of {ratio.n_control + ratio.n_treatment:,} units are controls, but "
            f"the planned share is {100 * ratio.control_share:.4g}%. So units are missing from one "
            "of the two groups, or are in the wrong group. Do not use this effect before you know the cause.",
        )
    if not difference.control.n + difference.treatment.n:
        yield _line(rate, "no outcome is known yet" if experiment.immature else "no unit counts")
        yield from _success_lines(experiment)
        return
    if difference.difference.value is None:  # the share of a single arm would be read as a success
        yield _line(rate, f"not shown: {difference.no_verdict_because}")
        yield from _success_lines(experiment)
        return
    yield _line(rate, f"control {_share(difference.control)}, treated {_share(difference.treatment)}")
    yield _line("difference", _effect(difference, difference.method, words))
    adjusted = experiment.adjusted_difference
    if adjusted is not None and adjusted.difference.value is not None:
        yield _line("adjusted by the score", _effect(adjusted, adjusted.method, words))
    nightly = experiment.nightly
    if nightly is not None and nightly.difference.value is not None:
        verdict = nightly.verdict or words.speak(f"no verdict: {nightly.no_verdict_because}")
        says_nothing = possible_part(nightly.difference) is None
        nightly_points = CANNOT_BE_SAID if says_nothing else points(nightly.difference)
        yield _line("looked at every night", f"{nightly_points}: {verdict}")
    is_shown = difference.verdict is not None and (difference.verdict.is_help or difference.verdict.is_harm)
    shown = "" if is_shown else ", not shown"
    if experiment.gain is not None:
        yield _line("customers gained", f"{amount(experiment.gain, 1)} with the event{shown}")
    if experiment.savings is not None:
        yield _line("saved customers", amount(experiment.savings.customers, 1) + shown)
        yield _line("saved money", amount(experiment.savings.money, 0) + shown)
    if difference.verdict is None and experiment.detectable is not None:
        yield experiment.detectable.in_words()
    for band in experiment.drives_away:
        churn = f"control {_share(band.effect.control)}, treated {_share(band.effect.treatment)}"
        title = "contact drives away" if experiment.gain is None else "contact lowers the rate"
        yield _line(title, f"{band.band}: {churn}")
    yield from _success_lines(experiment)
    for guard in experiment.guards:
        yield _line(guard.name, _guard(guard))


def _rate_name(words: LabelWords) -> str:
    """Return the name for the rate of the predicted event, such as `churn` or `rate of upgrade`."""
    return "churn" if words == CHURN_WORDS else f"rate of {words.event}"


def _success_lines(experiment: MeasuredExperiment) -> Iterator[str]:
    """Yield a line that says how often a play succeeded in each arm.

    The line is shown even if no unit has a label, for example because the play is for customers who have
    already left.
    """
    if experiment.success is not None:
        yield _line("success", success_in_words(experiment.success))


def success_in_words(success: PlaySuccess) -> str:
    """Return the rate of success of a play in both arms, as text; empty if the rate of one arm is missing."""
    if success.not_computed_because is not None:
        return f"{success.text or 'unknown'}: not computed, because {success.not_computed_because}"
    control, treatment = success.control, success.treatment
    counts = ""
    if success.immature or success.undecided_count:
        counts = f" ({success.immature:,} not known yet, {success.undecided_count:,} undecided)"
    if control is None or treatment is None or control.share is None or treatment.share is None:
        return f"{success.text}: not shown, {success.no_verdict_because}{counts}"
    verdict = success.verdict or f"no verdict: {success.no_verdict_because}"
    return (
        f"{success.text}: treated {treatment.share:.1%} ({treatment.events:,} of {treatment.n:,}), control "
        f"{control.share:.1%} ({control.events:,} of {control.n:,}), {points(success.difference)}: "
        f"{verdict}{counts}"
    )


def _total_lines(effects: Effects) -> Iterator[str]:
    """Yield the effect of all contacts, and the sum of the effects of the plays, as numbers of customers."""
    universal = effects.universal
    if universal is not None and universal.savings is not None:
        yield _line("all contacts saved", f"{amount(universal.savings.customers, 1)} customers")
    if universal is not None and universal.gain is not None:
        yield _line("all contacts gained", f"{amount(universal.gain, 1)} customers with the event")
    if effects.sum_of_plays is not None:
        people = "customers" if effects.event is None else "customers with the event"
        yield _line("sum of the plays", f"{effects.sum_of_plays:z,.1f} {people}")
    if effects.plays_without_difference:
        yield _line("not in the sum", ", ".join(effects.plays_without_difference))


def _erased_lines(effects: Effects) -> Iterator[str]:
    """Yield for each experiment and arm how many units were erased because a customer had to be forgotten.

    If more units were erased in one arm than in the other, the comparison of the arms may mislead.
    """
    arms_of: dict[str, dict[str, int]] = {}
    for part in effects.erased_units:
        arms_of.setdefault(part.experiment, {})[part.arm] = part.units
    for experiment, arms in arms_of.items():
        name = "all contacts" if experiment == UNIVERSAL else f"play {experiment}"
        counts = ", ".join(f"{arm} {arms.get(arm, 0):,}" for arm in (CONTROL_ARM, TREATED_ARM))
        yield f"forgotten units of {name}, which nobody can measure: {counts}"


def not_counted(experiment: MeasuredExperiment) -> Iterator[str]:
    """Yield a text for each reason why units do not count in the effect, with the number of these units."""
    for count, words in (
        (experiment.immature, "outcome not known yet"),
        (experiment.without_label, "without label"),
        (experiment.arm_changed, "changed the arm"),
        (experiment.merged_count, "one person with another unit"),
        (experiment.other_share, "of nights with another share of the control"),
        (experiment.without_control, "began without this control group, so none of them could be in it"),
        (experiment.after_other_play, "after another play"),
    ):
        if count:
            yield f"{count:,} {words}"


def _line(label: str, text: str) -> str:
    return f"{label:<{LABEL_WIDTH}} {text}"


def _share(arm: ArmChurn) -> str:
    if arm.churn is None:
        return "unknown (no units)"
    return f"{100 * arm.churn:.1f}% ({arm.churners:,} of {arm.n:,})"


def _effect(effect: Effect, method: str, words: LabelWords) -> str:
    verdict = effect.verdict or words.speak(f"no verdict: {effect.no_verdict_because}")
    return f"{points(effect.difference)} ({method}): {verdict}"


def _guard(guard: Guard) -> str:
    control, treated = (
        "unknown" if share is None else f"{100 * share:.1f}%" for share in (guard.control, guard.treatment)
    )
    verdict = "MORE after contact" if guard.is_worse else "not shown to be more"
    return f"control {control}, treated {treated}: {verdict}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def amount(interval: HasInterval, digits: int) -> str:
    """Return an amount with its interval, as text.

    >>> from churn.metrics.interval import Interval
    >>> amount(Interval(value=1234.5, low=-2.0, high=2469.0), 0)
    '1,234 [-2, 2,469]'
    >>> amount(Interval(value=None), 0)
    'unknown'
    """
    if interval.value is None:
        return "unknown"
    ends = interval.low, interval.high
    bounds = "" if None in ends else f" [{', '.join(f'{end:z,.{digits}f}' for end in ends)}]"
    return f"{interval.value:z,.{digits}f}{bounds}"


def design_lines(designs: Sequence[ExperimentDesign], n_nights: int, event: str | None = None) -> list[str]:
    """Return the lines that `churn plan` prints.

    Args:
        designs: For each experiment, the units and the days that it needs to show an effect.
        n_nights: The number of nights in the ledger.
        event: The name of the predicted event; None if the model predicts who leaves.
    """
    words = _words_of(event)
    assumptions = (
        "effects are assumptions until `churn measure` has them"
        if event is None
        else "an effect is a gain in it: more customers have the event"
    )
    lines = [
        f"from {_count(n_nights, 'night')} in the ledger; {'' if event is None else 'the '}"
        f"{_rate_name(words)} is predicted, and {assumptions}"
    ]
    for design in designs:
        name = "all contacts" if design.name == UNIVERSAL else f"play {design.name}"
        lines.append(f"{name}: control group of {100 * design.control_share:.4g}%")
        lines += [f"  {line}" for line in _design_lines(design, words)]
    return lines


def _design_lines(design: ExperimentDesign, words: LabelWords) -> Iterator[str]:
    new_units = "the rate of new ones is not known from one night"
    if design.units_per_day is not None:
        new_units = f"{design.units_per_day:.1f} new ones a day"
    yield _line("units so far", f"{design.units:,}, {new_units}")
    if design.churn is None or (design.effect is None and not design.is_gain):
        yield _line("answer", "cannot be told: no unit so far")
        return
    title = "churn without contact" if not design.is_gain else _rate_name(words)
    yield _line(title, f"{100 * design.churn:.1f}%{' without contact' if design.is_gain else ''}")
    contacted = "" if design.contacted_share in (None, 1.0) else (
        f", {100 * design.contacted_share:.0f}% of the units have a planned contact"
    )  # fmt: skip
    if design.effect is None:
        yield _line("effect looked for", f"not stated: give --effect, such as 0.02 for 2 points{contacted}")
    else:
        points_more = " more" if design.is_gain else ""
        yield _line("effect looked for", f"{100 * design.effect:.2f} points{points_more}{contacted}")
    if design.effect is not None and design.sample_size is None:
        room = "the rate would reach 100%" if design.is_gain else (
            "the effect is not below the churn without contact"
        )  # fmt: skip
        yield _line("units needed", f"none are enough: {room}")
    elif design.sample_size is not None:
        yield _line(
            "units needed", f"{design.sample_size.n:,} ({design.sample_size.n_control:,} in the control)"
        )
        yield _line("answer", answer_in_words(design))
    if design.power is not None:
        yield _line(f"power in {_count(design.days, 'day')}", f"{100 * design.power:.0f}%")
    if design.detectable is not None:
        yield design.detectable.in_words()
    if design.training_controls is not None:
        yield _line(
            "controls for training", f"{design.training_controls:,} needed; {_training_in_words(design)}"
        )
    if design.held_out is not None and design.customers_unsaved is not None:
        missed = "leave whom a contact would have saved"
        if design.is_gain:
            missed = "miss the event that a contact would have brought"
        yield _line(
            "cost of holding out",
            f"{design.held_out:,} controls in {_count(design.days, 'day')}: about "
            f"{design.customers_unsaved:,.1f} customers {missed}, with the effect looked for",
        )


def _training_in_words(design: ExperimentDesign) -> str:
    """Return a text that says when there will be enough controls with known outcomes to train a model."""
    if design.training_in_days is not None:
        return f"there will be enough in {_count(design.training_in_days, 'day')}"
    if design.units_per_day is None:
        return "when there will be enough cannot be told from one night"
    return "there will never be enough at this rate"


def answer_in_words(design: ExperimentDesign) -> str:
    """Return a text that says in how many days the outcomes of enough units of an experiment will be known.

    New units are expected to come at the present rate.
    """
    if design.answer_in_days is not None and design.answer_in_days > MAX_DAYS:
        return f"not within ten years at this rate ({_count(design.answer_in_days, 'day')})"
    if design.answer_in_days is not None:
        return f"in {_count(design.answer_in_days, 'day')}"
    if design.units_per_day is None:
        return "cannot be told from one night"
    return "never at this rate: no new units come"
