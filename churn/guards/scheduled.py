"""Times that are said to be known ahead, and are filled in only afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from scipy.stats import poisson

from churn.data.sql import quoted
from churn.finding import Finding
from churn.guards.context import Company

BACK = (60, 90, 120)
"""Days before today at which to count the times that lay ahead: recent, so that the company is the same."""

RARE = 1e-4
"""A chance below which so few ahead are no accident."""


def filled_afterwards(company: Company) -> Iterator[Finding]:
    """Stop at a scheduled time of which far fewer lie ahead today than seem to have lain ahead in the past.

    What is known with its row lies ahead of every date alike. What is filled in when it happens lies ahead of
    the past only: today's rows are still empty. Asked: fewer than half of the past's, and rarer than one in
    10,000 for a Poisson count of that mean.
    """
    for table in company.event_tables:
        for column in company.tables[table].of_role("scheduled"):
            name = f"{column.name}_day"
            if name not in company.store.tables[table].columns:
                continue
            counts = ", ".join(
                f"count(*) FILTER (WHERE day < {day} AND {quoted(name)} >= {day}) AS c{place}"
                for place, day in enumerate(company.watermark - back for back in (0, *BACK))
            )
            ((today, *past),) = company.rows(f"SELECT {counts} FROM {company.store.scan(table)}")
            usual = sum(past) / len(past)
            if today < usual / 2 and poisson.cdf(today, usual) < RARE:
                yield Finding(
                    f"{table}.{column.name}",
                    f"{today:,} rows have it ahead of {company.store.watermark}, but at dates {BACK[0]} to "
                    f"{BACK[-1]} days before {usual:,.0f} on average seem to have had it ahead: it is "
                    "filled in "
                    "when it happens.",
                    f"It is an outcome: map it as one, or take {column.name} out of the columns of {table}.",
                    "stop",
                )
