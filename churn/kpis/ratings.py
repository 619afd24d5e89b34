"""The section `ratings`: whether customers leave more often if they gave low ratings, or if their health band
is low.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.own_files import read_own_parquet
from churn.data.store import Store, day_number
from churn.features.engine.cohort import read_customers
from churn.kpis.company import Company
from churn.kpis.observed_churn import (
    MAX_CUTOFFS,
    NO_CUTOFF,
    ChurnTable,
    Codes,
    Outcomes,
    churn_table,
    missing_table,
    read_outcomes,
)
from churn.kpis.section import SectionResult
from churn.kpis.voice import (
    NO_SATISFACTION,
    NO_SURVEYS,
    NOT_TEN_POINTS,
    PASSIVE_FROM,
    PROMOTER_FROM,
    may_be_ten_points,
)
from churn.kpis.voice_rows import RATING_UNIT, Answers
from churn.labels.outcomes import label_window
from churn.scoring.past_nights import scored_nights
from churn.scoring.sink import scores_path

Floats = npt.NDArray[np.float64]

ANSWER_DAYS = 365
"""The age in days after which an answer no longer counts."""

PROMOTER, PASSIVE, DETRACTOR, SILENT = "promoters", "passives", "detractors", "no answer"
MAX_CSAT_LEVELS = 11
BANDS = ("5", "4", "3", "2", "1")

NPS_DEFINITION = (
    "the rating is the customer's latest survey answer. An answer counts only if it is known at the cutoff "
    "and at most a year old. Promoters answered 9 or 10, passives 7 or 8, and detractors 0 to 6. The outcome "
    "is whether the customer left in the label window after the cutoff"
)
CSAT_DEFINITION = (
    "the rating is the customer's latest rating of a closed ticket. A rating counts only if it is known at "
    "the cutoff and at most a year old. The outcome is whether the customer left in the label window after "
    "the cutoff"
)
HEALTH_DEFINITION = (
    "the rating is the customer's health band in the first stored night of each month. The outcome is "
    "whether the customer left in the label window after the night. Band 5 is healthy, so the share of "
    "churners should rise from band 5 to band 1. Customers who were contacted also count"
)


class RatingsResult(SectionResult):
    """The observed churn rate by the customers' ratings, and by their health band."""

    nps: ChurnTable
    csat: ChurnTable
    health: ChurnTable


def ratings_section(company: Company) -> RatingsResult:
    """Compute the section."""
    store, cutoff = company.store, company.cutoff
    return RatingsResult(
        nps=nps_table(store, company.outcomes, company.answers),
        csat=csat_table(store, company.outcomes),
        health=health_table(store, cutoff),
    )


def nps_table(store: Store, outcomes: Outcomes, answers: Answers | None) -> ChurnTable:
    """Return the observed churn rate of promoters, passives and detractors, the rating classes of the NPS.

    Args:
        store: The store.
        outcomes: Which customers left after each cutoff.
        answers: All answers, or None if there are no ratings. The answers show whether the scale is 0 to 10.
    """
    days = store.params.label.horizon_days
    if answers is None:
        return missing_table(NPS_DEFINITION, days, NO_SURVEYS)
    if not may_be_ten_points(answers.rating):
        return missing_table(NPS_DEFINITION, days, NOT_TEN_POINTS)
    if not outcomes.cutoffs:
        return missing_table(NPS_DEFINITION, days, NO_CUTOFF)
    has_time = "answered_at_day" in store.tables["surveys"].columns
    rating = latest_answers(
        store, "surveys", "rating", "answered_at_day" if has_time else "day", outcomes.cutoffs
    )
    return churn_table(
        NPS_DEFINITION,
        days,
        (PROMOTER, PASSIVE, DETRACTOR, SILENT),
        nps_codes(rating),
        outcomes,
        ((DETRACTOR, PROMOTER), (PASSIVE, PROMOTER)),
    )


def nps_codes(rating: Floats) -> Codes:
    """Return 0 for promoters, 1 for passives, 2 for detractors and 3 for customers without an answer.

    Args:
        rating: The ratings, in thousandths; NaN for customers without an answer.

    >>> nps_codes(np.array([10_000, 9_000, 8_000, 7_000, 6_000, 0, np.nan])).tolist()
    [0, 0, 1, 1, 2, 2, 3]
    """
    code = np.where(rating >= PROMOTER_FROM, 0, np.where(rating >= PASSIVE_FROM, 1, 2))
    return np.where(np.isnan(rating), 3, code).astype(np.int64)


