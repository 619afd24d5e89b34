"""All drawn examples, and the companies that they are computed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from churn.data.ingest.ingest import ingest
from churn.data.tables import STORED_UNITS, Table
from churn.features.signal import Signal
from tests.drawn_company import SINCE, params_of, parse
from tests.oracle.compare import Reference, Values, engine_values, expressed
from tests.oracle.known_rows import in_store_order
from tests.oracle.world import LABEL_TABLE, TABLES, RandomWorld, Recipe
from tests.spec.verbs import arithmetic, folding, mix, rhythm, value_order, view, weeks
from tests.spec.verbs.example import CUTOFF, Example

EXAMPLES: tuple[Example, ...] = tuple(
    example
    for file in (view, folding, weeks, value_order, mix, rhythm, arithmetic)
    for example in file.EXAMPLES  # type: ignore[attr-defined]
)
BERLIN = ZoneInfo("Europe/Berlin")
LOOKS_BACK = 366


def companies() -> list[list[tuple[int, Example]]]:
    """Group the examples: those that only look at a customer share a company, the others have their own."""
    needs_everybody = (*arithmetic.COHORT, *arithmetic.LIFETIME)
    alone = [[pair] for pair in enumerate(EXAMPLES) if pair[1] in needs_everybody or pair[1].data_start_late]
    shared = [pair for pair in enumerate(EXAMPLES) if [pair] not in alone]
    return [shared, *alone]


def computed(folder: Path) -> dict[tuple[int, str], tuple[Values, Values]]:
    """Return what the engine and what the reference give, by number of the example and expression."""
    found: dict[tuple[int, str], tuple[Values, Values]] = {}
    for number, examples in enumerate(companies()):
        world = _company(folder / str(number), dict(examples))
        signals = {
            (place, expression): expressed(f"s{place}_{n}", example.table, LOOKS_BACK, expression)
            for place, example in examples
            for n, expression in enumerate(example.cases)
        }
        found |= _both(world, signals)
    return found


def _both(
    world: RandomWorld, signals: Mapping[tuple[int, str], Signal]
) -> dict[tuple[int, str], tuple[Values, Values]]:
    cutoff = date.fromisoformat(CUTOFF)
    engine, reference = engine_values(world, list(signals.values()), [cutoff]), Reference(world)
    return {
        (place, expression): (
            _own(engine[cutoff, signal.name], place),
            _own(reference.values(signal, cutoff), place),
        )
        for (place, expression), signal in signals.items()
    }


def _own(values: Values, place: int) -> Values:
    prefix = f"{place}-"
    return {who.removeprefix(prefix): value for who, value in values.items() if who.startswith(prefix)}


def _company(folder: Path, examples: Mapping[int, Example]) -> RandomWorld:
    """Ingest a company of the examples' customers, each under the number of its example."""
    tables: dict[str, list[dict[str, str]]] = {LABEL_TABLE: []}
    people: dict[str, str] = {}
    for place, example in examples.items():
        rows = [{**row, "customer_id": f"{place}-{row['customer_id']}"} for row in parse(example.rows)]
        signed = {row["customer_id"]: row["signed_up_at"] for row in parse(example.customers or "customer")}
        tables.setdefault(example.table, []).extend(rows)
        for who in dict.fromkeys(row["customer_id"] for row in rows):
            people[who] = signed.get(who.partition("-")[2], "2020-01-01")
    reaches_back = not any(example.data_start_late for example in examples.values())
    for name, rows in tables.items():
        cells = {TABLES[name].time: SINCE, **({"amount": "0"} if name in ("orders", "payments") else {})}
        cells |= {column.name: column.names[0] for column in TABLES[name].columns if column.names}
        if name == LABEL_TABLE:
            rows.extend({"customer_id": who, **cells} for who in people)
        elif reaches_back:  # nobody at risk, so that who is drawn is the cohort
            rows.append({"customer_id": "old", **cells})
    people["old"] = "2020-01-01"
    drawn = {
        "customers": _table([{"customer_id": who, "signed_up_at": day} for who, day in people.items()]),
        **{name: _table(rows) for name, rows in tables.items()},
    }
    params = params_of(
        folder,
        since=None,
        label={"kind": "inactivity", "table": LABEL_TABLE, "horizon_days": 30, "active_days": 3660},
        **drawn,  # type: ignore[arg-type]
    )
    store = ingest(params, lambda _: None)
    rows_of = {
        name: {
            who: in_store_order(
                [_typed(row, TABLES[name]) for row in rows if row["customer_id"] == who], TABLES[name]
            )
            for who in people
        }
        for name, rows in tables.items()
    }
    signed_up = {who: date.fromisoformat(day) for who, day in people.items()}
    return RandomWorld(
        rows_of, rows_of, signed_up, frozenset(), (date.fromisoformat(CUTOFF),), store, Recipe()
    )


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    """Write rows as a drawn table."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [" | ".join(row.get(column) or "" for column in columns) for row in rows]
    return "\n".join([" | ".join(columns), *cells])


def _typed(row: Mapping[str, str], table: Table) -> dict[str, Any]:
    """Read a drawn row as the reference wants it."""
    typed: dict[str, Any] = {}
    for column in table.columns:
        said = row.get(column.name)
        if not said:
            typed[column.name] = None
        elif column.type == "instant":
            typed[column.name] = datetime.fromisoformat(said).replace(tzinfo=BERLIN)
        elif column.type in STORED_UNITS:
            typed[column.name] = float(said)
        else:
            typed[column.name] = said
    return {**typed, "known_at": typed["known_at"] or typed[table.time]}
