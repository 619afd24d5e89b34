"""The section on the model: may its probabilities be believed, how good is its order, and what has moved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from markupsafe import Markup

from churn.drift.result import Drift, RealisedNight
from churn.evaluation.measures import Measure
from churn.evaluation.result import EvaluationResult
from churn.guards.verdict import Verdict
from churn.metrics.catalog import CANDIDATE_NAMES, METRICS, candidate_name
from churn.metrics.interval import Interval
from churn.reporting.page.bands import band_titles
from churn.reporting.page.charts import Axis, Mark, Series, line_chart
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    bullet_list,
    chart_card,
    day,
    fold,
    grid,
    heading,
    join_parts,
    note,
    paragraph,
    table,
)
from churn.reporting.page.movements import short_money
from churn.reporting.page.night_numbers import NIGHT_FILE
from churn.reporting.page.provenance import (
    DASH,
    Source,
    free,
    quote,
    quote_in_language,
    show_interval,
    show_number,
)
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands

METRICS_FILE, DRIFT_FILE = Source("metrics.json"), Source("drift.json")
CHALLENGER_SOURCE = METRICS_FILE.at("candidates", "challenger")


def model_section(night: ReportSources, words: Words) -> Section:
    """Return the section."""
    parts = []
    if night.result is None:
        parts.append(_not_evaluated(night, words))
    else:
        parts += [
            _test_sentences(words, night),
            _level_note(words, night),
            _cards(words, night.result),
            grid(
                [
                    calibration_chart(words, night.result),
                    gain_chart(words, night.result, night),
                    profit_chart(words, night.result, night),
                ]
            ),
            _bands(words, night.result),
            _baselines(words, night.result),
            _link(words, night),
        ]
    parts += [_drift_part(words, night.drift, night), _training(night, words)]
    return Section(
        "model", words("The model"), _lead(night, words), join_parts([part for part in parts if part])
    )


def _lead(night: ReportSources, words: Words) -> str:
    result = night.result
    if night.drift is not None and night.drift.retrain:
        return words("Train the model again: what it learnt does not hold any more.")
    if result is None:
        return words("Do not rely on the probabilities yet: this model was not evaluated.")
    if night.verdict is not None and not night.verdict.accepted:
        return words("Do not promote this model: a gate refused it.")
    if is_level_off(result.challenger.observed_expected):
        return words("Work from the top of the list, and do not take the probabilities at their word.")
    return words("Nothing to do: the model may be used as it is.")


def is_level_off(ratio: Interval) -> bool:
    """Return whether the interval of observed over expected does not contain 1."""
    return ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high


def _not_evaluated(night: ReportSources, words: Words) -> Markup:
    if night.latest_version:
        text = words.html(
            "There is no evaluation of model version %(version)s. The evaluation that is there is of version "
            "%(latest)s, which did not score this night.",
            version=quote(night.facts.model_version, NIGHT_FILE.at("model_version")),
            latest=free(night.latest_version),
        )
    else:
        text = mark_commands(words("There is no evaluation of this model. Run `churn evaluate`."))
    return Markup('<div class="note"><p>{}</p></div>').format(text)


def _test_sentences(words: Words, night: ReportSources) -> Markup:
    """Return on what the model was tested, and what the gates said."""
    result = night.result
    if result is None:
        return EMPTY
    sentences = [
        words.html(
            "Tested at %(days)s on %(rows)s rows; a row is one customer at one of these dates. "
            "%(churners)s of them "
            "left (%(share)s %%). Each prediction used only what was known at its date.",
            days=Markup(", ").join(day(words, cutoff) for cutoff in result.cutoffs),
            rows=show_number(words, result.challenger.rows, CHALLENGER_SOURCE.at("rows")),
            churners=show_number(words, result.challenger.churners, CHALLENGER_SOURCE.at("churners")),
            share=show_number(
                words, result.challenger.base_rate, CHALLENGER_SOURCE.at("base_rate"), 1, scale=100
            ),
        ),
        _gates(words, night.verdict, is_champion=result.evaluated_champion),
    ]
    if night.latest_version:
        sentences.append(
            words.html(
                "Version %(latest)s was evaluated later; its figures did not score this night.",
                latest=free(night.latest_version),
            )
        )
    return paragraph(Markup(" ").join(sentences), "soft")


def _gates(words: Words, verdict: Verdict | None, *, is_champion: bool) -> Markup:
    """Return what the gates said about the model."""
    source = Source("promotion.json").at("gates")
    if verdict is None and is_champion:
        return words.html("It is the champion; the gates were applied when it was promoted.")
    if verdict is None:
        return words.html("The gates were not applied yet (churn promote).")
    n_gates = show_number(words, len(verdict.gates), f"len:{source}")
    if verdict.accepted:
        return words.html("It passed all gates: %(n)s.", n=n_gates)
    refused = Markup("; ").join(
        Markup('<span lang="en">{}</span>').format(quote(gate.rule, source.at(number, "rule")))
        for number, gate in enumerate(verdict.gates)
        if not gate.passed
    )
    return words.html("Of %(n)s gates these refused it: %(rules)s.", n=n_gates, rules=refused)


def _level_note(words: Words, night: ReportSources) -> Markup:
    """Return how far the level was off at the test, and what that means for tonight."""
    if night.result is None or not is_level_off(night.result.challenger.observed_expected):
        return EMPTY
    ratio = night.result.challenger.observed_expected
    factor = ratio.value or 0.0
    shown = show_interval(
        words, (ratio.value, ratio.low, ratio.high), CHALLENGER_SOURCE.at("observed_expected"), 2
    )
    scored = night.scores["excluded_because"].isna()
    expected = float(night.scores.loc[scored, words.label.probability].sum())
    values = {
        "ratio": shown,
        "n": show_number(
            words, factor * expected, f"{CHALLENGER_SOURCE.at('observed_expected', 'value')} * night:expected"
        ),
        "expected": show_number(words, expected, "night:expected"),
    }
    if factor > 1:
        text = words.html(
            "The level was off at the test: %(ratio)s times as many customers left as the model expected. "
            "If tonight "
            "is like the test, tonight's probabilities are too low by this factor: about %(n)s customers "
            "leave, and "
            "not %(expected)s. The order of the customers is not affected.",
            **values,
        )
    else:
        text = words.html(
            "The level was off at the test: %(ratio)s times as many customers left as the model expected. "
            "If tonight "
            "is like the test, tonight's probabilities are too high by this factor: about %(n)s customers "
            "leave, and "
            "not %(expected)s. The order of the customers is not affected.",
            **values,
        )
    return note(paragraph(text))


def _measure(words: Words, measure: Measure, name: str, digits: int, scale: float = 1.0) -> Markup:
    return show_interval(
        words, (measure.value, measure.low, measure.high), CHALLENGER_SOURCE.at(name), digits, scale=scale
    )


def _cards(words: Words, result: EvaluationResult) -> Markup:
    """Return three numbers that a manager understands."""
    ours = result.challenger
    share = show_number(words, result.contact_share, METRICS_FILE.at("contact_share"), 0, scale=100)
    cards = [
        (
            words("Does the list begin with the right customers?"),
            _measure(words, ours.lift_at_contact_share, "lift_at_contact_share", 1),
            words.html(
                "times as many churners among the top %(share)s %% as in a random choice of the same size",
                share=share,
            ),
        ),
        (
            words("Does it rank the customers well?"),
            _measure(words, ours.auc, "auc", 1, 100.0),
            words.html(
                "per cent of the pairs of one customer who left and one who stayed are in the right order "
                "(AUC); chance has "
                "half"
            ),
        ),
        (
            words("Is the level of the probabilities right?"),
            _measure(words, ours.observed_expected, "observed_expected", 2),
            words.html("customers left for each one that the model expected"),
        ),
    ]
    return Markup('<div class="cards figures">{}</div>').format(
        join_parts(
            [
                Markup(
                    '<div class="card figure"><div class="what">{}</div><b>{}</b>'
                    '<div class="soft small">{}</div></div>'
                ).format(*card)
                for card in cards
            ]
        )
    )


def calibration_chart(words: Words, result: EvaluationResult) -> Markup:
    """Return the observed rates over the predicted ones, in groups of customers."""
    bins = result.calibration_table
    if not bins:
        return EMPTY
    source = METRICS_FILE.at("calibration_table")
    highest = max(max(row.predicted, row.high or row.observed) for row in bins) * 1.05 or 1.0
    dots = Series(
        tuple((row.predicted, row.observed) for row in bins),
        band=tuple(
            (row.predicted, row.low, row.high) for row in bins if row.low is not None and row.high is not None
        ),
        is_dots=True,
    )
    title = words("Do customers leave as often as predicted?")

    def percent(value: float) -> str:
        return words.share(value, 0 if highest > 0.05 else 1)

    picture = line_chart(
        words("Observed against predicted rates with intervals; the table below holds the values"),
        [Series(((0.0, 0.0), (highest, highest)), style="soft"), dots],
        Axis(0.0, highest, percent, words("predicted")),
        Axis(0.0, highest, percent),
    )
    rows = [
        [
            show_number(words, row.bin, source.at(number, "bin")),
            show_number(words, row.predicted, source.at(number, "predicted"), 1, scale=100),
            show_interval(
                words,
                (row.observed, row.low, row.high),
                source.at(number),
                1,
                scale=100,
                names=("observed", "low", "high"),
            ),
            show_number(words, row.rows, source.at(number, "rows")),
        ]
        for number, row in enumerate(bins)
    ]
    headings = [
        Heading(words("Group")),
        Heading(words("Predicted, %%")),
        Heading(words("Left, %%")),
        Heading(words("Rows")),
    ]
    return chart_card(
        words,
        title,
        words(
            "Share that left over the predicted share, in per cent, in groups of equal size, with 95 %% "
            "intervals."
        ),
        picture,
        table(title, headings, rows),
        keys=[("line soft", words("as many as predicted"))],
        note=words("On the dotted line as many left as predicted; above it more, below it fewer."),
    )


def gain_chart(words: Words, result: EvaluationResult, night: ReportSources | None = None) -> Markup:
    """Return how many churners a budget reaches, with tonight's budget marked."""
    gains = result.gain_table
    if not gains:
        return EMPTY
    source = METRICS_FILE.at("gain_table")
    title = words("How many churners a budget reaches")
    lines = [Series(((0.0, 0.0), (1.0, 1.0)), style="soft")]
    keys = [("line", words("the model")), ("line soft", words("a random choice"))]
    rule = next((name for name in ("rule", "recency") if getattr(gains[0], name) is not None), None)
    if rule is not None:
        lines.append(
            Series(((0.0, 0.0), *((row.share, getattr(row, rule) or 0.0) for row in gains)), style="ink")
        )
        keys.insert(1, ("line ink", words.value(CANDIDATE_NAMES[rule])))
    lines.append(Series(((0.0, 0.0), *((row.share, row.captured) for row in gains))))
    picture = line_chart(
        words(
            "Share of churners reached over the share of customers contacted; the table below holds the "
            "values"
        ),
        lines,
        Axis(
            0.0, 1.0, lambda value: words.share(value, 0), words("customers contacted, the most likely first")
        ),
        Axis(0.0, 1.0, lambda value: words.share(value, 0)),
        marks=budget_marks(words, night, 1.0),
    )
    rows = [
        [
            show_number(words, row.share, source.at(number, "share"), 0, scale=100),
            show_number(words, row.captured, source.at(number, "captured"), 1, scale=100),
            *(
                [show_number(words, getattr(row, rule), source.at(number, rule), 1, scale=100)]
                if rule is not None
                else []
            ),
            show_number(words, row.lift, source.at(number, "lift"), 1),
        ]
        for number, row in enumerate(gains)
    ]
    headings = [
        Heading(words("Contacted, %%")),
        Heading(words("Churners reached, %%")),
        *([Heading(words.value(CANDIDATE_NAMES[rule]) + ", %")] if rule is not None else []),
        Heading(words("Times better than chance")),
    ]
    return chart_card(
        words,
        title,
        words("Share of all churners, in per cent, by the share of customers contacted."),
        picture,
        table(title, headings, rows),
        keys=keys,
    )


