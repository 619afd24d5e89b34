"""The charts of the section about the model: calibration, gain, and what a budget of contacts earns."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from churn.evaluation.measures import ProfitPoint
from churn.evaluation.result import CampaignTerms, CustomerValue, EvaluationResult, MeasuredShare
from churn.metrics.catalog import CANDIDATE_NAMES
from churn.reporting.cost_lines import cost_digits
from churn.reporting.page.charts import Axis, Mark, Series, line_chart, tick_digits
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    chart_card,
    day,
    table,
)
from churn.reporting.page.movements import short_money
from churn.reporting.page.night_numbers import NIGHT_FILE
from churn.reporting.page.provenance import (
    Source,
    show_interval,
    show_number,
)
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words

METRICS_FILE = Source("metrics.json")
CHALLENGER_SOURCE = METRICS_FILE.at("candidates", "challenger")


def calibration_chart(words: Words, result: EvaluationResult) -> Markup:
    """Return a chart that compares observed with predicted shares of leavers, in groups of customers."""
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
        return words.share(value, tick_digits(100 * value))

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
            "Observed share of leavers against the predicted share, in per cent, in groups of equal size, "
            "with 95%% intervals."
        ),
        picture,
        table(title, headings, rows),
        keys=[("line soft", words("as many as predicted"))],
        note=words(
            "On the dotted line, as many customers left as predicted; above the line more customers left, "
            "and below the line fewer customers."
        ),
    )


def gain_chart(words: Words, result: EvaluationResult, night: ReportSources | None = None) -> Markup:
    """Return a chart of the share of churners who are reached, for each share of customers contacted.

    Tonight's budget of contacts is marked.
    """
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
        words(
            "For each share of customers contacted: the share of all churners who are reached, in per cent."
        ),
        picture,
        table(title, headings, rows),
        keys=keys,
    )


def budget_marks(words: Words, night: ReportSources | None, highest: float) -> tuple[Mark, ...]:
    """Return a mark for tonight's budget of contacts on an axis of shares of customers; no mark if the
    budget lies outside the axis.
    """
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
    """Return a chart of the profit by the share of customers contacted, with tonight's budget marked."""
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
        Axis(low, high, lambda value: short_money(words, value)),
        marks=budget_marks(words, night, 1.0),
    )
    rows = [
        [
            show_number(
                words, point.share, source.at(number, "share"), tick_digits(100 * point.share), scale=100
            ),
            show_interval(words, (value, point.low, point.high), source.at(number), 2),
        ]
        for number, point, value in points
    ]
    note = _terms_note(words, result.value)
    if loss := _loss_sentence(words, [point for _, point, _ in points]):
        note = Markup("<strong>{}</strong> {}").format(loss, note)
    return chart_card(
        words,
        title,
        words(
            "Profit in the test for each share of customers contacted: per customer, in your currency, with "
            "95%% intervals."
        ),
        picture,
        table(title, [Heading(words("Contacted, %%")), Heading(words("Profit per customer"))], rows),
        note=note,
    )


def _loss_sentence(words: Words, curve: Sequence[ProfitPoint]) -> str:
    """Return a warning if no number of contacts makes a certain profit; otherwise ""."""
    calls = [point for point in curve if point.share > 0 and point.value is not None]
    gains = [point for point in calls if point.value is not None and point.value > 0]
    if calls and not gains:
        return words("Under these assumptions, calls make no profit, whatever their number.")
    if calls and all(point.low is not None and point.low <= 0 for point in gains):
        return words("Under these assumptions, a profit from calls is not certain, whatever their number.")
    return ""


def _terms_note(words: Words, value: CustomerValue) -> Markup:
    """Return a text with the costs and the effect of a contact, and whether each is measured or assumed."""
    terms, at = value.profit, METRICS_FILE.at("value", "profit")
    cost = value.measured_cost
    share = value.measured_share if value.measured_share and value.measured_share.is_used else None
    measured_share = EMPTY if share is None else _measured_share(words, share)
    if cost is not None and cost.is_used:
        source = METRICS_FILE.at("value", "measured_cost")
        note = words.html(
            "Measured on %(n)s contacts with a recorded cost, out of %(contacts)s contacts known before "
            "%(day)s: a contact costs %(cost)s. Assumed: an offer costs %(offer)s.",
            n=show_number(words, cost.with_cost, source.at("with_cost")),
            contacts=show_number(words, cost.contacts, source.at("contacts")),
            day=day(words, cost.as_of),
            cost=show_interval(words, (cost.value, cost.low, cost.high), source, cost_digits(cost.value)),
            offer=show_number(words, terms.incentive_cost, at.at("incentive_cost"), 2),
        )
        return note + " " + (measured_share or _assumed_share(words, terms, at))
    if share is None:
        return _assumed_note(words, terms, at)
    return words.html(
        "Assumed: a contact costs %(contact)s, an offer %(offer)s. %(measured_share)s",
        contact=show_number(words, terms.contact_cost, at.at("contact_cost"), 2),
        offer=show_number(words, terms.incentive_cost, at.at("incentive_cost"), 2),
        measured_share=measured_share,
    )


def _measured_share(words: Words, share: MeasuredShare) -> Markup:
    source = METRICS_FILE.at("value", "measured_share")
    return words.html(
        "Measured against the control group, with outcomes up to %(day)s: %(share)s%% of the churners who "
        "are contacted stay.",
        day=day(words, share.as_of),
        share=show_interval(words, (share.value, share.low, share.high), source, 0, scale=100),
    )


def _assumed_share(words: Words, terms: CampaignTerms, at: Source) -> Markup:
    return words.html(
        "Also assumed: %(share)s%% of the churners who are contacted stay. Only a control group shows what "
        "contacts really do.",
        share=show_number(words, terms.accept_share, at.at("accept_share"), 0, scale=100),
    )


def _assumed_note(words: Words, terms: CampaignTerms, at: Source) -> Markup:
    """Return a text with the costs and the effect of a contact, which are assumed."""
    return words.html(
        "Assumed: a contact costs %(contact)s, an offer %(offer)s, and %(share)s%% of the churners who are "
        "contacted stay. Only a control group shows what contacts really do.",
        contact=show_number(words, terms.contact_cost, at.at("contact_cost"), 2),
        offer=show_number(words, terms.incentive_cost, at.at("incentive_cost"), 2),
        share=show_number(words, terms.accept_share, at.at("accept_share"), 0, scale=100),
    )
