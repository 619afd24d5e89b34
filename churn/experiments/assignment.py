"""Assign units (persons, accounts or customers) to the arms of an experiment by chance, once and permanently.

Each unit of an experiment has a position in [0, 1). The unit belongs to the control group if its position is
below the share of this group. So a larger group contains the smaller one: if the share grows from 5 to 10 %,
each unit of the first 5 % stays in the control group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.scoring.scores import CONTROL_ARM, TREATED_ARM

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

UNIVERSAL = "universal"
"""The name of the experiment whose control group no play may contact."""

RISK_BANDS, VALUE_BANDS = 4, 2
"""The number of bands of risk, and the number of bands of value; a stratum is a band of risk and a band of
value.
"""

ASSIGNMENT_COLUMNS = (
    *(
        "experiment",
        "unit",
        "arm",
        "position",
        "share",
        "assigned_on",
        "stratum",
        "score",
        "value",
        "customers",
    ),
)


@dataclass(frozen=True)
class Draw:
    """What is needed, besides the units, to draw the arms of the units in an experiment.

    Attributes:
        salt: The company's secret text, which is hashed together with each unit.
        experiment: The name of the experiment.
        night: The cutoff of the night in which the units are assigned.
    """

    salt: str
    experiment: str
    night: date


def hash_to_unit_interval(*parts: str) -> float:
    """Return a number in [0, 1) that depends only on the texts, but looks as if it were drawn by chance.

    >>> round(hash_to_unit_interval("salt", "universal", "c-1"), 6)
    0.206437
    """
    # The length before each part makes ("ab", "c") different from ("a", "bc").
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56


def draw_positions(units: Sequence[str] | Objects, strata: Sequence[str] | Objects, draw: Draw) -> Floats:
    """Return the position of each unit in [0, 1), evenly spread within each stratum.

    The n units of a stratum are ordered by their salted hashes; a unit's `place` in this order counts from 0.
    One number `start` in [0, 1) is drawn for each stratum. A unit's position is `(place + start) / n`. So
    each position is uniformly distributed. The number of controls in the stratum is always `share * n`,
    rounded down or up.

    Args:
        units: The names of the units, each of them once, shape `[units]`.
        strata: The stratum of each unit, shape `[units]`.
        draw: The salt, the experiment and the night.

    Source: systematic sampling with a random start; Cochran (1977), Sampling Techniques, chapter 8.
    """
    names = np.asarray(units, dtype=object)
    hashes = np.array([hash_to_unit_interval(draw.salt, draw.experiment, unit) for unit in names])
    positions = np.empty(len(names))
    labels = np.asarray(strata, dtype=object)
    for stratum in sorted(set(labels.tolist())):
        rows = np.flatnonzero(labels == stratum)
        order = rows[np.lexsort((names[rows].astype(str), hashes[rows]))]
        start = hash_to_unit_interval(draw.salt, draw.experiment, str(draw.night), str(stratum))
        positions[order] = ((np.arange(len(rows)) + start) / len(rows)) % 1.0
    return positions


def strata_of(score: Floats, value: Floats) -> Objects:
    """Return the stratum of each unit: its band of risk and its band of value among all these units.

    Args:
        score: The churn probability of each unit, shape `[units]`.
        value: The residual value of each unit (the money that it would still pay), shape `[units]`; NaN if it
            is not known.

    >>> strata_of(np.array([0.1, 0.9]), np.array([5.0, np.nan])).tolist()
    ['risk 1, value 1', 'risk 3, value unknown']
    """
    risk = _bands(score, RISK_BANDS)
    worth = _bands(value, VALUE_BANDS)
    return np.array(
        [f"risk {r}, value {v or 'unknown'}" for r, v in zip(risk, worth, strict=True)], dtype=object
    )


def _bands(values: Floats, n_bands: int) -> list[int]:
    """Return the band of each value by its rank: 1 for the lowest values; 0 for a missing value."""
    is_known = ~np.isnan(values)
    ranks = pd.Series(values[is_known]).rank(method="min").to_numpy() - 1
    bands = np.zeros(len(values), dtype=np.int64)
    if is_known.any():
        bands[is_known] = 1 + np.floor(ranks * n_bands / is_known.sum()).astype(np.int64)
    return [int(band) for band in bands]


def assign(
    units: pd.DataFrame, earlier: pd.DataFrame, *, share: float, draw: Draw
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the arm and the position of each unit, and the assignments that are new in this night.

    A unit that has a position keeps it permanently. The unit gets a new row with its old position if a new
    share has changed its arm, or if the list of its customers has changed.

    Args:
        units: The eligible units: `unit`, `score`, `value` (NaN if unknown) and `customers` (list of ids).
        earlier: The assignments of earlier nights, of all experiments, the oldest first.
        share: The share of the control group in this night.
        draw: The salt, the experiment and the night.

    Returns:
        `unit`, `arm` and `position` of each unit in the order of `units`, and the new rows with the columns
        `ASSIGNMENT_COLUMNS`, ordered by unit.
    """
    own = earlier[earlier["experiment"] == draw.experiment]
    latest = own.drop_duplicates("unit", keep="last").set_index("unit")
    first = own.drop_duplicates("unit", keep="first").set_index("unit")
    position = latest["position"].reindex(units["unit"]).to_numpy(dtype=np.float64).copy()
    is_new = np.isnan(position)
    new_units = units[is_new]
    stratum = first["stratum"].reindex(units["unit"]).to_numpy(dtype=object).copy()
    if is_new.any():
        new_strata = strata_of(
            new_units["score"].to_numpy(dtype=np.float64), new_units["value"].to_numpy(dtype=np.float64)
        )
        stratum[is_new] = new_strata
        position[is_new] = draw_positions(new_units["unit"].to_numpy(dtype=object), new_strata, draw)
    arm = np.where(position < share, CONTROL_ARM, TREATED_ARM).astype(object)
    earlier_arm = latest["arm"].reindex(units["unit"]).to_numpy(dtype=object)
    earlier_customers = latest["customers"].reindex(units["unit"])
    has_changed = is_new | (earlier_arm != arm)
    has_changed |= np.array(
        [
            list(before) != list(now) if isinstance(before, list | np.ndarray) else False
            for before, now in zip(earlier_customers, units["customers"], strict=True)
        ],
        dtype=bool,
    )
    rows = pd.DataFrame(
        {
            "experiment": draw.experiment,
            "unit": units["unit"].to_numpy(dtype=object),
            "arm": arm,
            "position": position,
            "share": share,
            "assigned_on": draw.night,
            "stratum": stratum,
            "score": units["score"].to_numpy(dtype=np.float64),
            "value": units["value"].to_numpy(dtype=np.float64),
            "customers": units["customers"].to_list(),
        }
    )
    assignments = rows[["unit", "arm", "position"]]
    new_rows = rows.loc[has_changed, list(ASSIGNMENT_COLUMNS)].sort_values("unit", ignore_index=True)
    return assignments, new_rows
