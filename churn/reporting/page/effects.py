"""The section that says whether contacts helped: each play is compared with its control group, and words come
before numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from churn.experiments.assignment import UNIVERSAL
from churn.experiments.effect import ArmChurn, NoVerdict, Verdict
from churn.experiments.outside import OutsideExperiment
from churn.experiments.result import Effects
from churn.metrics.interval import Interval
from churn.reporting.page.call_list_terms import terms_in_use
from churn.reporting.page.charts import interval_bar
from churn.reporting.page.contact_costs import costs_table
from churn.reporting.page.effect_details import (
    POINTS,
    PlacedExperiment,
    experiment_details,
    experiment_name,
    is_compared,
    show_points,
)
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    day,
    heading,
    join_parts,
    paragraph,
    table,
)
from churn.reporting.page.provenance import DASH, Source, free, show_interval, show_number
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands
from churn.reporting.share_differences import possible_part

FILE = Source("effects.json")


def effects_section(night: ReportSources, words: Words) -> Section:
    """Return the section on the effect of contacts."""
    title, known = words("Did it help?"), night.known_effects
    effects = known.effects
    in_use = terms_in_use(words, night)
    if effects is None:
        return Section("effects", title, mark_commands(words.value(known.reason)), in_use)
    experiments = placed_experiments(effects)
    compared = [placed_experiment for placed_experiment in experiments if is_compared(placed_experiment)]
    waiting = [placed_experiment for placed_experiment in experiments if not is_compared(placed_experiment)]
    parts = [_notes_on_controls(words, effects)]
    if compared:
        parts += [_table(words, compared), _legend(words), _total(words, effects)]
    if waiting:
        parts.append(_waiting_table(words, waiting))
    if not experiments:
        parts.append(paragraph(words("The ledger holds no experiment.")))
    parts += [experiment_details(words, experiments), _outside(words, effects.outside)]
    parts += [costs_table(words, effects.costs, FILE.at("costs")), in_use]
    return Section("effects", title, _lead(words, experiments), join_parts([part for part in parts if part]))


def placed_experiments(effects: Effects) -> tuple[PlacedExperiment, ...]:
    """Return all experiments, each with its place in effects.json; the universal experiment comes first."""
    designs = {design.name: (number, design) for number, design in enumerate(effects.designs)}
    result = []
    sources = [FILE.at("universal")] if effects.universal else []
    sources += [FILE.at("plays", number) for number in range(len(effects.plays))]
    for experiment, source in zip(effects.experiments, sources, strict=True):
        entry = designs.get(experiment.play or UNIVERSAL) if experiment.variant is None else None
        number, design = entry or (0, None)
        result.append(PlacedExperiment(experiment, source, design, FILE.at("designs", number)))
    return tuple(result)


def _lead(words: Words, experiments: Sequence[PlacedExperiment]) -> str:
    verdicts = {
        placed_experiment.experiment.name: placed_experiment.nightly_verdict
        for placed_experiment in experiments
    }
    if any(placed_experiment.has_alarm for placed_experiment in experiments):
        return words("Do not use these effects yet: the sizes of the arms do not agree with the design.")
    if any(verdict is not None and verdict.is_harm for verdict in verdicts.values()):
        if words.is_event:
            return words(
                "Stop the play that does harm: the table below shows a play whose customers had the event "
                "“%(event)s” less often than its control group."
            )
        return words(
            "Stop the play that does harm: a play in the table below lost more customers than its control "
            "group."
        )
    if experiments and all(
        placed_experiment.experiment.control_share is None for placed_experiment in experiments
    ):
        return words(
            "Switch on a control group: without a control group nobody knows whether the calls help."
        )
    total = verdicts.get(UNIVERSAL)
    if total is not None and total.is_help:
        if words.is_event:
            return words(
                "Go on with the calls: the event “%(event)s” was more frequent among customers who may be "
                "contacted than in the control group."
            )
        return words(
            "Go on with the calls: churn is lower among customers who may be contacted than in the control "
            "group."
        )
    if any(verdict is not None and verdict.is_help for verdict in verdicts.values()):
        return words(
            "Go on with the plays that helped, and leave the control group alone until all outcomes are "
            "known."
        )
    if not any(placed_experiment.has_outcomes for placed_experiment in experiments):
        return words("Wait, and do not contact the control group: no outcome is known yet.")
    return words("Do not contact the control group: it is not known yet whether the calls help.")


def _notes_on_controls(words: Words, effects: Effects) -> Markup:
    above_0 = words(
        "A difference above 0 means that churn is lower among customers who may be contacted than in the "
        "control group."
    )
    if words.is_event:
        above_0 = words(
            "A difference above 0 means that the event was more frequent among customers who may be "
            "contacted than in the control group."
        )
    notes = [
        paragraph(
            words.html(
                "Outcomes are known up to %(day)s. Customers are compared as they were drawn into the arms, "
                "contacted or not. %(above_0)s",
                above_0=above_0,
                day=Markup("<time>{}</time>").format(
                    words.date(effects.watermark) if effects.watermark else ""
                ),
            ),
            "soft",
        )
    ]
    notes += [
        Markup('<div class="note"><p>{}</p></div>').format(
            words.html(
                "Some nights had no control group. The reason in the parameters was: %(reason)s",
                reason=free(reason),
            )
        )
        for reason in effects.no_control_because
    ]
    return join_parts(notes)


def _table(words: Words, experiments: Sequence[PlacedExperiment]) -> Markup:
    """Return a row for each experiment that has outcomes in both arms."""
    bounds = _bounds(experiments)
    rows = []
    for placed_experiment in experiments:
        experiment, source = placed_experiment.experiment, placed_experiment.source
        difference = experiment.difference
        nightly = experiment.nightly
        shown, at = difference.difference, source.at("difference", "difference")
        if nightly is not None and nightly.difference.value is not None:
            shown, at = nightly.difference, source.at("nightly", "difference")
        rows.append(
            [
                experiment_name(words, experiment),
                Markup('<span class="verdict {}">{}</span>').format(
                    _mood(placed_experiment), verdict_in_words(words, placed_experiment)
                ),
                _arm(words, difference.control, source.at("difference", "control")),
                _arm(words, difference.treatment, source.at("difference", "treatment")),
                _bar(words, shown, bounds),
                words("cannot be said yet")
                if possible_part(shown) is None
                else show_points(words, shown, at),
                *_savings_cells(words, placed_experiment),
            ]
        )
    headings = [
        Heading(words("Play"), is_number=False),
        Heading(words("Verdict"), is_number=False, is_wide=True),
        Heading(words("Left, control group, %%")),
        Heading(words("Left, may be contacted, %%")),
    ]
    if words.is_event:
        headings += [
            Heading(words("More with the event: interval"), is_number=False),
            Heading(words("More with the event, points")),
            Heading(words("Customers gained")),
        ]
    else:
        headings += [
            Heading(words("Fewer left: interval"), is_number=False),
            Heading(words("Fewer left, points")),
            Heading(words("Customers saved")),
            Heading(words("Money saved")),
        ]
    return table(words("Effect of each play against its control group"), headings, rows)


def _bounds(experiments: Sequence[PlacedExperiment]) -> tuple[float, float]:
    ends = [0.0]
    for placed_experiment in experiments:
        nightly = placed_experiment.experiment.nightly
        interval = possible_part(
            placed_experiment.experiment.difference.difference if nightly is None else nightly.difference
        )
        if interval is not None:
            ends += [end for end in (interval.low, interval.high) if end is not None]
    return min(ends), max(ends)


def _bar(words: Words, interval: Interval, bounds: tuple[float, float]) -> Markup:
    part = possible_part(interval)
    if part is None or part.value is None or part.low is None or part.high is None:
        return EMPTY
    label = words("Interval of the difference; the line stands at 0")
    return interval_bar(label, (part.value, part.low, part.high), bounds)


def _arm(words: Words, arm: ArmChurn, source: Source) -> Markup:
    return Markup('{}<div class="id">{}</div>').format(
        show_number(words, arm.churn, source.at("churn"), 1, scale=POINTS),
        words.html(
            "%(churners)s of %(n)s",
            churners=show_number(words, arm.churners, source.at("churners")),
            n=show_number(words, arm.n, source.at("n")),
        ),
    )


def _savings_cells(words: Words, placed_experiment: PlacedExperiment) -> list[Markup]:
    """Return the cells with the customers and the money that were saved.

    If the label predicts an event, there is only one cell: how many more customers had the event.
    """
    experiment, source = placed_experiment.experiment, placed_experiment.source
    if words.is_event:
        return [_amount_cell(words, placed_experiment, experiment.gain, source.at("gain"), 1)]
    savings, at = experiment.savings, source.at("savings")
    customers, money = (savings.customers, savings.money) if savings else (None, None)
    return [
        _amount_cell(words, placed_experiment, customers, at.at("customers"), 1),
        _amount_cell(words, placed_experiment, money, at.at("money"), 0),
    ]


def _amount_cell(
    words: Words, placed_experiment: PlacedExperiment, interval: Interval | None, source: Source, digits: int
) -> Markup:
    """Return the cell of an amount, such as the customers saved.

    Without a verdict the cell shows no number, because a number would be read as a success.
    """
    verdict = placed_experiment.experiment.difference.verdict
    if interval is None or verdict is None or placed_experiment.has_alarm:
        return Markup("{}").format(DASH)
    number = show_interval(words, (interval.value, interval.low, interval.high), source, digits)
    nightly = placed_experiment.nightly_verdict
    if nightly is not None and (nightly.is_help or nightly.is_harm):
        return number
    return Markup('{}<div class="id">{}</div>').format(number, words("not shown"))


def _mood(placed_experiment: PlacedExperiment) -> str:
    if placed_experiment.has_alarm:
        return "bad"
    verdict = placed_experiment.nightly_verdict or Verdict.NOT_SHOWN
    return "good" if verdict.is_help else "bad" if verdict.is_harm else ""


def verdict_in_words(words: Words, placed_experiment: PlacedExperiment) -> str:
    """Return the verdict on an experiment in words.

    This page is read every night. So the verdict comes from the interval that stays valid however often
    people look at the results.
    """
    experiment = placed_experiment.experiment
    difference, nightly = experiment.difference, placed_experiment.nightly_verdict
    if placed_experiment.has_alarm:
        return words("Something is wrong with the arms.")
    if experiment.control_share is None:
        return words("The effect cannot be measured: there is no control group.")
    if not placed_experiment.has_outcomes:
        return words("No outcome is known yet.") if experiment.immature else words("No customer counts.")
    if difference.no_verdict_because == NoVerdict.EMPTY_ARM:
        return words("The effect cannot be measured: an arm has no customer with a known outcome.")
    if difference.verdict is None or nightly is None:
        return words("Too early to tell: in at least one of the arms, fewer than 20 customers have left.")
    if nightly.is_help:
        return words("It helped.")
    if nightly.is_harm:
        return words("It harmed.")
    if difference.verdict != Verdict.NOT_SHOWN:
        return words(
            "The effect is not proved yet. The difference would be a proof if you looked only once, on a "
            "fixed day. But a page that you read every night needs a larger difference."
        )
    return words("No effect is proved.")


def _legend(words: Words) -> Markup:
    return paragraph(
        words.html(
            "The more often you look at results, the more often chance looks like an effect. The intervals "
            "of 95%% are wide enough for a look every night. For a verdict, at least 20 customers in each "
            "arm must have left."
        ),
        "soft small",
    )


def _total(words: Words, effects: Effects) -> Markup:
    """Return a paragraph with the effect of all contacts together, and the sum of the effects of the plays.

    The paragraph also says why this sum is too large.
    """
    universal = effects.universal
    if effects.sum_of_plays is None or universal is None or universal.difference.verdict is None:
        return EMPTY
    total, source = universal.gain, FILE.at("universal", "gain")
    if universal.savings is not None:
        total, source = universal.savings.customers, FILE.at("universal", "savings", "customers")
    if total is None:
        return EMPTY
    shown_total = show_interval(words, (total.value, total.low, total.high), source, 1)
    shown_sum = show_number(words, effects.sum_of_plays, FILE.at("sum_of_plays"), 1)
    if words.is_event:
        sentence = words.html(
            "Because of all contacts together, %(total)s more customers had the event “%(event)s”. The "
            "effects of the single plays add up to %(sum)s customers. This sum is too large, because it "
            "also counts effects that look large only by chance.",
            total=shown_total,
            sum=shown_sum,
        )
    else:
        sentence = words.html(
            "All contacts together saved %(total)s customers. The effects of the single plays add up to "
            "%(sum)s customers. This sum is too large, because it also counts effects that look large "
            "only by chance.",
            total=shown_total,
            sum=shown_sum,
        )
    if effects.plays_without_difference:
        names = Markup(", ").join(free(name) for name in effects.plays_without_difference)
        sentence += Markup(" ") + words.html("The sum leaves out %(names)s.", names=names)
    return paragraph(sentence)


def _waiting_table(words: Words, experiments: Sequence[PlacedExperiment]) -> Markup:
    """Return a table of the experiments whose effect is not known yet.

    It shows how many customers still wait for their outcome, the day of the first outcome, and how many
    customers the experiment needs.
    """
    verdicts = [verdict_in_words(words, placed_experiment) for placed_experiment in experiments]
    is_one = len(set(verdicts)) == 1
    rows = []
    for placed_experiment, verdict in zip(experiments, verdicts, strict=True):
        experiment, design = placed_experiment.experiment, placed_experiment.design
        first = experiment.next_outcome_on
        has_design = design is not None and design.effect is not None and experiment.control_share is not None
        needed: Markup | str = DASH
        if has_design and design is not None and design.sample_size is not None:
            size = placed_experiment.design_source.at("sample_size")
            needed = show_number(
                words, design.sample_size.n, f"{size.at('n_control')} + {size.at('n_treatment')}"
            )
        effect = design.effect if has_design and design is not None else None
        rows.append(
            [
                experiment_name(words, experiment),
                *([] if is_one else [verdict]),
                show_number(words, experiment.immature, placed_experiment.source.at("immature")),
                DASH if first is None else day(words, first),
                show_number(words, effect, placed_experiment.design_source.at("effect"), 1, scale=POINTS),
                needed,
            ]
        )
    headings = [
        Heading(words("Play"), is_number=False),
        *([] if is_one else [Heading(words("Verdict"), is_number=False)]),
        Heading(words("Customers who wait")),
        Heading(words("First outcome")),
        Heading(words("Effect looked for, points")),
        Heading(words("Customers that it takes")),
    ]
    title = words("Cannot be told yet")
    note = words.html(
        "“Effect looked for” is the effect that the parameters assume. With fewer customers than the last "
        "column says, an effect of this size is found in less than 80%% of experiments."
    )
    common = paragraph(verdicts[0]) if is_one else EMPTY
    return join_parts([heading(title), common, table(title, headings, rows), paragraph(note, "soft small")])


def _outside(words: Words, experiments: Sequence[OutsideExperiment]) -> Markup:
    """Return the experiments that the company ran by itself, each treated arm beside its control arm."""
    rows = []
    for number, experiment in enumerate(experiments):
        source = FILE.at("outside", number)
        for index, effect in enumerate(experiment.effects):
            at = source.at("effects", index)
            difference = effect.difference
            if difference.value is None:
                continue
            rows.append(
                [
                    free(experiment.name),
                    free(effect.treatment.name),
                    show_number(
                        words, experiment.control.share, source.at("control", "share"), 1, scale=POINTS
                    ),
                    show_number(words, effect.treatment.share, at.at("treatment", "share"), 1, scale=POINTS),
                    show_points(words, difference, at.at("difference")),
                ]
            )
    if not rows:
        return EMPTY
    title = words("Experiments that the company ran by itself")
    headings = [
        Heading(words("Experiment"), is_number=False),
        Heading(words("Arm"), is_number=False),
        Heading(words("Outcome, control group, %%")),
        Heading(words("Outcome, treated, %%")),
        Heading(words("Better by, points")),
    ]
    return join_parts([heading(title), table(title, headings, rows)])
