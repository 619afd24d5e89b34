"""Make every choice on cutoffs whose labels were known before the first test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from churn.errors import Stop
from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats, auc
from churn.metrics.standard_errors import clustered_mean
from churn.params import TrainParams
from churn.snapshots.dataset import Rows, thinned
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.parallel import side_by_side
from churn.training.recipe import Recipe
from churn.training.spline_logistic import STRENGTHS, path_logits
from churn.training.split import Plan
from churn.training.trees import STAGE, staged_logits

FEWEST_ROWS = 50
FEWEST_CUSTOMERS = 20
REFIT = 1.1
"""The final fit learns from more rows than the folds, and grows so many times the trees."""
FEWEST_CHURNERS = 50
"""With fewer churners at the choice cutoffs, customers are folded instead of time."""
FOLDS = 5
TREES = ("trees", "extra_trees")
MOST_ROWS = 200_000
"""Of more rows a fold learns from a share of the customers: choices need no more."""


Predicted = dict[str, tuple[Floats, ...]]
"""Per kind of model the log-odds of a fold's watched rows at each number of rounds, or each strength."""


@dataclass(frozen=True)
class Tried:
    """A candidate at its best: with the rounds or the strength that served it most.

    Attributes:
        recipe: How the final fit would be made.
        log_loss: The mean over the rows of all folds, each predicted by a model that had not seen it.
        auc: Over the same rows.
        behind: How much higher its log loss is than the chosen one's.
        standard_error: Of `behind`, customers being independent.
    """

    recipe: Recipe
    log_loss: float
    auc: float
    behind: float
    standard_error: float

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Tried:
        """Return what `dataclasses.asdict` told of."""
        return cls(**{**facts, "recipe": Recipe(**facts["recipe"])})


@dataclass(frozen=True)
class Chosen:
    """What came of choosing.

    Attributes:
        tried: The candidates, the one with the lowest log loss first.
        logistic: The logistic regression at its best strength, candidate or not: `evaluate` holds every
            challenger against it.
        past: What the folds predicted of the choice cutoffs with the first; None where customers were folded.
    """

    tried: tuple[Tried, ...]
    logistic: Recipe
    past: OutOfTime | None


