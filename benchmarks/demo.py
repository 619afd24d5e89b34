"""Compare a finished run on the demo company with the truth.

`python -m benchmarks.demo` after `make run`; prints Markdown, and the same run gives the same text.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.truth import (
    Bin,
    ReasonAccuracy,
    Tonight,
    chance,
    compare_families,
    deciles,
    distance,
    first_families,
    rank_correlation,
    read_tested,
    read_tonight,
)
from churn.demo.troubles import TROUBLE_FAMILIES
from churn.errors import ChurnError
from churn.evaluation.result import EvaluationResult
from churn.metrics.bootstrap import Estimate, draw_customers, estimate_metrics
from churn.metrics.catalog import CANDIDATE_NAMES
from churn.metrics.interval import Interval, format_interval
from churn.metrics.metrics import calibration_error
from churn.params import EvaluateParams, Params, load_params

DEALS = 1000
SEED = 7
CANDIDATES = {name: CANDIDATE_NAMES[name] for name in ("challenger", "logistic", "recency")} | {
    "truth": "truth (the ceiling)"
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the comparison and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo", description=__doc__)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="of the finished run")
    arguments = parser.parse_args(argv)
    try:
        params = load_params(arguments.params)
        tested, tonight = read_tested(params), read_tonight(params)
    except (ChurnError, FileNotFoundError) as error:
        problems = error.problems if isinstance(error, ChurnError) else (f"{error.filename} is not there.",)
        print(*problems, "Call `make run` first.", sep="\n", file=sys.stderr)
        return 11
    parts = (
        against_truth(tested, tonight),
        ranking(tested, params.evaluate),
        within(params),
        reasons(tonight),
    )
    for line in chain.from_iterable(parts):
        print(line)
    return 0


def against_truth(predictions: pd.DataFrame, tonight: Tonight) -> Iterator[str]:
    """Yield the tables of the mean predicted and the mean true probability."""
    cutoffs = ", ".join(sorted(predictions["cutoff"].unique()))
    yield "## Predicted and true probability"
    yield from _deciles(f"Test cutoffs {cutoffs}, out of time", predictions, "challenger")
    yield from _deciles(f"The scored night {tonight.cutoff}", tonight.scores, "churn_probability")


def _deciles(title: str, rows: pd.DataFrame, name: str) -> Iterator[str]:
    predicted, truth = rows[name].to_numpy(), rows["truth"].to_numpy()
    customers = list(rows["customer_id"])
    yield f"\n{title}: {len(rows):,} rows.\n"
    yield "| tenth | rows | predicted | true | standard error | predicted / true |"
    yield "|---|---|---|---|---|---|"
    tenths = deciles(predicted, truth, customers)
    for number, tenth in enumerate(tenths, start=1):
        yield _bin(str(number), tenth)
    yield _bin("all", deciles(predicted, truth, customers, bins=1)[0])
    _, floor = calibration_error(np.zeros(len(rows)), predicted)
    yield (
        f"\nThe mean distance to the truth by tenths is {distance(tenths):.4f}. Outcomes of as many rows of "
        f"perfect predictions would show {floor:.4f} (the noise floor of the expected calibration error), "
        f"true probabilities of as many customers {chance(tenths):.4f}."
    )
    sentence = f"Rank correlation with the truth: {rank_correlation(predicted, truth):.3f}"
    if "recency" in rows:
        sentence += f"; of the recency rule {rank_correlation(rows['recency'].to_numpy(), truth):.3f}"
    yield f"\n{sentence}."


def _bin(name: str, tenth: Bin) -> str:
    facts = (
        f"{tenth.predicted:.4f} | {tenth.truth:.4f} | {tenth.error:.4f} | {tenth.predicted / tenth.truth:.2f}"
    )
    return f"| {name} | {tenth.rows:,} | {facts} |"


def ranking(predictions: pd.DataFrame, params: EvaluateParams) -> Iterator[str]:
    """Yield the table of AUCs with intervals; all AUCs use the same draws, as in `churn evaluate`."""
    names, codes = np.unique(predictions["customer_id"].to_numpy(dtype=str), return_inverse=True)
    draws = draw_customers(len(names), params.bootstrap, params.seed)
    left = predictions["left"].to_numpy(dtype=np.float64)
    auc: dict[str, Estimate] = {
        name: estimate_metrics(
            left, predictions[name].to_numpy(), codes.astype(np.int64), draws, params.contact_share
        )["auc"]
        for name in CANDIDATES
    }
    yield "\n## Who leaves, on the test cutoffs"
    yield f"\n{len(predictions):,} rows of {len(names):,} customers, {int(left.sum()):,} left.\n"
    yield "| ranked by | AUC | model minus it |"
    yield "|---|---|---|"
    for name, title in CANDIDATES.items():
        minus = "" if name == "challenger" else format_interval(auc["challenger"] - auc[name])
        yield f"| {title} | {format_interval(auc[name])} | {minus} |"
    reached = (auc["challenger"].value - 0.5) / (auc["truth"].value - 0.5)
    yield f"\nThe model reaches {reached:.0%} of the way from chance to the ceiling.\n"


def within(params: Params) -> Iterator[str]:
    """Yield the results of the chances of leaving within 30, 60 and 90 days; nothing without contracts."""
    horizons = EvaluationResult.read(params.output / "evaluate" / "metrics.json").horizons
    if horizons is None or not horizons.days:
        return
    yield "## Leaving within 30, 60 and 90 days, on the test cutoffs of which it is known"
    yield "\n| days | cutoffs | rows | left | AUC | observed / expected | error by tenths | noise floor |"
    yield "|---|---|---|---|---|---|---|---|"
    for days, horizon in horizons.days.items():
        auc, ratio = format_interval(horizon.auc), format_interval(horizon.observed_expected, 2)
        yield (
            f"| {days} | {len(horizon.cutoffs)} | {horizon.rows:,} | {horizon.churners:,} | {auc} | {ratio} "
            f"| {horizon.ece.value:.3f} | {horizon.ece.noise_floor:.3f} |"
        )
    yield ""


def reasons(tonight: Tonight) -> Iterator[str]:
    """Yield how often the first reason names a family in trouble."""
    called = tonight.call_mask()
    raised = tonight.scores.loc[called, list(TROUBLE_FAMILIES)]
    families = np.array(first_families(tonight, called), dtype=object)
    in_trouble = raised.any(axis=1).to_numpy()
    everywhere = tonight.scores[list(TROUBLE_FAMILIES)].any(axis=1).mean()
    yield "## First reasons on the call list"
    yield f"\n{called.sum():,} calls; {in_trouble.mean():.0%} of the called are in trouble of some family,"
    yield f"{everywhere:.0%} of all customers at risk are. A reason is right if"
    yield f"its family is in trouble. Families: {', '.join(TROUBLE_FAMILIES)}.\n"
    yield "| customers | | first reason right | reasons dealt at random | one family always |"
    yield "|---|---|---|---|---|"
    for group, rows in (("called", np.ones(len(raised), dtype=bool)), ("called and in trouble", in_trouble)):
        yield _accuracy_row(group, compare_families(families[rows].tolist(), raised[rows], DEALS, SEED))


def _accuracy_row(group: str, accuracy: ReasonAccuracy) -> str:
    low, high = np.quantile(accuracy.chance, [0.025, 0.975])
    at_random = Interval(value=accuracy.chance.mean(), low=low, high=high)
    chance = format_interval(at_random, 1, percent=True)
    best = max(accuracy.always, key=lambda name: accuracy.always[name])
    return (
        f"| {group} | {accuracy.customers:,} | {accuracy.share:.1%} | {chance} "
        f"| {accuracy.always[best]:.1%} ({best}) |"
    )


if __name__ == "__main__":
    raise SystemExit(main())
