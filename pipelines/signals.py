"""List the signals: what each means, where it looks, and which are possible here."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

from churn.params import Params
from pipelines.ingest import ensure_store
from pipelines.say import Quiet

if TYPE_CHECKING:
    from pipelines.cli import Say


def run(params: Params, *, cutoff: date | None = None, say: Say, format: str = "markdown") -> int | None:
    """Print the dictionary of signals as a Markdown table or as JSON."""
    from churn.features.library import possible

    every = possible(params, ensure_store(params, Quiet() if format == "json" else say))
    if format == "json":
        say(
            json.dumps([one.signal.described() | {"off_because": one.off_because} for one in every], indent=1)
        )
        return None
    say("| signal | means | table | looks back | unit | family | riskier when | on |")
    say("|---|---|---|---|---|---|---|---|")
    for one in every:
        signal = one.signal
        facts = (signal.name, signal.doc, signal.table, f"{signal.looks_back} d", signal.unit, signal.family)
        state = "yes" if one.off_because is None else f"no: {one.off_because}"
        say(f"| {' | '.join(facts)} | {signal.riskier_when} | {state} |")
    return None


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("signals"))
