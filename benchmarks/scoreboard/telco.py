"""Telco: one row per customer and no time, so only the model is evaluated, on folds of customers.

Source: IBM's sample data, 7,043 customers, as `static_benchmarks/telco_ibm.csv.gz`.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.preprocessing import StandardScaler

from churn.model.scorer import sigmoid
from churn.params import TrainParams
from churn.snapshots.dataset import LabelledRows
from churn.training.recipe import fit_recipe
from churn.training.select import select_candidate
from churn.training.split import CUSTOMER_FOLDS, Fold

NAME = "telco"
AIM = 0.850
REFERENCE_FIGURES = {"auc": 0.8472, "log_loss": 0.4137}
FILE = Path("static_benchmarks") / "telco_ibm.csv.gz"
REPEATS = 2
SEED = 7
PLAIN = {"objective": "binary", "seed": 0, "num_threads": 1, "deterministic": True, "verbosity": -1}
REFERENCE = {**PLAIN, "learning_rate": 0.03, "num_leaves": 15}
REFERENCE_ROUNDS = 250

Floats = npt.NDArray[np.float64]
Learner = Callable[[LabelledRows, LabelledRows], Floats]
"""Takes rows to learn from and rows to predict; returns probabilities."""


def read_telco(data: Path) -> LabelledRows:
    """Read the customers; the 11 blank totals of new customers become missing."""
    with gzip.open(data / FILE, "rt", encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    return rows_of(table, left="Churn", leave_out=("customerID",))


def rows_of(table: Sequence[Mapping[str, str]], left: str, leave_out: Sequence[str] = ()) -> LabelledRows:
    """Turn text into rows; a column holds numbers if each cell is a number or blank, else names."""
    names = tuple(sorted(name for name in table[0] if name not in (left, *leave_out)))
    levels: dict[str, tuple[str, ...]] = {}
    matrix = np.empty((len(table), len(names)))
    for index, name in enumerate(names):
        cells = [row[name].strip() for row in table]
        try:
            matrix[:, index] = [float(cell) if cell else np.nan for cell in cells]
        except ValueError:
            levels[name] = tuple(sorted(set(cells)))
            matrix[:, index] = [levels[name].index(cell) for cell in cells]
    return LabelledRows(
        names=names,
        levels=levels,
        matrix=matrix,
        left=np.array([row[left].lower() in ("true", "yes", "1") for row in table], dtype=np.float64),
        customer=np.arange(len(table), dtype=np.int64),
        cutoff=np.zeros(len(table), dtype=np.int64),
    )


def own_predictions(train: LabelledRows, test: LabelledRows) -> Floats:
    """Return the predictions of our candidates, selection and final fit.

    As in `churn train` without earlier matured snapshots, the model is selected on folds of customers. There
    is no calibration, because no later cutoff could show that its gain lasts.
    """
    fold = np.random.default_rng(SEED).permutation(len(train)) % CUSTOMER_FOLDS
    folds = [
        Fold(train.where(fold != number), train.where(fold == number)) for number in range(CUSTOMER_FOLDS)
    ]
    monotone = (0,) * len(train.names)
    recipe = select_candidate(folds, monotone, TrainParams(), threads=1).recipe
    return sigmoid(fit_recipe(train, recipe, monotone, 1).logits(test, 1))


def reference(train: LabelledRows, test: LabelledRows) -> Floats:
    """Return predictions of LightGBM with 250 trees, 15 leaves and a learning rate of .03."""
    return _trees(train, test, REFERENCE, REFERENCE_ROUNDS)


def logit(train: LabelledRows, test: LabelledRows) -> Floats:
    """Return predictions of an L2 logistic regression on scaled numbers and a column per name."""
    design = one_hot(train)
    scale = StandardScaler().fit(design)
    model = LogisticRegression(C=1.0, max_iter=2000).fit(scale.transform(design), train.left)
    return np.asarray(model.predict_proba(scale.transform(one_hot(test)))[:, 1], dtype=np.float64)


def default_trees(train: LabelledRows, test: LabelledRows) -> Floats:
    """Return predictions of LightGBM with its default settings, 100 trees."""
    return _trees(train, test, PLAIN, 100)


CONTESTANTS: Mapping[str, Learner] = {
    "reference": reference,
    "logit": logit,
    "ours": own_predictions,
    "ours_default_trees": default_trees,
}


def _trees(train: LabelledRows, test: LabelledRows, settings: Mapping[str, Any], rounds: int) -> Floats:
    text = [train.names.index(name) for name in train.levels]
    data = lgb.Dataset(train.matrix, train.left, categorical_feature=text)
    return np.asarray(lgb.train(dict(settings), data, rounds).predict(test.matrix), dtype=np.float64)


def one_hot(rows: LabelledRows) -> Floats:
    """Return the numbers, with 0 for a missing number, and a column per name."""
    columns: list[Any] = []
    for index, name in enumerate(rows.names):
        values = rows.matrix[:, index]
        if name in rows.levels:
            columns.append((values[:, None] == np.arange(len(rows.levels[name]))).astype(np.float64))
        else:
            columns.append(np.nan_to_num(values)[:, None])
    return np.hstack(columns)


def splits(rows: LabelledRows) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    """Yield a number and a mask of the test customers: five stratified folds, twice."""
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=REPEATS, random_state=SEED)
    for number, (_, test) in enumerate(folds.split(rows.matrix, rows.left)):
        mask = np.zeros(len(rows), dtype=bool)
        mask[test] = True
        yield number, mask


def predicted(rows: LabelledRows, learn: Learner) -> pd.DataFrame:
    """Return the probability of each customer in each repeat, by a model that has not seen the customer."""
    parts = []
    for number, test in splits(rows):
        probability = learn(rows.where(~test), rows.where(test))
        keys = {"customer_id": rows.customer[test].astype(str), "cutoff": number // 5}
        parts.append(pd.DataFrame({**keys, "left": rows.left[test], "probability": probability}))
    return pd.concat(parts, ignore_index=True)