def budget_marks(words: Words, night: ReportSources | None, highest: float) -> tuple[Mark, ...]:
    """Return tonight's budget as a mark on an axis of shares of customers; none if it lies outside."""
    if night is None or not night.facts.cohort or night.facts.n_places / night.facts.cohort > highest:
        return ()
    number = show_number(words, night.facts.n_places, NIGHT_FILE.at("places"), tag="tspan")
    return (
        Mark(
            night.facts.n_places / night.facts.cohort,
            words.html("tonight's budget: %(n)s contacts", n=number),
        ),
    )


def profit_chart(words: Words, result: EvaluationResult, night: ReportSources | None = None) -> Markup:
    """Return the profit by the share of customers contacted, with tonight's budget marked."""
    points = [
        (number, point, point.value)
        for number, point in enumerate(result.profit_curve)
        if point.value is not None
    ]
    if len(points) < 2 or result.value is None:
        return EMPTY
    source = METRICS_FILE.at("profit_curve")
    title = words("What a budget earns")
    ends = [end for _, point, value in points for end in (value, point.low, point.high) if end is not None]
    line = Series(
        tuple((point.share, value) for _, point, value in points),
        band=tuple(
            (point.share, point.low, point.high)
            for _, point, _ in points
            if point.low is not None and point.high is not None
        ),
    )
    low, high = min(0.0, *ends), max(0.0, *ends)
    picture = line_chart(
        words("Profit per customer over the share of customers contacted; the table below holds the values"),
        [Series(((0.0, 0.0), (1.0, 0.0)), style="soft"), line],
        Axis(0.0, 1.0, lambda value: words.share(value, 0), words("customers contacted")),
        Axis(
            low, high, lambda value: short_money(words, value) if high - low > 10 else words.number(value, 1)
        ),
        marks=budget_marks(words, night, 1.0),
    )
    rows = [
        [
            show_number(words, point.share, source.at(number, "share"), 1, scale=100),
            show_interval(words, (value, point.low, point.high), source.at(number), 2),
        ]
        for number, point, value in points
    ]
    terms, at = result.value.profit, METRICS_FILE.at("value", "profit")
    note = words.html(
        "Assumed: a contact costs %(contact)s, an offer %(offer)s, and %(share)s %% of the churners who "
        "are contacted "
        "stay. Only a control group shows what contacts really do.",
        contact=show_number(words, terms.contact_cost, at.at("contact_cost"), 2),
        offer=show_number(words, terms.incentive_cost, at.at("incentive_cost"), 2),
        share=show_number(words, terms.accept_share, at.at("accept_share"), 0, scale=100),
    )
    return chart_card(
        words,
        title,
        words("Currency per customer of the test, by the share contacted, with the 95 %% band."),
        picture,
        table(title, [Heading(words("Contacted, %%")), Heading(words("Profit per customer"))], rows),
        note=note,
    )


