"""The section of a night's report that says whether contacts helped, in words first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from churn.data.own_files import read_own_json
from churn.errors import SourceError
from churn.experiments.assignment import UNIVERSAL
from churn.experiments.design import ExperimentDesign
from churn.experiments.effect import ArmChurn, NoVerdict, Verdict
from churn.experiments.result import Effects, MeasuredExperiment
from churn.reporting.effects_table import amount, answer_in_words, not_counted, points, success_in_words

MEASURE_AGAIN = "Run `churn measure`, then `churn report`."


@dataclass(frozen=True)
class KnownEffects:
    """What was measured up to a night.

    Attributes:
        effects: The effects; None if there are none that the night may know.
        reason: Why there are none, as a sentence; empty if there are.
        warning: What a person must mend, with a way out; empty if nothing.
    """

    effects: Effects | None
    reason: str = ""
    warning: str = ""


def effects_path(output: Path) -> Path:
    """Return the file of `churn measure`."""
    return output / "measure" / "effects.json"


def read_known_effects(output: Path, night: date, label_id: str) -> KnownEffects:
    """Read what was measured, if nothing of it is from after the night.

    Args:
        output: The output folder.
        night: The night of the report.
        label_id: The label of the night.
    """
    path = effects_path(output)
    if not os.path.lexists(path):
        return KnownEffects(None, f"Nothing was measured yet. {MEASURE_AGAIN}")
    try:
        effects = read_own_json(path, Effects, way_out=MEASURE_AGAIN)
    except SourceError as error:
        return KnownEffects(
            None,
            f"What was measured cannot be read. {MEASURE_AGAIN}",
            f"{error} The report leaves out whether contacts helped.",
        )
    if effects.watermark is None:
        return KnownEffects(None, f"No night of the ledger was measured. {MEASURE_AGAIN}")
    if effects.watermark > night:
        return KnownEffects(
            None,
            f"What was measured knows outcomes up to {effects.watermark}, which is after this night. Run "
            f"`churn measure --cutoff {night}`, then `churn report --cutoff {night}`.",
        )
    if effects.label_id != label_id:
        return KnownEffects(
            None, f"What was measured is about another definition of leaving. {MEASURE_AGAIN}"
        )
    return KnownEffects(effects)


@dataclass(frozen=True)
class ArmRow:
    """One arm: its name, its number of customers with a known outcome, and how many of them left."""

    name: str
    n: int
    churners: int
    share: float | None


@dataclass(frozen=True)
class ExperimentCard:
    """What the page says about one experiment.

    Attributes:
        title: All contacts, or the play and its variant.
        verdict: The verdict in words.
        mood: `good`, `bad` or empty.
        alarm: Why this effect must not be used; empty without an alarm.
        arms: Control and treated side by side; empty if no outcome is known.
        facts: Pairs of a title and a text: difference, intervals, saved customers and money, side effects.
        notes: Sentences: what can be found with so many units, and when.
    """

    title: str
    verdict: str
    mood: str
    alarm: str
    arms: tuple[ArmRow, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def experiment_cards(effects: Effects) -> tuple[ExperimentCard, ...]:
    """Return what the page says about each experiment, all contacts first."""
    designs = {design.name: design for design in effects.designs}
    return tuple(
        _card(experiment, designs.get(experiment.play or UNIVERSAL) if experiment.variant is None else None)
        for experiment in effects.experiments
    )


def total_in_words(effects: Effects) -> str:
    """Return the total of all contacts beside the sum of the plays, or an empty text."""
    if effects.sum_of_plays is None or effects.universal is None or effects.universal.savings is None:
        return ""
    total = amount(effects.universal.savings.customers, 1)
    without = effects.plays_without_difference
    missing = f" The sum does not hold {', '.join(without)}." if without else ""
    return (
        f"All contacts together saved {total} customers. The plays one by one add up to "
        f"{effects.sum_of_plays:z,.1f}; a sum of plays overstates: the lucky ones count fully.{missing}"
    )


def _card(experiment: MeasuredExperiment, design: ExperimentDesign | None) -> ExperimentCard:
    verdict, mood = _verdict(experiment)
    difference = experiment.difference
    has_outcomes = bool(difference.control.n + difference.treatment.n)
    has_both = difference.difference.value is not None
    # The churn of the treated is never shown without the churn of their control.
    arms = (_arm("control group", difference.control), _arm("may be contacted", difference.treatment))
    title = "All contacts" if experiment.play is None else f"Play “{experiment.name}”"
    ratio, alarm = experiment.ratio, ""
    if ratio is not None and ratio.alarm:
        alarm = (
            f"{ratio.n_control:,} of {ratio.n_control + ratio.n_treatment:,} are in the control group; by "
            f"design it would be {100 * ratio.control_share:.4g} %. Customers are missing in an arm, or in "
            "the wrong one. Do not use this effect before you know why."
        )
    return ExperimentCard(
        title=title,
        verdict="Something is wrong with the arms." if alarm else verdict,
        mood="bad" if alarm else mood,
        alarm=alarm,
        arms=arms if has_both else (),
        facts=tuple(_facts(experiment)) if has_both else (),
        notes=tuple(_notes(experiment, design, has_outcomes)),
    )


def _arm(name: str, arm: ArmChurn) -> ArmRow:
    return ArmRow(name, arm.n, arm.churners, arm.churn)


def _verdict(experiment: MeasuredExperiment) -> tuple[str, str]:
    """Return the verdict in words and its mood; the page is read nightly, so the nightly interval decides."""
    difference, nightly = experiment.difference, experiment.nightly
    if experiment.control_share is None:
        return "Nobody can tell: there is no control group.", ""
    if not difference.control.n + difference.treatment.n:
        return ("No outcome is known yet." if experiment.immature else "No customer counts."), ""
    if difference.no_verdict_because == NoVerdict.EMPTY_ARM:
        return "Nobody can tell: an arm has no customer with a known outcome.", ""
    if difference.verdict is None or nightly is None or nightly.verdict is None:
        return f"Too early to tell: {difference.no_verdict_because or 'no verdict'}.", ""
    if nightly.verdict == Verdict.FEWER_LEAVE:
        return "It helped: fewer customers left than in the control group.", "good"
    if nightly.verdict == Verdict.MORE_LEAVE:
        return "It harmed: more customers left than in the control group.", "bad"
    if difference.verdict != Verdict.NOT_SHOWN:
        return "Not shown yet: at a single look it would be, but this page is read every night.", ""
    return "No effect is shown.", ""


def _facts(experiment: MeasuredExperiment) -> Iterator[tuple[str, str]]:
    difference = experiment.difference
    yield "Fewer left: one look", points(difference.difference)
    adjusted = experiment.adjusted_difference
    if adjusted is not None and adjusted.difference.value is not None:
        yield "… adjusted by the score", points(adjusted.difference)
    nightly = experiment.nightly
    if nightly is not None and nightly.difference.value is not None:
        yield "… read every night", points(nightly.difference)
    if experiment.savings is not None and difference.verdict is not None:
        is_shown = nightly is not None and nightly.verdict in (Verdict.FEWER_LEAVE, Verdict.MORE_LEAVE)
        words = "" if is_shown else ", not shown"
        yield "Customers saved", amount(experiment.savings.customers, 1) + words
        money = experiment.savings.money
        yield "Money saved", "unknown" if money.value is None else amount(money, 0) + words
    for band in experiment.drives_away:
        control, treated = band.effect.control.churn, band.effect.treatment.churn
        if control is not None and treated is not None:
            yield (
                "Contact drives away",
                f"{band.band}: {treated:.1%} left, in the control group {control:.1%}",
            )
    if experiment.success is not None:
        yield "Success", success_in_words(experiment.success)
    for guard in experiment.guards:
        if guard.control is not None and guard.treatment is not None:
            more = "more after contact" if guard.is_worse else "not shown to be more"
            shares = f"{guard.treatment:.1%}, control group {guard.control:.1%}"
            yield guard.name[0].upper() + guard.name[1:], f"{shares}: {more}"


def _notes(
    experiment: MeasuredExperiment, design: ExperimentDesign | None, has_outcomes: bool
) -> Iterator[str]:
    if experiment.difference.verdict in (None, Verdict.NOT_SHOWN):
        if experiment.detectable is not None:
            yield experiment.detectable.in_words()
        if design is not None and experiment.control_share is not None:
            yield from _design_notes(design)
    if experiment.next_outcome_on is not None and not has_outcomes:
        yield f"The first outcomes are known on {experiment.next_outcome_on}."
    if counts := ", ".join(not_counted(experiment)):
        yield f"Not counted: {counts}."


def _design_notes(design: ExperimentDesign) -> Iterator[str]:
    if design.effect is None or design.churn is None:
        return
    looked_for = f"an effect of {100 * design.effect:.2f} points, as assumed,"
    if design.sample_size is None:
        yield f"To find {looked_for} no number of customers is enough."
    else:
        needed = design.sample_size
        yield (
            f"To find {looked_for} {needed.n:,} customers are needed ({needed.n_control:,} in the control "
            f"group); {design.units:,} are there so far. Answer: {answer_in_words(design)}."
        )
