"""What a campaign that contacts the first so many customers would earn."""

from __future__ import annotations

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from churn.metrics.metrics import Floats, Ranking, weights_or_ones
from churn.params import ProfitParams

CONCENTRATION = 20.0
"""How sure one is of the accept share in `empc`: its beta distribution has `alpha + beta = 20`."""


def contact_profit(seen: Floats, hits: Floats, value: Floats, terms: ProfitParams) -> Floats:
    """Return the profit of contacting the first customers of a list, from its running sums.

    With contact cost `f`, incentive cost `d`, accept share `g` and the leavers' own values `V`:

        profit = sum over contacted leavers of (g (V - d)) - d * contacted stayers - f * contacted

    A leaver who accepts stays and gets the incentive; stayers take it too, so that contacting them costs
    `d + f`; a leaver who refuses costs `f`.

    Args:
        seen: Customers contacted.
        hits: Leavers among them.
        value: The sum of those leavers' residual values, in currency.
        terms: The costs and the accept share.

    Source: Neslin et al. (2006), Defection detection, Journal of Marketing Research 43, equation 2, with
        each customer's own value in the place of the average one.

    >>> float(contact_profit(np.array(10.0), np.array(4.0), np.array(800.0), ProfitParams()))
    158.0
    """
    kept = terms.accept_share * (value - terms.incentive_cost * hits)
    return kept - terms.incentive_cost * (seen - hits) - terms.contact_cost * seen


def at_share(running: Floats, seen: Floats, share: float | Floats) -> Floats:
    """Return a running sum where `share` of all rows is seen; a group of equals is cut evenly."""
    return np.asarray(np.interp(np.asarray(share) * seen[-1], seen, running), dtype=np.float64)


def value_lift_of(value: Floats, seen: Floats, share: float) -> float:
    """Return the share of the leavers' value that is reached over the share contacted; NaN without value."""
    if not value[-1] > 0:
        return float("nan")
    return float(at_share(value, seen, share) / value[-1] / share)


def empc(
    left: Floats,
    probability: Floats,
    clv: float = 200.0,
    terms: ProfitParams | None = None,
    weight: Floats | None = None,
) -> tuple[float, float]:
    """Return the expected maximum profit per customer, and the share of customers it contacts.

    Everybody is worth `clv`, and the share that accepts is not known but beta distributed around
    `terms.accept_share`; for each share the best threshold is taken. The defaults are those of the source.

    Source: Verbraken, Verbeke and Baesens (2013), A novel profit maximizing metric for measuring
        classification performance of customer churn prediction models, IEEE TKDE 25, sections 4 and 5.

    >>> scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])
    >>> [round(each, 7) for each in empc(np.array([0, 1] * 4, float), scores)]
    [23.8755934, 0.8743701]
    """
    ranking = Ranking.of(probability)
    weight = weights_or_ones(left, weight)
    return empc_of(ranking.sums(weight * left), ranking.sums(weight), clv, terms or ProfitParams())


def empc_of(hits: Floats, seen: Floats, clv: float, terms: ProfitParams) -> tuple[float, float]:
    """Return the expected maximum profit and its share from running leavers among running rows.

    Only thresholds on the convex hull of the ROC curve can be best. The hull is the decreasing isotonic
    fit of the leavers' share to the rows in their order. Going one corner further pays from the accept
    share on at which both corners earn the same, so each corner is best on an interval of accept shares,
    over which profit (linear in it) is integrated exactly.
    """
    if not seen[-1] > 0:
        return float("nan"), float("nan")
    worth = clv - terms.incentive_cost
    if worth <= 0:  # no accept share pays for the incentive, so nobody is contacted
        return 0.0, 0.0
    corner_hits, corner_seen = _hull(hits, seen)
    new_hits, new_misses = np.diff(corner_hits), np.diff(corner_seen - corner_hits)
    cost = terms.contact_cost * new_hits + (terms.incentive_cost + terms.contact_cost) * new_misses
    from_share = np.divide(cost, worth * new_hits, out=np.full(len(cost), np.inf), where=new_hits > 0)
    edges = np.concatenate([[0.0], np.clip(from_share, 0.0, 1.0), [1.0]])
    alpha = CONCENTRATION * terms.accept_share
    beta = CONCENTRATION - alpha
    mass = np.diff(betainc(alpha, beta, edges))
    mean = terms.accept_share * np.diff(betainc(alpha + 1, beta, edges))
    misses = corner_seen - corner_hits
    fixed = terms.contact_cost * corner_hits + (terms.incentive_cost + terms.contact_cost) * misses
    profit = np.sum(worth * corner_hits * mean - fixed * mass)
    return float(profit / seen[-1]), float(np.sum(corner_seen * mass) / seen[-1])


def _hull(hits: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """Return the corners of the upper convex hull of leavers over rows, from (0, 0) to all.

    A corner in between is where a group that holds a leaver ends, so the others are passed over at once.
    """
    ends = np.concatenate([[0], np.flatnonzero(hits[1:] > hits[:-1]) + 1])
    if seen[ends[-1]] < seen[-1]:
        ends = np.append(ends, len(seen) - 1)
    hits, seen = hits[ends], seen[ends]
    weight = np.diff(seen)
    blocks = isotonic_regression(np.diff(hits) / weight, weights=weight, increasing=False).blocks
    return hits[blocks], seen[blocks]