def _bands(words: Words, result: EvaluationResult) -> Markup:
    """Return how many customers of each health band left at the test."""
    outcomes = result.health_bands.outcomes
    if not outcomes or words.is_event:
        return EMPTY
    source = METRICS_FILE.at("health_bands", "outcomes")
    rows = []
    for number, band in enumerate(outcomes):
        at = source.at(number)
        rows.append(
            [
                Markup("{} {}").format(
                    show_number(words, band.band, at.at("band")), band_titles(words)[band.band]
                ),
                show_number(words, band.rows, at.at("rows")),
                show_number(words, band.predicted, at.at("predicted"), 1, scale=100),
                Markup('{} <span class="between">[{}{}{}]</span>').format(
                    show_number(words, band.share, f"{at.at('churners')} / {at.at('rows')}", 1, scale=100),
                    show_number(words, band.low, at.at("low"), 1, scale=100),
                    "; " if words.language == "de" else ", ",
                    show_number(words, band.high, at.at("high"), 1, scale=100),
                ),
            ]
        )
    shares = [band.share for band in outcomes]
    falls = all(first > second for first, second in pairwise(shares))
    note = (
        words("The share that left falls from band to band, as it should.")
        if falls
        else words(
            "The share that left does not fall from band to band: do not rely on the order of the bands."
        )
    )
    title = words("Does health mean what it says?")
    headings = [
        Heading(words("Health"), is_number=False),
        Heading(words("Rows")),
        Heading(words("Predicted, %%")),
        Heading(words("Left, %%")),
    ]
    return join_parts([heading(title), table(title, headings, rows), paragraph(note, "soft small")])


