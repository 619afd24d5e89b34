"""Attributes of customers as signals: what never changes, and what held at the cutoff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from churn.data.tables import HISTORY_PREFIX, LARGEST_NUMBER
from churn.features.language.events import Array, Events
from churn.features.signal import Function, Signal
from churn.params import Params

EVER_DAYS = 36_525
"""A value may hold since long ago; a century before the cutoff lies before all that the store holds."""


def attributes(params: Params) -> Iterator[Signal]:
    """Yield a signal for every attribute that params.yaml names under `static` or `history`."""
    customers = params.tables.get("customers")
    for name in customers.static if customers else ():
        yield _attribute(name, "customers", None, f"The customer's {_said(name)}, which never changes.")
    for name, history in customers.history.items() if customers else ():
        held = f"The customer's {_said(name)} that was known to hold at the cutoff."
        function = level_held if history.kind == "level" else number_held
        yield _attribute(name, f"{HISTORY_PREFIX}{name}", function, held)


def level_held(history: Events) -> Array:
    """Return the code of the latest value that had begun, and whose end was not known to have passed."""
    return history.lacking("valid_to").latest_level("value")


def number_held(history: Events) -> Array:
    """Return the latest value that had begun, and whose end was not known to have passed."""
    value = history.lacking("valid_to").latest("value")
    return np.where(
        value >= -LARGEST_NUMBER, value, np.nan
    )  # what was emptied is kept as a number below all others


def names_of(codes: Array, levels: Sequence[str]) -> npt.NDArray[np.object_]:
    """Return the names of codes; None where there is no code, or where the value was emptied.

    >>> names_of(np.array([1.0, np.nan, 0.0]), ["", "pro"])
    array(['pro', None, None], dtype=object)
    """
    names = np.array([*(level or None for level in levels), None], dtype=object)
    found: npt.NDArray[np.object_] = names[np.where(np.isnan(codes), len(levels), codes).astype(np.int64)]
    return found


def _attribute(name: str, table: str, function: Function | None, doc: str) -> Signal:
    number = function is number_held
    value = "{value:g}" if number else "{value}"
    return Signal(
        name=name,
        table=table,
        looks_back=1 if function is None else EVER_DAYS,
        unit="number" if number else "level",
        family="profile",
        riskier_when="either",
        reason={
            "en": f"customers whose {_said(name)} is {value} leave more often, all else equal",
            "de": f"Kunden mit {_said(name)} {value} gehen unter sonst gleichen Umständen häufiger",
        },
        doc=doc,
        function=function,
        level_of=None if number or function is None else "value",
        kind="number" if number else "level",
    )


def _said(name: str) -> str:
    return name.replace("_", " ")
