"""Draw the customers with their constant attributes; only some of the attributes are in the tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churn.demo import troubles
from churn.demo import world as w
from churn.demo.world import Values


@dataclass(frozen=True)
class People:
    """A chunk of customers. Each field has the shape [customer], except `onset` with the shape [trouble,
    customer].

    Categories are indices into the tuples of `world`. The fields `frailty`, `onset` and `*_level` are in no
    table of the company.
    """

    number: Values
    country: Values
    german: Values
    size: Values
    industry: Values
    channel: Values
    plan: Values
    plan_after: Values
    plan_change: Values
    yearly: Values
    auto_renew: Values
    first_start: Values
    objects: Values
    card_expires: Values
    name: Values
    frailty: Values
    onset: Values
    use_level: Values
    breadth: Values
    open_level: Values
    mood_level: Values
    order_level: Values
    basket_level: Values

    def __len__(self) -> int:
        return len(self.number)

    def price_on(self, customer: Values, day: Values) -> Values:
        """Return the monthly price, in units of currency, that some customers pay on a day; `customer` holds
        the indices of these customers.
        """
        price = (
            np.array(w.PLAN_PRICE)[self.plan_on(customer, day)]
            * np.array(w.SEATS_BY_SIZE)[self.size[customer]]
        )
        price_rounded: Values = np.round(price * np.where(self.yearly[customer], w.YEARLY_REBATE, 1.0), 2)
        return price_rounded

    def plan_on(self, customer: Values, day: Values) -> Values:
        """Return the plans of some customers on a day, as indices into `world.PLANS`."""
        plan: Values = np.where(
            day < self.plan_change[customer], self.plan[customer], self.plan_after[customer]
        )
        return plan


def draw_people(first_number: int, size: int, rng: np.random.Generator) -> People:
    """Draw `size` customers, with numbers from `first_number` on; the number says nothing about the
    customer.
    """
    company = _draw_categories(rng, w.SIZE_SHARE, size)
    channel = _draw_categories(rng, w.CHANNEL_SHARE, size)
    country = _draw_categories(rng, w.COUNTRY_SHARE, size)
    plan = _draw_categories_by(rng, w.PLAN_SHARE_BY_SIZE, company)
    yearly = rng.random(size) < np.array(w.YEARLY_SHARE_BY_SIZE)[company]
    auto_renew = ~yearly | (rng.random(size) < 0.82)
    start = _sign_up_days(rng, size)
    step = np.where(rng.random(size) < 0.7, 1, -1)
    frailty = np.exp(
        rng.normal(0.0, 0.22, size)
        + np.array((0.35, 0.08, -0.25, -0.55))[company]
        + np.array((0.0, -0.20, -0.35, 0.05, 0.35))[channel]
        + np.array((0.12, 0.0, -0.12))[plan]
        # Customers from the winter promotion of 2024/25 stay for a shorter time than others.
        + np.where((start >= 240) & (start < 320), 0.35, 0.0)
    )
    proneness = np.exp(rng.normal(0.0, 0.40, size))
    onset = troubles.ONSET[:, None] * proneness[None, :] * np.ones((len(troubles.TROUBLES), size))
    onset[troubles.PAYMENT_TROUBLE] *= np.array((1.35, 1.1, 0.7, 0.5))[company]
    onset[troubles.trouble_index("slow_support")] *= np.array((0.8, 0.9, 1.3, 1.5))[company]
    return People(
        number=np.arange(first_number, first_number + size),
        country=country,
        german=rng.random(size) < np.array(w.GERMAN_SHARE)[country],
        size=company,
        industry=_draw_categories(rng, w.INDUSTRY_SHARE, size),
        channel=channel,
        plan=plan,
        plan_after=np.clip(plan + step, 0, len(w.PLANS) - 1),
        plan_change=np.maximum(start, 0) + 40 + rng.exponential(1500.0, size).astype(np.int64),
        yearly=yearly,
        auto_renew=auto_renew,
        first_start=start,
        objects=rng.random(size) < 0.01,
        card_expires=rng.integers(-300, 900, size),
        name=rng.integers(0, 2**31, size),
        frailty=frailty,
        onset=onset,
        use_level=np.exp(rng.normal(-0.55, 0.45, size) + np.array((-0.25, 0.0, 0.2, 0.45))[company]),
        breadth=rng.integers(2, 8, size),
        open_level=rng.beta(9.0, 3.5, size),
        mood_level=np.clip(rng.normal(8.3, 0.9, size), 5.5, 10.0),
        order_level=np.exp(rng.normal(-2.35, 0.40, size)),
        basket_level=np.exp(rng.normal(3.7, 0.5, size) + np.array((0.0, 0.3, 0.7, 1.2))[company]),
    )


def _sign_up_days(rng: np.random.Generator, size: int) -> Values:
    """Draw days of sign-up: half of the customers sign up before the history; during the history, more and
    more customers sign up per day.
    """
    earlier = -1 - np.minimum(rng.exponential(320.0, size), 900.0).astype(np.int64)
    growth = 0.9
    pace = np.log1p(rng.random(size) * np.expm1(growth)) / growth
    later = (pace * w.HISTORY_DAYS).astype(np.int64)
    days: Values = np.where(rng.random(size) < 0.5, earlier, later)
    return days


def _draw_categories(rng: np.random.Generator, shares: tuple[float, ...], size: int) -> Values:
    edges = np.cumsum(shares)[:-1]
    choice: Values = np.searchsorted(edges, rng.random(size), side="right")
    return choice


def _draw_categories_by(
    rng: np.random.Generator, shares: tuple[tuple[float, ...], ...], row: Values
) -> Values:
    edges = np.cumsum(np.array(shares), axis=1)[:, :-1]
    choice: Values = (rng.random(len(row))[:, None] >= edges[row]).sum(axis=1)
    return choice
