"""List the signals: what each means, where it looks, and which are possible here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING

from churn.params import Params
from pipelines.echo import QuietEcho
from pipelines.ingest import ensure_store

if TYPE_CHECKING:
    from churn.features.library import Possible
    from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, echo: Echo, format: str = "markdown") -> int | None:
    """Print the dictionary of signals as a Markdown table or as JSON."""
    from churn.features.costing import costs_of
    from churn.features.definition import definitions
    from churn.features.library import possible

    every = possible(params, ensure_store(params, QuietEcho() if format == "json" else echo))
    found = costs_of((one.signal for one in every), params)
    costs = {name: cost.name.lower() for name, cost in found.items()}
    if format == "json":
        digests = definitions(one.signal for one in every)
        entries = [
            one.signal.described()
            | {
                "definition": digests[one.signal.name],
                "cost": costs[one.signal.name],
                "off_because": one.off_because,
            }
            for one in every
        ]
        echo(json.dumps(entries, indent=1))
        return None
    echo("| signal | means | table | looks back | unit | family | generic | riskier when | cost | on |")
    echo("|---|---|---|---|---|---|---|---|---|---|")
    for one in every:
        signal = one.signal
        facts = (signal.name, signal.doc, signal.table, f"{signal.looks_back} d", signal.unit, signal.family)
        more = (signal.generic or "", signal.riskier_when, costs[signal.name])
        state = "yes" if one.off_because is None else f"no: {one.off_because}"
        echo(f"| {' | '.join((*facts, *more))} | {state} |")
    for line in _counted(every, costs):
        echo(line)
    return None


def _counted(every: tuple[Possible, ...], costs: Mapping[str, str]) -> Iterator[str]:
    on = [one.signal for one in every if one.off_because is None]
    generic = sum(signal.generic is not None for signal in on)
    yield ""
    yield f"{len(on)} of {len(every)} signals are on: {len(on) - generic} named, {generic} generic."
    for what, names in (
        ("family", [signal.family for signal in on]),
        ("table", [signal.table for signal in on]),
        ("cost", [costs[signal.name] for signal in on]),
    ):
        counts = Counter(names)
        yield f"By {what}: {', '.join(f'{name} {counts[name]}' for name in counts)}."


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("signals"))
