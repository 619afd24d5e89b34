"""Metrics in money: the profit of a campaign that contacts the first customers of a call list."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from churn.metrics.bootstrap import Draws, Estimate, drawn_weight, running_sums
from churn.metrics.interval import Interval
from churn.metrics.metrics import Floats, Ints, Ranking
from churn.params import ProfitParams

CONCENTRATION = 20.0
"""The sum `alpha + beta` of the beta distribution of the accept share in the EMPC.

The larger the sum, the less the accept share varies.
"""

CENTS = 100

CONTACT_SHARES: Floats = np.concatenate([np.arange(0, 20) / 400, np.arange(5, 101) / 100])
"""The contact shares of the profit curve: every quarter per cent to 5 %, then every per cent."""


@dataclass(frozen=True)
class CustomerValues:
    """The value of the customer of each row, and the costs of a campaign.

    Attributes:
        value: The residual value of each row's customer, in currency, as known at the row's cutoff, shape
            (rows,); NaN if the value is unknown.
        terms: The costs of the campaign, and its accept share: the share of contacted churners who take the
            offer and stay.
    """

    value: Floats
    terms: ProfitParams

    def where(self, mask: npt.NDArray[np.bool_]) -> CustomerValues:
        """Return the values of the rows for which `mask` is true."""
        return replace(self, value=self.value[mask])


@dataclass(frozen=True)
class CurvePoint:
    """The profit per customer at one contact share; `ceiling` is this profit for a perfect call list."""

    share: float
    profit: Interval
    ceiling: float


@dataclass(frozen=True)
class ProfitMetrics:
    """The metrics in money for the predictions of one model.

    Attributes:
        estimates: The metrics with their intervals, by name.
        references: Numbers to compare a metric with, by the name of the metric. The `ceiling` is the metric
            of a perfect call list. The `optimism` is the amount by which the profit at the best share is
            expected to be too high.
        curve: The profit per customer at each contact share.
    """

    estimates: dict[str, Estimate]
    references: dict[str, dict[str, float]]
    curve: tuple[CurvePoint, ...]


def estimate_profit(
    left: Floats,
    probability: Floats,
    customer: Ints,
    draws: Draws,
    share: float,
    values: CustomerValues,
    weight: Floats | None = None,
) -> ProfitMetrics | None:
    """Return every metric in money with its interval, or None if no row has a known value.

    As on every night, the customers with the highest value at risk (probability times value) are contacted
    first. Rows without a value are left out.

    The profit at the best contact share is too high, because this share is chosen on the same rows on which
    its profit is measured. The amount by which the profit is expected to be too high is called `optimism`.
    Each bootstrap draw has its own best share. The profit at the best share of a draw is computed twice: on
    the rows of the draw, and on all rows. The optimism is the profit on the draw minus the profit on all
    rows, averaged over the draws.

    Args:
        left: Outcomes, shape (rows,).
        probability: Predictions, shape (rows,).
        customer: The number of each row's customer, from 0, shape (rows,). This number is the customer's
            column in `draws`.
        draws: The weights from `draw_customers`, shape (draws, customers).
        share: The contact share, in (0, 1].
        values: The values of the customers, and the costs of the campaign.
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.

    Source: Efron (1983), Estimating the error rate of a prediction rule, JASA 78, for the optimism.
    """
    has_value = np.isfinite(values.value)
    if not has_value.any():
        return None
    left, probability, customer = left[has_value], probability[has_value], customer[has_value]
    value = values.value[has_value]
    weight = None if weight is None else weight[has_value]
    call_list = _CallList.of(left, probability, customer, value, weight)
    ranking = Ranking.of(probability)
    ranked_customer, ranked_left = customer[ranking.order], left[ranking.order].astype(np.uint8)
    shares = np.append(CONTACT_SHARES, share)
    row_weight = 1.0 if weight is None else weight
    ranked_weight = None if weight is None else weight[ranking.order]
    by_customer = np.column_stack(
        [
            np.bincount(customer, column, draws.shape[1])
            for column in (value * row_weight, (value >= 0) * row_weight)
        ]
    )

    def measure(counts: Draws | None) -> Floats:
        """Return the two results of `empc_from_sums`, the value lift, and the profit at each of `shares`.

        `counts` says how often each customer was drawn. If it is None, each customer counts once.
        """
        row_counts = None if counts is None else counts[ranked_customer]
        own = drawn_weight(row_counts, ranked_weight, len(ranked_left))
        churners, rows = running_sums(own * ranked_left, ranking), running_sums(own, ranking)
        lift, profit = call_list.lift_and_profit(counts, share, shares, values.terms)
        total, valued_rows = by_customer.sum(axis=0) if counts is None else counts @ by_customer
        mean_value = total / valued_rows if valued_rows > 0 else float("nan")
        return np.concatenate([empc_from_sums(churners, rows, mean_value, values.terms), [lift], profit])

    point_values = measure(None)
    draw_values = np.array([measure(counts) for counts in draws])
    curve, curves = point_values[3:-1], draw_values[:, 3:-1]
    best, bests = int(np.argmax(curve)), np.argmax(curves, axis=1)
    ideal = _CallList.of(left, left, customer, value, weight)
    perfect = ideal.lift_and_profit(None, share, shares, values.terms)
    return ProfitMetrics(
        {
            "value_lift_at_contact_share": Estimate(float(point_values[2]), draw_values[:, 2]),
            "profit_per_customer_at_contact_share": Estimate(float(point_values[-1]), draw_values[:, -1]),
            "profit_per_customer_at_best_share": Estimate(float(curve[best]), curves[:, best]),
            "best_share": Estimate(float(CONTACT_SHARES[best]), CONTACT_SHARES[bests]),
            "empc": Estimate(float(point_values[0]), draw_values[:, 0]),
            "empc_share": Estimate(float(point_values[1]), draw_values[:, 1]),
        },
        {
            "value_lift_at_contact_share": {"ceiling": perfect[0]},
            "profit_per_customer_at_contact_share": {"ceiling": float(perfect[1][-1])},
            "profit_per_customer_at_best_share": {
                "ceiling": float(perfect[1][:-1].max()),
                "optimism": float(np.mean(curves.max(axis=1) - curve[bests])),
            },
        },
        tuple(
            CurvePoint(
                float(contact_share),
                Estimate(float(curve[number]), curves[:, number]).interval,
                float(perfect[1][number]),
            )
            for number, contact_share in enumerate(CONTACT_SHARES)
        ),
    )


@dataclass(frozen=True)
class _CallList:
    """The rows of a call list; the row with the highest value at risk comes first."""

    ranking: Ranking
    customer: Ints
    left: Draws
    cents: Ints
    weight: Floats | None

    @classmethod
    def of(
        cls, left: Floats, probability: Floats, customer: Ints, value: Floats, weight: Floats | None
    ) -> _CallList:
        ranking = Ranking.of(probability * value)
        order = ranking.order
        cents = np.rint(value[order] * CENTS).astype(np.int64)
        ranked_weight = None if weight is None else weight[order]
        return cls(ranking, customer[order], left[order].astype(np.uint8), cents, ranked_weight)

    def lift_and_profit(
        self, counts: Draws | None, share: float, shares: Floats, terms: ProfitParams
    ) -> tuple[float, Floats]:
        """Return the value lift at `share`, and the profit per customer at each of `shares`.

        Both are computed from sums of integers, and such sums are exact. So a row with weight n gives exactly
        the same result as n copies of the row.
        """
        row_counts = None if counts is None else counts[self.customer]
        weight = drawn_weight(row_counts, self.weight, len(self.left))
        churner_weight = weight * self.left
        rows, churners = running_sums(weight, self.ranking), running_sums(churner_weight, self.ranking)
        value = running_sums(churner_weight * self.cents, self.ranking) / CENTS
        n_contacts, n_churners, churner_value = (
            sum_at_share(sums, rows, shares) for sums in (rows, churners, value)
        )
        customers = rows[-1] if rows[-1] > 0 else np.nan
        profit = contact_profit(n_contacts, n_churners, churner_value, terms) / customers
        return value_lift_at_share(value, rows, share), profit


def contact_profit(contacts: Floats, churners: Floats, value: Floats, terms: ProfitParams) -> Floats:
    """Return the profit, in currency, of contacting the first `contacts` customers of a list.

    With contact cost `f`, incentive cost `d`, accept share `g` and the churners' own values `V`:

        profit = sum over contacted churners of (g (V - d)) - d * contacted stayers - f * contacted

    A contacted churner either takes the incentive and stays, or refuses and costs only `f`. Every contacted
    stayer takes the incentive, so contacting a stayer costs `d + f`.

    Args:
        contacts: The number of contacted customers. The arguments `contacts`, `churners` and `value` are
            scalars, or arrays with one entry per list.
        churners: The number of contacted churners.
        value: The sum of the residual values of the contacted churners, in currency.
        terms: The costs and the accept share.

    Source: Neslin et al. (2006), Defection detection, Journal of Marketing Research 43, equation 2, with each
        customer's own value in place of the average value.

    >>> float(contact_profit(np.array(10.0), np.array(4.0), np.array(800.0), ProfitParams()))
    158.0
    """
    saved_value = terms.accept_share * (value - terms.incentive_cost * churners)
    return saved_value - terms.incentive_cost * (contacts - churners) - terms.contact_cost * contacts


def sum_at_share(running: Floats, rows: Floats, share: float | Floats) -> Floats:
    """Return the value that a running sum reaches at the end of the first `share` of the rows.

    Rows of equal rank form a tie; within a tie the value is interpolated.

    Args:
        running: The running sum: 0, then its value at the end of each tie, shape (ties + 1,).
        rows: The running count of rows, with the same shape as `running`.
        share: The contact share or an array of contact shares, in [0, 1].
    """
    return np.asarray(np.interp(np.asarray(share) * rows[-1], rows, running), dtype=np.float64)


def value_lift_at_share(value: Floats, rows: Floats, share: float) -> float:
    """Return the share of the churners' value that the call list reaches, divided by the contact share.

    Args:
        value: The running sum of the value of churners, from `running_sums`.
        rows: The running count of all rows.
        share: The contact share, in (0, 1].

    Returns:
        The value lift; NaN if the churners have no value.
    """
    if not value[-1] > 0:
        return float("nan")
    return float(sum_at_share(value, rows, share) / value[-1] / share)


def empc_from_sums(churners: Floats, rows: Floats, value: float, terms: ProfitParams) -> tuple[float, float]:
    """Return the expected maximum profit per customer (EMPC), and the share of customers to contact.

    Every customer has the same value. The accept share is unknown: it is beta distributed around
    `terms.accept_share`. For each accept share the best threshold is taken. Only thresholds on the convex
    hull of the ROC curve can be best. Isotonic regression finds the hull: it fits churn rates that never rise
    from the first rank to the last. Where the fitted rate falls, the hull has a corner. Each corner of the
    hull gives the highest profit on one interval of accept shares. Where the intervals of two corners meet,
    both corners give the same profit. The profit is linear in the accept share, so it is integrated exactly
    over each interval.

    Args:
        churners: The running count of churners, from `running_sums`.
        rows: The running count of all rows.
        value: The residual value of every customer, in currency.
        terms: The costs and the expected accept share.

    Returns:
        The EMPC, and the share of customers to contact. The EMPC and the share are NaN if there are no rows.
        The EMPC and the share are 0 if the value of a customer is at most the incentive, or if the expected
        accept share is 0.

    Source: Verbraken, Verbeke and Baesens (2013), A novel profit maximizing metric for measuring
        classification performance of customer churn prediction models, IEEE TKDE 25, sections 4 and 5.
    """
    if not rows[-1] > 0:
        return float("nan"), float("nan")
    gain = value - terms.incentive_cost
    if gain <= 0 or terms.accept_share <= 0:  # no contact pays, so nobody is contacted
        return 0.0, 0.0
    corner_churners, corner_rows = _hull(churners, rows)
    corner_stayers = corner_rows - corner_churners
    new_churners, new_stayers = np.diff(corner_churners), np.diff(corner_stayers)
    cost = terms.contact_cost * new_churners + (terms.incentive_cost + terms.contact_cost) * new_stayers
    begins = np.divide(cost, gain * new_churners, out=np.full(len(cost), np.inf), where=new_churners > 0)
    edges = np.concatenate([[0.0], np.clip(begins, 0.0, 1.0), [1.0]])
    alpha = CONCENTRATION * terms.accept_share
    beta = CONCENTRATION - alpha
    mass = np.diff(betainc(alpha, beta, edges))
    mean = terms.accept_share * np.diff(betainc(alpha + 1, beta, edges))
    fixed_cost = (
        terms.contact_cost * corner_churners + (terms.incentive_cost + terms.contact_cost) * corner_stayers
    )
    profit = np.sum(gain * corner_churners * mean - fixed_cost * mass)
    return float(profit / rows[-1]), float(np.sum(corner_rows * mass) / rows[-1])


def _hull(churners: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Return the corners of the upper convex hull of the curve of churners over rows.

    The first corner is (0, 0); the last corner holds all churners and all rows. Rows of equal rank form a
    group. Every other corner lies at the end of a group that has at least one churner.
    """
    ends = np.concatenate([[0], np.flatnonzero(churners[1:] > churners[:-1]) + 1])
    if rows[ends[-1]] < rows[-1]:
        ends = np.append(ends, len(rows) - 1)
    churners, rows = churners[ends], rows[ends]
    weight = np.diff(rows)
    blocks = isotonic_regression(np.diff(churners) / weight, weights=weight, increasing=False).blocks
    return churners[blocks], rows[blocks]
