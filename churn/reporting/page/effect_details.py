"""The details of one experiment: its name, what was measured, and which customers are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from churn.experiments.design import ExperimentDesign
from churn.experiments.effect import Verdict
from churn.experiments.power import DetectableEffect
from churn.experiments.result import MeasuredExperiment
from churn.metrics.interval import Interval
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    bullet_list,
    fold,
    table,
)
from churn.reporting.page.provenance import Source, free, show_interval, show_number
from churn.reporting.page.words import Words
from churn.reporting.share_differences import HIGHEST_DIFFERENCE, LOWEST_DIFFERENCE, is_cut

POINTS = 100.0
"""The unit of a difference of shares on the page: percentage points."""


@dataclass(frozen=True)
class PlacedExperiment:
    """An experiment, its place in effects.json, and what it needs before it can give an answer.

    Attributes:
        experiment: What was measured in the experiment.
        source: The place of the experiment in the file.
        design: What the experiment needs before it can answer; None if this was not computed, as for a
            variant of a play.
        design_source: The place of `design` in effects.json.
    """

    experiment: MeasuredExperiment
    source: Source
    design: ExperimentDesign | None
    design_source: Source

    @property
    def has_outcomes(self) -> bool:
        """Return whether the outcome of at least one customer is known in one of the arms."""
        difference = self.experiment.difference
        return bool(difference.control.n + difference.treatment.n)

    @property
    def has_alarm(self) -> bool:
        """Return whether there is an alarm because the arms do not have the planned sizes."""
        return self.experiment.ratio is not None and self.experiment.ratio.alarm

    @property
    def nightly_verdict(self) -> Verdict | None:
        """Return the verdict that is valid even if somebody looks at the experiment's effect every night."""
        return None if self.experiment.nightly is None else self.experiment.nightly.verdict


def experiment_name(words: Words, experiment: MeasuredExperiment) -> Markup:
    """Return the name of an experiment: its play and variant, or `All contacts together` without a play."""
    if experiment.play is None:
        return Markup("<strong>{}</strong>").format(words("All contacts together"))
    if experiment.variant is None:
        return free(experiment.play)
    return Markup('{}<div class="id">{}</div>').format(
        free(experiment.play), words.html("variant %(name)s", name=free(experiment.variant))
    )


def experiment_details(words: Words, experiments: Sequence[PlacedExperiment]) -> Markup:
    """Return for each experiment the figures behind its verdict, in a part of the page that is closed at
    first.
    """
    rows = []
    for placed_experiment in experiments:
        items = [*_facts(words, placed_experiment)]
        if is_compared(placed_experiment):
            items += _power(words, placed_experiment)
        items += _not_counted(words, placed_experiment)
        if items:
            rows.append([experiment_name(words, placed_experiment.experiment), bullet_list(items)])
    if not rows:
        return EMPTY
    title = words("Details of each play: one look, adjusted, side effects, success, who does not count")
    headings = [Heading(words("Play"), is_number=False), Heading(words("Details"), is_number=False)]
    return fold(title, table(title, headings, rows))


