"""Buy till you die: the BG/NBD model of how often customers come, and of when they stop for good.

While alive a customer has events at random at an own rate, gamma(r, alpha) among customers; after each event
the customer stops for good with an own probability, beta(a, b) among customers. A history is `x` events after
the first, `recency` from the first to the last, `age` from the first to the cutoff, in one unit of time.

Source: Fader, Hardie and Lee 2005, "Counting your customers" the easy way, Marketing Science 24(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churn.features.language.reader import Array

# scipy is imported where it is used: every verb reads this file, few fit anything.

FEWEST_CUSTOMERS = 100
"""Fewer histories do not tell how customers differ; nothing is fitted."""

LARGEST_LOG = 9.0
"""How far the logs of the parameters may go, with time in mean ages: beyond it customers are all alike."""

STEEPEST = 1e-3
"""A maximum is where the log-likelihood per customer rises less than this per log of a parameter."""

DIGITS = 6
"""Parameters are rounded to so many digits, so that other processors give the same ones."""

NODES = 24
"""Points at which a beta distribution is looked at; the expected number is exact to 1e-4 at the worst."""


@dataclass(frozen=True)
class Model:
    """Fitted parameters; `alpha` is in the unit of time of the histories."""

    r: float
    alpha: float
    a: float
    b: float


def log_likelihood(model: Model, x: Array, recency: Array, age: Array) -> Array:
    """Return the log-likelihood of each history."""
    return _log_likelihood(np.log([model.r, model.alpha, model.a, model.b]), x, recency, age)[0]


def p_alive(model: Model, x: Array, recency: Array, age: Array) -> Array:
    """Return how probable it is that a customer has not stopped; 1 for all without a repeat event.

    It ranks those backwards who never came again, so that no signal may use it by itself.
    """
    odds = np.log(model.a) - np.log(model.b + np.maximum(x, 1) - 1)
    odds = odds + (model.r + x) * (np.log(model.alpha + age) - np.log(model.alpha + recency))
    return np.where(x > 0, 1 / (1 + np.exp(np.minimum(odds, 700))), 1.0)


def p_none(model: Model, x: Array, recency: Array, age: Array, ahead: float, *, after: float = 0) -> Array:
    """Return the probability of no event in `[cutoff + after, cutoff + after + ahead)`.

    Without `after` it is `1 - p_alive * (1 - q)`, `q = ((alpha + age) / (alpha + age + ahead)) ** (r + x)`.
    Else a customer alive now, whose own rate is l, is alive later with probability `exp(-l * p * after)` and
    then has an event with `1 - exp(-l * ahead)`: averaged over l, gamma(r + x, alpha + age), in closed form,
    and over p, beta(a, b + x), by sums.
    """
    alive = p_alive(model, x, recency, age)
    if after:
        counts, of_count = np.unique(x, return_inverse=True)
        p, weights = (each[of_count] for each in _beta_nodes(model.a, model.b + counts))
        stays, shape = (model.alpha + age)[:, None], (model.r + x)[:, None]
        later = np.exp(-shape * np.log1p(p * after / stays))
        silent = np.exp(-shape * np.log1p((p * after + ahead) / stays))
        found: Array = 1 - alive * (weights * (later - silent)).sum(axis=1)
        return found
    none_alive = np.exp((model.r + x) * np.log1p(-ahead / (model.alpha + age + ahead)))
    return (1 - alive) + alive * none_alive


def expected(model: Model, x: Array, recency: Array, age: Array, ahead: float) -> Array:
    """Return the expected number of events in `[cutoff, cutoff + ahead)`.

    `p_alive * E((1 - ((alpha + age) / (alpha + age + p * ahead)) ** (r + x)) / p)`, p of beta(a, b + x): what
    equation 10 of the source is before its integral is solved by a hypergeometric function, whose closed form
    has poles at a = 1 and overflows where customers are alike. Gauss-Jacobi sums have neither.
    """
    pairs, place = np.unique(x + 1j * age, return_inverse=True)  # many customers share x and age
    counts, of_pair = np.unique(pairs.real, return_inverse=True)
    p, weights = _beta_nodes(model.a, model.b + counts)
    stays = (model.alpha + pairs.imag)[:, None]
    lasts = (model.r + pairs.real)[:, None] * np.log1p(p[of_pair] * ahead / stays)
    if_alive = (weights[of_pair] * -np.expm1(-lasts) / p[of_pair]).sum(axis=1)
    found: Array = p_alive(model, x, recency, age) * if_alive[place]
    return found


def fitted(x: Array, recency: Array, age: Array) -> Model | None:
    """Fit by maximum likelihood; `None` where too little is known or no maximum is found.

    Equal histories are looked at once and weighed.
    """
    from scipy.optimize import minimize, root

    if len(x) < FEWEST_CUSTOMERS or not x.any():
        return None
    histories, counts = np.unique(np.column_stack([x, recency, age]), axis=0, return_counts=True)
    weights, unit = counts / counts.sum(), float(age.mean())
    x, recency, age = histories[:, 0], histories[:, 1] / unit, histories[:, 2] / unit

    def loss(logs: Array) -> tuple[float, Array]:
        value, slopes = _log_likelihood(logs, x, recency, age)
        return -float(weights @ value), -(slopes @ weights)

    def slopes(logs: Array) -> Array:
        return loss(logs)[1]

    found: Any = minimize(
        loss,
        np.zeros(4),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-LARGEST_LOG, LARGEST_LOG)] * 4,
        options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 500},
    )
    logs, steps = found.x, np.clip(found.x - found.jac, -LARGEST_LOG, LARGEST_LOG) - found.x
    if not np.abs(steps).max() <= STEEPEST:
        return None
    with np.errstate(all="ignore"):
        # Where the likelihood is flat the search stops early; the zero of its slopes is sharp.
        zero: Any = root(slopes, logs, tol=1e-12)
        if np.abs(zero.x).max() < LARGEST_LOG and loss(zero.x)[0] <= found.fun:
            logs = zero.x
    r, alpha, a, b = np.exp(logs)
    return Model(*(float(f"{value:.{DIGITS}g}") for value in (r, alpha * unit, a, b)))


def _beta_nodes(a: float, b: Array) -> tuple[Array, Array]:
    """Return points and weights `[n, NODES]` that average functions over beta(a, b).

    The eigenvectors of the recurrence of Jacobi polynomials.
    Source: Golub and Welsch 1969, Calculation of Gauss quadrature rules.
    """
    k, right, left = np.arange(1, NODES), (b - 1)[:, None], a - 1
    degree = 2 * k + left + right
    tri = np.zeros((len(b), NODES, NODES))
    tri[:, 0, 0] = (a - b) / (a + b)
    tri[:, k, k] = (left - right) * (left + right) / (degree * (degree + 2))
    first = 4 * a * b / ((a + b) ** 2 * (a + b + 1))
    k, degree = k[1:], degree[:, 1:]
    beside = 4 * k * (k + right) * (k + left) * (k + left + right)
    tri[:, 1, 0] = np.sqrt(first)
    tri[:, k, k - 1] = np.sqrt(beside / (degree**2 * (degree + 1) * (degree - 1)))
    values, vectors = np.linalg.eigh(tri)  # of the lower triangle
    return np.clip((1 + values) / 2, 1e-300, 1.0), vectors[:, 0, :] ** 2


def _log_likelihood(logs: Array, x: Array, recency: Array, age: Array) -> tuple[Array, Array]:
    """Return the log-likelihood `[n]`, and its slopes `[4, n]` by the logs of r, alpha, a and b."""
    from scipy.special import digamma, gammaln

    r, alpha, a, b = np.exp(logs)
    events, place = np.unique(x, return_inverse=True)
    log_age, log_recency = np.log(alpha + age), np.log(alpha + recency)
    coming = gammaln(r + events) - gammaln(r) + r * np.log(alpha)
    staying = gammaln(a + b) + gammaln(b + events) - gammaln(b) - gammaln(a + b + events)
    odds = np.log(a) - np.log(b + np.maximum(x, 1) - 1) + (r + x) * (log_age - log_recency)
    odds = np.where(x > 0, odds, -np.inf)  # of having stopped; nobody has before a repeat event
    value = (coming + staying)[place] - (r + x) * log_age + np.logaddexp(0, odds)

    stopped = 1 / (1 + np.exp(np.minimum(-odds, 700)))
    slope_r = (digamma(r + events) - digamma(r) + np.log(alpha))[place]
    slope_r = slope_r - log_age + stopped * (log_age - log_recency)
    slope_alpha = r / alpha - (r + x) * ((1 - stopped) / (alpha + age) + stopped / (alpha + recency))
    both = digamma(a + b) - digamma(a + b + events)
    slope_a = both[place] + stopped / a
    slope_b = (both + digamma(b + events) - digamma(b))[place] - stopped / (b + np.maximum(x, 1) - 1)
    return value, np.stack([r * slope_r, alpha * slope_alpha, a * slope_a, b * slope_b])
