"""Write docs/signals.md from the registry of signals and from the generic families."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

from churn.data.tables import CANONICAL_TABLES, events_table
from churn.features import library  # noqa: F401 (its import fills the registry)
from churn.features.generic.choice import USUAL, USUAL_OF_FURTHER, USUAL_OF_OTHERS
from churn.features.generic.family import GENERIC, TableFacts
from churn.features.signal import REGISTRY, Signal

DOCUMENT = "docs/signals.md"
WINDOW = 28

HEAD = """# The dictionary of signals

A signal is one number or one name (a *level*, such as the plan) for each customer at a cutoff, computed
from the days before the cutoff. `churn signals` prints this dictionary for your own tables, with the
computing cost of each signal, and why a signal is off. To choose signals, use the section
[`signals`](parameters.md#signals) of `params.yaml`. `make docs` writes this page from the code.

The column *riskier when* says which values mean a higher risk if all other signals are equal; the model keeps
this direction. The column *sentence* is the reason on the call list, in which `{value}` is the customer's own
number. If the table or the column of a signal is not mapped, the signal is off.

Some signals are shares, such as the share of opened e-mails. If a customer has few rows, some of these shares
are moved towards the share of the whole [cohort](concepts.md#who-is-in-the-cohort).
"""


def written() -> str:
    """Return the text of the document."""
    return "\n".join([HEAD, *_named(), *_attributes(), *_generic()])


def _named() -> Iterator[str]:
    for table in CANONICAL_TABLES:
        signals = [signal for signal in REGISTRY.values() if signal.table == table]
        if signals:
            yield f"## Signals of {table}\n"
            yield from _rows(signals)


def _attributes() -> Iterator[str]:
    yield (
        "## Attributes\n\nEach column under `tables.customers.static` and each attribute under "
        "`tables.customers.history` is also a signal. The signal has the name of the attribute, and its "
        "value is the value of the attribute at the cutoff.\n"
    )


def _generic() -> Iterator[str]:
    yield "## Generic signals\n"
    yield (
        (
            "Generic signals exist for every table of events, also for the tables under `events:`. Choose "
            "families of signals for each table, such as `signals: {generic: {visits: [recency, rhythm]}}`. "
            "The list `[all]` switches on all families that fit the table. If you choose nothing, "
            "a table gets these families (the sections below describe them):\n\n"
        )
        + "".join(f"- {table}: {', '.join(families)}\n" for table, families in USUAL.items())
        + (
            f"- tables under `events:`: {', '.join(USUAL_OF_FURTHER)}\n"
            f"- other tables: {', '.join(USUAL_OF_OTHERS)}\n\n"
            "Counts and totals exist for each window in `signals.windows`. The lists below show the signals "
            f"of a table `visits` with one window of {WINDOW} days.\n"
        )
    )
    facts = TableFacts(events_table("visits"), (WINDOW,))
    for name, family in GENERIC.items():
        needs = f" Needs a {family.needs}." if family.needs else ""
        summary = (inspect.getdoc(family.make) or "").partition("\n\n")[0].replace("\n", " ")
        yield f"### {name}\n\n{summary}{needs}\n"
        yield from _rows(family.make(facts))


def _rows(signals: Iterable[Signal]) -> Iterator[str]:
    yield "| signal | meaning | looks back | unit | family | riskier when | sentence |"
    yield "|---|---|---|---|---|---|---|"
    for signal in signals:
        cells = (
            f"`{signal.name}`",
            signal.doc,
            f"{signal.looks_back} days",
            signal.unit,
            signal.family,
            signal.riskier_when,
            f"{signal.reason['en']} / {signal.reason['de']}",
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def main() -> None:
    """Write the document."""
    (Path(__file__).parents[2] / DOCUMENT).write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
