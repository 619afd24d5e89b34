"""The segments of customers: each holds all customers with one value of an attribute that never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.data.sql import identifier
from churn.data.store import Store
from churn.errors import ParamsError, did_you_mean
from churn.kpis.figure import Slice

MAX_LEVELS = 12
"""An attribute is a segment by default if it has 2 to 12 levels, so that each level has enough customers."""

MAX_CHOSEN_LEVELS = 50
"""The largest number of levels of an attribute that `kpis.segments` names."""

NO_LEVEL = "(missing)"


@dataclass(frozen=True)
class Segmentation:
    """The division of all customers into parts by one attribute.

    Attributes:
        by: The name of the attribute; None if there is one part with all customers.
        levels: The name of each part.
        code: The index of the part to which each customer belongs, `[customers]`.
    """

    by: str | None
    levels: tuple[str, ...]
    code: npt.NDArray[np.int64]

    def slice_of(self, part: int) -> Slice | None:
        """Return the `Slice` (attribute and level) of a part; None for all customers."""
        return None if self.by is None else Slice(by=self.by, level=self.levels[part])


def all_customers(n_customers: int) -> Segmentation:
    """Return the division into one part that holds all customers."""
    return Segmentation(None, ("all",), np.zeros(n_customers, dtype=np.int64))


def segmentations_for(kind: str, segmentations: Sequence[Segmentation]) -> Sequence[Segmentation]:
    """Return the divisions of the customers that are used for a kind of period.

    For weeks, only the division into one part with all customers is used, because the segments would be too
    small in a single week. For every other kind of period, all divisions are used.

    Args:
        kind: The kind of period, such as `month`.
        segmentations: The division into one part with all customers, then the divisions by attributes.
    """
    return segmentations[:1] if kind == "week" else segmentations


def read_segmentations(store: Store, attributes: Sequence[str], location: str) -> tuple[Segmentation, ...]:
    """Read the segments of customers.

    Args:
        store: The store.
        attributes: The names in `kpis.segments`; by default each static attribute with 2 to 12 levels.
        location: The file and the key in which the names are set, for messages.

    Raises:
        ParamsError: a name is no static attribute, or an attribute has too many levels. The error lists all
            wrong names, not only the first.
    """
    customers = store.params.tables.get("customers")
    static = [name for name in (customers.static if customers else ()) if _is_stored(store, name)]
    names = list(attributes) or sorted(static)
    problems = [
        f"{location}: '{name}' is no column under tables.customers.static.{did_you_mean(name, static)}"
        for name in names
        if name not in static
    ]
    result = []
    with store.connect() as connection:
        for name in names:
            if name not in static:
                continue
            column = f"CAST({identifier(name)} AS VARCHAR)"
            rows = connection.execute(
                f"SELECT DISTINCT {column} AS level FROM {store.scan('customers')} "
                f"WHERE {column} IS NOT NULL ORDER BY 1 LIMIT {MAX_CHOSEN_LEVELS + 1}"
            ).fetchall()
            levels = [str(level) for (level,) in rows]
            if attributes and len(levels) > MAX_CHOSEN_LEVELS:
                problems.append(
                    f"{location}: '{name}' has more than {MAX_CHOSEN_LEVELS} levels, so its segments would "
                    "be too small to read. Name an attribute with fewer levels."
                )
            if problems or not (attributes or 2 <= len(levels) <= MAX_LEVELS):
                continue
            codes = connection.execute(
                f"SELECT coalesce(list_position(?::VARCHAR[], {column}), 0) AS code "
                f"FROM {store.scan('customers')} ORDER BY customer",
                [levels],
            ).fetchnumpy()
            code = np.asarray(codes["code"], dtype=np.int64)
            result.append(Segmentation(name, (NO_LEVEL, *levels), code))
    if problems:
        raise ParamsError(*problems)
    return tuple(result)


def _is_stored(store: Store, name: str) -> bool:
    return name in store.tables["customers"].columns
