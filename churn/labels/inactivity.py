"""Labels by silence: left is who does nothing in the window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from churn.data.store import Store, day_number
from churn.features.engine.rows import NEVER
from churn.labels.calendar import window_of
from churn.labels.outcomes import GONE, STAYED, Decided


def decided_by_silence(store: Store, cutoffs: Sequence[date]) -> list[Decided]:
    """Return what became of everybody: gone is no event of the label's table in the window.

    What happens in the gap does not matter. A return is the first event after the window and before the
    watermark.
    """
    asked = []
    for number, cutoff in enumerate(cutoffs):
        window = window_of(store.params, cutoff)
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
        result.append(Decided(outcome, back_on))
    return result