def csat_table(store: Store, outcomes: Outcomes) -> ChurnTable:
    """Return the observed churn rate after past cutoffs, by the customer's satisfaction with a ticket."""
    days = store.params.label.horizon_days
    columns = store.tables["tickets"].columns if store.has("tickets") else ()
    if not {"satisfaction", "closed_at_day"} <= set(columns):
        return missing_table(CSAT_DEFINITION, days, NO_SATISFACTION)
    if not outcomes.cutoffs:
        return missing_table(CSAT_DEFINITION, days, NO_CUTOFF)
    score = latest_answers(store, "tickets", "satisfaction", "closed_at_day", outcomes.cutoffs)
    values = np.unique(score[~np.isnan(score)])
    if not len(values):
        return missing_table(CSAT_DEFINITION, days, "no satisfaction was known at any of the cutoffs")
    if len(values) > MAX_CSAT_LEVELS:
        reason = f"tickets.satisfaction has {len(values)} values; at most {MAX_CSAT_LEVELS} can be levels"
        return missing_table(CSAT_DEFINITION, days, reason)
    code = np.where(np.isnan(score), len(values), np.searchsorted(values, score)).astype(np.int64)
    names = [f"{value / RATING_UNIT:g}" for value in values]
    pairs = ((names[0], names[-1]),) if len(names) > 1 else ()
    return churn_table(CSAT_DEFINITION, days, (*names, SILENT), code, outcomes, pairs)


def latest_answers(store: Store, table: str, value: str, day: str, cutoffs: Sequence[date]) -> Floats:
    """Return for each customer and cutoff the latest rating that was known at the cutoff, in thousandths; NaN
    if there is none.

    Args:
        store: The store.
        table: The name of the table with the ratings.
        value: The name of the column with the rating.
        day: The name of the column with the day on which the rating was given.
        cutoffs: The cutoffs.

    Returns:
        An array with the shape `[cutoffs, customers]`.
    """
    result = np.full((len(cutoffs), store.n_customers), np.nan)
    if not cutoffs:
        return result
    ends = [day_number(cutoff) for cutoff in cutoffs]
    seen = "greatest(day, known_day)" if store.tables[table].two_clocks else "day"
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT customer, {day} AS given, greatest({day}, {seen}) AS seen, {value} AS value "
            f"FROM {store.scan(table)} WHERE {value} IS NOT NULL AND {day} < {max(ends)} "
            f'AND {day} >= {min(ends) - ANSWER_DAYS} ORDER BY customer, given, "at", value'
        ).fetchnumpy()
    for row, end in enumerate(ends):
        is_known = (rows["seen"] < end) & (rows["given"] >= end - ANSWER_DAYS)
        customer, values = rows["customer"][is_known], rows["value"][is_known]
        is_latest = np.append(customer[1:] != customer[:-1], True)[: len(customer)]
        result[row, customer[is_latest]] = values[is_latest]
    return result


def health_table(store: Store, cutoff: date) -> ChurnTable:
    """Return the observed churn rate by health band, from the bands that past nights stored.

    Raises:
        SourceError: the file of a night is damaged.
    """
    params = store.params
    days = params.label.horizon_days
    stored = scored_nights(params.output)
    if not stored:
        return missing_table(HEALTH_DEFINITION, days, "no night has been scored yet")
    late_days = params.snapshot.late_days
    matured = [night for night in stored if label_window(night, params.label, late_days).mature_on <= cutoff]
    if not matured:
        mature_on = label_window(stored[0], params.label, late_days).mature_on
        reason = f"the label of the first stored night, {stored[0]}, is known only on {mature_on}"
        return missing_table(HEALTH_DEFINITION, days, reason)
    nights = read_bands(store, first_of_each_month(matured)[-MAX_CUTOFFS:])
    if not nights.nights:
        return missing_table(HEALTH_DEFINITION, days, "the stored nights were scored for another label")
    code = np.where(np.isnan(nights.band), -1, 5 - nights.band).astype(np.int64)
    return churn_table(
        HEALTH_DEFINITION, days, BANDS, code, read_outcomes(store, nights.nights), (("1", "5"), ("2", "4"))
    )


def first_of_each_month(nights: Sequence[date]) -> list[date]:
    """Return the first night of each month, in order of time.

    >>> [str(night) for night in first_of_each_month([date(2025, 1, 3), date(2025, 1, 4), date(2025, 3, 1)])]
    ['2025-01-03', '2025-03-01']
    """
    first: dict[tuple[int, int], date] = {}
    for night in sorted(nights):
        first.setdefault((night.year, night.month), night)
    return list(first.values())


@dataclass(frozen=True)
class StoredBands:
    """The health bands of stored nights, `[nights, customers]`; NaN for customers without a band."""

    nights: tuple[date, ...]
    band: Floats


def read_bands(store: Store, nights: Sequence[date]) -> StoredBands:
    """Read the health bands of the nights, except nights that were scored for another label than the one in
    params.yaml.

    Raises:
        SourceError: the file of a night is damaged.
    """
    code_of = {str(customer): code for code, customer in enumerate(read_customers(store).ids)}
    scored_nights, bands = [], []
    for night in nights:
        table = read_own_parquet(
            scores_path(store.params.output, night),
            ["customer_id", "health", "label_id"],
            way_out=f"Run `churn score --cutoff {night}` again.",
        )
        if set(table["label_id"].to_pylist()) != {store.params.label_id}:
            continue
        band = np.full(store.n_customers, np.nan)
        for customer, health in zip(
            table["customer_id"].to_pylist(), table["health"].to_pylist(), strict=True
        ):
            if health is not None and customer in code_of:
                band[code_of[customer]] = health
        scored_nights.append(night)
        bands.append(band)
    return StoredBands(tuple(scored_nights), np.array(bands).reshape(len(scored_nights), store.n_customers))