def _baselines(words: Words, result: EvaluationResult) -> Markup:
    """Return the model beside the champion and the baselines, folded."""
    rows = []
    for name, title in CANDIDATE_NAMES.items():
        candidate = result.candidates.get(name)
        if candidate is None:
            continue
        at = METRICS_FILE.at("candidates", name)
        cells = [
            show_interval(words, (measure.value, measure.low, measure.high), at.at(key), digits)
            for key, measure, digits in (
                ("auc", candidate.auc, 3),
                ("lift_at_contact_share", candidate.lift_at_contact_share, 2),
                ("observed_expected", candidate.observed_expected, 2),
                ("log_loss", candidate.log_loss, 4),
            )
        ]
        rows.append([words.value(title), *cells])
    comparisons = bullet_list(list(_comparisons(words, result)))
    title = words("The model beside simple rules")
    headings = [
        Heading(words("Who predicts"), is_number=False),
        Heading(words("AUC")),
        Heading(words("Lift")),
        Heading(words("Observed / expected")),
        Heading(words("Log loss")),
    ]
    return fold(title, comparisons + table(title, headings, rows))


def _comparisons(words: Words, result: EvaluationResult) -> Iterator[Markup]:
    """Yield whether the model is better than each other candidate, by the interval of the log loss."""
    for other in result.compared_with:
        pair = result.pair(other)
        if pair is None or pair.log_loss.low is None or pair.log_loss.high is None:
            continue
        source = METRICS_FILE.at("paired", f"challenger_minus_{other}", "log_loss")
        loss = show_interval(
            words,
            (pair.log_loss.value, pair.log_loss.low, pair.log_loss.high),
            source,
            METRICS["log_loss"].digits,
            signed=True,
        )
        name = words.value(candidate_name(other))
        if pair.log_loss.high < 0:
            yield words.html("better than %(other)s: log loss %(loss)s", other=name, loss=loss)
        elif pair.log_loss.low > 0:
            yield words.html("worse than %(other)s: log loss %(loss)s", other=name, loss=loss)
        else:
            yield words.html("no difference shown from %(other)s: log loss %(loss)s", other=name, loss=loss)


