"""Metrics in money: predictions weighted by what each customer is worth, with intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from churn.metrics.bootstrap import Draws, Estimate, running
from churn.metrics.metrics import Floats, Ints, Ranking
from churn.metrics.profit import at_share, contact_profit, empc_of, value_lift_of
from churn.params import ProfitParams

CENTS = 100
BUDGETS: Floats = np.concatenate([np.arange(0, 20) / 400, np.arange(5, 101) / 100])
"""The contact shares at which profit is looked at: every quarter per cent to 5 %, then every per cent."""


@dataclass(frozen=True)
class Worth:
    """What the customers of some rows are worth, and what a campaign costs.

    Attributes:
        value: The residual value of each row's customer in currency, known at its cutoff; NaN where no
            money is known.
        terms: The costs and the accept share.
    """

    value: Floats
    terms: ProfitParams

    def where(self, wanted: npt.NDArray[np.bool_]) -> Worth:
        """Return the worth of some of the rows."""
        return replace(self, value=self.value[wanted])


@dataclass(frozen=True)
class _List:
    """Rows in the order of a call list: by falling value at risk."""

    ranking: Ranking
    customer: Ints
    left: Draws
    cents: Ints

    @classmethod
    def of(cls, left: Floats, probability: Floats, customer: Ints, value: Floats) -> _List:
        ranking = Ranking.of(probability * value)
        order = ranking.order
        cents = np.rint(value[order] * CENTS).astype(np.int64)
        return cls(ranking, customer[order], left[order].astype(np.uint8), cents)

    def lift_and_profit(
        self, weights: Draws | None, share: float, shares: Floats, terms: ProfitParams
    ) -> tuple[float, Floats]:
        """Return the value lift at a share and the profit per customer at many; integer sums are exact."""
        weight = np.ones(len(self.left), dtype=np.uint8) if weights is None else weights[self.customer]
        lost = weight * self.left
        seen, hits = running(weight, self.ranking), running(lost, self.ranking)
        value = running(lost * self.cents, self.ranking) / CENTS
        contacted, reached, kept = (at_share(each, seen, shares) for each in (seen, hits, value))
        rows = seen[-1] if seen[-1] > 0 else np.nan
        return value_lift_of(value, seen, share), contact_profit(contacted, reached, kept, terms) / rows


@dataclass(frozen=True)
class InMoney:
    """Predictions measured in money.

    Attributes:
        estimates: Metrics with intervals.
        beside: What some of them must be read beside: the `ceiling` of a perfect call list, and the
            `optimism` of the best budget.
        curve: Profit per customer over the share contacted, with intervals and the `ceiling`.
    """

    estimates: dict[str, Estimate]
    beside: dict[str, dict[str, float]]
    curve: list[dict[str, float]]


def judge_worth(
    left: Floats, probability: Floats, customer: Ints, draws: Draws, share: float, worth: Worth
) -> InMoney | None:
    """Return every metric in money with its interval, or None where no row's value is known.

    Rows are contacted as the night contacts them, by falling value at risk. Those whose value is missing
    are left out. The best budget is read off the same rows, which flatters its profit; `optimism` says by
    how much: it is what a draw's own best budget earns in the draw above what it earns on all rows.

    Args:
        left: Outcomes.
        probability: Predictions.
        customer: The column of `draws` each row belongs to.
        draws: Weights from `draw_customers`.
        share: The contact share.
        worth: What each row's customer is worth.

    Source: of the optimism, Efron (1983), Estimating the error rate of a prediction rule, JASA 78.
    """
    known = np.isfinite(worth.value)
    if not known.any():
        return None
    left, probability, customer = left[known], probability[known], customer[known]
    value = worth.value[known]
    listed = _List.of(left, probability, customer, value)
    ranking = Ranking.of(probability)
    ordered, leavers = customer[ranking.order], left[ranking.order].astype(np.uint8)
    shares = np.append(BUDGETS, share)
    by_customer = np.column_stack(
        [np.bincount(customer, each, draws.shape[1]) for each in (value, value >= 0)]
    )

    def measured(weights: Draws | None) -> Floats:
        weight = np.ones(len(leavers), dtype=np.uint8) if weights is None else weights[ordered]
        hits, seen = running(weight * leavers, ranking), running(weight, ranking)
        lift, profit = listed.lift_and_profit(weights, share, shares, worth.terms)
        total, rows = by_customer.sum(axis=0) if weights is None else weights @ by_customer
        usual = total / rows if rows > 0 else float("nan")
        return np.concatenate([empc_of(hits, seen, usual, worth.terms), [lift], profit])

    ours = measured(None)
    drawn = np.array([measured(weights) for weights in draws])
    curve, curves = ours[3:-1], drawn[:, 3:-1]
    best, bests = int(np.argmax(curve)), np.argmax(curves, axis=1)
    perfect = _List.of(left, left, customer, value).lift_and_profit(None, share, shares, worth.terms)
    return InMoney(
        {
            "value_lift_at_contact_share": Estimate(float(ours[2]), drawn[:, 2]),
            "profit_per_customer_at_contact_share": Estimate(float(ours[-1]), drawn[:, -1]),
            "profit_per_customer_at_best_share": Estimate(float(curve[best]), curves[:, best]),
            "best_share": Estimate(float(BUDGETS[best]), BUDGETS[bests]),
            "empc": Estimate(float(ours[0]), drawn[:, 0]),
            "empc_share": Estimate(float(ours[1]), drawn[:, 1]),
        },
        {
            "value_lift_at_contact_share": {"ceiling": perfect[0]},
            "profit_per_customer_at_contact_share": {"ceiling": float(perfect[1][-1])},
            "profit_per_customer_at_best_share": {
                "ceiling": float(perfect[1][:-1].max()),
                "optimism": float(np.mean(curves.max(axis=1) - curve[bests])),
            },
        },
        [
            {"share": float(at)}
            | Estimate(float(curve[place]), curves[:, place]).as_dict()
            | {"ceiling": float(perfect[1][place])}
            for place, at in enumerate(BUDGETS)
        ],
    )
