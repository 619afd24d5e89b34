"""Charts about how long customers stay: the cohort triangle, survival, and the churn of buyers by recency and
frequency.
"""

from __future__ import annotations

from markupsafe import Markup

from churn.kpis.cohorts import CohortsResult
from churn.kpis.groups import GroupsResult
from churn.kpis.rfm import Rfm, RfmCell
from churn.kpis.triangle import TriangleCell, TriangleRow
from churn.reporting.page.charts import Axis, Series, line_chart, nice_ticks
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    chart_card,
    heading,
    join_parts,
    paragraph,
    table,
    why_unknown,
)
from churn.reporting.page.known_kpis import FILE, KnownKpis
from churn.reporting.page.provenance import Source, quote_in_language, show_interval, show_number
from churn.reporting.page.words import Words

SHOWN_COHORTS = 13

MIN_ROWS = 30
"""The least number of rows of a cell; a cell with fewer rows is shown pale, because its share says little."""


def triangle_table(words: Words, known_kpis: KnownKpis) -> Markup:
    """Return the share of each monthly cohort that is still active, month by month."""
    cohorts = known_kpis.section("cohorts")
    if not isinstance(cohorts, CohortsResult):
        return EMPTY
    title = words("Who stays: customers by the month of joining")
    triangle = cohorts.triangle
    if triangle.reason:
        reason = why_unknown(words, triangle.reason)
        return join_parts([heading(title), reason])
    first = max(0, len(triangle.rows) - SHOWN_COHORTS)
    n_months = min(max(_n_known(row) for row in triangle.rows[first:]), SHOWN_COHORTS)
    rows = []
    for number in range(first, len(triangle.rows)):
        row, source = triangle.rows[number], FILE.at("sections", "cohorts", "triangle", "rows", number)
        month = Markup("<time>{}</time>").format(words.month(row.cohort))
        if row.is_open:
            month += Markup(' <span class="soft">{}</span>').format(words("(open)"))
        cells = [
            _triangle_cell(words, row.cells[column], source.at("cells", column))
            if column < len(row.cells)
            else EMPTY
            for column in range(n_months)
        ]
        rows.append([month, show_number(words, row.n, source.at("n")), *cells])
    headings = [
        Heading(words("Joined in"), is_number=False),
        Heading(words("Customers")),
        *(
            Heading(Markup('<span class="tick">{}</span>').format(words.count(column)))
            for column in range(n_months)
        ),
    ]
    note = words.html(
        "How many per cent of the customers who joined in a month are active at the end of this month "
        "(first column), one month later (second column), and so on. A cell is empty until it is certain "
        "who was active; “open” marks a month that is not over."
    )
    return join_parts(
        [
            heading(title),
            Markup('<div class="heat">{}</div>').format(table(title, headings, rows)),
            paragraph(note, "soft small"),
        ]
    )


def _n_known(row: TriangleRow) -> int:
    """Count the months of a row, up to the last month for which the share of active customers is known."""
    return max((cell.month + 1 for cell in row.cells if cell.share is not None), default=0)


def _triangle_cell(words: Words, cell: TriangleCell, source: Source) -> Markup:
    if cell.state == "open":
        return Markup('<span class="soft">{}</span>').format(words("open"))
    if cell.share is None:
        return EMPTY
    number = show_number(words, cell.share, source.at("share"), 0, scale=100)
    return Markup('<span class="heatcell" style="--heat:{}">{}</span>').format(round(cell.share, 3), number)


def survival_chart(words: Words, known_kpis: KnownKpis) -> Markup:
    """Return the chart that shows which share of customers stay longer than each number of days, with the
    interval of the share and the number of customers under observation.
    """
    cohorts = known_kpis.section("cohorts")
    if not isinstance(cohorts, CohortsResult) or not cohorts.survival.curves:
        return EMPTY
    title = words("How long customers stay")
    source, curve = FILE.at("sections", "cohorts", "survival", "curves", 0), cohorts.survival.curves[0]
    if curve.reason or len(curve.points) < 2:
        reason = why_unknown(words, curve.reason or "")
        return Markup('<div class="card unknown"><h4>{}</h4>{}</div>').format(title, reason)
    points = curve.points
    ticks = age_ticks(points[-1].age_days)
    foot = [
        (
            point.age_days,
            show_number(words, point.at_risk, source.at("points", index, "at_risk"), tag="tspan"),
        )
        for index, point in enumerate(points)
        if point.age_days in ticks
    ]
    line = Series(
        tuple((point.age_days, point.share) for point in points),
        band=tuple((point.age_days, point.low, point.high) for point in points),
        is_steps=True,
    )
    low = min(0.0 if point.low < 0.5 else 0.5 for point in points)
    picture = line_chart(
        words("Share of customers who stay longer than so many days; the table below holds the values"),
        [line],
        Axis(0, points[-1].age_days, words.count, words("days since joining"), ticks),
        Axis(low, 1.0, lambda value: words.share(value, 0)),
        foot=foot,
        foot_title=words("customers observed"),
    )
    if curve.median_days is not None:
        median = show_number(words, curve.median_days, source.at("median_days"))
        half = words.html("Half of the customers had left by day %(day)s after joining.", day=median)
    else:
        reason = quote_in_language(words, curve.median_reason or "", source.at("median_reason"))
        half = words.html(
            "The day by which half of the customers left is not known: %(reason)s.", reason=reason
        )
    rows = [
        [
            show_number(words, point.age_days, source.at("points", index, "age_days")),
            show_interval(
                words,
                (point.share, point.low, point.high),
                source.at("points", index),
                1,
                scale=100,
                names=("share", "low", "high"),
            ),
            show_number(words, point.at_risk, source.at("points", index, "at_risk")),
        ]
        for index, point in enumerate(points)
    ]
    headings = [
        Heading(words("Days")),
        Heading(words("Share that stays longer, %%")),
        Heading(words("Customers observed")),
    ]
    return chart_card(
        words,
        title,
        words(
            "Share of customers who stay longer than this number of days (Kaplan-Meier), with the 95%% band."
        ),
        picture,
        table(title, headings, rows),
        note=half,
    )


