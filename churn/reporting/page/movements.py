"""Charts of gains and losses: recurring revenue, customers, and the stages from which customers left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from churn.kpis.journey import StagesResult
from churn.reporting.page.charts import Part, column_chart, length_bar, tick_digits
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    chart_card,
    fold,
    heading,
    join_parts,
    paragraph,
    table,
    why_unknown,
)
from churn.reporting.page.known_kpis import FILE, KnownKpis, PlacedFigure
from churn.reporting.page.provenance import DASH, free, length_of, show_interval, show_number
from churn.reporting.page.words import Words

SHOWN_MONTHS = 13


@dataclass(frozen=True)
class Movement:
    """A figure that increases or decreases a total, and how it is drawn in the chart."""

    name: str
    sign: int
    style: str


MRR_MOVEMENTS = (
    Movement("mrr_new", 1, "up1"),
    Movement("mrr_reactivated", 1, "up2"),
    Movement("mrr_expansion", 1, "up3"),
    Movement("mrr_resumed", 1, "up4"),
    Movement("mrr_churned", -1, "down1"),
    Movement("mrr_contraction", -1, "down2"),
    Movement("mrr_paused", -1, "down3"),
)
SALES = (
    Movement("existing_customer_revenue", 1, "up1"),
    Movement("new_customer_revenue", 1, "up2"),
)


def money_chart(words: Words, known_kpis: KnownKpis) -> Markup:
    """Return the chart of recurring revenue and its changes by month; if there are no contracts, it shows the
    revenue of orders.
    """
    if known_kpis.by_month("mrr_new"):
        return _money(
            words,
            known_kpis,
            MRR_MOVEMENTS,
            words("How recurring revenue changed"),
            words(
                "Revenue per month, in your currency; the gains are above the line, the losses below it. The "
                "revenue at the end of a month is the revenue at its start plus the gains minus the losses, "
                "exact to the cent."
            ),
            ("mrr_at_start", "mrr_at_end"),
        )
    if known_kpis.by_month("existing_customer_revenue"):
        return _money(
            words,
            known_kpis,
            SALES,
            words("Revenue of existing and of new customers"),
            words(
                "Revenue in your currency, by the month of the order. Without contracts there is no "
                "recurring revenue."
            ),
            (),
        )
    return EMPTY


def _money(
    words: Words,
    known_kpis: KnownKpis,
    movements: Sequence[Movement],
    title: str,
    unit: str,
    around: tuple[str, ...],
) -> Markup:
    by_name = {movement.name: known_kpis.by_month(movement.name) for movement in movements}
    shown = [movement for movement in movements if by_name[movement.name]]
    months = sorted(set().union(*(by_name[movement.name] for movement in shown)))[-SHOWN_MONTHS:]
    columns = [
        (
            _short_month(words, month),
            [
                Part(movement.sign * (_value(by_name[movement.name], month) or 0.0), movement.style)
                for movement in shown
            ],
        )
        for month in months
    ]
    names = [*around[:1], *(movement.name for movement in shown), *around[1:]]
    headings = [Heading(words("Month"), is_number=False), *(Heading(_title(words, name)) for name in names)]
    values = {name: known_kpis.by_month(name) for name in names}
    rows = [
        [_month(words, month), *(_cell(words, values[name].get(month)) for name in names)]
        for month in reversed(months)
    ]
    label = words("%(title)s, %(n)s months; the table below holds the values", title=title, n=len(months))
    return chart_card(
        words,
        title,
        unit,
        column_chart(label, columns, lambda value: short_money(words, value)),
        table(title, headings, rows),
        keys=[(movement.style, _title(words, movement.name)) for movement in shown],
    )


def _title(words: Words, name: str) -> str:
    titles = {
        "mrr_at_start": words("at the start"),
        "mrr_at_end": words("at the end"),
        "mrr_new": words("new"),
        "mrr_reactivated": words("came back"),
        "mrr_expansion": words("expansion"),
        "mrr_resumed": words("resumed"),
        "mrr_churned": words("left"),
        "mrr_contraction": words("contraction"),
        "mrr_paused": words("paused"),
        "existing_customer_revenue": words("existing customers"),
        "new_customer_revenue": words("new customers"),
    }
    return titles[name]


def _value(months: Mapping[date, PlacedFigure], month: date) -> float | None:
    return months[month].figure.value if month in months else None


def _cell(words: Words, placed_figure: PlacedFigure | None) -> Markup | str:
    return (
        DASH
        if placed_figure is None
        else show_number(words, placed_figure.figure.value, placed_figure.source.at("value"))
    )


def _month(words: Words, month: date) -> Markup:
    return Markup("<time>{}</time>").format(words.month(month))


def _short_month(words: Words, month: date) -> str:
    """Return a month as the title of a column; for January the year is added."""
    name = words.month(month).split()[0].rstrip(".")[:3]
    return f"{name} {month:%y}" if month.month == 1 else name


def short_money(words: Words, value: float) -> str:
    """Return an amount as the text at a tick of an axis: thousands end in `k`, millions in `m`.

    The amount has as many decimals as it needs, at most 2, so no value at a tick is rounded.

    >>> short_money(Words("en"), 250_000), short_money(Words("de"), -2_500_000), short_money(Words("en"), 7.5)
    ('250k', '-2,5 Mio.', '7.5')
    """
    units = ((1e6, " Mio.", "m"), (1e3, " Tsd.", "k"), (1.0, "", ""))
    size, german, english = next(unit for unit in units if abs(value) >= unit[0] or unit[0] == 1.0)
    number = value / size
    return words.number(number, tick_digits(number)) + (german if words.language == "de" else english)


GROWTH = (
    ("active_at_start", 0, ""),
    ("new_customers", 1, "up1"),
    ("resurrected_customers", 1, "up2"),
    ("dormant_customers", -1, "down1"),
    ("active_at_end", 0, ""),
)


def growth_chart(words: Words, known_kpis: KnownKpis) -> Markup:
    """Return the chart of how the number of active customers changed from month to month."""
    stages = known_kpis.section("stages")
    if not isinstance(stages, StagesResult):
        return EMPTY
    title = words("How the number of customers changed")
    if stages.growth_reason or not stages.growth:
        reason = why_unknown(words, stages.growth_reason or "")
        return Markup('<div class="card unknown"><h4>{}</h4>{}</div>').format(title, reason)
    titles = {
        "active_at_start": words("at the start"),
        "new_customers": words("new"),
        "resurrected_customers": words("came back"),
        "dormant_customers": words("left"),
        "active_at_end": words("at the end"),
    }
    first = max(0, len(stages.growth) - SHOWN_MONTHS)
    columns, rows = [], []
    for number in range(first, len(stages.growth)):
        month, source = stages.growth[number], FILE.at("sections", "stages", "growth", number)
        columns.append(
            (
                _short_month(words, month.start),
                [Part(sign * getattr(month, name).people, style) for name, sign, style in GROWTH if sign],
            )
        )
        rows.append(
            [
                _month(words, month.start),
                *(
                    show_number(words, getattr(month, name).people, source.at(name, "people"))
                    for name, _, _ in GROWTH
                ),
            ]
        )
    headings = [Heading(words("Month"), is_number=False), *(Heading(titles[name]) for name, _, _ in GROWTH)]
    label = words("%(title)s, %(n)s months; the table below holds the values", title=title, n=len(columns))
    return chart_card(
        words,
        title,
        words("Customers, by month; customers who came are above the line, customers who left are below it."),
        column_chart(label, columns, lambda value: words.number(value, tick_digits(value))),
        table(title, headings, rows[::-1]),
        keys=[(style, titles[name]) for name, sign, style in GROWTH if sign],
    )


def leak_table(words: Words, known_kpis: KnownKpis) -> Markup:
    """Return the table of the stages from which customers left, ordered by lost money, the most first."""
    stages = known_kpis.section("stages")
    if not isinstance(stages, StagesResult):
        return EMPTY
    title = words("Where customers leave: the stages, ranked by the money that was lost")
    if stages.reason:
        return join_parts(
            [
                heading(title),
                why_unknown(words, stages.reason),
            ]
        )
    has_money = stages.money_reason is None
    source = FILE.at("sections", "stages", "leaks")
    highest = (
        max((leak.money or 0.0 if has_money else leak.people for leak in stages.leaks), default=0.0) or 1.0
    )
    rows = []
    for number, leak in enumerate(stages.leaks):
        at, size = source.at(number), (leak.money or 0.0) if has_money else leak.people
        share = show_interval(
            words,
            (leak.share, leak.low, leak.high),
            at,
            1,
            scale=100,
            names=("share", "low", "high"),
        )
        money = DASH if leak.money is None else show_number(words, leak.money, at.at("money"))
        rows.append(
            [
                free(words.value(leak.stage)),
                length_bar(size / highest, at.at("money" if has_money else "people"), "accent"),
                money,
                show_number(words, leak.people, at.at("people")),
                share,
                show_number(words, leak.at_start, at.at("at_start")),
            ]
        )
    headings = [
        Heading(words("Stage at the start of the month"), is_number=False),
        Heading(Markup('<span class="hidden">{}</span>').format(words("Bar")), is_number=False),
        Heading(words("Lost, currency per month")),
        Heading(words("Customers who left")),
        Heading(words("Share that leaves in a month, %%")),
        Heading(words("Customer months")),
    ]
    note = words.html(
        "All %(n)s months together. The money is what these customers paid per month. For the confidence "
        "interval of the share that leaves, all months of a customer are one observation.",
        n=show_number(words, len(stages.growth), length_of(FILE.at("sections", "stages", "growth"))),
    )
    parts = [heading(title), table(title, headings, rows), paragraph(note, "soft small")]
    if stages.money_reason:
        parts.append(
            paragraph(
                words.html("No money: %(reason)s.", reason=words.value(stages.money_reason)), "soft small"
            )
        )
    parts.append(_moves(words, stages))
    return join_parts(parts)


def _moves(words: Words, stages: StagesResult) -> Markup:
    """Return the table of the moves between stages in the latest month, from most to fewest customers."""
    if not stages.months:
        return EMPTY
    latest = len(stages.months) - 1
    month = stages.months[latest]
    source = FILE.at("sections", "stages", "months", latest, "transitions")
    moves = [(number, move) for number, move in enumerate(month.transitions) if move.origin != move.target]
    moves.sort(key=lambda item: (-item[1].people, item[1].origin, item[1].target))
    rows = [
        [
            free(words.value(move.origin)),
            free(words.value(move.target)),
            show_number(words, move.people, source.at(number, "people")),
            DASH if move.money is None else show_number(words, move.money, source.at(number, "money")),
        ]
        for number, move in moves
    ]
    title = words.html("Who moved from which stage to which in %(month)s", month=_month(words, month.start))
    headings = [
        Heading(words("From"), is_number=False),
        Heading(words("To"), is_number=False),
        Heading(words("Customers")),
        Heading(words("Currency per month")),
    ]
    return fold(title, table(words("Moves between stages"), headings, rows)) if rows else EMPTY
