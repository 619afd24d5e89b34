"""The effect of contact on churn: a difference of rates, also adjusted by an earlier score.

An effect is always `churn(control) - churn(treatment)`: above 0, fewer of the contacted customers leave.
Units are analysed in the arm that they were assigned to, contacted or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import confint_proportions_2indep

from churn.errors import Stop
from churn.metrics.interval import Interval, Part
from churn.metrics.metrics import Floats

Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

MIN_CHURNERS = 20
"""There is no verdict before this number of churners in each arm: intervals of rarer events are too short."""

ALPHA = 0.05
"""The share of experiments without an effect in which an interval may exclude 0."""

LEAST_REST = 1e-9
"""Below this part of a column, or of a unit's own outcome, that the others do not fix, HC2 is undefined."""

MAX_IDS = 3
"""The number of units that an error names."""


class Verdict(StrEnum):
    """What an interval shows about the effect of contact."""

    FEWER_LEAVE = "fewer leave"
    MORE_LEAVE = "more leave"
    NOT_SHOWN = "no difference shown"


class NoVerdict(StrEnum):
    """Why there is no verdict."""

    EMPTY_ARM = "no units in an arm"
    FEW_CHURNERS = f"fewer than {MIN_CHURNERS} churners in an arm"
    NO_SCORE = "no two units with different scores from before their first assignment"
    FEW_UNITS = "too few units in an arm for a regression"


class IntervalMethod(StrEnum):
    """How the interval of a difference is computed."""

    NEWCOMBE = "Newcombe"
    HC2 = "HC2"
    CLUSTERS = "robust for accounts"


class ArmChurn(Part):
    """The churn in one arm, as assigned.

    Attributes:
        n: The number of units.
        churners: The number of units that left.
        churn: `churners / n`; None without units.
    """

    n: int
    churners: int
    churn: float | None


class Effect(Part):
    """The effect of contact on churn.

    Attributes:
        difference: `churn(control) - churn(treatment)` with its interval; above 0, fewer leave. Without a
            value if there is no difference.
        method: How the interval is computed.
        verdict: What the interval shows; None if there is no verdict.
        no_verdict_because: Why there is no verdict; None if there is one.
    """

    difference: Interval
    method: IntervalMethod
    verdict: Verdict | None = None
    no_verdict_because: NoVerdict | None = None


class RateDifference(Effect):
    """The effect of contact as the difference of two churn rates.

    Attributes:
        control: The churn in the control.
        treatment: The churn in the arm that is contacted.
    """

    control: ArmChurn
    treatment: ArmChurn


class AdjustedDifference(Effect):
    """The effect of contact, adjusted by the score from before each unit's first assignment.

    Attributes:
        n: The number of units.
        units_without_score: The number of units without an earlier score.
        standard_error: The standard error of the difference; None without a difference.
    """

    n: int
    units_without_score: int
    standard_error: float | None = None


NO_DIFFERENCE = Interval(value=None, low=None, high=None)
"""The difference where there is none."""


class SavedCustomers(Part):
    """The customers and the money that contact saved; negative numbers were lost.

    Attributes:
        customers: `effect x treated units`, with its interval.
        money: `saved customers x residual value of a customer`, with its interval.
    """

    customers: Interval
    money: Interval


def rate_difference(
    churners_control: int, n_control: int, churners_treatment: int, n_treatment: int, *, alpha: float = ALPHA
) -> RateDifference:
    """Return the difference of two churn rates with Newcombe's interval, for one look at matured outcomes.

    Args:
        churners_control: The number of churners in the control.
        n_control: The number of units in the control.
        churners_treatment: The number of churners in the arm that is contacted.
        n_treatment: The number of units in the arm that is contacted.
        alpha: One minus the level of the interval.

    Raises:
        ValueError: If an arm has more churners than units, or a negative number of churners.

    Source: Newcombe (1998), Interval estimation for the difference between independent proportions,
        Statistics in Medicine 17, 873-890, method 10.

    >>> result = rate_difference(30, 300, 160, 2700)
    >>> round(result.difference.value, 4), str(result.verdict)
    (0.0407, 'fewer leave')
    >>> str(rate_difference(3, 300, 60, 2700).no_verdict_because)
    'fewer than 20 churners in an arm'
    """
    control, treatment = _arm(churners_control, n_control), _arm(churners_treatment, n_treatment)
    if control.churn is None or treatment.churn is None:
        return RateDifference(
            control=control,
            treatment=treatment,
            difference=NO_DIFFERENCE,
            method=IntervalMethod.NEWCOMBE,
            no_verdict_because=NoVerdict.EMPTY_ARM,
        )
    low, high = confint_proportions_2indep(
        churners_control, n_control, churners_treatment, n_treatment, method="newcomb", alpha=alpha
    )
    difference = Interval(value=control.churn - treatment.churn, low=float(low), high=float(high))
    verdict, reason = _judge(difference, churners_control, churners_treatment)
    return RateDifference(
        control=control,
        treatment=treatment,
        difference=difference,
        method=IntervalMethod.NEWCOMBE,
        verdict=verdict,
        no_verdict_because=reason,
    )


