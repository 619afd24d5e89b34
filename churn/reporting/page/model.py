"""The section about the model: whether its probabilities can be trusted, how well it ranks the customers, and
what has changed since its training.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from markupsafe import Markup

from churn.evaluation.measures import Measure
from churn.evaluation.result import EvaluationResult
from churn.guards.verdict import Verdict
from churn.metrics.catalog import CANDIDATE_NAMES, METRICS, candidate_name
from churn.metrics.interval import Interval
from churn.reporting.page.bands import band_titles
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    bullet_list,
    day,
    fold,
    grid,
    heading,
    join_parts,
    note,
    paragraph,
    table,
)
from churn.reporting.page.model_charts import (
    CHALLENGER_SOURCE,
    METRICS_FILE,
    calibration_chart,
    gain_chart,
    profit_chart,
)
from churn.reporting.page.model_drift import drift_part
from churn.reporting.page.night_numbers import NIGHT_FILE
from churn.reporting.page.provenance import (
    DASH,
    Source,
    free,
    quote,
    show_interval,
    show_number,
    show_sentence,
)
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands


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
    parts += [drift_part(words, night.drift, night), _training(night, words)]
    return Section(
        "model", words("The model"), _lead(night, words), join_parts([part for part in parts if part])
    )


def _lead(night: ReportSources, words: Words) -> str:
    result = night.result
    if night.drift is not None and night.drift.retrain:
        return words("Train the model again: what the model learnt is no longer true.")
    if result is None:
        return words("Do not rely on the probabilities yet: this model was not evaluated.")
    if night.verdict is not None and not night.verdict.accepted:
        return words("Do not promote this model: a gate refused it.")
    if is_level_off(result.challenger.observed_expected):
        return words("Work from the top of the list, and do not treat the probabilities as exact.")
    return words("Nothing to do: the model may be used as it is.")


def is_level_off(ratio: Interval) -> bool:
    """Return whether 1 lies outside the interval of observed/expected churn."""
    return ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high


def _not_evaluated(night: ReportSources, words: Words) -> Markup:
    if night.latest_version:
        text = words.html(
            "There is no evaluation of model version %(version)s. The stored evaluation is of version "
            "%(latest)s, which did not score this night.",
            version=quote(night.facts.model_version, NIGHT_FILE.at("model_version")),
            latest=free(night.latest_version),
        )
    else:
        text = mark_commands(words("There is no evaluation of this model. Run `churn evaluate`."))
    return Markup('<div class="note"><p>{}</p></div>').format(text)


def _test_sentences(words: Words, night: ReportSources) -> Markup:
    """Return sentences that say on which cutoffs the model was tested, and what the gates decided."""
    result = night.result
    if result is None:
        return EMPTY
    sentences = [
        words.html(
            "Tested at %(days)s on %(rows)s rows; a row is one customer at one of these dates. In "
            "%(churners)s of these rows (%(share)s%%), the customer left. Each prediction used only what was "
            "known at its date.",
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
                "Version %(latest)s was evaluated later, but it did not score this night.",
                latest=free(night.latest_version),
            )
        )
    return paragraph(Markup(" ").join(sentences), "soft")


def _gates(words: Words, verdict: Verdict | None, *, is_champion: bool) -> Markup:
    """Return a text that says what the gates decided about the model."""
    source = Source("promotion.json").at("gates")
    if verdict is None and is_champion:
        return words.html("The model is the champion; the gates were applied when it was promoted.")
    if verdict is None:
        return words.html("The gates were not applied yet (churn promote).")
    n_gates = show_number(words, len(verdict.gates), f"len:{source}")
    if verdict.accepted:
        return words.html("It passed all gates: %(n)s.", n=n_gates)
    refused = Markup("; ").join(
        show_sentence(words, gate.rule, source.at(number, "rule"))
        for number, gate in enumerate(verdict.gates)
        if not gate.passed
    )
    return words.html("Of %(n)s gates, these refused the model: %(rules)s.", n=n_gates, rules=refused)


def _level_note(words: Words, night: ReportSources) -> Markup:
    """Return a note if the probabilities were too high or too low at the test; empty if they were not.

    The note multiplies tonight's expected number of churners by the observed/expected churn of the test.
    """
    if night.result is None or not is_level_off(night.result.challenger.observed_expected):
        return EMPTY
    ratio = night.result.challenger.observed_expected
    factor = ratio.value or 0.0
    shown = show_interval(
        words, (ratio.value, ratio.low, ratio.high), CHALLENGER_SOURCE.at("observed_expected"), 2
    )
    expected = float(night.scores.probability.sum())
    values = {
        "ratio": shown,
        "n": show_number(
            words, factor * expected, f"{CHALLENGER_SOURCE.at('observed_expected', 'value')} * night:expected"
        ),
        "expected": show_number(words, expected, "night:expected"),
    }
    if factor > 1:
        text = words.html(
            "The level of the probabilities was wrong at the test: %(ratio)s times as many customers left "
            "as the model expected. If tonight is like the test, tonight's probabilities are too low by this "
            "factor: about %(n)s customers will leave, not %(expected)s. The order of the customers is not "
            "affected.",
            **values,
        )
    else:
        text = words.html(
            "The level of the probabilities was wrong at the test: %(ratio)s times as many customers left "
            "as the model expected. If tonight is like the test, tonight's probabilities are too high: "
            "about %(n)s customers will leave, not %(expected)s. The order of the customers is not affected.",
            **values,
        )
    return note(paragraph(text))


def _measure(words: Words, measure: Measure, name: str, digits: int, scale: float = 1.0) -> Markup:
    return show_interval(
        words, (measure.value, measure.low, measure.high), CHALLENGER_SOURCE.at(name), digits, scale=scale
    )


def _cards(words: Words, result: EvaluationResult) -> Markup:
    """Return the lift, the AUC and observed/expected churn, each with words that a manager understands."""
    ours = result.challenger
    share = show_number(words, result.contact_share, METRICS_FILE.at("contact_share"), 0, scale=100)
    cards = [
        (
            words("Does the list begin with the right customers?"),
            _measure(words, ours.lift_at_contact_share, "lift_at_contact_share", 1),
            words.html(
                "times as many churners among the top %(share)s%% as in a random choice of the same size",
                share=share,
            ),
        ),
        (
            words("Does the model rank the customers well?"),
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


def _bands(words: Words, result: EvaluationResult) -> Markup:
    """Return how many customers of each health band left at the test cutoffs."""
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
        words("The share of customers who left falls from each band to the next better band, as it should.")
        if falls
        else words(
            "The share of customers who left does not always fall from one band to the next better band: do "
            "not rely on the order of the bands."
        )
    )
    title = words("Do fewer customers leave in better health bands?")
    headings = [
        Heading(words("Health"), is_number=False),
        Heading(words("Rows")),
        Heading(words("Predicted, %%")),
        Heading(words("Left, %%")),
    ]
    return join_parts([heading(title), table(title, headings, rows), paragraph(note, "soft small")])


def _baselines(words: Words, result: EvaluationResult) -> Markup:
    """Return the figures of the model, the champion and the baselines, in a table that a click opens."""
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
    """Yield for each other candidate a sentence that says whether the model is better.

    The interval of the difference in log loss decides.
    """
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
            yield words.html("not shown to differ from %(other)s: log loss %(loss)s", other=name, loss=loss)


def _link(words: Words, night: ReportSources) -> Markup:
    """Return a link to the page of the evaluation, if that page is about this model."""
    if night.latest_version is not None:
        return EMPTY
    link = Markup('<a href="../evaluate/report.html">{}</a>').format(words("All figures of the evaluation"))
    return paragraph(link)


def _training(night: ReportSources, words: Words) -> Markup:
    """Return a text that says on how many rows and at which cutoffs the model was trained."""
    facts = night.facts
    cutoffs, rows = facts.model.get("trained_cutoffs") or (), facts.model.get("rows")
    if not cutoffs or not rows:
        return EMPTY
    text = words.html(
        "Model version %(version)s was trained on %(rows)s rows; a row is one customer at one of %(n)s "
        "cutoffs, %(first)s to %(last)s. In %(churners)s of these rows, the customer left. The usual churn "
        "rate, taken from the newest cutoffs, is %(rate)s%%.",
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
                    "<strong>The model was trained on outcomes that became known only on %(day)s, after "
                    "this night: do "
                    "not use this night to evaluate it.</strong>",
                    day=day(words, date.fromisoformat(mature_on)),
                )
            )
        )
    return join_parts(parts)
