"""The team's own rule as a baseline: what it would have said before there was a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from churn.errors import ParamsError, did_you_mean
from churn.metrics.metrics import Floats, Ints
from churn.params import ConditionParams, Params
from churn.snapshots.dataset import LabelledRows


def check_rule(params: Params, rows: LabelledRows) -> None:
    """Check that every condition of `evaluate.rule` fits a signal of the snapshots.

    Raises:
        ParamsError: a signal is not there, or holds text where a number is meant, or the other way round.
    """
    problems = []
    for each in params.evaluate.rule:
        place = params.locate(f"evaluate.rule: '{each.signal}'")
        if each.signal not in rows.names:
            hint = did_you_mean(each.signal, rows.names)
            problems.append(f"{place} is no signal of the snapshots.{hint} See `churn signals`.")
        elif each.signal in rows.levels and each.equals is None:
            problems.append(f"{place} holds text. Use 'equals' in place of 'at_least' and 'at_most'.")
        elif each.signal not in rows.levels and each.equals is not None:
            problems.append(f"{place} holds numbers. Use 'at_least' and 'at_most' in place of 'equals'.")
    if problems:
        raise ParamsError(*problems)


def conditions_met(rule: Sequence[ConditionParams], rows: LabelledRows) -> Ints:
    """Return for each row how many conditions hold; a missing value meets none."""
    score = np.zeros(len(rows), dtype=np.int64)
    for each in rule:
        score += _holds(each, rows)
    return score


def rule_prediction(train: LabelledRows, test: LabelledRows, rule: Sequence[ConditionParams]) -> Floats:
    """Return the share that left in training among those who met as many conditions.

    One row at the base rate is added to each number of conditions, so that no share is 0 or 1.
    """
    size = len(rule) + 1
    learnt = conditions_met(rule, train)
    rows = np.bincount(learnt, minlength=size)
    left = np.bincount(learnt, train.left, minlength=size)
    share: Floats = (left + train.left.mean()) / (rows + 1)
    return share[conditions_met(rule, test)]


def _holds(condition: ConditionParams, rows: LabelledRows) -> npt.NDArray[np.bool_]:
    values = rows.matrix[:, rows.names.index(condition.signal)]
    if condition.equals is not None:
        levels = rows.levels[condition.signal]
        code = levels.index(condition.equals) if condition.equals in levels else -1
        return np.equal(values, code)
    least = -np.inf if condition.at_least is None else condition.at_least
    most = np.inf if condition.at_most is None else condition.at_most
    return np.logical_and(values >= least, values <= most)