def account_rate_difference(
    left: Bools, in_treatment: Bools, account: Sequence[str], *, alpha: float = ALPHA
) -> RateDifference:
    """Return the difference of the churn rates of customers where whole accounts were assigned.

    Customers of one account leave together, so the interval is robust for accounts. The rule of 20 churners
    counts the accounts with a churner.

    Args:
        left: Whether each customer left, shape (customers,).
        in_treatment: Whether the account of each customer is in the arm that is contacted.
        account: The account of each customer.
        alpha: One minus the level of the interval.

    Raises:
        Stop: If an account is in both arms.

    Source: Cameron and Miller (2015), A practitioner's guide to cluster-robust inference, Journal of Human
        Resources 50; t with `accounts - 1` degrees of freedom.
    """
    control = _arm(int(left[~in_treatment].sum()), int((~in_treatment).sum()))
    treatment = _arm(int(left[in_treatment].sum()), int(in_treatment.sum()))
    accounts = _accounts(account, in_treatment)
    n_accounts = min(len(np.unique(accounts[rows])) for rows in (~in_treatment, in_treatment))
    difference, verdict, reason = NO_DIFFERENCE, None, None
    if n_accounts < 2:
        reason = NoVerdict.FEW_UNITS if n_accounts else NoVerdict.EMPTY_ARM
    else:
        design = np.column_stack([np.ones(len(left)), in_treatment]).astype(float)
        difference, _ = _fit(left, design, accounts, alpha)
        verdict, reason = _judge(difference, *_churner_counts(left, in_treatment, accounts))
    return RateDifference(
        control=control,
        treatment=treatment,
        difference=difference,
        method=IntervalMethod.CLUSTERS,
        verdict=verdict,
        no_verdict_because=reason,
    )


def _arm(churners: int, n: int) -> ArmChurn:
    if not 0 <= churners <= n:
        raise ValueError(f"an arm of {n} units cannot have {churners} churners")
    return ArmChurn(n=n, churners=churners, churn=churners / n if n else None)


def _churner_counts(left: Bools, in_treatment: Bools, clusters: npt.NDArray[np.intp]) -> tuple[int, int]:
    """Return the number of units or accounts with a churner, in the control and in the treatment."""
    return len(np.unique(clusters[left & ~in_treatment])), len(np.unique(clusters[left & in_treatment]))


def _judge(
    difference: Interval, churners_control: int, churners_treatment: int
) -> tuple[Verdict | None, NoVerdict | None]:
    """Return the verdict, or the reason why there is none."""
    if min(churners_control, churners_treatment) < MIN_CHURNERS:
        return None, NoVerdict.FEW_CHURNERS
    if difference.low is None or difference.high is None:
        return None, NoVerdict.FEW_UNITS
    return verdict_of(difference.low, difference.high), None


