"""Does a model survive its own success? `python -m benchmarks.loop --months 15 --seeds 5 --write`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import t

from benchmarks import write_table
from benchmarks.loop.learning import ALLOWED, NAIVE, OURS, WAYS, Outcome, Way, learn

README = Path(__file__).with_name("README.md")
EFFECTS = (0.6, 0.9, 0.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate the companies, print the table, and write it on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", description=__doc__)
    parser.add_argument("--months", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=5, help="how many companies for each effect")
    parser.add_argument("--customers", type=int, default=12_000, help="of each company")
    parser.add_argument("--effects", type=float, nargs="+", default=EFFECTS)
    parser.add_argument("--write", action="store_true", help=f"put the table into {README.name}")
    arguments = parser.parse_args(argv)
    lines = []
    for line in table(arguments.months, arguments.seeds, arguments.customers, arguments.effects):
        print(line, flush=True)
        lines.append(line)
    if arguments.write:
        marks = ("<!-- table of benchmarks.loop -->", "<!-- end of the table -->")
        write_table(README, marks, "\n".join(lines))
    return 0


def table(months: int, seeds: int, customers: int, effects: Sequence[float]) -> Iterator[str]:
    """Yield the lines of the table: a row for each effect and way of learning."""
    start = time.perf_counter()
    yield (
        "| effect | how the model is trained again | O/E of controls | AUC | log loss | saved a month | "
        "saved against naive | the gate sees | promoted | promoted by everybody's rows |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    verdicts = []
    for effect in effects:
        outcomes: dict[Way, list[Outcome]] = {}
        for way in WAYS:
            outcomes[way] = [
                learn(way, months=months, customers=customers, effect=effect, seed=seed)
                for seed in range(1, seeds + 1)
            ]
            yield _line(effect, way, outcomes)
        if not effect:
            verdicts.append(_no_effect(outcomes))
    yield ""
    yield from verdicts
    yield (
        f"{seeds} companies of {customers:,} customers for each effect, {months} months; "
        f"{time.perf_counter() - start:.0f} seconds."
    )


def _line(effect: float, way: Way, outcomes: Mapping[Way, Sequence[Outcome]]) -> str:
    own, naive = outcomes[way], outcomes[NAIVE]
    mean = {name: np.mean([getattr(one, name) for one in own]) for name in ("auc", "log_loss", "saved")}
    cells = [
        f"up to {effect:g}" if effect else "none",
        f"**{way.name}**" if way is OURS else way.name,
        _spread([one.observed_expected for one in own], 2),
        f"{mean['auc']:.3f}",
        f"{mean['log_loss']:.4f}",
        f"{mean['saved']:.0f}",
        _spread([one.saved / other.saved for one, other in zip(own, naive, strict=True)], 2)
        if effect and way is not NAIVE
        else "",
        f"{np.mean([one.level.value for one in own]):.2f}",
        f"{sum(one.is_promoted for one in own)} of {len(own)}",
        f"{sum(one.is_promoted_by_all for one in own)} of {len(own)}",
    ]
    return f"| {' | '.join(cells)} |"


def _no_effect(outcomes: Mapping[Way, Sequence[Outcome]]) -> str:
    pairs = list(zip(outcomes[OURS], outcomes[NAIVE], strict=True))
    worse_auc = float(np.mean([naive.auc - ours.auc for ours, naive in pairs]))
    worse_loss = float(np.mean([ours.log_loss - naive.log_loss for ours, naive in pairs]))
    return (
        f"With plays of no effect, ours is worse than naive by {worse_auc:.4f} AUC and {worse_loss:.5f} log "
        f"loss. The gate allows {ALLOWED[0]:g} to {ALLOWED[1]:g}."
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
