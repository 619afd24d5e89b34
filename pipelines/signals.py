"""List the signals: the meaning, the table and the window of each signal, and whether it is on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from churn.features.definition import definitions
from churn.features.engine.plan import costs_of
from churn.features.library import Availability, availability
from churn.params import Params
from pipelines.echo import Echo, QuietEcho
from pipelines.ingest import ensure_store


def run(params: Params, *, cutoff: date | None = None, echo: Echo, format: str = "markdown") -> int | None:
    """Print the dictionary of signals as a Markdown table or as JSON."""
    entries = availability(params, ensure_store(params, QuietEcho() if format == "json" else echo))
    signals = [entry.signal for entry in entries]
    costs = {name: cost.name.lower() for name, cost in costs_of(signals, params).items()}
    if format == "json":
        digests = definitions(signals)
        dictionary = [
            entry.signal.facts()
            | {
                "definition": digests[entry.signal.name],
                "cost": costs[entry.signal.name],
                "off_because": entry.off_because,
            }
            for entry in entries
        ]
        echo(json.dumps(dictionary, indent=1))
        return None
    echo("| signal | means | table | looks back | unit | family | generic | riskier when | cost | on |")
    echo("|---|---|---|---|---|---|---|---|---|---|")
    for entry in entries:
        signal = entry.signal
        facts = (signal.name, signal.doc, signal.table, f"{signal.looks_back} d", signal.unit, signal.family)
        further_facts = (signal.generic or "", signal.riskier_when, costs[signal.name])
        state = "yes" if entry.off_because is None else f"no: {entry.off_because}"
        echo(f"| {' | '.join((*facts, *further_facts))} | {state} |")
    echo.report(_counts(entries, costs))
    return None


def _counts(entries: Sequence[Availability], costs: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines that count the signals that are on."""
    signals = [entry.signal for entry in entries if entry.off_because is None]
    n_generic = sum(signal.generic is not None for signal in signals)
    yield ""
    yield (
        f"{len(signals)} of {len(entries)} signals are on: {len(signals) - n_generic} are defined one by "
        f"one, and {n_generic} come from generic families."
    )
    for property_name, values in (
        ("family", [signal.family for signal in signals]),
        ("table", [signal.table for signal in signals]),
        ("cost", [costs[signal.name] for signal in signals]),
    ):
        counts = Counter(values)
        yield f"By {property_name}: {', '.join(f'{value} {counts[value]}' for value in counts)}."


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("signals"))
