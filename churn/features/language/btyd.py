"""Buy till you die: the BG/NBD model estimates how often customers come and when they stop for good.

A customer who has not stopped is called alive and has random events at a personal rate. The rates of all
customers follow the distribution gamma(r, alpha). After each event, a customer stops for good with a personal
probability. The probabilities of all customers follow the distribution beta(a, b).

The history of a customer consists of three numbers:

- `x`: the number of events after the first event.
- `recency`: the time from the first event to the last event.
- `age`: the time from the first event to the cutoff.

`recency` and `age` have the same unit. The functions take `x`, `recency` and `age` as arrays `[n]`, with one
item per customer.

Source: Fader, Hardie and Lee 2005, "Counting your customers" the easy way, Marketing Science 24(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churn.features.language.reader import Array

# The functions of this module import scipy when they run: the import is slow, and few signals fit a model.

MIN_HISTORIES = 100
"""The smallest number of histories for a fit; fewer histories do not show how customers differ."""

MAX_LOG = 9.0
"""The bound on the log of each parameter, with the mean age as the unit of time.

At this bound, the customers hardly differ from each other any more.
"""

MAX_SLOPE = 1e-3
"""The largest slope at a maximum: log-likelihood per customer, per unit of the log of a parameter."""

DIGITS = 6
"""The number of digits to which parameters are rounded, so that processors give nearly equal parameters."""

NODES = 24
"""The number of points that replace a beta distribution.