def refuse_thin(snapshots: Snapshots) -> None:
    """Stop where the snapshots hold nothing to learn.

    Raises:
        Stop: there are too few rows or customers, nobody left, or everybody did; all are listed.
    """
    rows = snapshots.rows
    problems = []
    customers = len(snapshots.customers)
    if len(rows) < FEWEST_ROWS or customers < FEWEST_CUSTOMERS:
        problems.append(
            f"snapshots: {len(rows):,} labelled rows of {customers:,} customers are too few to learn from; "
            f"at least {FEWEST_ROWS} rows of {FEWEST_CUSTOMERS} customers are needed. Add cutoffs or data."
        )
    if rows.one_class:
        who, way = ("nobody", "longer") if not rows.churners else ("everybody", "shorter")
        problems.append(
            f"snapshots: {who} left in {len(rows):,} labelled rows, so there is nothing to tell apart. "
            f"Check the label with `churn label`; a {way} label.horizon_days may fit."
        )
    if not rows.names:
        problems.append("snapshots: they hold no signal. See `churn signals` and signals.families.")
    if problems:
        raise Stop(*problems)


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and later rows, or rows of other customers, to judge by.

    Attributes:
        train: Rows whose label was known at the cutoff, or those of other customers.
        watched: All rows of the cutoff, or those of some customers.
        in_time: Whether it is a cutoff that is judged, not a part of the customers.
    """

    train: Rows
    watched: Rows
    in_time: bool = False


def folds_of(snapshots: Snapshots, plan: Plan) -> list[Fold]:
    """Return a fold per choice cutoff, trained on what was known by then, on 200,000 rows at most.

    Where there are none, or they hold fewer than 50 churners together, customers are folded instead, over
    the snapshots whose labels were known by the first test cutoff (all, without a test).
    """
    rows = snapshots.rows
    if plan.choice and rows.at(plan.choice).churners >= FEWEST_CHURNERS:
        return [
            Fold(thinned(rows.at(trainable(snapshots.mature_on, day)), MOST_ROWS), rows.at([day]), True)
            for day in plan.choice
        ]
    known = trainable(snapshots.mature_on, plan.chosen_by) if plan.chosen_by else snapshots.cutoffs
    rows = thinned(rows.at(known), MOST_ROWS)
    made = []
    for fold in range(FOLDS):
        here = rows.customer % FOLDS == fold
        if here.any() and not rows.where(~here).one_class:
            made.append(Fold(rows.where(~here), rows.where(here)))
    return made or [Fold(rows, rows)]


def choose(
    folds: Sequence[Fold],
    monotone: Sequence[int],
    asked: TrainParams,
    threads: int,
    advance: Callable[[], None] = lambda: None,
    searched: Recipe | None = None,
) -> Chosen:
    """Order the candidates of `train.candidates`, the one with the lowest log loss first.

    Trees are tried with 10, 20, … rounds, the logistic regression with five strengths; each candidate
    stands with what served it best over all folds together. The blend takes the better trees. The logistic
    regression is fitted even where it is no candidate.

    Args:
        folds: What to learn from and what to judge by.
        monotone: One of -1, 0, 1 per signal.
        asked: `train` of params.yaml.
        threads: Folds run side by side on so many threads.
        advance: Called after every fold.
        searched: What a search found; its trees stand for all trees.
    """
    starts: dict[str, Recipe] = {name: Recipe.start(asked, name) for name in asked.trees}
    if searched:
        starts = {searched.candidate: searched.with_rounds(asked.max_rounds)}

    def one(fold: Fold, each: int) -> Predicted:
        grown = (
            staged_logits(fold.train, list(starts.values()), monotone, each, fold.watched) if starts else []
        )
        found: Predicted = dict(zip(starts, grown, strict=True))
        return found | {"logistic": path_logits(fold.train, monotone, fold.watched)}

    cells = max(fold.train.matrix.size for fold in folds)
    # the newest fold learns from most: begun last it would keep the other threads waiting
    made = side_by_side(one, folds[::-1], threads, cells, advance)[::-1]
    return _ranked(folds, made, starts, asked)


def _ranked(
    folds: Sequence[Fold],
    made: list[Predicted],
    starts: Mapping[str, Recipe],
    asked: TrainParams,
) -> Chosen:
    left = np.concatenate([fold.watched.left for fold in folds])
    customer = np.concatenate([fold.watched.customer for fold in folds])
    stages = {name: at_best([one[name] for one in made], left) for name in made[0]}
    best = {name: place for name, (place, _) in stages.items()}
    logits = {name: z for name, (_, z) in stages.items()}
    recipes = {name: start.with_rounds(final_rounds(best[name])) for name, start in starts.items()}
    recipes["logistic"] = Recipe.start(asked, "logistic").with_strength(STRENGTHS[best["logistic"]])
    if "blend" in asked.candidates:
        trees = min(starts, key=lambda name: losses_of(left, logits[name]).mean())
        recipes["blend"] = recipes[trees].blended(recipes["logistic"])
        logits["blend"] = (logits[trees] + logits["logistic"]) / 2
    judged = [name for name in asked.candidates if name not in TREES or name in starts]
    losses = {name: losses_of(left, logits[name]) for name in judged}
    order = sorted(losses, key=lambda name: (losses[name].mean(), asked.candidates.index(name)))
    first = losses[order[0]]
    tried = tuple(
        Tried(
            recipe=recipes[name],
            log_loss=float(losses[name].mean()),
            auc=auc(left, logits[name]),
            behind=behind,
            standard_error=error,
        )
        for name in order
        for behind, error in [clustered_mean(losses[name] - first, customer)]
    )
    cutoff = np.concatenate([fold.watched.cutoff for fold in folds])
    in_time = all(fold.in_time for fold in folds)
    past = OutOfTime(logits[order[0]], left, customer, cutoff) if in_time else None
    return Chosen(tried, recipes["logistic"], past)


def at_best(folds: Sequence[tuple[Floats, ...]], left: Floats) -> tuple[int, Floats]:
    """Return the stage that serves all folds together best, of those every fold reached, and its log-odds."""
    stages = zip(*folds, strict=False)
    best = int(np.argmin([losses_of(left, np.concatenate(parts)).mean() for parts in stages]))
    return best, np.concatenate([stages[best] for stages in folds])


def final_rounds(stage: int) -> int:
    """Return the trees of the final fit where so many tens of trees (counted from 0) served the folds."""
    return max(1, round(REFIT * STAGE * (stage + 1)))


def losses_of(left: Floats, logits: Floats) -> Floats:
    """Return the log loss of each row."""
    return np.logaddexp(0, logits) - left * logits
