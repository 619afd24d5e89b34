"""Who left in `[cutoff + gap, cutoff + gap + horizon)`.

Labels look at what happened and ignore when it became known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from churn.data.store import Store, day_number
from churn.features.engine.rows import NEVER
from churn.labels.contract import contract_outcomes
from churn.labels.outcomes import GONE, STAYED, CustomerOutcomes, Labels, label_window


def labels_at(store: Store, cutoffs: Sequence[date]) -> list[Labels]:
    """Return per cutoff one label per customer code: left, stayed, or a reason to drop the row.

    The labels of an immature cutoff mean nothing; ask `window_of` first. Nor do those of customers outside
    the cohort.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    return [one.label(store.params.label.leaving) for one in outcomes_at(store, cutoffs)]


def outcomes_at(store: Store, cutoffs: Sequence[date]) -> list[CustomerOutcomes]:
    """Return per cutoff what became of every customer code.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    if store.params.label.kind == "contract":
        return contract_outcomes(store, cutoffs)
    return inactivity_outcomes(store, cutoffs)


def inactivity_outcomes(store: Store, cutoffs: Sequence[date]) -> list[CustomerOutcomes]:
    """Return what became of everybody: gone is no event of the label's table in the window.

    What happens in the gap does not matter. A return is the first event after the window and before the
    watermark.
    """
    asked = []
    for number, cutoff in enumerate(cutoffs):
        window = label_window(store.params, cutoff)
        start, end = day_number(window.start), day_number(window.end)
        asked.append(f"bool_or(day >= {start} AND day < {end}) AS inside{number}")
        asked.append(f"min(CASE WHEN day >= {end} THEN day END) AS back{number}")
    with store.connect() as connection:
        found = connection.execute(
            f"SELECT customer, {', '.join(asked)} FROM {store.scan(store.params.label.core_table)} "
            f"WHERE day < {day_number(store.watermark)} GROUP BY 1"
        ).fetchnumpy()
    result = []
    for number in range(len(cutoffs)):
        outcome = np.full(store.n_customers, GONE, dtype=np.int8)
        outcome[found["customer"][np.asarray(found[f"inside{number}"], dtype=bool)]] = STAYED
        back_on = np.full(store.n_customers, NEVER, dtype=np.int32)
        back_on[found["customer"]] = np.ma.filled(found[f"back{number}"], NEVER)
        result.append(CustomerOutcomes(outcome, back_on))
    return result
