"""The rows from which an uplift model learns: what was known about each unit (person, account or customer)
before it was assigned to an arm. The rows are made in the same way in both arms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2_contingency, ks_2samp

from churn.experiments.sequence import RATIO_ALPHA
from churn.snapshots.dataset import LabelledRows
from churn.uplift.sample import Bools, Floats

Objects = npt.NDArray[np.object_]

MIN_UNITS = 20
"""The least number of units with a level for which the level is compared between the arms; rarer levels are
put together.
"""

FAR_FROM_LIMIT = 0.5
"""The probability above which the difference between the arms is certainly due to chance, so that an
approximation is enough; the limit `RATIO_ALPHA` is 500 times smaller.
"""


def covariate_rows(
    covariates: Mapping[str, Floats | Objects], outcome: Bools, customers: Sequence[str]
) -> LabelledRows:
    """Return covariates and outcomes as rows from which a model can learn.

    Args:
        covariates: The columns by name. A missing number is NaN, and a missing text is None.
        outcome: Whether the outcome happened, shape (rows,).
        customers: The customer to whom each row belongs.
    """
    names = tuple(sorted(covariates))
    levels: dict[str, tuple[str, ...]] = {}
    columns = []
    for name in names:
        values = covariates[name]
        if values.dtype == object:
            levels[name] = tuple(sorted({value for value in values if value is not None}))
            code = {level: float(number) for number, level in enumerate(levels[name])}
            values = np.array([np.nan if value is None else code[value] for value in values])
        columns.append(np.asarray(values, dtype=np.float64))
    return LabelledRows(
        names=names,
        levels=levels,
        matrix=np.column_stack(columns) if columns else np.zeros((len(outcome), 0)),
        left=outcome.astype(np.float64),
        customer=np.unique(np.asarray(customers, dtype=str), return_inverse=True)[1].astype(np.int64),
        cutoff=np.zeros(len(outcome), dtype=np.int64),
    )


def unequal_covariates(rows: LabelledRows, in_treatment: Bools) -> tuple[str, ...]:
    """Return the covariates in which the arms differ more than chance allows.

    Values that were known before a random assignment differ between the arms only by chance. If a column
    differs more, there are two explanations. Either the column holds values from after the assignment, such
    as purchases because of the contact, or the arms were not drawn by chance. A column counts as unequal if
    its p-value is below a limit: `RATIO_ALPHA` (0.001) divided by the number of covariates. So in an
    experiment without such a fault, the chance that any column counts as unequal is below 1 in 1,000.

    Args:
        rows: The rows with their covariates.
        in_treatment: Whether each row is in the treated arm.
    """
    limit = RATIO_ALPHA / max(len(rows.names), 1)
    return tuple(
        name
        for index, name in enumerate(rows.names)
        if _p_value(rows.matrix[:, index], in_treatment, is_text=name in rows.levels) < limit
    )


def _p_value(values: Floats, in_treatment: Bools, *, is_text: bool) -> float:
    """Return the probability that chance alone makes the arms differ so much, in their values or in how many
    values are missing.
    """
    is_missing = np.isnan(values)
    if not is_text and (~is_missing[in_treatment]).any() and (~is_missing[~in_treatment]).any():
        numbers = _numbers_p_value(values[in_treatment & ~is_missing], values[~in_treatment & ~is_missing])
        missing = _table_p_value(is_missing.astype(np.int64), in_treatment)
        return min(1.0, 2 * min(numbers, missing))
    codes = np.where(is_missing, -1, values).astype(np.int64)
    return _table_p_value(codes, in_treatment)


def _numbers_p_value(treatment_sample: Floats, control_sample: Floats) -> float:
    """Return the probability that chance alone makes two samples of numbers differ so much (Smirnov's test).

    First, an approximate probability is computed. If this probability is above `FAR_FROM_LIMIT`, it is
    returned; otherwise the exact probability is returned. So no exact probability near 1 is computed. With
    samples of equal size, such a probability could be rounded above 1, and scipy would warn.
    """
    approximation = float(ks_2samp(treatment_sample, control_sample, method="asymp").pvalue)
    if approximation > FAR_FROM_LIMIT:
        return approximation
    return float(ks_2samp(treatment_sample, control_sample).pvalue)


def _table_p_value(codes: npt.NDArray[np.int64], in_treatment: Bools) -> float:
    kinds, kind = np.unique(codes, return_inverse=True)
    counts = np.array([np.bincount(kind[arm], minlength=len(kinds)) for arm in (in_treatment, ~in_treatment)])
    is_rare = counts.sum(axis=0) < MIN_UNITS
    if is_rare.any():
        counts = np.column_stack([counts[:, ~is_rare], counts[:, is_rare].sum(axis=1)])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2 or not counts.sum(axis=1).all():
        return 1.0
    return float(chi2_contingency(counts).pvalue)
