"""Compute the effect of contact by regression.

`adjusted_difference` adjusts the effect by the churn score that each unit had before its first assignment.
`account_rate_difference` is for experiments that assigned whole accounts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student_t
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint

from churn.errors import Stop
from churn.experiments.effect import (
    ALPHA,
    NO_DIFFERENCE,
    AdjustedDifference,
    IntervalMethod,
    NoVerdict,
    RateDifference,
    arm_churn,
    judge,
)
from churn.metrics.interval import Interval
from churn.metrics.metrics import Floats

Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

LEAST_REST = 1e-9
"""The smallest part of a column, or of a unit's own outcome, that the other columns or units must leave open;
below it HC2 is undefined.
"""

MAX_IDS = 3
"""The largest number of units that an error names."""


def account_rate_difference(
    left: Bools, in_treatment: Bools, account: Sequence[str], *, alpha: float = ALPHA
) -> RateDifference:
    """Return the difference between the churn rates of the two arms, if whole accounts were assigned to arms.

    Customers of one account often leave together, so the confidence interval of the difference is computed by
    account (cluster-robust). There is no verdict if an arm has fewer than 20 accounts with at least one
    churner.

    Args:
        left: Whether each customer left, shape `[customers]`.
        in_treatment: Whether the account of each customer is in the arm that is contacted.
        account: The account of each customer.
        alpha: One minus the confidence level of the interval.

    Raises:
        Stop: an account is in both arms.

    Source: Cameron and Miller (2015), A practitioner's guide to cluster-robust inference, Journal of Human
        Resources 50; t with `accounts - 1` degrees of freedom.
    """
    control = arm_churn(int(left[~in_treatment].sum()), int((~in_treatment).sum()))
    treatment = arm_churn(int(left[in_treatment].sum()), int(in_treatment.sum()))
    accounts = _accounts(account, in_treatment)
    n_accounts = min(len(np.unique(accounts[rows])) for rows in (~in_treatment, in_treatment))
    difference, verdict, reason = NO_DIFFERENCE, None, None
    if n_accounts < 2:
        reason = NoVerdict.FEW_UNITS if n_accounts else NoVerdict.EMPTY_ARM
    else:
        design = np.column_stack([np.ones(len(left)), in_treatment]).astype(float)
        difference, _ = _fit(left, design, accounts, alpha)
        verdict, reason = judge(difference, *_churner_counts(left, in_treatment, accounts))
    return RateDifference(
        control=control,
        treatment=treatment,
        difference=difference,
        method=IntervalMethod.CLUSTERS,
        verdict=verdict,
        no_verdict_because=reason,
    )


def adjusted_difference(
    left: Bools,
    in_treatment: Bools,
    score: Floats,
    *,
    unit: Sequence[str],
    score_date: Days,
    first_assigned_date: Days,
    account: Sequence[str] | None = None,
    alpha: float = ALPHA,
) -> AdjustedDifference:
    """Return the difference of two churn rates, adjusted by the score, with a robust interval.

    The method is a regression on the arm, the centred score and their product. A unit without a score
    gets the mean score. A further column says whether a unit has a score. This column is used only if
    each arm has at least two units with a score and two units without a score.

    Args:
        left: Whether each unit left, shape `[units]`.
        in_treatment: Whether each unit was assigned to the arm that is contacted, shape `[units]`.
        score: The churn probability of each unit, computed before its first assignment; NaN if there is none.
        unit: The id of each unit, for messages.
        score_date: The date of each score; NaT if there is no score.
        first_assigned_date: The date of the first assignment of each unit to any arm of the experiment.
        account: The account of each unit if accounts were assigned; None if units were assigned.
        alpha: One minus the confidence level of the interval.

    Raises:
        Stop: A unit has a score without a date, a date without a score, or no date of its first assignment.
            Also if a score is from the day of this assignment or later, or if an account is in both arms.

    Source: Lin (2013), Agnostic notes on regression adjustments to experimental data, Annals of Applied
        Statistics 7, 295-318; MacKinnon and White (1985), Journal of Econometrics 29 (HC2); Cameron and
        Miller (2015), Journal of Human Resources 50 (accounts: t with `accounts - 1` degrees of freedom);
        Zou and Donner (2008), Statistics in Medicine 27, 1693-1702 (the interval of a difference from the
        intervals of two rates).
    """
    _refuse_later_scores(unit, score, score_date, first_assigned_date)
    accounts = None if account is None else _accounts(account, in_treatment)
    has_score = np.isfinite(score)
    difference, standard_error, verdict, reason = NO_DIFFERENCE, None, None, None
    if not in_treatment.any() or in_treatment.all():
        reason = NoVerdict.EMPTY_ARM
    elif len(np.unique(score[has_score])) < 2:
        reason = NoVerdict.NO_SCORE
    elif _has_undetermined_rows(design := _lin_design(score, has_score, in_treatment), accounts):
        reason = NoVerdict.FEW_UNITS
    else:
        difference, standard_error = _fit(left, design, accounts, alpha)
        clusters = np.arange(len(left)) if accounts is None else accounts
        verdict, reason = judge(difference, *_churner_counts(left, in_treatment, clusters))
    return AdjustedDifference(
        n=len(left),
        units_without_score=int((~has_score).sum()),
        difference=difference,
        standard_error=standard_error,
        method=IntervalMethod.HC2 if accounts is None else IntervalMethod.CLUSTERS,
        verdict=verdict,
        no_verdict_because=reason,
    )


def _fit(
    left: Bools, design: Floats, accounts: npt.NDArray[np.intp] | None, alpha: float
) -> tuple[Interval, float]:
    """Return the difference of the arms' adjusted rates with its interval, and its standard error.

    The difference is the rate of the control minus the rate of the treatment. The coefficient of the arm
    (the second column of `design`) is this difference with the opposite sign. The two rates are independent,
    because each arm has its own regression line. The intervals of the two rates are combined in the same way
    as Newcombe combines the intervals of two plain rates. The symmetric interval, which is the difference
    plus and minus two standard errors, is too short if a small control group has few churners.
    """
    model = OLS(left.astype(float), design)
    if accounts is None:
        fit = model.fit(method="qr", cov_type="HC2")
        z = float(norm.ppf(1 - alpha / 2))
    else:
        fit = model.fit(method="qr", cov_type="cluster", cov_kwds={"groups": accounts}, use_t=True)
        z = float(student_t.ppf(1 - alpha / 2, len(np.unique(accounts)) - 1))
    difference, covariance = -float(fit.params[1]), fit.cov_params()
    control, treatment = float(fit.params[0]), float(fit.params[0] + fit.params[1])
    low_control, high_control = _rate_ends(control, float(covariance[0, 0]), z)
    low_treatment, high_treatment = _rate_ends(treatment, float(covariance[:2, :2].sum()), z)
    return Interval(
        value=difference,
        low=difference - math.hypot(control - low_control, high_treatment - treatment),
        high=difference + math.hypot(high_control - control, treatment - low_treatment),
    ), float(fit.bse[1])


def _rate_ends(rate: float, variance: float, z: float) -> tuple[float, float]:
    """Return Wilson's interval of an adjusted rate with a given variance.

    Wilson's formula needs a number of units. This number is computed from the variance:
    `n = rate x (1 - rate) / variance`, as for an unadjusted rate.

    The number cannot be computed if the adjusted rate is not between 0 and 1, or if the variance is 0. The
    variance is 0 if the regression line of an arm fits all its units exactly. Without the number, the
    interval is symmetric around the rate.
    """
    if not 0 < rate < 1 or variance <= 0:
        return rate - z * math.sqrt(max(variance, 0.0)), rate + z * math.sqrt(max(variance, 0.0))
    n = rate * (1 - rate) / variance
    low, high = proportion_confint(rate * n, n, alpha=2 * norm.sf(z), method="wilson")
    return float(low), float(high)


def _lin_design(score: Floats, has_score: Bools, in_treatment: Bools) -> Floats:
    """Return the columns: a constant, the arm, the centred covariates, and each covariate times the arm.

    The first covariate is the score; the second says whether a unit has a score. The second is used only if
    each arm has at least two units with a score and two without.
    """
    columns = [np.where(has_score, score, score[has_score].mean())]
    counts = [
        np.count_nonzero(has_score[rows] == value)
        for rows in (in_treatment, ~in_treatment)
        for value in (0, 1)
    ]
    if min(counts) >= 2:
        columns.append(has_score.astype(float))
    covariates = np.column_stack(columns)
    covariates -= covariates.mean(axis=0)
    arm = in_treatment[:, None]
    return np.hstack([np.ones((len(score), 1)), arm, covariates, covariates * arm]).astype(float)


def _has_undetermined_rows(design: Floats, accounts: npt.NDArray[np.intp] | None) -> bool:
    """Return whether the robust variance cannot be computed.

    This happens if the regression has no unique solution or fits a unit exactly, or if there are no more
    accounts than columns of `design`.
    """
    q, r = np.linalg.qr(design / np.linalg.norm(design, axis=0).clip(LEAST_REST))
    if np.abs(np.diag(r)).min() < LEAST_REST or (q**2).sum(axis=1).max() > 1 - LEAST_REST:
        return True
    return accounts is not None and len(np.unique(accounts)) <= design.shape[1]


def _refuse_later_scores(unit: Sequence[str], score: Floats, score_date: Days, first_assigned: Days) -> None:
    """Raise an error that lists all problems with the dates of the scores."""
    has_score, has_date = np.isfinite(score), ~np.isnat(score_date)
    later = has_score & has_date & (score_date >= first_assigned)
    problems = []
    if later.any():
        row = int(np.flatnonzero(later)[0])
        problems.append(
            f"measure: {int(later.sum())} of {len(score)} units have a score that was computed on or after "
            f"the day of their first assignment (first: {unit[row]}, scored {score_date[row]}, assigned "
            f"{first_assigned[row]}). The contact may have changed such a score, and then the adjusted "
            "effect can have the wrong sign. Use the last score that was computed before the first "
            "assignment."
        )
    for rows, rule in (
        (has_score != has_date, "a score without a date, or a date without a score"),
        (np.isnat(first_assigned), "no date of their first assignment"),
    ):
        if rows.any():
            ids = ", ".join(unit[row] for row in np.flatnonzero(rows)[:MAX_IDS])
            problems.append(
                f"measure: {int(rows.sum())} of {len(score)} units have {rule} (first: {ids}). "
                "Correct the ledger's rows of these units."
            )
    if problems:
        raise Stop(*problems)


def _accounts(account: Sequence[str], in_treatment: Bools) -> npt.NDArray[np.intp]:
    """Return each row's account as a number, from 0; raise Stop if an account is in both arms."""
    names, numbers = np.unique(np.asarray(account), return_inverse=True)
    n_treated, size = np.bincount(numbers, weights=in_treatment), np.bincount(numbers)
    split = (n_treated > 0) & (n_treated < size)
    if split.any():
        ids = ", ".join(map(str, names[split][:MAX_IDS]))
        raise Stop(
            f"measure: {int(split.sum())} of {len(names)} accounts are in both arms (first: {ids}). All "
            "units of an account must be in one arm. Assign whole accounts to the arms, or remove the key "
            "`account`; then each unit counts on its own."
        )
    return numbers


def _churner_counts(left: Bools, in_treatment: Bools, clusters: npt.NDArray[np.intp]) -> tuple[int, int]:
    """Return the number of clusters (units or accounts) with at least one churner, for control and for
    treatment.
    """
    return len(np.unique(clusters[left & ~in_treatment])), len(np.unique(clusters[left & in_treatment]))
