"""Remove one customer from the ledger, which has one page for each night.

A unit is one customer, or several who belong together, such as an account. A unit that also has other
customers keeps its assignment. If such a unit is named after the erased customer (`ID` or `unit of ID`), it
gets another name on all pages. A unit that has only the erased customer is removed; the number of removed
units in each arm is stored. All other units keep their arms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from churn.data.forgotten import ErasedUnits
from churn.experiments.ledger import LedgerNight, ledger_nights, read_page, write_page


@dataclass(frozen=True)
class UnitChanges:
    """What happens to the units of a customer who is erased.

    Attributes:
        names: The new name of each unit that gets another name.
        empty_units: The units that have no other customer, so they are removed.
    """

    names: Mapping[str, str]
    empty_units: frozenset[str]


@dataclass(frozen=True)
class LedgerErasure:
    """What changes in the ledger if a customer is removed.

    Attributes:
        pages: The new content of each page that changes, by the cutoff of its night.
        rows: The number of rows that name the customer.
        units: The number of removed units, by experiment and arm.
    """

    pages: Mapping[date, LedgerNight]
    rows: int
    units: tuple[ErasedUnits, ...]


def erase_from_ledger(output: Path, customer: str) -> LedgerErasure:
    """Return what changes in the ledger if one customer is removed; this function writes nothing.

    Args:
        output: The output folder.
        customer: The id of the customer.

    Raises:
        SourceError: a file of the ledger is damaged or missing.
    """
    nights = {night: read_page(output, night) for night in ledger_nights(output)}
    changes = unit_changes([tables["assignments"] for _, tables in nights.values()], customer)
    pages: dict[date, LedgerNight] = {}
    n_rows = 0
    arms: dict[tuple[str, str], str] = {}
    for night, (facts, tables) in nights.items():
        n_page_rows = sum(_rows_of(table, customer, changes) for table in tables.values())
        if not n_page_rows:
            continue
        for row in tables["assignments"].select(["experiment", "unit", "arm"]).to_pylist():
            if row["unit"] in changes.empty_units:
                arms.setdefault((row["experiment"], row["unit"]), row["arm"])
        n_rows += n_page_rows
        pages[night] = write_page(
            facts, {name: _without_customer(table, customer, changes) for name, table in tables.items()}
        )
    counts = Counter((experiment, arm) for (experiment, _), arm in arms.items())
    units = tuple(
        ErasedUnits(experiment=experiment, arm=arm, units=count)
        for (experiment, arm), count in sorted(counts.items())
    )
    return LedgerErasure(pages, n_rows, units)


def unit_changes(assignments: Iterable[pa.Table], customer: str) -> UnitChanges:
    """Return which units of a customer get a new name, and which are removed.

    The new name is the first id among the other customers of the unit. If another unit already has
    this name, the new name is `unit of ID`, where ID is that first id.

    Args:
        assignments: The assignments of each night of the ledger.
        customer: The id of the customer.
    """
    members: dict[str, set[str]] = {}
    for table in assignments:
        for unit, customers in zip(table["unit"].to_pylist(), table["customers"].to_pylist(), strict=True):
            members.setdefault(unit, set()).update(customers or ())
    own_names = {customer, _second_name(customer)}
    names: dict[str, str] = {}
    gone: set[str] = set()
    for unit, customers in members.items():
        others = sorted(customers - {customer})
        if customer in customers and not others:
            gone.add(unit)
        elif unit in own_names and others:
            is_free = others[0] not in members
            names[unit] = others[0] if is_free else _second_name(others[0])
    return UnitChanges(names, frozenset(gone))


def _second_name(customer: str) -> str:
    return f"unit of {customer}"


def _rows_of(table: pa.Table, customer: str, changes: UnitChanges) -> int:
    """Return the number of rows of a table that name a customer.

    A row names the customer as `customer_id`, in the list of the unit's customers, or as the unit's name.
    """
    n = len(table)
    ids = table["customer_id"].to_pylist() if "customer_id" in table.column_names else [None] * n
    units = table["unit"].to_pylist() if "unit" in table.column_names else [None] * n
    members = table["customers"].to_pylist() if "customers" in table.column_names else [None] * n
    changed_units = {*changes.names, *changes.empty_units}
    return sum(
        ids[row] == customer or units[row] in changed_units or customer in (members[row] or ())
        for row in range(n)
    )


def _without_customer(table: pa.Table, customer: str, changes: UnitChanges) -> pa.Table:
    """Return a table without a customer.

    The rows of the customer and the rows of units that have no other customer are removed. In the remaining
    rows, a unit may get another name, and the customer's id is removed from the list of the unit's customers.
    """
    if "customer_id" in table.column_names:
        table = table.filter(pc.not_equal(table["customer_id"], customer))
    if "unit" not in table.column_names:
        return table
    units = table["unit"].to_pylist()
    table = table.filter(pa.array([unit not in changes.empty_units for unit in units], pa.bool_()))
    table = _with_column(table, "unit", [changes.names.get(unit, unit) for unit in table["unit"].to_pylist()])
    if "customers" not in table.column_names:
        return table
    # A row stays even if its only customer is removed: the unit entered in that night, and its outcome is
    # never known.
    members = table["customers"].to_pylist()
    others = [[who for who in ids or () if who != customer] for ids in members]
    return _with_column(table, "customers", others)


def _with_column(table: pa.Table, name: str, values: Sequence[object]) -> pa.Table:
    index = table.schema.get_field_index(name)
    field = table.schema.field(index)
    return table.set_column(index, field, pa.array(values, field.type))
