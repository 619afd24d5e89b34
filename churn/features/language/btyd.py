"""Buy till you die: the BG/NBD model of how often customers come, and of when they stop for good.

While alive, a customer has random events at a personal rate, gamma(r, alpha) among customers. After each
event, the customer stops for good with a personal probability, beta(a, b) among customers. A history has `x`
events after the first, `recency` from the first to the last, and `age` from the first to the cutoff, in one
unit of time; all three are arrays `[n]` with one item a customer.

Source: Fader, Hardie and Lee 2005, "Counting your customers" the easy way, Marketing Science 24(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churn.features.language.reader import Array

# scipy is imported where it is used: it is slow to import, and few signals fit a model.

MIN_HISTORIES = 100
"""Fewer histories do not show how customers differ; nothing is fitted."""

MAX_LOG = 9.0
"""The largest log of a parameter, with time in mean ages: beyond it customers no longer differ."""

MAX_SLOPE = 1e-3
"""The search has reached a maximum if the log-likelihood per customer rises less per log of a parameter."""

DIGITS = 6
"""Parameters are rounded to this many digits, so that other processors give nearly the same ones."""

NODES = 24
"""Points that stand for a beta distribution; the expected number is then exact to 1e-4 or better."""


@dataclass(frozen=True)
class LifetimeModel:
    """Fitted parameters; `alpha` is in the unit of time of the histories."""

    r: float
    alpha: float
    a: float
    b: float


def p_alive(model: LifetimeModel, x: Array, recency: Array, age: Array) -> Array:
    """Return the probability that each customer has not stopped, `[n]`; 1 without a repeat event.

    It ranks customers who never came again in the wrong order, so no signal may use it alone.

    Args:
        model: The fitted model.
        x: Events after the first.
        recency: Time from the first event to the last.
        age: Time from the first event to the cutoff.
    """
    odds = np.log(model.a) - np.log(model.b + np.maximum(x, 1) - 1)
    odds = odds + (model.r + x) * (np.log(model.alpha + age) - np.log(model.alpha + recency))
    return np.where(x > 0, 1 / (1 + np.exp(np.minimum(odds, 700))), 1.0)


def p_none(
    model: LifetimeModel, x: Array, recency: Array, age: Array, horizon: float, *, after: float = 0
) -> Array:
    """Return the probability of no event in `[cutoff + after, cutoff + after + horizon)`, `[n]`.

    Without `after` it is `1 - p_alive * (1 - q)`, `q = ((alpha + age) / (alpha + age + horizon)) ** (r + x)`.
    With `after`, a customer who is alive now and has the rate l is alive later with probability
    `exp(-l * p * after)`, and then has an event with probability `1 - exp(-l * horizon)`. This is averaged
    over l, gamma(r + x, alpha + age), in closed form, and over p, beta(a, b + x), by sums.

    Args:
        model: The fitted model.
        x: Events after the first.
        recency: Time from the first event to the last.
        age: Time from the first event to the cutoff.
        horizon: The length of the interval.
        after: The time from the cutoff to the interval's start.
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

    `p_alive * E((1 - ((alpha + age) / (alpha + age + p * horizon)) ** (r + x)) / p)`, p of beta(a, b + x).
    This is equation 10 of the source before its integral is solved by a hypergeometric function. That form
    has poles at a = 1 and overflows if customers hardly differ; Gauss-Jacobi sums do not.

    Args:
        model: The fitted model.
        x: Events after the first.
        recency: Time from the first event to the last.
        age: Time from the first event to the cutoff.
        horizon: The length of the interval.
    """
    pairs, of_customer = np.unique(x + 1j * age, return_inverse=True)  # many customers share x and age
    counts, of_pair = np.unique(pairs.real, return_inverse=True)
    p, weights = _beta_nodes(model.a, model.b + counts)
    stays = (model.alpha + pairs.imag)[:, None]
    lasts = (model.r + pairs.real)[:, None] * np.log1p(p[of_pair] * horizon / stays)
    if_alive = (weights[of_pair] * -np.expm1(-lasts) / p[of_pair]).sum(axis=1)
    number: Array = p_alive(model, x, recency, age) * if_alive[of_customer]
    return number


def fit_lifetimes(x: Array, recency: Array, age: Array) -> LifetimeModel | None:
    """Fit by maximum likelihood; `None` with too few histories, without repeat events or without a maximum.

    Equal histories are evaluated once and weighted.

    Args:
        x: Events after the first.
        recency: Time from the first event to the last.
        age: Time from the first event to the cutoff.
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
        # Where the likelihood is flat, the search stops early; the zero of its slopes is precise.
        zero: Any = root(slopes, logs, tol=1e-12)
        if np.abs(zero.x).max() < MAX_LOG and loss(zero.x)[0] <= search.fun:
            logs = zero.x
    r, alpha, a, b = np.exp(logs)
    return LifetimeModel(*(float(f"{value:.{DIGITS}g}") for value in (r, alpha * unit, a, b)))


def _beta_nodes(a: float, b: Array) -> tuple[Array, Array]:
    """Return points and weights, `[n, NODES]` each, that average functions over beta(a, b).

    They are the eigenvalues and eigenvectors of the recurrence of Jacobi polynomials.
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
    values, vectors = np.linalg.eigh(tri)  # of the lower triangle
    return np.clip((1 + values) / 2, 1e-300, 1.0), vectors[:, 0, :] ** 2


def _log_likelihood(logs: Array, x: Array, recency: Array, age: Array) -> tuple[Array, Array]:
    """Return the log-likelihood `[n]`, and its slopes `[4, n]` by the logs of r, alpha, a and b."""
    from scipy.special import digamma, gammaln

    r, alpha, a, b = np.exp(logs)
    events, of_history = np.unique(x, return_inverse=True)
    log_age, log_recency = np.log(alpha + age), np.log(alpha + recency)
    log_coming = gammaln(r + events) - gammaln(r) + r * np.log(alpha)
    log_staying = gammaln(a + b) + gammaln(b + events) - gammaln(b) - gammaln(a + b + events)
    odds = np.log(a) - np.log(b + np.maximum(x, 1) - 1) + (r + x) * (log_age - log_recency)
    odds = np.where(x > 0, odds, -np.inf)  # of having stopped; impossible before a repeat event
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
