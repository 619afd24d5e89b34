"""Who left in `[cutoff + gap, cutoff + gap + horizon)`.

Labels look at what happened and ignore when it became known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from churn.data.store import Store
from churn.labels.contract import decided_by_contracts
from churn.labels.inactivity import decided_by_silence
from churn.labels.outcomes import Decided, Labels


def labels(store: Store, cutoffs: Sequence[date]) -> list[Labels]:
    """Return per cutoff one label per customer code: left, stayed, or a reason to drop the row.

    The labels of an immature cutoff mean nothing; ask `window_of` first. Nor do those of customers outside
    the cohort.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    return [one.label(store.params.label.leaving) for one in decided(store, cutoffs)]


def decided(store: Store, cutoffs: Sequence[date]) -> list[Decided]:
    """Return per cutoff what became of every customer code.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    if store.params.label.kind == "contract":
        return decided_by_contracts(store, cutoffs)
    return decided_by_silence(store, cutoffs)