def _facts(words: Words, placed_experiment: PlacedExperiment) -> Iterator[Markup]:
    experiment, source = placed_experiment.experiment, placed_experiment.source
    if not is_compared(placed_experiment):
        return
    ratio = experiment.ratio
    if ratio is not None and ratio.alarm:
        yield words.html(
            "%(control)s of %(n)s are in the control group; by design this share should be %(share)s%%. "
            "So customers are missing from one of the two groups, or are in the wrong group. Do not use this "
            "effect before you know the cause.",
            control=show_number(words, ratio.n_control, source.at("ratio", "n_control")),
            n=show_number(
                words,
                ratio.n_control + ratio.n_treatment,
                f"{source.at('ratio', 'n_control')} + {source.at('ratio', 'n_treatment')}",
            ),
            share=show_number(
                words, ratio.control_share, source.at("ratio", "control_share"), 1, scale=POINTS
            ),
        )
    one_look = show_points(words, experiment.difference.difference, source.at("difference", "difference"))
    if words.is_event:
        yield words.html(
            "The event is more frequent in the treated group (customers who may be contacted) than in the "
            "control group, by %(points)s points. This was measured once, on a day fixed in advance.",
            points=one_look,
        )
    else:
        yield words.html(
            "Churn is lower in the treated group (customers who may be contacted) than in the control group, "
            "by %(points)s points. This was measured once, on a day fixed in advance.",
            points=one_look,
        )
    adjusted = experiment.adjusted_difference
    if adjusted is not None and adjusted.difference.value is not None:
        yield words.html(
            "The difference between the two groups, adjusted by each customer's score before the first "
            "contact, is %(points)s points.",
            points=show_points(words, adjusted.difference, source.at("adjusted_difference", "difference")),
        )
    for number, band in enumerate(experiment.drives_away):
        at = source.at("drives_away", number, "effect")
        control, treated = band.effect.control.churn, band.effect.treatment.churn
        if control is not None and treated is not None:
            shares = {
                "band": free(words.value(band.band)),
                "treated": show_number(words, treated, at.at("treatment", "churn"), 1, scale=POINTS),
                "control": show_number(words, control, at.at("control", "churn"), 1, scale=POINTS),
            }
            if words.is_event:
                yield words.html(
                    "Contacts make the event rarer in one group of customers (%(band)s): there, "
                    "%(treated)s%% of the contacted customers had the event, and %(control)s%% of the "
                    "control group.",
                    **shares,
                )
            else:
                yield words.html(
                    "Contacts drive customers away in one group of customers (%(band)s): there, "
                    "%(treated)s%% of the contacted customers left, and %(control)s%% of the control group.",
                    **shares,
                )
    yield from _success(words, placed_experiment)
    for number, guard in enumerate(experiment.guards):
        if guard.control is not None and guard.treatment is not None:
            at = source.at("guards", number)
            verdict = words("more after contact") if guard.is_worse else words("not shown to be more")
            yield words.html(
                "Side effect “%(name)s”: it occurred for %(treated)s%% of the contacted customers and for "
                "%(control)s%% of the control group: %(verdict)s.",
                name=words.value(guard.name),
                treated=show_number(words, guard.treatment, at.at("treatment"), 1, scale=POINTS),
                control=show_number(words, guard.control, at.at("control"), 1, scale=POINTS),
                verdict=verdict,
            )


def _success(words: Words, placed_experiment: PlacedExperiment) -> Iterator[Markup]:
    """Yield the rate of success of a play beside the rate of its control group, if both rates are known."""
    success, source = placed_experiment.experiment.success, placed_experiment.source.at("success")
    if success is None or success.control is None or success.treatment is None:
        return
    if success.control.share is None or success.treatment.share is None:
        return
    yield words.html(
        "Success “%(text)s”: reached by %(treated)s%% of the contacted customers and by %(control)s%% of the "
        "control group; difference %(points)s points.",
        text=free(success.text),
        treated=show_number(words, success.treatment.share, source.at("treatment", "share"), 1, scale=POINTS),
        control=show_number(words, success.control.share, source.at("control", "share"), 1, scale=POINTS),
        points=show_points(words, success.difference, source.at("difference")),
    )


def show_points(words: Words, interval: Interval, source: Source) -> Markup:
    """Return a difference of shares with its interval, in percentage points.

    A bound beyond the possible range is shown as `lowest possible` or `highest possible`.
    """
    value, low, high = interval.value, interval.low, interval.high
    if low is None or high is None or not is_cut(interval):
        return show_interval(words, (value, low, high), source, 2, scale=POINTS, signed=True)
    shown_low, shown_high = (
        show_number(words, bound, source.at(name), 2, scale=POINTS, signed=True)
        for name, bound in (("low", low), ("high", high))
    )
    return Markup('{} <span class="between">[{}{}{}]</span>').format(
        show_number(words, value, source.at("value"), 2, scale=POINTS, signed=True),
        words("lowest possible") if low < LOWEST_DIFFERENCE else shown_low,
        "; " if words.language == "de" else ", ",
        words("highest possible") if high > HIGHEST_DIFFERENCE else shown_high,
    )


