"""Is a model still right if its contacts help? `python -m benchmarks.loop --months 15 --seeds 5 --write`."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import t

from benchmarks import write_table
from benchmarks.loop.learning import NAIVE, OWN_WAY, WAYS, Outcome, Way, learn

README = Path(__file__).with_name("README.md")
EFFECTS = (0.6, 0.9, 0.0)
TITLES = (
    "effect",
    "how the model is trained again",
    "O/E of controls",
    "O/E of everybody alone",
    "AUC",
    "log loss",
    "saved a month",
    "saved against naive",
)
GATE_TITLES = (
    "effect",
    "judged on",
    "challenger",
    "O/E",
    "log loss, minus champion",
    "promoted",
    "refused by",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate the companies, print the tables, and write them on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", description=__doc__)
    parser.add_argument("--months", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=5, help="how many companies for each effect")
    parser.add_argument("--customers", type=int, default=12_000, help="of each company")
    parser.add_argument("--effects", type=float, nargs="+", default=EFFECTS)
    parser.add_argument("--processes", type=int, default=2, help="they do not change the result")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {README.name}")
    arguments = parser.parse_args(argv)
    lines = []
    with ProcessPoolExecutor(arguments.processes) as pool:
        for line in tables(pool, arguments.months, arguments.seeds, arguments.customers, arguments.effects):
            print(line, flush=True)
            lines.append(line)
    if arguments.write:
        marks = ("<!-- table of benchmarks.loop -->", "<!-- end of the table -->")
        write_table(README, marks, "\n".join(lines))
    return 0


def tables(
    pool: ProcessPoolExecutor, months: int, seeds: int, customers: int, effects: Sequence[float]
) -> Iterator[str]:
    """Yield the lines of two tables: the ways of learning, and the verdicts of the gates.

    Args:
        pool: The processes in which companies live.
        months: The months of a company after the first that do not count.
        seeds: The number of companies for each effect.
        customers: The customers of a company.
        effects: The largest shares of the chance of leaving that a contact takes away.
    """
    start = time.perf_counter()
    yield f"| {' | '.join(TITLES)} |"
    yield "|---|---|" + "---:|" * (len(TITLES) - 2)
    verdicts, gates = [], []
    for effect in effects:
        outcomes: dict[Way, list[Outcome]] = {}
        for number, way in enumerate(WAYS):
            learn = partial(_learn, number, months, customers, effect)
            outcomes[way] = list(pool.map(learn, range(1, seeds + 1)))
            yield _line(effect, way, outcomes)
            if way is OWN_WAY:
                gates += list(_gate_lines(effect, outcomes[OWN_WAY]))
                print(*gates, sep="\n", file=sys.stderr, flush=True)
        if not effect:
            verdicts.append(_no_effect(outcomes))
    yield ""
    yield f"| {' | '.join(GATE_TITLES)} |"
    yield f"|{'---|' * len(GATE_TITLES)}"
    yield from gates
    yield ""
    yield from verdicts
    yield (
        f"{seeds} companies of {customers:,} customers for each effect, {months} months; "
        f"{time.perf_counter() - start:.0f} seconds."
    )


def _learn(number: int, months: int, customers: int, effect: float, seed: int) -> Outcome:
    """Return what a way of learning came to; ways hold functions without a name, so their number is sent."""
    return learn(WAYS[number], months=months, customers=customers, effect=effect, seed=seed)


def _words(effect: float) -> str:
    return f"up to {effect:g}" if effect else "none"


def _line(effect: float, way: Way, outcomes: Mapping[Way, Sequence[Outcome]]) -> str:
    own, naive = outcomes[way], outcomes[NAIVE]
    mean = {
        name: np.mean([getattr(outcome, name) for outcome in own])
        for name in ("auc", "log_loss", "saved_customers")
    }
    cells = [
        _words(effect),
        f"**{way.name}**" if way is OWN_WAY else way.name,
        _spread([outcome.controls for outcome in own], 2),
        _spread([outcome.all_alone for outcome in own], 2),
        f"{mean['auc']:.3f}",
        f"{mean['log_loss']:.4f}",
        f"{mean['saved_customers']:.0f}",
        _spread(
            [
                outcome.saved_customers / other.saved_customers
                for outcome, other in zip(own, naive, strict=True)
            ],
            3,
        )
        if effect and way is not NAIVE
        else "",
    ]
    return f"| {' | '.join(cells)} |"


def _gate_lines(effect: float, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield what the gates say about each challenger in the companies in which ours contacts."""
    for judgements in zip(*(outcome.judgements for outcome in outcomes), strict=True):
        first = judgements[0]
        refused = Counter(name for verdict in judgements for name in verdict.refused_by)
        cells = [
            _words(effect),
            first.on,
            f"**{first.challenger}**" if first.challenger == "ours" else first.challenger,
            f"{np.mean([verdict.level.value for verdict in judgements]):.2f}",
            f"{np.mean([verdict.loss.value for verdict in judgements]):+.4f}",
            f"{sum(not verdict.refused_by for verdict in judgements)} of {len(judgements)}",
            ", ".join(f"{name} ({count})" for name, count in refused.most_common()),
        ]
        yield f"| {' | '.join(cells)} |"


def _no_effect(outcomes: Mapping[Way, Sequence[Outcome]]) -> str:
    pairs = list(zip(outcomes[OWN_WAY], outcomes[NAIVE], strict=True))
    worse_auc = float(np.mean([naive.auc - ours.auc for ours, naive in pairs]))
    worse_loss = float(np.mean([ours.log_loss - naive.log_loss for ours, naive in pairs]))
    return (
        f"With plays of no effect, ours is worse than naive by {worse_auc:.4f} AUC and {worse_loss:.5f} log "
        "loss."
    )


def _spread(values: Sequence[float], digits: int) -> str:
    """Return the mean of companies with its 95 % interval by Student's t; no interval of one company."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.{digits}f}"
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{mean:.{digits}f} [{mean - half:.{digits}f}, {mean + half:.{digits}f}]"


if __name__ == "__main__":
    raise SystemExit(main())
