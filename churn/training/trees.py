"""Gradient-boosted trees: small, regularised, and monotone in signals that can only raise or only lower the
risk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm as lgb
import numpy as np

from churn.metrics.metrics import Floats
from churn.snapshots.dataset import LabelledRows, frequent_levels, recode_levels
from churn.training.fitted_model import FittedModel

LAMBDA_L2 = 10.0
FEATURE_FRACTION = 0.55
PATIENCE = 100
"""The number of trees after which growing stops, if none of them lowers the log loss of the validation
rows.
"""
SMALL = 2_000_000
"""The largest number of cells for which LightGBM uses one thread; with so few cells, several threads would
mostly wait.
"""
STAGE = 10
"""The number of trees in one stage; so the number of trees is selected in steps of ten."""


def leaves_for(churners: int) -> int:
    """Return the number of leaves of a tree; it grows with the number of churners in the training rows.

    >>> [leaves_for(n) for n in (500, 5_000, 50_000)]
    [6, 12, 31]
    """
    if churners < 1_000:
        return 6
    return 12 if churners < 10_000 else 31


def smallest_leaf(rows: int) -> int:
    """Return the least number of rows of a leaf; with few rows it is below 50, because otherwise no tree
    could split.

    >>> [smallest_leaf(n) for n in (60, 500, 4_000, 50_000)]
    [5, 25, 50, 250]
    """
    return max(min(50, rows // 20), rows // 200, 5)


def fit_trees(
    rows: LabelledRows, params: Mapping[str, Any], rounds: int, monotone: Sequence[int], threads: int
) -> FittedModel:
    """Fit boosted trees with LightGBM.

    Args:
        rows: The training rows, with churners and stayers.
        params: LightGBM's parameters, as `Recipe.tree_params` gives them.
        rounds: The number of trees.
        monotone: For each signal, 1 if a higher value may only raise the risk, -1 if it may only lower the
            risk, otherwise 0.
        threads: The threads to use; they do not change the result.
    """
    levels = frequent_levels(rows)
    params = with_bounds(params, monotone, _threads(rows, threads))
    booster = lgb.train(params, _data(rows, levels), rounds)
    member = {"kind": "booster", "file": "booster_0.txt", "trees": booster.num_trees()}
    return FittedModel(rows.names, levels, [member], {"booster_0.txt": _text(booster)})


def tree_stages(
    train: LabelledRows,
    settings: Sequence[tuple[Mapping[str, Any], int]],
    monotone: Sequence[int],
    threads: int,
    validation: LabelledRows,
) -> list[tuple[Floats, ...]]:
    """Return for each setting the log-odds of the validation rows after 10 trees, after 20, and so on.

    The log-odds after each number of trees are an array of shape (rows,). Growing stops at the setting's
    largest number of trees, or earlier if the log loss of the validation rows has not fallen for 100 trees.
    All settings must have the same `min_child_samples` (the fewest rows that a leaf may have), because they
    share one LightGBM dataset, which depends on this number.

    Args:
        train: The training rows, with churners and stayers.
        settings: The settings; each consists of LightGBM's parameters and the largest number of trees.
        monotone: For each signal, 1 if a higher value may only raise the risk, -1 if it may only lower the
            risk, otherwise 0.
        threads: The threads to use; they do not change the result.
        validation: The rows to predict; their log loss decides when growing stops early.
    """
    levels = frequent_levels(train)
    threads = _threads(train, threads)
    data = _data(train, levels)
    matrix = recode_levels(validation, levels)
    valid = data.create_valid(matrix, validation.left)
    stages = []
    for params, rounds in settings:
        booster = lgb.train(
            with_bounds(params, monotone, threads),
            data,
            rounds,
            valid_sets=[valid],
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
            keep_training_booster=True,  # otherwise LightGBM drops the trees after the best tree
        )
        stages.append(_stages(booster, matrix, threads))
    return stages


def with_bounds(params: Mapping[str, Any], monotone: Sequence[int], threads: int) -> dict[str, Any]:
    """Return LightGBM's parameters with the number of threads and the monotone constraint of each signal.

    The constraint of a signal is 1 if a higher value may only raise the risk, and -1 if it may only lower the
    risk. A signal with 0 has no constraint.
    """
    bounds: dict[str, Any] = {}
    if any(monotone):
        # the method "advanced" allows trees that break the direction of a signal
        bounds = {"monotone_constraints": list(monotone), "monotone_constraints_method": "intermediate"}
    return {**params, "num_threads": threads, **bounds}


def _stages(booster: lgb.Booster, matrix: Floats, threads: int) -> tuple[Floats, ...]:
    n_trees = booster.current_iteration()
    stages = [
        np.asarray(
            booster.predict(
                matrix,
                raw_score=True,
                start_iteration=start,
                num_iteration=min(STAGE, n_trees - start),
                num_threads=threads,
            ),
            dtype=np.float64,
        )
        for start in range(0, n_trees, STAGE)
    ]
    return tuple(np.cumsum(stages, axis=0))


def _threads(rows: LabelledRows, threads: int) -> int:
    return threads if rows.matrix.size > SMALL else 1


def _data(rows: LabelledRows, levels: Mapping[str, tuple[str, ...]]) -> lgb.Dataset:
    text_columns = [index for index, name in enumerate(rows.names) if name in levels]
    return lgb.Dataset(
        recode_levels(rows, levels),
        rows.left,
        feature_name=_feature_names(rows.names),
        categorical_feature=text_columns,
    )


def _feature_names(names: Sequence[str]) -> list[str]:
    """Return names that LightGBM accepts: it refuses the special characters of JSON, as in an attribute
    `Plan: Typ`.

    The scorer finds a column by its position, so no other part of the program uses these names.
    """
    feature_names: list[str] = []
    for name in names:
        feature_name = re.sub(r"[\[\]{}\",:\s]", "_", name)
        while feature_name in feature_names:
            feature_name += "_"
        feature_names.append(feature_name)
    return feature_names


def _text(booster: lgb.Booster) -> str:
    """Return LightGBM's text of the model, with the number of threads set to 0.

    No tree depends on the number of threads, so the text does not depend on this number either.
    """
    return re.sub(r"\[num_threads: \d+\]", "[num_threads: 0]", booster.model_to_string())