def _link(words: Words, night: ReportSources) -> Markup:
    """Return the link to the page of the evaluation, if it is the evaluation of this model."""
    if night.latest_version is not None:
        return EMPTY
    link = Markup('<a href="../evaluate/report.html">{}</a>').format(words("All figures of the evaluation"))
    return paragraph(link)


def _drift_part(words: Words, drift: Drift | None, night: ReportSources) -> Markup:
    """Return what has moved since the training, and how well earlier nights were predicted."""
    title = heading(words("Has anything moved since the training?"))
    if drift is None:
        again = words(
            "Nobody looked what has moved on this night. Run `churn drift --cutoff %(night)s`, then "
            "`churn report`.",
            night=night.cutoff,
        )
        return join_parts([title, paragraph(mark_commands(again), "soft")])
    parts = [title, *_moved_signals(words, drift), _realised_nights(words, drift.performance.realised_nights)]
    if drift.performance.because and not drift.performance.realised_nights:
        parts.append(
            paragraph(
                words.html(
                    "How well tonight was predicted is not known yet: %(reason)s.",
                    reason=words.value(drift.performance.because),
                ),
                "soft",
            )
        )
    parts.append(_triggers(words, drift))
    return join_parts([part for part in parts if part])


def _moved_signals(words: Words, drift: Drift) -> Iterator[Markup]:
    if drift.signals is None:
        reason = words.value(drift.no_reference_because or "")
        yield paragraph(words.html("Signals and probabilities were not compared: %(reason)s.", reason=reason))
        return
    source = DRIFT_FILE.at("signals")
    shown = [(number, signal) for number, signal in enumerate(drift.signals) if signal.psi is not None]
    moved = [entry for entry in shown if entry[1].has_moved]
    n_signals = show_number(words, len(drift.signals), f"len:{source}")
    if moved:
        yield paragraph(
            words.html("Of %(n)s signals these have moved further than ever in training:", n=n_signals)
        )
    else:
        yield paragraph(words.html("No: none of %(n)s signals moved further than its limit.", n=n_signals))
    rows = [
        [
            Markup("<code>{}</code>").format(signal.signal),
            show_number(words, signal.psi, source.at(number, "psi"), 3),
            show_number(words, signal.limit, source.at(number, "limit"), 3),
            show_number(words, signal.missing, source.at(number, "missing"), 1, scale=100),
            show_number(
                words, signal.missing_in_training, source.at(number, "missing_in_training"), 1, scale=100
            ),
        ]
        for number, signal in (moved or shown[:5])
    ]
    headings = [
        Heading(words("Signal"), is_number=False),
        Heading(words("Moved by (PSI)")),
        Heading(words("Limit")),
        Heading(words("Missing tonight, %%")),
        Heading(words("Missing in training, %%")),
    ]
    signals = table(words("Signals that moved most"), headings, rows)
    yield signals if moved else fold(words("The signals nearest to their limit"), signals)


