"""The way to a fake AUC of .99: resampling before a random split, compared with the honest AUC on Telco.

Sources: Chawla et al. (2002), SMOTE, Journal of Artificial Intelligence Research 16; Batista, Prati and
Monard (2004), which combines SMOTE with edited nearest neighbours (Wilson 1972), SIGKDD Explorations 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import MinMaxScaler

from benchmarks.scoreboard.telco import REFERENCE, REFERENCE_ROUNDS, one_hot
from churn.metrics.metrics import auc, log_loss
from churn.snapshots.dataset import LabelledRows

Floats = npt.NDArray[np.float64]
NEIGHBOURS = 5
EDITING = 3
SEEDS = (0, 1, 2, 3, 4)


def ways(rows: LabelledRows, seeds: Sequence[int] = SEEDS) -> list[dict[str, Any]]:
    """Return the AUC and log loss of the reference's trees on a random fifth, as means over the seeds."""
    matrix = MinMaxScaler().fit_transform(one_hot(rows))
    resampled = [edit(*smote(matrix, rows.left, seed)) for seed in seeds]
    figures_by_way = {
        "honest: the rows as they are": [_judge(matrix, rows.left, seed) for seed in seeds],
        "**fake: SMOTE-ENN before the split**": [
            _judge(*matrix_and_outcomes, seed)
            for matrix_and_outcomes, seed in zip(resampled, seeds, strict=True)
        ],
        "SMOTE-ENN of only the training rows: no better AUC, worse probabilities": [
            _judge(matrix, rows.left, seed, resample_training=True) for seed in seeds
        ],
    }
    return [
        {
            "what": what,
            "auc": round(float(np.mean(figures, 0)[0]), 4),
            "log_loss": round(float(np.mean(figures, 0)[1]), 4),
        }
        for what, figures in figures_by_way.items()
    ]


def _judge(matrix: Floats, left: Floats, seed: int, resample_training: bool = False) -> tuple[float, float]:
    train, test, train_left, test_left = train_test_split(
        matrix, left, test_size=0.2, stratify=left, random_state=seed
    )
    if resample_training:
        train, train_left = edit(*smote(train, train_left, seed))
    booster = lgb.train(REFERENCE, lgb.Dataset(train, train_left), REFERENCE_ROUNDS)
    probability = np.asarray(booster.predict(test), dtype=np.float64)
    return auc(test_left, probability), log_loss(test_left, probability)


def smote(matrix: Floats, left: Floats, seed: int) -> tuple[Floats, Floats]:
    """Add made-up churners until the classes are equal; each lies between a churner and a near churner."""
    rng = np.random.default_rng(seed)
    leavers = matrix[left == 1]
    lacking = int((left == 0).sum()) - len(leavers)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(leavers).kneighbors(return_distance=False)
    begin = rng.integers(0, len(leavers), lacking)
    towards = leavers[near[begin, rng.integers(0, NEIGHBOURS, lacking)]]
    new_rows = leavers[begin] + rng.random((lacking, 1)) * (towards - leavers[begin])
    return np.vstack([matrix, new_rows]), np.concatenate([left, np.ones(lacking)])


def edit(matrix: Floats, left: Floats) -> tuple[Floats, Floats]:
    """Drop each row if one of its 3 nearest rows has another class."""
    near = NearestNeighbors(n_neighbors=EDITING).fit(matrix).kneighbors(return_distance=False)
    agrees = (left[near] == left[:, None]).all(axis=1)
    return matrix[agrees], left[agrees]
