"""The shifted beta-geometric model of contracts: churn falls with age because the customers who are most
likely to leave do so first.

Source: Fader and Hardie, How to project customer retention, Journal of Interactive Marketing 21 (2007); Fader
and Hardie, Customer-base valuation in a contractual setting, Marketing Science 29 (2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import hyp2f1

from churn.kpis.figure import Finite
from churn.kpis.lives import FirstLives
from churn.metrics.interval import Part

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAYS_PER_MONTH = 365.25 / 12

MIN_COHORTS, MIN_PERIODS, MIN_AT_RISK, MIN_LOST = 3, 4, 30, 30
"""The least number of monthly cohorts, of periods, of customers at the start of a period, and of churners."""

MAX_PARAMETER = 1e4
"""If alpha + beta is above this value, all customers are alike, and the model is a constant churn rate."""

N_DRAWS = 2000
SHOWN_RENEWALS = (0, 1, 3, 6, 12)

DEFINITION = (
    "the model is the shifted beta-geometric model, fitted by maximum likelihood to the months in which "
    "customers left for the first time. The model assumes that a customer's chance to leave is the same in "
    "every month, and that the chances of different customers are drawn from Beta(alpha, beta)"
)
DERL_DEFINITION = (
    "the discounted expected residual lifetime is computed for customers who have renewed n times. It is "
    "the number of monthly payments that such a customer is expected to make from now on. Future payments "
    "are discounted to now, so each of them counts as less than one payment. The next renewal is due now, so "
    "its payment is not discounted. The interval of this lifetime is computed from the curvature of the "
    "likelihood"
)


@dataclass(frozen=True)
class SbgFit:
    """The parameters of the model, and the covariance of their logarithms, `[2, 2]`."""

    alpha: float
    beta: float
    covariance: Floats

    def survival(self, periods: int) -> Floats:
        """Return the share of customers who are still there after each of 0 to `periods` periods."""
        age = np.arange(1, periods + 1)
        retention = (self.beta + age - 1) / (self.alpha + self.beta + age - 1)
        return np.concatenate([[1.0], retention.cumprod()])


def fit_sbg(at_risk: npt.ArrayLike, n_lost: npt.ArrayLike) -> SbgFit | None:
    """Fit the model by maximum likelihood; None if churn does not fall with the time since joining.

    Args:
        at_risk: The number of customers at the start of each period of age, `[periods]`; customers who were
            not followed to the end of the period are left out.
        n_lost: How many of the customers in `at_risk` left in the period, `[periods]`.
    """
    risk, loss = np.asarray(at_risk, dtype=np.float64), np.asarray(n_lost, dtype=np.float64)
    age = np.arange(1, len(risk) + 1)

    def negative_log_likelihood(logs: Floats) -> float:
        alpha, beta = np.exp(logs)
        total = alpha + beta + age - 1
        return -float((loss * np.log(alpha / total) + (risk - loss) * np.log((beta + age - 1) / total)).sum())

    bound = np.log(MAX_PARAMETER)
    start = np.log([max(loss.sum() / risk.sum(), 1e-6), 1.0])
    best = minimize(
        negative_log_likelihood,
        start,
        method="L-BFGS-B",
        bounds=[(-15.0, bound)] * 2,
        options={"ftol": 1e-15, "gtol": 1e-9},
    )
    alpha, beta = np.exp(best.x)
    covariance = _inverse_of_curvature(negative_log_likelihood, best.x)
    if not best.success or alpha + beta > 0.5 * MAX_PARAMETER or covariance is None:
        return None
    return SbgFit(float(alpha), float(beta), covariance)


def discounted_lifetime(alpha: npt.ArrayLike, beta: npt.ArrayLike, renewals: int, discount: float) -> Floats:
    """Return the expected remaining lifetime of a customer, in periods; later periods are discounted.

    Args:
        alpha, beta: The parameters of the model.
        renewals: How many times the customer has renewed; the next renewal is due now.
        discount: The discount rate per period.

    >>> round(float(discounted_lifetime(0.668, 3.806, 7, 0.1)), 2)
    7.53
    """
    a, b = np.asarray(alpha, dtype=np.float64), np.asarray(beta, dtype=np.float64)
    first = (b + renewals) / (a + b + renewals)
    series = hyp2f1(1.0, b + renewals + 1, a + b + renewals + 1, 1 / (1 + discount))
    return np.asarray(first * series, dtype=np.float64)


class ResidualLifetime(Part):
    """The expected number of further monthly payments of a customer who has renewed `renewals` times; later
    payments are discounted.
    """

    renewals: int
    value: float
    low: float
    high: float


class MonthOfAge(Part):
    """A month of age: the customers at its start, how many of them left in it, and the share of all customers
    who are still there at its end, as observed and as predicted by the model.

    `observed_share` is the product of the observed retention rates up to this month.
    """

    month: int
    at_risk: int
    n_lost: int
    observed_share: float
    fitted_share: float


class ContractModel(Part):
    """The fitted model of contracts, or the reason why there is none."""

    unit: Literal["monthly payments"]
    definition: str
    derl_definition: str
    population: str
    discount_year: float
    n: int
    n_lost: int
    cohorts: int
    alpha: Finite
    beta: Finite
    months: tuple[MonthOfAge, ...]
    residual_lifetimes: tuple[ResidualLifetime, ...]
    reason: str | None


def contract_model(first_lives: FirstLives, discount_year: float) -> ContractModel:
    """Fit the model to the ages, in months, at which customers left.

    Args:
        first_lives: The first life of each customer, from joining to leaving for the first time.
        discount_year: The yearly discount rate.
    """
    at_risk, n_lost = months_of_age(first_lives)
    enough = np.flatnonzero(at_risk < MIN_AT_RISK)
    periods = int(enough[0]) if len(enough) else len(at_risk)
    at_risk, n_lost = at_risk[:periods], n_lost[:periods]
    is_counted = first_lives.follow_days >= DAYS_PER_MONTH
    cohorts = len(np.unique(first_lives.joined_on[is_counted] // DAYS_PER_MONTH))
    reason = _too_few(cohorts, periods, int(n_lost.sum()))
    fit = None if reason else fit_sbg(at_risk, n_lost)
    if fit is None and reason is None:
        reason = (
            "churn does not fall with the time since joining, so a constant churn rate describes these data "
            "as well"
        )
    discount = (1 + discount_year) ** (1 / 12) - 1
    return ContractModel(
        unit="monthly payments",
        definition=DEFINITION,
        derl_definition=DERL_DEFINITION,
        population="customers with a contract, by month of age, until they left for the first time",
        discount_year=discount_year,
        n=int(is_counted.sum()),
        n_lost=int(n_lost.sum()),
        cohorts=cohorts,
        alpha=fit.alpha if fit else None,
        beta=fit.beta if fit else None,
        months=_months(at_risk, n_lost, fit) if fit else (),
        residual_lifetimes=tuple(_residual(fit, n, discount) for n in SHOWN_RENEWALS) if fit else (),
        reason=reason,
    )


def months_of_age(first_lives: FirstLives) -> tuple[Ints, Ints]:
    """Return for each month of age the number of customers at its start, and how many of them left in it,
    `[months]` each.

    In each month, customers who cannot be followed over the whole month are left out. Otherwise churn would
    be too high: before a month is over, it is known who has left, but not who will stay.
    """
    lives, follow_days = first_lives.lives, first_lives.follow_days
    at_risk, n_lost = [], []
    for month in range(int(follow_days.max(initial=0) // DAYS_PER_MONTH)):
        start, end = month * DAYS_PER_MONTH, (month + 1) * DAYS_PER_MONTH
        is_there = (lives.days > start) | (month == 0)
        is_followed = (lives.entry_days <= start) & (follow_days >= end) & is_there
        at_risk.append(int(is_followed.sum()))
        n_lost.append(int((is_followed & lives.has_left & (lives.days <= end)).sum()))
    return np.array(at_risk, dtype=np.int64), np.array(n_lost, dtype=np.int64)


def _too_few(cohorts: int, periods: int, n_lost: int) -> str | None:
    if cohorts < MIN_COHORTS:
        return f"the model needs {MIN_COHORTS} monthly cohorts, and there are {cohorts}"
    if periods < MIN_PERIODS:
        return (
            f"the model needs {MIN_AT_RISK} customers at the start of each of the first {MIN_PERIODS} months "
            f"of age; counted from the first, {periods} months have so many"
        )
    if n_lost < MIN_LOST:
        return f"the model needs {MIN_LOST} customers who left, and there are {n_lost}"
    return None


def _months(at_risk: Ints, n_lost: Ints, fit: SbgFit) -> tuple[MonthOfAge, ...]:
    observed_share = (1 - n_lost / at_risk).cumprod()
    fitted_share = fit.survival(len(at_risk))[1:]
    return tuple(
        MonthOfAge(
            month=month + 1,
            at_risk=int(at_risk[month]),
            n_lost=int(n_lost[month]),
            observed_share=float(observed_share[month]),
            fitted_share=float(fitted_share[month]),
        )
        for month in range(len(at_risk))
    )


def _residual(fit: SbgFit, renewals: int, discount: float) -> ResidualLifetime:
    rng = np.random.default_rng(7)
    logs = rng.multivariate_normal(np.log([fit.alpha, fit.beta]), fit.covariance, N_DRAWS)
    alpha, beta = np.exp(logs).T
    draws = discounted_lifetime(alpha, beta, renewals, discount)
    low, high = np.quantile(draws, [0.025, 0.975])
    value = float(discounted_lifetime(fit.alpha, fit.beta, renewals, discount))
    return ResidualLifetime(
        renewals=renewals, value=value, low=min(float(low), value), high=max(float(high), value)
    )


def _inverse_of_curvature(function: Callable[[Floats], float], at: Floats) -> Floats | None:
    """Return the inverse of the matrix of second derivatives; None if the matrix is not positive definite."""
    step = 1e-3
    matrix = np.zeros((2, 2))
    for row in range(2):
        for column in range(2):
            shifts = [np.zeros(2) for _ in range(4)]
            for shift, (sign_row, sign_column) in zip(
                shifts, ((1, 1), (1, -1), (-1, 1), (-1, -1)), strict=True
            ):
                shift[row] += sign_row * step
                shift[column] += sign_column * step
            plus, minus_column, minus_row, minus = (function(at + shift) for shift in shifts)
            matrix[row, column] = (plus - minus_column - minus_row + minus) / (4 * step * step)
    if not np.isfinite(matrix).all() or (np.linalg.eigvalsh(matrix) <= 0).any():
        return None
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
