"""Turn customers' attributes into signals. An attribute either never changes or has a history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from churn.data.tables import HISTORY_PREFIX, LARGEST_NUMBER
from churn.features.language.events import Array, Events
from churn.features.signal import Function, Signal
from churn.params import Params

EVER_DAYS = 36_525
"""The look-back in days: a hundred years, because a value may have been set long ago."""


def attributes(params: Params) -> Iterator[Signal]:
    """Yield a signal for every attribute under `static` or `history` of params.yaml."""
    customers = params.tables.get("customers")
    for name in customers.static if customers else ():
        yield _attribute(name, "customers", None, f"The customer's {_in_words(name)}, which never changes.")
    for name, history in customers.history.items() if customers else ():
        doc = f"The customer's {_in_words(name)} at the cutoff, as known then."
        function = current_level if history.kind == "level" else current_number
        yield _attribute(name, f"{HISTORY_PREFIX}{name}", function, doc)


def current_level(history: Events) -> Array:
    """Return the code of the attribute's value for each customer at the cutoff, as known then, `[n]`."""
    return history.lacking("valid_to").latest_level("value")


def current_number(history: Events) -> Array:
    """Return the attribute's value for each customer at the cutoff, as known then, `[n]`."""
    value = history.lacking("valid_to").latest("value")
    # A stored number below this bound marks the end of a value.
    return np.where(value >= -LARGEST_NUMBER, value, np.nan)


def level_names(codes: Array, levels: Sequence[str]) -> npt.NDArray[np.object_]:
    """Return the name of each code; None if the code is missing or stands for an empty value.

    >>> level_names(np.array([1.0, np.nan, 0.0]), ["", "pro"])
    array(['pro', None, None], dtype=object)
    """
    names = np.array([*(level or None for level in levels), None], dtype=object)
    result: npt.NDArray[np.object_] = names[np.where(np.isnan(codes), len(levels), codes).astype(np.int64)]
    return result


def _attribute(name: str, table: str, function: Function | None, doc: str) -> Signal:
    number = function is current_number
    value = "{value:g}" if number else "{value}"
    return Signal(
        name=name,
        table=table,
        looks_back=1 if function is None else EVER_DAYS,
        unit="number" if number else "level",
        family="profile",
        riskier_when="either",
        reason={
            "en": f"customers whose {_in_words(name)} is {value} leave more often, all else equal",
            "de": f"Kunden mit {_in_words(name)} {value} gehen unter sonst gleichen Umständen häufiger",
        },
        doc=doc,
        function=function,
        level_of=None if number or function is None else "value",
        kind="number" if number else "level",
    )


def _in_words(name: str) -> str:
    return name.replace("_", " ")