def verdict_of(low: float, high: float) -> Verdict:
    """Return what an interval `[low, high]` of the effect shows.

    >>> [str(verdict_of(*ends)) for ends in ((0.01, 0.05), (-0.05, -0.01), (-0.01, 0.05))]
    ['fewer leave', 'more leave', 'no difference shown']
    """
    if low > 0:
        return Verdict.FEWER_LEAVE
    return Verdict.MORE_LEAVE if high < 0 else Verdict.NOT_SHOWN


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

    This is a regression on the arm, the centred score and their product. A unit without an earlier score
    has the mean score and an indicator, which is adjusted for like the score where each arm has two units
    with and two units without a score.

    Args:
        left: Whether each unit left, shape (units,).
        in_treatment: Whether each unit was assigned to the arm that is contacted, shape (units,).
        score: The churn probability of each unit from before its first assignment; NaN without one.
        unit: The id of each unit, for errors.
        score_date: The date of each score; NaT without one.
        first_assigned_date: The date of the first assignment of each unit to any arm of the experiment.
        account: The account of each unit if accounts were assigned; None if the units themselves were.
        alpha: One minus the level of the interval.

    Raises:
        Stop: If a score is from on or after the first assignment of its unit, if a score has no date or a
            date has no score, if a unit has no date of assignment, or if an account is in both arms.

    Source: Lin (2013), Agnostic notes on regression adjustments to experimental data, Annals of Applied
        Statistics 7, 295-318; MacKinnon and White (1985), Journal of Econometrics 29 (HC2); Cameron and
        Miller (2015), Journal of Human Resources 50 (accounts: t with `accounts - 1` degrees of freedom).
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
        verdict, reason = _judge(difference, *_churner_counts(left, in_treatment, clusters))
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
    """Return minus the coefficient of the arm, the second column, with its interval and standard error."""
    model = OLS(left.astype(float), design)
    if accounts is None:
        fit = model.fit(method="qr", cov_type="HC2")
    else:
        fit = model.fit(method="qr", cov_type="cluster", cov_kwds={"groups": accounts}, use_t=True)
    low, high = fit.conf_int(alpha)[1]
    return Interval(value=-float(fit.params[1]), low=-float(high), high=-float(low)), float(fit.bse[1])


def _lin_design(score: Floats, has_score: Bools, in_treatment: Bools) -> Floats:
    """Return the columns constant, arm, centred covariates, and covariates times arm."""
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
    """Return whether the regression is not identified, or fits a unit exactly, so that HC2 is undefined."""
    q, r = np.linalg.qr(design / np.linalg.norm(design, axis=0).clip(LEAST_REST))
    if np.abs(np.diag(r)).min() < LEAST_REST or (q**2).sum(axis=1).max() > 1 - LEAST_REST:
        return True
    return accounts is not None and len(np.unique(accounts)) <= design.shape[1]


def _refuse_later_scores(unit: Sequence[str], score: Floats, score_date: Days, first_assigned: Days) -> None:
    """Raise all problems of the dates of the scores."""
    has_score, has_date = np.isfinite(score), ~np.isnat(score_date)
    later = has_score & has_date & (score_date >= first_assigned)
    problems = []
    if later.any():
        row = int(np.flatnonzero(later)[0])
        problems.append(
            f"measure: {int(later.sum())} of {len(score)} units have a score from on or after their first "
            f"assignment (first: {unit[row]}, score of {score_date[row]}, assigned {first_assigned[row]}). "
            "Contact may have moved such a score, and the adjusted effect can turn its sign. Use the last "
            "score from before the first assignment."
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
    """Return the number of each row's account; raise if an account is in both arms."""
    names, numbers = np.unique(np.asarray(account), return_inverse=True)
    n_treated, size = np.bincount(numbers, weights=in_treatment), np.bincount(numbers)
    split = (n_treated > 0) & (n_treated < size)
    if split.any():
        ids = ", ".join(map(str, names[split][:MAX_IDS]))
        raise Stop(
            f"measure: {int(split.sum())} of {len(names)} accounts are in both arms (first: {ids}). All "
            "units of an account must be in one arm. Assign by account, or measure without accounts."
        )
    return numbers


def saved_customers(difference: Interval, n_treatment: int, residual_value: float) -> SavedCustomers:
    """Return the customers and the money that contact saved.

    Args:
        difference: The effect with its interval.
        n_treatment: The number of units in the arm that is contacted.
        residual_value: The residual value of one customer, in the currency of the company.

    >>> saved = saved_customers(Interval(value=0.02, low=-0.01, high=0.05), 1000, 300.0)
    >>> saved.customers.as_json(), saved.money.value
    ({'value': 20.0, 'low': -10.0, 'high': 50.0}, 6000.0)
    """
    customers = _scale_interval(difference, n_treatment)
    return SavedCustomers(customers=customers, money=_scale_interval(customers, residual_value))


def _scale_interval(interval: Interval, factor: float) -> Interval:
    if factor < 0:
        raise ValueError(f"an interval cannot be scaled by {factor}: its ends would change places")
    ends = (interval.value, interval.low, interval.high)
    value, low, high = (None if end is None else end * factor for end in ends)
    return Interval(value=value, low=low, high=high)