def _realised_nights(words: Words, nights: tuple[RealisedNight, ...]) -> Markup:
    """Return earlier nights whose outcome is known: what the model expected, and what happened."""
    if not nights:
        return EMPTY
    rows = []
    for number, night in enumerate(nights):
        at = DRIFT_FILE.at("performance", "realised_nights", number)
        ratio, auc = night.observed_expected, night.outcome_figures.auc
        rows.append(
            [
                day(words, night.night),
                show_number(words, night.customers, at.at("customers")),
                show_number(words, night.churners, at.at("churners")),
                show_interval(words, (ratio.value, ratio.low, ratio.high), at.at("observed_expected"), 2),
                show_interval(words, (auc.value, auc.low, auc.high), at.at("outcome_figures", "auc"), 3),
            ]
        )
    title = words("Earlier nights whose outcome is known")
    headings = [
        Heading(words("Night"), is_number=False),
        Heading(words("Customers")),
        Heading(words("Left")),
        Heading(words("Observed / expected")),
        Heading(words("AUC")),
    ]
    note = words("Contacted customers are left out, because a contact changes what they do.")
    return join_parts([heading(title), table(title, headings, rows), paragraph(note, "soft small")])


def _reason_of_trigger(words: Words, text: str, source: Source) -> Markup:
    """Return a reason in the language of the page; one with decimals stays English."""
    if words.language == "en" or words.value(text) == text:
        return Markup('<span lang="en">{}</span>').format(quote(text, source))
    return quote_in_language(words, text, source)


def _triggers(words: Words, drift: Drift) -> Markup:
    answers = {True: words("yes"), False: words("no"), None: words("not known")}
    titles = {
        "level": words("The level is off"),
        "drift": words("Something has moved"),
        "age": words("The model is old"),
        "new_labels": words("Many new outcomes are known"),
    }
    items = [
        Markup("{}: <strong>{}</strong>. {}").format(
            titles[trigger.name],
            answers[trigger.fires],
            _reason_of_trigger(words, trigger.text, DRIFT_FILE.at("triggers", number, "text")),
        )
        for number, trigger in enumerate(drift.triggers)
    ]
    summary = words("Reasons to train again")
    if drift.retrain:
        return Markup('<div class="note"><p><strong>{}</strong></p>{}</div>').format(
            summary, bullet_list(items)
        )
    return fold(summary, bullet_list(items))


def _training(night: ReportSources, words: Words) -> Markup:
    """Return on which nights and outcomes the model was trained."""
    facts = night.facts
    cutoffs, rows = facts.model.get("trained_cutoffs") or (), facts.model.get("rows")
    if not cutoffs or not rows:
        return EMPTY
    text = words.html(
        "Model version %(version)s was trained on %(rows)s rows of customers at %(n)s cutoffs, %(first)s "
        "to %(last)s; "
        "%(churners)s of them left. The usual rate is %(rate)s %%.",
        version=quote(facts.model_version, NIGHT_FILE.at("model_version")),
        rows=show_number(words, rows, NIGHT_FILE.at("model", "rows")),
        n=show_number(words, len(cutoffs), f"len:{NIGHT_FILE.at('model', 'trained_cutoffs')}"),
        first=day(words, date.fromisoformat(cutoffs[0])),
        last=day(words, date.fromisoformat(cutoffs[-1])),
        churners=show_number(words, facts.model.get("churners"), NIGHT_FILE.at("model", "churners")) or DASH,
        rate=show_number(words, facts.base_rate, NIGHT_FILE.at("base_rate"), 1, scale=100),
    )
    parts = [paragraph(text, "soft small")]
    mature_on = facts.model.get("mature_on")
    if mature_on and mature_on > facts.cutoff:
        parts.append(
            paragraph(
                words.html(
                    "<strong>The model was trained on outcomes that were known only on %(day)s, after "
                    "this night: do "
                    "not use this night to evaluate it.</strong>",
                    day=day(words, date.fromisoformat(mature_on)),
                )
            )
        )
    return join_parts(parts)