def _not_counted(words: Words, placed_experiment: PlacedExperiment) -> Iterator[Markup]:
    """Yield the numbers of customers who are left out of the comparison, each with the reason."""
    titles: Mapping[str, str] = {
        "immature": words("outcome not known yet"),
        "without_label": words("without label"),
        "arm_changed": words("changed the arm"),
        "merged_count": words("one person with another customer"),
        "other_share": words("of nights with another share of the control group"),
        "without_control": words("began without this control group"),
        "after_other_play": words("after another play"),
    }
    counts = [
        words.html(
            "%(n)s %(reason)s",
            n=show_number(
                words, getattr(placed_experiment.experiment, name), placed_experiment.source.at(name)
            ),
            reason=reason,
        )
        for name, reason in titles.items()
        if getattr(placed_experiment.experiment, name)
    ]
    if counts:
        yield words.html("Not counted: %(counts)s.", counts=Markup(", ").join(counts))


def is_compared(placed_experiment: PlacedExperiment) -> bool:
    """Return whether both arms have outcomes.

    If only one arm has outcomes, its rate is not shown: readers would take the rate alone for a success.
    """
    return placed_experiment.experiment.difference.difference.value is not None


def _power(words: Words, placed_experiment: PlacedExperiment) -> Iterator[Markup]:
    """Yield the smallest effect that can be detected, and how many customers the assumed effect needs."""
    experiment, design = placed_experiment.experiment, placed_experiment.design
    if experiment.difference.verdict not in (None, Verdict.NOT_SHOWN):
        return
    if experiment.detectable is not None:
        yield _detectable_in_words(words, experiment.detectable, placed_experiment.source.at("detectable"))
    if design is None or experiment.control_share is None or design.effect is None:
        return
    source = placed_experiment.design_source
    effect = show_number(words, design.effect, source.at("effect"), 2, scale=POINTS)
    if design.sample_size is None:
        yield words.html(
            "The assumed effect of %(effect)s points cannot be shown with any number of customers.",
            effect=effect,
        )
        return
    size = source.at("sample_size")
    yield words.html(
        "The assumed effect of %(effect)s points needs %(n)s customers; so far there are %(units)s.",
        effect=effect,
        n=show_number(words, design.sample_size.n, f"{size.at('n_control')} + {size.at('n_treatment')}"),
        units=show_number(words, design.units, source.at("units")),
    )
    if design.answer_in_days is not None:
        yield words.html(
            "If new customers come as fast as before, enough outcomes are known in %(days)s days.",
            days=show_number(words, design.answer_in_days, source.at("answer_in_days")),
        )


def _detectable_in_words(words: Words, detectable: DetectableEffect, source: Source) -> Markup:
    """Return a text with the smallest effect that an experiment with this number of customers detects."""
    n = show_number(
        words,
        detectable.n_control + detectable.n_treatment,
        f"{source.at('n_control')} + {source.at('n_treatment')}",
    )
    control = show_number(words, detectable.n_control, source.at("n_control"))
    if detectable.effect is None and words.is_event:
        return words.html(
            "At an event rate of %(churn)s%%, %(n)s customers (%(control)s of them in the control group) "
            "are too few to detect any gain.",
            churn=show_number(words, detectable.churn, source.at("churn"), 1, scale=POINTS),
            n=n,
            control=control,
        )
    if detectable.effect is None:
        return words.html(
            "At a churn of %(churn)s%%, %(n)s customers (%(control)s of them in the control group) are too "
            "few to detect any effect.",
            churn=show_number(words, detectable.churn, source.at("churn"), 1, scale=POINTS),
            n=n,
            control=control,
        )
    return words.html(
        "An experiment with %(n)s customers (%(control)s of them in the control group) finds an effect of "
        "%(effect)s points in %(power)s%% of all cases, and a smaller effect less often.",
        n=n,
        control=control,
        effect=show_number(words, detectable.effect, source.at("effect"), 2, scale=POINTS),
        power=show_number(words, detectable.power, source.at("power"), 0, scale=POINTS),
    )