def age_ticks(days: int) -> tuple[float, ...]:
    """Return the ticks of an axis of ages in days.

    The distance between two ticks is 30, 90, 180, 360, 720 or 1,440 days. The curve of survival has a point
    at every 30 days, so the number of customers under observation is known at each of these ticks. An axis
    of less than 30 days has ticks at round values.

    >>> age_ticks(274), age_ticks(100)
    ((0.0, 90.0, 180.0, 270.0), (0.0, 30.0, 60.0, 90.0))
    """
    step = next((step for step in (30, 90, 180, 360, 720) if days / step <= 6), 1440)
    return tuple(float(tick) for tick in range(0, days + 1, step)) if days >= 30 else nice_ticks(0, days)


def rfm_table(words: Words, known_kpis: KnownKpis) -> Markup:
    """Return the table of the observed churn of buyers, by recency and frequency of their orders."""
    groups = known_kpis.section("groups")
    if not isinstance(groups, GroupsResult):
        return EMPTY
    title = words("Who left, by recency and frequency of orders")
    rfm, source = groups.rfm, FILE.at("sections", "groups", "rfm")
    if rfm.reason:
        reason = why_unknown(words, rfm.reason)
        return Markup('<div class="card unknown"><h4>{}</h4>{}</div>').format(title, reason)
    cells = {(cell.recency_class, cell.frequency_class): number for number, cell in enumerate(rfm.cells)}
    highest = max((cell.share or 0.0 for cell in rfm.cells if cell.n >= MIN_ROWS), default=0.0) or 1.0
    rows = []
    for index in reversed(range(len(rfm.recency))):
        recency = rfm.recency[index]
        row = [_range(words, source.at("recency", index), recency.lowest, recency.highest)]
        for frequency in rfm.frequency:
            number = cells[recency.number, frequency.number]
            row.append(_rfm_cell(words, rfm.cells[number], source.at("cells", number), highest))
        rows.append(row)
    headings = [
        Heading(words("Days, by orders"), is_number=False),
        *(
            Heading(_range(words, source.at("frequency", index), frequency.lowest, frequency.highest))
            for index, frequency in enumerate(rfm.frequency)
        ),
    ]
    return chart_card(
        words,
        title,
        words(
            "The percentage of customers who left in the label window after a past cutoff. Each line of the "
            "table stands for the days since the last order, each column for the orders in the year before "
            "the cutoff. Small numbers count the rows of data (a row is one customer at one cutoff)."
        ),
        Markup('<div class="heat risk">{}</div>').format(table(title, headings, rows)),
        _rfm_values(words, rfm, source),
        note=words("A cell is pale if its share comes from fewer than 30 rows of data."),
    )


def _range(words: Words, source: Source, lowest: float, highest: float) -> Markup:
    low = show_number(words, lowest, source.at("lowest"))
    if lowest == highest:
        return low
    return Markup("{}–{}").format(low, show_number(words, highest, source.at("highest")))


def _rfm_cell(words: Words, cell: RfmCell, source: Source, highest: float) -> Markup:
    if cell.share is None:
        return EMPTY
    heat = min(cell.share / highest, 1.0) if cell.n >= MIN_ROWS else 0.0
    return Markup('<span class="heatcell" style="--heat:{}">{}<small>{}</small></span>').format(
        round(heat, 3),
        show_number(words, cell.share, source.at("share"), 1, scale=100),
        show_number(words, cell.n, source.at("n")),
    )


def _rfm_values(words: Words, rfm: Rfm, source: Source) -> Markup:
    rows = [
        [
            show_number(words, cell.recency_class, source.at("cells", number, "recency_class")),
            show_number(words, cell.frequency_class, source.at("cells", number, "frequency_class")),
            show_number(words, cell.n, source.at("cells", number, "n")),
            show_number(words, cell.left, source.at("cells", number, "left")),
            show_interval(
                words,
                (cell.share, cell.low, cell.high),
                source.at("cells", number),
                1,
                scale=100,
                names=("share", "low", "high"),
            ),
        ]
        for number, cell in enumerate(rfm.cells)
        if cell.n
    ]
    headings = [
        Heading(words("Class of recency")),
        Heading(words("Class of frequency")),
        Heading(words("Rows")),
        Heading(words("Left")),
        Heading(words("Share that left, %%")),
    ]
    return table(words("Churn by recency and frequency"), headings, rows)
