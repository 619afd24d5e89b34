"""Fit econml's DR learner on folds that are given, in an environment of its own; see `econml_check`."""

from __future__ import annotations

import sys

import numpy as np
from econml.dr import DRLearner
from lightgbm import LGBMRegressor
from sklearn.dummy import DummyClassifier

TREES = {
    "n_jobs": 1,
    "n_estimators": 100,
    "learning_rate": 0.05,
    "subsample": 0.8,
    "subsample_freq": 1,
    "verbosity": -1,
}


def main(path: str) -> None:
    data = dict(np.load(path))
    effect = np.zeros(len(data["outcome"]))
    for fold in np.unique(data["fold"])[1:]:
        inside, earlier = data["fold"] == fold, data["fold"] < fold
        learner = DRLearner(
            model_propensity=DummyClassifier(strategy="prior"),  # the arms were drawn with equal chances
            model_regression=LGBMRegressor(num_leaves=12, min_child_samples=150, reg_lambda=10, **TREES),
            model_final=LGBMRegressor(num_leaves=4, min_child_samples=1500, reg_lambda=10, **TREES),
            cv=3,
            random_state=7,
        )
        learner.fit(data["outcome"][earlier], data["in_treatment"][earlier], X=data["matrix"][earlier])
        effect[inside] = np.ravel(learner.effect(data["matrix"][inside]))
    np.savez(path, **data, effect=effect)


if __name__ == "__main__":
    main(sys.argv[1])
