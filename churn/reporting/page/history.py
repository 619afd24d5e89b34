"""The nights before the night of a page: figures, call lists, and the probabilities of some customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from churn.data.own_files import read_own_parquet
from churn.errors import SourceError
from churn.reporting.page.night_scores import Floats, NightScores
from churn.scoring.past_nights import PastNightFacts, read_facts, scored_nights
from churn.scoring.sink import contacts_path, scores_path

MAX_NIGHTS = 30
"""The largest number of nights that the page shows, including the night of the page."""

RISKY_BAND = 2
"""The best health band that counts as at risk; in it, the odds of leaving are more than 1.5 times the usual
odds.
"""


@dataclass(frozen=True)
class NightFigures:
    """The headline figures of one night.

    Attributes:
        night: The cutoff of the night.
        customers: The number of customers of the cohort.
        at_risk: The number of customers in health band 1 or 2.
        expected: The sum of the probabilities, which is the expected number of churners.
        value: The sum of the values at risk (each customer's probability times what the customer would still
            pay), as far as they are known; None if none is known.
        n_calls: The number of customers on the call list.
    """

    night: date
    customers: int
    at_risk: int
    expected: float
    value: float | None
    n_calls: int


@dataclass(frozen=True)
class History:
    """The nights that predict one label, up to the night of the page, the oldest first.

    Attributes:
        nights: The figures of the nights; the last entry is the night of the page.
        probabilities: For each customer whose history was read, the probability in each of the nights; None
            in a night that did not score the customer.
        last_calls: `(customer_id, name)` for each line of the call list of the latest night before the night
            of the page; None if there is no earlier night.
        warnings: For each night that is left out because a file is damaged or missing, a text that says this
            and names the file.
    """

    nights: tuple[NightFigures, ...]
    probabilities: Mapping[str, tuple[float | None, ...]]
    last_calls: tuple[tuple[str, str], ...] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def last_night(self) -> NightFigures | None:
        """Return the figures of the latest night before the night of the page; None if there is none."""
        return self.nights[-2] if len(self.nights) > 1 else None


def figures_of(night: date, scores: NightScores, n_calls: int) -> NightFigures:
    """Return the headline figures of a night, computed from its scores."""
    return NightFigures(
        night=night,
        customers=len(scores.probability),
        at_risk=int((scores.health <= RISKY_BAND).sum()),
        expected=float(np.nansum(scores.probability)),
        value=None if np.isnan(scores.value).all() else float(np.nansum(scores.value)),
        n_calls=n_calls,
    )


def read_history(
    output: Path,
    tonight: NightFigures,
    scores: NightScores,
    probability: str,
    label_id: str,
    listed_ids: Iterable[str],
) -> History:
    """Read the earlier nights that predict the same label as the night of the page.

    Args:
        output: The output folder.
        tonight: The figures of the night of the page.
        scores: The scores of the night of the page, one row for each customer.
        probability: The name of the column with the probability.
        label_id: The id of the label that the night of the page predicts. Only nights of this label are read,
            because figures of different labels cannot be compared.
        listed_ids: The customers whose probabilities are read from the earlier nights.
    """
    customers = list(listed_ids)
    figures: list[NightFigures] = []
    columns: list[Floats] = []
    last_calls: tuple[tuple[str, str], ...] | None = None
    warnings: list[str] = []
    earlier = [night for night in scored_nights(output) if night < tonight.night]
    for night in reversed(earlier):
        if len(figures) == MAX_NIGHTS - 1:
            break
        try:
            facts = read_facts(output, night)
            if facts.label_id != label_id:
                continue
            past = _read_scores(output, night, facts, probability, customers)
            calls = _read_calls(output, night, facts)
        except (SourceError, FileNotFoundError) as error:
            reason = (
                f"{error.filename}: this file is missing." if isinstance(error, FileNotFoundError) else error
            )
            warnings.append(f"{reason} The report leaves the night of {night} out of the history.")
            continue
        figures.append(figures_of(night, past, len(calls)))
        columns.append(_probabilities(past, probability, customers))
        last_calls = calls if last_calls is None else last_calls
    rows = np.column_stack([*reversed(columns), _probabilities(scores, probability, customers)])
    probabilities = {
        customer: tuple(None if np.isnan(value) else float(value) for value in row)
        for customer, row in zip(customers, rows, strict=True)
    }
    return History((*reversed(figures), tonight), probabilities, last_calls, tuple(warnings))


def _probabilities(scores: NightScores, column: str, customers: Sequence[str]) -> Floats:
    """Return the probability of each customer in a night; NaN for a customer who was not scored."""
    values = (scores.rows.get(customer, {}).get(column) for customer in customers)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _read_scores(
    output: Path, night: date, facts: PastNightFacts, probability: str, customers: Iterable[str]
) -> NightScores:
    names = ("customer_id", "excluded_because", probability, "health", "value_at_risk")
    return NightScores.of(_read(scores_path(output, night), names, night, facts), probability, customers)


def _read_calls(output: Path, night: date, facts: PastNightFacts) -> tuple[tuple[str, str], ...]:
    rows = _read(contacts_path(output, night), ("customer_id", "name"), night, facts).to_pylist()
    return tuple((row["customer_id"], row["name"] or "") for row in rows)


def _read(path: Path, names: tuple[str, ...], night: date, facts: PastNightFacts) -> pa.Table:
    way_out = f"Run `churn score --cutoff {night}` again."
    return read_own_parquet(path, names, way_out=way_out, checksum=facts.files.get(path.name), only=True)