With 24 points, the expected number of events has an error of at most 1e-4.
"""


@dataclass(frozen=True)
class LifetimeModel:
    """The fitted parameters of the model; `alpha` has the same unit as `recency` and `age`."""

    r: float
    alpha: float
    a: float
    b: float


def p_alive(model: LifetimeModel, x: Array, recency: Array, age: Array) -> Array:
    """Return the probability that each customer has not stopped, `[n]`.

    A customer who never came again gets 1, however long ago the first event was. No signal may therefore use
    this probability as its value.

    Args:
        model: The fitted model.
        x: The number of events after the first event, `[n]`.
        recency: The time from the first event to the last event, `[n]`.
        age: The time from the first event to the cutoff, `[n]`.
    """
    odds = np.log(model.a) - np.log(model.b + np.maximum(x, 1) - 1)
    odds = odds + (model.r + x) * (np.log(model.alpha + age) - np.log(model.alpha + recency))
    return np.where(x > 0, 1 / (1 + np.exp(np.minimum(odds, 700))), 1.0)


def p_none(
    model: LifetimeModel, x: Array, recency: Array, age: Array, horizon: float, *, after: float = 0
) -> Array:
    """Return each customer's probability of no event in `[cutoff + after, cutoff + after + horizon)`.

    If `after` is 0, the probability is `1 - p_alive * (1 - q)`, where
    `q = ((alpha + age) / (alpha + age + horizon)) ** (r + x)`.

    If `after` is above 0, let l be the customer's rate and p the customer's probability of stopping after an
    event. A customer who is alive at the cutoff is alive at the start of the interval with the probability
    `exp(-l * p * after)`. A customer who is alive at the start of the interval has an event in the interval
    with the probability `1 - exp(-l * horizon)`. The two probabilities are multiplied, and the product is
    averaged over l and p, which are unknown. With this average m, the result is `1 - p_alive * m`. The
    average over l, which follows gamma(r + x, alpha + age), has a closed form. The average over p, which
    follows beta(a, b + x), is a weighted sum over `NODES` points.

    Args:
        model: The fitted model.
        x: The number of events after the first event, `[n]`.
        recency: The time from the first event to the last event, `[n]`.
        age: The time from the first event to the cutoff, `[n]`.
        horizon: The length of the interval, in the same unit as `age`.
        after: The time from the cutoff to the start of the interval.
    """
    alive = p_alive(model, x, recency, age)
    if after:
        counts, of_count = np.unique(x, return_inverse=True)
        p, weights = (nodes[of_count] for nodes in _beta_nodes(model.a, model.b + counts))
        stays, shape = (model.alpha + age)[:, None], (model.r + x)[:, None]
        later = np.exp(-shape * np.log1p(p * after / stays))
        silent = np.exp(-shape * np.log1p((p * after + horizon) / stays))
        none_later: Array = 1 - alive * (weights * (later - silent)).sum(axis=1)
        return none_later
    none_alive = np.exp((model.r + x) * np.log1p(-horizon / (model.alpha + age + horizon)))
    return (1 - alive) + alive * none_alive


def expected_events(model: LifetimeModel, x: Array, recency: Array, age: Array, horizon: float) -> Array:
    """Return the expected number of events in `[cutoff, cutoff + horizon)`, `[n]`.

    The number is `p_alive * E((1 - ((alpha + age) / (alpha + age + p * horizon)) ** (r + x)) / p)`, where the
    mean E is over p, and p follows beta(a, b + x). The formula is equation 10 of the source. The source
    solves the integral with a hypergeometric function, which has poles at a = 1 and overflows if customers
    hardly differ. This function uses Gauss-Jacobi sums, which avoid both problems.

    Args:
        model: The fitted model.
        x: The number of events after the first event, `[n]`.
        recency: The time from the first event to the last event, `[n]`.
        age: The time from the first event to the cutoff, `[n]`.
        horizon: The length of the interval.
    """
    pairs, of_customer = np.unique(x + 1j * age, return_inverse=True)  # many customers have equal x and age
    counts, of_pair = np.unique(pairs.real, return_inverse=True)
    p, weights = _beta_nodes(model.a, model.b + counts)
    stays = (model.alpha + pairs.imag)[:, None]
    lasts = (model.r + pairs.real)[:, None] * np.log1p(p[of_pair] * horizon / stays)
    if_alive = (weights[of_pair] * -np.expm1(-lasts) / p[of_pair]).sum(axis=1)
    number: Array = p_alive(model, x, recency, age) * if_alive[of_customer]
    return number


def fit_lifetimes(x: Array, recency: Array, age: Array) -> LifetimeModel | None:
    """Fit the model by maximum likelihood.

    The result is `None` in three cases: fewer than 100 histories, no customer with a second event, or no
    maximum of the likelihood. Equal histories are evaluated once and weighted by their number.

    Args:
        x: The number of events after the first event, `[n]`.
        recency: The time from the first event to the last event, `[n]`.
        age: The time from the first event to the cutoff, `[n]`.
    """
    from scipy.optimize import minimize, root

    if len(x) < MIN_HISTORIES or not x.any():
        return None
    histories, counts = np.unique(np.column_stack([x, recency, age]), axis=0, return_counts=True)
    weights, unit = counts / counts.sum(), float(age.mean())
    x, recency, age = histories[:, 0], histories[:, 1] / unit, histories[:, 2] / unit

    def loss(logs: Array) -> tuple[float, Array]:
        value, slopes = _log_likelihood(logs, x, recency, age)
        return -float(weights @ value), -(slopes @ weights)

    def slopes(logs: Array) -> Array:
        return loss(logs)[1]

    search: Any = minimize(
        loss,
        np.zeros(4),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-MAX_LOG, MAX_LOG)] * 4,
        options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 500},
    )
    logs, steps = search.x, np.clip(search.x - search.jac, -MAX_LOG, MAX_LOG) - search.x
    if not np.abs(steps).max() <= MAX_SLOPE:
        return None
    with np.errstate(all="ignore"):
        # If the likelihood is flat, the search for a maximum stops early. The zero of the slopes is more
        # precise.
        zero: Any = root(slopes, logs, tol=1e-12)
        if np.abs(zero.x).max() < MAX_LOG and loss(zero.x)[0] <= search.fun:
            logs = zero.x
    r, alpha, a, b = np.exp(logs)
    return LifetimeModel(*(float(f"{value:.{DIGITS}g}") for value in (r, alpha * unit, a, b)))


def _beta_nodes(a: float, b: Array) -> tuple[Array, Array]:
    """Return the points and the weights, `[n, NODES]` each, to estimate a mean over a beta distribution.

    Let p have the distribution beta(a, b). For any function f, the mean of f(p) is about the sum of
    `weight * f(point)`.
    The points come from the eigenvalues, and the weights from the eigenvectors, of a matrix. The matrix is
    built from the coefficients of the recurrence that defines the Jacobi polynomials.
    Source: Golub and Welsch 1969, Calculation of Gauss quadrature rules.
    """
    k, right, left = np.arange(1, NODES), (b - 1)[:, None], a - 1
    degree = 2 * k + left + right
    tri = np.zeros((len(b), NODES, NODES))
    tri[:, 0, 0] = (a - b) / (a + b)
    tri[:, k, k] = (left - right) * (left + right) / (degree * (degree + 2))
    first = 4 * a * b / ((a + b) ** 2 * (a + b + 1))
    k, degree = k[1:], degree[:, 1:]
    off_diagonal = 4 * k * (k + right) * (k + left) * (k + left + right)
    tri[:, 1, 0] = np.sqrt(first)
    tri[:, k, k - 1] = np.sqrt(off_diagonal / (degree**2 * (degree + 1) * (degree - 1)))
    values, vectors = np.linalg.eigh(tri)  # `eigh` reads only the lower triangle
    return np.clip((1 + values) / 2, 1e-300, 1.0), vectors[:, 0, :] ** 2


def _log_likelihood(logs: Array, x: Array, recency: Array, age: Array) -> tuple[Array, Array]:
    """Return the log-likelihood of each history, `[n]`, and its derivatives, `[4, n]`.

    The derivatives are with respect to the logs of r, alpha, a and b.
    """
    from scipy.special import digamma, gammaln

    r, alpha, a, b = np.exp(logs)
    events, of_history = np.unique(x, return_inverse=True)
    log_age, log_recency = np.log(alpha + age), np.log(alpha + recency)
    log_coming = gammaln(r + events) - gammaln(r) + r * np.log(alpha)
    log_staying = gammaln(a + b) + gammaln(b + events) - gammaln(b) - gammaln(a + b + events)
    odds = np.log(a) - np.log(b + np.maximum(x, 1) - 1) + (r + x) * (log_age - log_recency)
    odds = np.where(x > 0, odds, -np.inf)  # log-odds that the customer has stopped: impossible if x is 0
    value = (log_coming + log_staying)[of_history] - (r + x) * log_age + np.logaddexp(0, odds)

    p_stopped = 1 / (1 + np.exp(np.minimum(-odds, 700)))
    slope_r = (digamma(r + events) - digamma(r) + np.log(alpha))[of_history]
    slope_r = slope_r - log_age + p_stopped * (log_age - log_recency)
    slope_alpha = r / alpha - (r + x) * ((1 - p_stopped) / (alpha + age) + p_stopped / (alpha + recency))
    slope_of_both = digamma(a + b) - digamma(a + b + events)
    slope_a = slope_of_both[of_history] + p_stopped / a
    slope_b = (slope_of_both + digamma(b + events) - digamma(b))[of_history] - p_stopped / (
        b + np.maximum(x, 1) - 1
    )
    return value, np.stack([r * slope_r, alpha * slope_alpha, a * slope_a, b * slope_b])
