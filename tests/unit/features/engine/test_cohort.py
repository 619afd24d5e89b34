"""Who is compared with whom."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churn.features.engine.matrix import matrix_at
from churn.features.library import all_signals
from tests.drawn_company import DrawnCompany, draw

EACH = 20
"""As many as make peers."""


@pytest.fixture
def two_plans(tmp_path: Path) -> DrawnCompany:
    """Twenty customers on each of two plans; the n-th of each has n logins, those of pro ten more."""
    names = [(plan, n) for plan in ("basic", "pro") for n in range(1, EACH + 1)]
    logins = [
        f"{plan}{n} | 2024-06-{1 + day:02} 10:00"
        for plan, n in names
        for day in range(28)
        for _ in range((n + (10 if plan == "pro" else 0)) if day == 20 else 0)
    ]
    contracts = [f"{plan}{n} | 2023-01-01 | | {plan}" for plan, n in names]
    return draw(
        tmp_path,
        logins="\n".join(["customer | happened_at", *logins]),
        subscriptions="\n".join(["customer | started_at | ended_at | plan", *contracts]),
        label={"kind": "inactivity", "table": "logins", "horizon_days": 30},
    )


@pytest.mark.parametrize("also", [(), ("subscription_plan",)])
def test_customers_are_ranked_among_those_of_their_plan(
    two_plans: DrawnCompany, also: tuple[str, ...]
) -> None:
    every = all_signals(two_plans.store.params)
    signals = [every[name] for name in ("logins_peer_rank_28d", *also)]

    frame = matrix_at(two_plans.store, signals, date(2024, 7, 1)).frame.set_index("customer_id")

    rank = frame["logins_peer_rank_28d"]
    assert rank["basic1"] == rank["pro1"] == pytest.approx(0.5 / EACH)
    assert rank["basic20"] == rank["pro20"] == pytest.approx(1 - 0.5 / EACH)
