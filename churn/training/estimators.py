"""Fit models as plain data: whatever is fitted here is read back by the scorer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from sklearn.linear_model import LogisticRegression

from churn.model.scorer import FORMAT, Floats, Scorer, linear_term
from churn.training.recipe import Recipe
from churn.training.rows import Rows

PATIENCE = 100
MAX_LEVELS = 100
LINEAR_ROWS = 300_000
CLIP = 5.0
SMALL = 2_000_000


@dataclass(frozen=True)
class Fitted:
    """A fitted model, uncalibrated: the parts of a bundle.

    Attributes:
        levels: The levels each text signal had often enough in training.
        members: Entries of `members` in the spec.
        boosters: LightGBM texts by file name.
        rounds: Trees grown, or the best number of them when fitted with a watched set.
    """

    names: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    members: Sequence[Mapping[str, Any]]
    boosters: Mapping[str, str]
    rounds: int = 0

    def scorer(self, calibration: Mapping[str, Any], threads: int) -> Scorer:
        """Return the scorer that a bundle of this model gives."""
        signals = [
            {"name": name, "kind": "level", "levels": list(self.levels[name])}
            if name in self.levels
            else {"name": name, "kind": "number"}
            for name in self.names
        ]
        spec = {
            "format": FORMAT,
            "signals": signals,
            "members": list(self.members),
            "calibration": calibration,
        }
        return Scorer(spec, self.boosters, threads)

    def logits(self, rows: Rows, threads: int) -> Floats:
        """Return uncalibrated log-odds."""
        return self.scorer({"method": "none"}, threads).logits(recoded(rows, self.levels))


def fit_trees(
    rows: Rows, recipe: Recipe, monotone: Sequence[int], threads: int, watched: Rows | None = None
) -> Fitted:
    """Fit LightGBM; with `watched` rows stop when their log loss no longer falls.

    Args:
        rows: What to learn from; both classes are present.
        recipe: Sizes, seed and rounds.
        monotone: One of -1, 0, 1 per signal.
        threads: Threads to use; they do not change the result. Small data take one, since threads
            that wait for each other cost more than they save.
        watched: Later rows for early stopping.
    """
    levels = frequent_levels(rows)
    text = [place for place, name in enumerate(rows.names) if name in levels]
    threads = threads if rows.matrix.size > SMALL else 1
    settings = recipe.tree_params(len(rows), rows.churners) | {"num_threads": threads}
    if any(monotone):
        settings |= {"monotone_constraints": list(monotone), "monotone_constraints_method": "intermediate"}
    data = lgb.Dataset(
        recoded(rows, levels), rows.left, feature_name=list(rows.names), categorical_feature=text
    )
    sets: list[lgb.Dataset] = []
    callbacks: list[Any] = []
    if watched is not None:
        sets = [data.create_valid(recoded(watched, levels), watched.left)]
        callbacks = [lgb.early_stopping(PATIENCE, verbose=False)]
    booster = lgb.train(settings, data, recipe.rounds, valid_sets=sets, callbacks=callbacks)
    best = booster.best_iteration if watched is not None else booster.current_iteration()
    member = {"kind": "booster", "file": "booster_0.txt"}
    return Fitted(rows.names, levels, [member], {"booster_0.txt": _text(booster)}, max(best, 1))


def fit_logistic(rows: Rows) -> Fitted:
    """Fit a ridge logistic regression on robustly scaled signals, missing values having their own weight.

    Numbers: median filled in, scaled by median and interquartile range, clipped at 5; text: one
    column per level. Beyond 300,000 rows only the newest are used: a baseline needs no more.
    """
    rows = _newest(rows, LINEAR_ROWS)
    levels = frequent_levels(rows)
    matrix = recoded(rows, levels)
    terms, columns = [], []
    for place, name in enumerate(rows.names):
        term, made = _term(name, matrix[:, place], levels.get(name))
        terms.append(term)
        columns.append(made)
    design = np.column_stack(columns) if columns else np.zeros((len(rows), 1))
    model = LogisticRegression(C=0.1, solver="newton-cholesky", max_iter=100).fit(design, rows.left)
    weights = iter(model.coef_[0].tolist())
    for place, term in enumerate(terms):
        if "weights" in term:
            term["weights"] = [next(weights) for _ in term["weights"]]
        else:
            term["weight"] = next(weights)
        term["missing_weight"] = next(weights)
        term["mean"] = float(linear_term(matrix[:, place], term).mean())
    member = {"kind": "linear", "intercept": float(model.intercept_[0]), "terms": terms}
    return Fitted(rows.names, levels, [member], {})


def frequent_levels(rows: Rows) -> dict[str, tuple[str, ...]]:
    """Return the levels of each text signal seen at least 20 times, at most the 100 commonest, sorted."""
    kept = {}
    for place, name in enumerate(rows.names):
        if name not in rows.levels:
            continue
        codes = rows.matrix[:, place]
        counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(rows.levels[name]))
        common = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
        kept[name] = tuple(rows.levels[name][code] for code in sorted(common) if counts[code] >= 20)
    return kept


def recoded(rows: Rows, levels: Mapping[str, Sequence[str]]) -> Floats:
    """Return the matrix with text signals counted along `levels`; other levels become missing."""
    if not levels:
        return rows.matrix
    matrix = rows.matrix.copy()
    for name, kept in levels.items():
        place = rows.names.index(name)
        new = {level: float(code) for code, level in enumerate(kept)}
        lookup = np.array([*(new.get(level, np.nan) for level in rows.levels[name]), np.nan])
        codes = matrix[:, place]
        matrix[:, place] = lookup[np.where(np.isnan(codes), len(lookup) - 1, codes).astype(np.int64)]
    return matrix


def _term(name: str, values: Floats, levels: Sequence[str] | None) -> tuple[dict[str, Any], Floats]:
    """Return a term still without weights, and its columns of the design; the last marks missing."""
    missing = np.isnan(values)
    if levels is not None:
        one_hot = (values[:, None] == np.arange(len(levels))).astype(np.float64)
        return {"signal": name, "weights": list(levels)}, np.column_stack([one_hot, missing])
    known = values[~missing]
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75]).tolist() if len(known) else (0.0, 0.0, 0.0)
    scale = float(high - low) or float(known.std() if len(known) else 0.0) or 1.0
    term = {"signal": name, "median": median, "center": median, "scale": scale, "clip": CLIP}
    blank = term | {"weight": 1.0, "missing_weight": 0.0}
    return term, np.column_stack([linear_term(values, blank), missing])


def _newest(rows: Rows, most: int) -> Rows:
    if len(rows) <= most:
        return rows
    wanted = np.arange(len(rows)) >= len(rows) - most
    return rows.where(wanted)


def _text(booster: lgb.Booster) -> str:
    """Return LightGBM's text without the number of threads, which does not change the trees."""
    return re.sub(r"\[num_threads: \d+\]", "[num_threads: 0]", booster.model_to_string())
