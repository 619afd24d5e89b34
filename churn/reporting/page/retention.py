"""The section about retention, from `kpis.json`: figures, their changes, and where customers are lost."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from churn.kpis.alarms import Alarm, AlarmsResult
from churn.kpis.catalog import FIGURES
from churn.kpis.definitions.definition import FigureDefinition
from churn.kpis.figure import Figure, Period
from churn.kpis.journey import StagesResult
from churn.reporting.page.charts import sparkline
from churn.reporting.page.cohort_charts import rfm_table, survival_chart, triangle_table
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    bullet_list,
    first_upper,
    fold,
    grid,
    join_parts,
    paragraph,
    table,
)
from churn.reporting.page.known_kpis import FILE, KnownKpis, PlacedFigure
from churn.reporting.page.movements import growth_chart, leak_table, money_chart
from churn.reporting.page.provenance import (
    difference_of,
    free,
    quote_in_language,
    show_bounds,
    show_interval,
    show_number,
)
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands

CARD_FIGURES = (
    *("customer_churn", "grr", "nrr", "mrr_at_end", "customers_at_start", "new_customers"),
    *("silent_leavers", "nps", "csat", "repeat_purchase_rate", "revenue_per_customer", "value_of_one_point"),
)
"""The figures that get a card, in the order of the page; the table below the cards holds all figures."""

COUNTED_UNITS = ("customers", "orders")
"""The units of figures that are counts. A count has no interval, and a larger count alone is neither better
nor worse.
"""

SHOWN_MONTHS = 13
"""The number of months that a chart shows: a year, and the same month of the year before."""


def retention_section(night: ReportSources, words: Words) -> Section:
    """Return the section about the present retention and where customers are lost."""
    title, known_kpis = words("Retention"), night.known_kpis
    if known_kpis.kpis is None:
        return Section("retention", title, mark_commands(words.value(known_kpis.reason)), EMPTY)
    return Section(
        "retention",
        title,
        _lead(words, known_kpis),
        join_parts(
            [
                _as_of(words, known_kpis),
                list_alarms(words, known_kpis),
                figure_cards(words, known_kpis, CARD_FIGURES),
                grid([money_chart(words, known_kpis), growth_chart(words, known_kpis)]),
                leak_table(words, known_kpis),
                triangle_table(words, known_kpis),
                grid([survival_chart(words, known_kpis), rfm_table(words, known_kpis)]),
                all_figures(words, known_kpis),
            ]
        ),
    )


def _lead(words: Words, known_kpis: KnownKpis) -> Markup:
    alarms, stages = known_kpis.section("alarms"), known_kpis.section("stages")
    sentences = []
    if isinstance(alarms, AlarmsResult) and alarms.alarms:
        sentences.append(
            words.html("Look first at the figures outside their usual range: they are listed below.")
        )
    if isinstance(stages, StagesResult) and stages.leaks:
        sentences.append(
            words.html(
                "Work on the stage “%(stage)s” first: most money was lost there.",
                stage=words.value(stages.leaks[0].stage),
            )
        )
    if not sentences:
        sentences.append(
            words.html("Compare each figure with the period before, and ask why it has changed.")
        )
    return Markup(" ").join(sentences)


def _as_of(words: Words, known_kpis: KnownKpis) -> Markup:
    if known_kpis.kpis is None:
        return EMPTY
    return paragraph(
        words.html(
            "Figures as of %(day)s. Brackets hold 95%% intervals. The newest months of some figures are "
            "missing: until the time for a late renewal is over, nobody knows for certain who left.",
            day=Markup("<time>{}</time>").format(words.date(known_kpis.kpis.cutoff)),
        ),
        "soft",
    )


def list_alarms(words: Words, known_kpis: KnownKpis) -> Markup:
    """Return a list of the figures whose latest value lies outside their usual range."""
    alarms = known_kpis.section("alarms")
    if not isinstance(alarms, AlarmsResult):
        return EMPTY
    source = FILE.at("sections", "alarms")
    items = []
    for number, alarm in enumerate(alarms.alarms):
        definition, at = FIGURES[alarm.name], source.at("alarms", number)
        value, usual, limit = (
            show_number(words, getattr(alarm, name), at.at(name), definition.digits)
            for name in ("value", "usual", "limit")
        )
        items.append(
            words.html(
                "<strong>%(title)s</strong>: %(value)s%(unit)s in %(period)s. The usual value is "
                "%(usual)s%(unit)s; the limit, computed from earlier values, is %(limit)s%(unit)s.",
                title=_alarm_title(words, alarm),
                value=value,
                unit=words.unit(definition.unit),
                period=period_in_words(words, alarm.period),
                usual=usual,
                limit=limit,
            )
        )
    n_watched = show_number(words, alarms.n_watched, source.at("n_watched"))
    if items:
        title = words.html(
            "Alarms: figures outside their usual range; %(n)s figures are watched.", n=n_watched
        )
        return Markup('<div class="note"><p><strong>{}</strong></p>{}</div>').format(
            title, bullet_list(items)
        )
    return paragraph(
        words.html("No alarm: all %(n)s watched figures are within their usual range.", n=n_watched)
    )


def _alarm_title(words: Words, alarm: Alarm) -> Markup:
    """Return the title of a figure, with its stage, segment or raters (such as promoters) in brackets."""
    title = words.value(FIGURES[alarm.name].title)
    if alarm.slice is None:
        return Markup("{}").format(title)
    return Markup("{} ({})").format(title, free(words.value(alarm.slice.level)))


def period_in_words(words: Words, period: Period) -> Markup:
    """Return a period in the language of the page."""
    if period.kind == "month":
        text = words.month(period.start)
    elif period.kind == "window":
        text = words("%(start)s to %(end)s", start=words.date(period.start), end=words.date(period.end))
    elif period.kind == "week":
        year, week, _ = period.start.isocalendar()
        text = words("week %(week)s of %(year)s", week=week, year=year)
    else:
        text = f"Q{(period.start.month + 2) // 3} {period.start.year}"
    return Markup("<time>{}</time>").format(text)


def figure_cards(words: Words, known_kpis: KnownKpis, names: Sequence[str]) -> Markup:
    """Return a card for each figure that has a value, and for the other figures the reasons why they are
    missing.
    """
    cards, absent = [], []
    for name in names:
        history = known_kpis.history(name)
        if any(placed_figure.figure.value is not None for placed_figure in history):
            cards.append(_card(words, FIGURES[name], history))
        elif history:
            absent.append(_absent(words, history))
    why_absent = EMPTY
    if absent:
        why_absent = fold(words("Figures that are not known, and why"), bullet_list(absent))
    return join_parts(
        [
            Markup('<div class="cards figures">{}</div>').format(join_parts(cards)) if cards else EMPTY,
            why_absent,
        ]
    )


def _card(words: Words, definition: FigureDefinition, history: Sequence[PlacedFigure]) -> Markup:
    with_value = [
        number for number, placed_figure in enumerate(history) if placed_figure.figure.value is not None
    ]
    latest = history[with_value[-1]]
    figure = latest.figure
    title = first_upper(words.value(definition.title))
    shown = history[max(0, len(history) - SHOWN_MONTHS) :]
    line = sparkline(
        words("%(title)s, the last months", title=title),
        [placed_figure.figure.value for placed_figure in shown],
    )
    facts = [period_in_words(words, figure.period)]
    if figure.n is not None and definition.unit not in COUNTED_UNITS:
        facts.append(words.html("n&nbsp;=&nbsp;%(n)s", n=show_number(words, figure.n, latest.source.at("n"))))
    value = show_number(words, figure.value, latest.source.at("value"), _digits(definition, figure.value))
    interval = show_bounds(words, (figure.low, figure.high), latest.source, _digits(definition, figure.value))
    return Markup(
        '<div class="card figure"><div class="what">{}</div><b>{}<span class="unit">{}</span></b>'
        '<div class="soft small">{}</div>{}<div class="soft small">{}</div>{}{}</div>'
    ).format(
        title,
        value,
        words.unit(definition.unit),
        interval,
        line,
        Markup(" · ").join(facts),
        _change(words, definition, latest, history[with_value[-1] - 1] if with_value[-1] else None),
        _explanation(words, latest),
    )


def _explanation(words: Words, latest: PlacedFigure) -> Markup:
    """Return a text that says what a figure means; empty if its title already says it."""
    if latest.figure.name != "value_of_one_point":
        return EMPTY
    sentence = words.html(
        "If one more of every hundred customers stays in each future month, the %(n)s customers of today are "
        "worth more. The amount above is this gain, in today's money.",
        n=show_number(words, latest.figure.n, latest.source.at("n")),
    )
    return Markup('<div class="small">{}</div>').format(sentence)


def _digits(definition: FigureDefinition, value: float | None) -> int:
    """Return the number of decimals of a figure; large amounts of money are shown without cents."""
    return 0 if value is not None and abs(value) >= 1000 else definition.digits


def _change(
    words: Words, definition: FigureDefinition, latest: PlacedFigure, before: PlacedFigure | None
) -> Markup:
    """Return the change of a figure since the period before, and whether the change is for the better."""
    now, earlier = latest.figure.value, None if before is None else before.figure.value
    if now is None or earlier is None or before is None:
        return EMPTY
    digits = _digits(definition, now)
    change = round(now - earlier, digits)
    period = period_in_words(words, before.figure.period)
    if not change:
        return Markup('<div class="small">{}</div>').format(
            words.html("unchanged since %(period)s", period=period)
        )
    amount = show_number(
        words,
        now - earlier,
        difference_of(latest.source.at("value"), before.source.at("value")),
        digits,
        signed=True,
    )
    style, verdict = _verdict(words, latest.figure, before.figure)
    return Markup('<div class="small change {}">{}{}</div>').format(
        style, words.html("%(change)s since %(period)s", change=amount, period=period), verdict
    )


def _verdict(words: Words, now: Figure, before: Figure) -> tuple[str, str]:
    """Return the style and the words for a change; if the intervals overlap, it is not certain that there is
    a change.
    """
    better = now.definition.better
    if now.value is None or before.value is None or better is None:
        return "", ""
    if now.low is not None and now.high is not None and before.low is not None and before.high is not None:
        if now.low <= before.high and before.low <= now.high:
            return "", f" ({words('within chance')})"
    elif now.definition.unit in COUNTED_UNITS:
        return "", ""
    if (now.value > before.value) == (better == "higher"):
        return "better", f" ({words('better')})"
    return "worse", f" ({words('worse')})"


def _absent(words: Words, history: Sequence[PlacedFigure]) -> Markup:
    latest = history[-1].figure
    return words.html(
        "<strong>%(title)s</strong>: not known, because %(reason)s.",
        title=first_upper(words.value(FIGURES[latest.name].title)),
        reason=reason_in_words(words, history[-1]),
    )


def reason_in_words(words: Words, placed_figure: PlacedFigure) -> Markup:
    """Return the text of the reason why a figure is missing."""
    return quote_in_language(words, placed_figure.figure.reason or "", placed_figure.source.at("reason"))


def all_figures(words: Words, known_kpis: KnownKpis) -> Markup:
    """Return a table with the latest value of every figure; the table is closed until the reader opens it."""
    rows = []
    for name, definition in FIGURES.items():
        history = known_kpis.history(name)
        numbers = [
            number for number, placed_figure in enumerate(history) if placed_figure.figure.value is not None
        ]
        if not history:
            continue
        latest = history[numbers[-1] if numbers else -1]
        figure = latest.figure
        before = history[numbers[-1] - 1] if numbers and numbers[-1] else None
        title = Markup('{}<div class="id">{}</div>').format(
            words.value(definition.title), words.value(definition.unit)
        )
        if figure.value is None:
            rows.append(
                [
                    title,
                    period_in_words(words, figure.period),
                    reason_in_words(words, latest),
                    EMPTY,
                    EMPTY,
                ]
            )
            continue
        rows.append(
            [
                title,
                period_in_words(words, figure.period),
                show_interval(
                    words, (figure.value, figure.low, figure.high), latest.source, definition.digits
                ),
                EMPTY
                if before is None
                else show_number(words, before.figure.value, before.source.at("value"), definition.digits),
                EMPTY if figure.n is None else show_number(words, figure.n, latest.source.at("n")),
            ]
        )
    headings = [
        Heading(words("Figure"), is_number=False),
        Heading(words("Period"), is_number=False),
        Heading(words("Value and interval")),
        Heading(words("Before")),
        Heading(words("n")),
    ]
    summary = words("All figures of the latest period")
    return fold(summary, table(summary, headings, rows))
