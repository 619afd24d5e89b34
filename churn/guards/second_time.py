"""Measure a second column of times in a table: how late the times are, and how many lie in the future.

A row's own time is when its event happened. Another column may hold a second time for each row, such as the
time at which the row was written or a parcel was delivered. A second time is late if it is a day or more
after the row's own time. A second time lies in the future if it is after the end of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from scipy.stats import poisson

from churn.data.sources.source import Source
from churn.data.store import date_of_day

DAYS_BEFORE_END = (60, 90, 120)
"""Rows whose second time was missing or in the future are also counted so many days before the end."""

MIN_OPEN = 5
"""`open_at_end` is compared with `usually_open` only if `usually_open` is at least this number."""

RARE = 1e-4
"""A low `open_at_end` is not a chance result if its probability is below this number."""

Evidence = Literal["rows trail", "rows are there before", "unknown"]


@dataclass(frozen=True)
class SecondTime:
    """What was measured about a second column of times, which a table has besides the time of each event.

    Attributes:
        rows: The number of rows with both times.
        filled_share: The share of rows that have the second time.
        in_order_share: Of the rows with both times, the share whose second time is not a day or more before
            the row's own time.
        late_share: Of the rows with both times, the share whose second time is a day or more after the row's
            own time.
        days: The number of distinct days of the second time.
        delay: The median delay of the rows whose second time is a day or more after the row's own time.
        ahead_share: Of the rows with both times, the share whose second time is two days or more after the
            end of the data.
        open_at_end: The number of rows whose second time is missing or after the end of the data.
        usually_open: At three dates before the end of the data (`DAYS_BEFORE_END`), the mean number of rows
            whose second time was missing or in the future.
        recent: The number of rows whose second time lies in the 30 days before the end of the data.
        usually_recent: The mean of `recent` over three earlier periods of 30 days, which end 60, 90 and 120
            days before the end of the data (`DAYS_BEFORE_END`).
        newest: The number of rows whose own time lies in the 30 days before the end of the data.
        usually_newest: The mean of `newest` over three earlier periods of 30 days, which end 60, 90 and 120
            days before the end of the data (`DAYS_BEFORE_END`).
    """

    rows: int
    filled_share: float
    in_order_share: float
    late_share: float
    days: int
    delay: timedelta
    ahead_share: float
    open_at_end: float
    usually_open: float
    recent: float
    usually_recent: float
    newest: float
    usually_newest: float

    @property
    def evidence(self) -> Evidence:
        """Return whether rows come into the data before their second time, or only after it.

        If rows come in only after their second time, no row has a missing or future second time at the end of
        the data. If rows come in earlier, such as before a parcel is delivered, some rows have a missing or
        future second time. The number of such rows at the end of the data is about the same as on three
        earlier dates (`DAYS_BEFORE_END`).

        The result is "unknown" if the table ends before the other tables. The second times of its last rows
        may then all have passed before the end of the data, so they show nothing.
        """
        if self.usually_open < MIN_OPEN or self.recent < self.usually_recent / 2:
            return "unknown"
        if self.newest < self.usually_newest / 2:
            return "unknown"
        if self.open_at_end >= self.usually_open / 2:
            return "rows are there before"
        return "rows trail" if poisson.cdf(self.open_at_end, self.usually_open) < RARE else "unknown"


def measure_second_time(
    source: Source, view: str, own_time: str, second_time: str, end: int
) -> SecondTime | None:
    """Measure the second times in a table; the result is None if no row has both an own and a second time.

    Args:
        source: The source.
        view: The name of the view that holds the rows of the table.
        own_time: The SQL of the row's own time.
        second_time: The SQL of the second time.
        end: The day number at which the data end: the day after the last row of any event table, or the
            watermark if it is later.
    """
    dates = [date_of_day(end - back) for back in (0, *DAYS_BEFORE_END)]
    still_open = ", ".join(
        f"count(*) FILTER (WHERE happened < DATE '{day}' AND (loaded IS NULL OR loaded >= DATE '{day}'))"
        for day in dates
    )
    periods = ", ".join(
        f"count(*) FILTER (WHERE {time} >= DATE '{date_of_day(end - start - 30)}' "
        f"AND {time} < DATE '{date_of_day(end - start)}')"
        for time in ("loaded", "happened")
        for start in (0, *DAYS_BEFORE_END)
    )
    is_late = "loaded >= happened + INTERVAL 1 DAY"
    sql = (
        "SELECT count(loaded), avg((loaded IS NOT NULL)::INTEGER), "
        "avg((loaded > happened - INTERVAL 1 DAY)::INTEGER), "
        f"avg(({is_late})::INTEGER), count(DISTINCT loaded::DATE), "
        f"median(loaded - happened) FILTER (WHERE {is_late}), "
        f"avg((loaded >= DATE '{dates[0]}' + INTERVAL 2 DAY)::INTEGER), {still_open}, {periods} FROM ("
        f"SELECT {own_time} AS happened, {second_time} AS loaded "
        f"FROM {view}) WHERE happened IS NOT NULL"
    )
    row = source.connection.execute(sql).fetchone()
    if row is None or not row[0]:
        return None
    rows, filled, in_order, late, days, delay, ahead, open_at_end, *counts = row
    n = len(DAYS_BEFORE_END)
    past_open = counts[:n]
    recent, *past_recent = counts[n : 2 * n + 1]
    newest, *past_newest = counts[2 * n + 1 :]
    return SecondTime(
        rows=rows,
        filled_share=filled,
        in_order_share=in_order,
        late_share=late,
        days=days,
        delay=delay or timedelta(0),
        ahead_share=ahead,
        open_at_end=open_at_end,
        usually_open=sum(past_open) / n,
        recent=recent,
        usually_recent=sum(past_recent) / n,
        newest=newest,
        usually_newest=sum(past_newest) / n,
    )
