"""One signal alone, a lack alone, the statistics behind them, and signing off."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.leaks.clean_snapshots import label_params
from churn.features.library import all_signals
from churn.finding import Finding
from churn.guards.run import GUARDS, guard_names, review
from churn.guards.sign_off import SignOffs
from churn.guards.single_signal import auc_low, missing_values, ranking_finding, simple_auc, single_signal
from churn.guards.statistics import (
    auc_within,
    best_auc,
    explained_share,
    level_scores,
    levels_differ,
    spearman,
)
from churn.params import CheckParams, EvaluateParams, LabelParams, Params
from churn.snapshots.dataset import LabelledRows
from tests.guard_companies import churners, draw_contracts, draw_table, findings_of, severities, stayers

NAN = float("nan")
CUTOFFS = ["2024-09-01"]


def signals_of(*names: str) -> list[object]:
    params = Params.model_validate(
        {"source": "", "label": {"kind": "contract", "horizon_days": 31}, "tables": {"customers": {}}}
    )
    return [all_signals(params)[name] for name in names]


def quiet_before(n_churners: int, n_active: int, n_stayers: int) -> dict[str, str]:
    """Draw logins in August of those who stay, and of some of those who leave in September."""
    active = churners(n_churners)[:n_active] + stayers(n_stayers)
    rows = [(one, "2024-05-01") for one in churners(n_churners) + stayers(n_stayers)]
    rows += [(one, f"2024-08-{day:02}") for one in active for day in range(10, 20)]
    return {
        "subscriptions": draw_contracts(churners(n_churners), stayers(n_stayers)),
        "logins": draw_table("customer | happened_at", rows),
    }


@pytest.mark.parametrize(
    ("leavers", "active_leavers", "expected"),
    [
        (60, 0, "stop"),  # 60 of 60
        (90, 12, "warn"),  # AUC .93
        (60, 20, None),  # AUC .83
        (15, 0, None),  # a perfect ranking of few leavers says little
    ],
)
def test_one_signal_that_alone_tells_who_leaves(
    tmp_path: Path, leavers: int, active_leavers: int, expected: str | None
) -> None:
    found = findings_of(
        single_signal,
        tmp_path,
        signals=signals_of("logins_count_28d"),
        cutoffs=CUTOFFS,
        **quiet_before(leavers, active_leavers, 80),
    )

    assert severities(found) == ([("logins_count_28d", expected)] if expected else [])


def rows_with(**aucs: float) -> LabelledRows:
    """Return 4,000 rows of 2,000 churners with a column of about each AUC."""
    left = np.tile([1.0, 0.0], 2000)
    rng = np.random.default_rng(3)
    columns = [norm.ppf(auc) * np.sqrt(2) * left + rng.normal(size=4000) for auc in aucs.values()]
    return LabelledRows(
        names=tuple(aucs),
        levels={},
        matrix=np.column_stack(columns),
        left=left,
        customer=np.arange(4000),
        cutoff=np.zeros(4000, dtype=np.int64),
    )


@pytest.mark.parametrize(
    ("kind", "recency", "suspect", "expected"),
    [
        ("inactivity", 0.94, 0.955, None),  # little more than recency
        ("inactivity", 0.94, 0.978, "warn"),  # half the distance to 1, and more
        ("inactivity", 0.94, 0.995, "stop"),
        ("inactivity", 0.99, 0.996, "stop"),  # recency that may be a leak raises the limits no further
        ("inactivity", 0.75, 0.93, "warn"),  # an ordinary company
        ("contract", 0.94, 0.955, "warn"),  # activity may end with the notice
    ],
)
def test_a_signal_is_compared_with_simple_rules(
    kind: Literal["inactivity", "contract"], recency: float, suspect: float, expected: str | None
) -> None:
    table = "logins" if kind == "inactivity" else None
    rows = rows_with(logins_days_since_last=recency, refund=suspect)

    simple = simple_auc(rows, LabelParams(kind=kind, table=table, horizon_days=30))
    found = ranking_finding(rows, 1, "refund", simple)

    assert (found.severity if found else None) == expected


def test_simple_rules_are_those_of_the_table_of_the_label() -> None:
    label = LabelParams(kind="inactivity", table="logins", horizon_days=30)

    assert simple_auc(rows_with(refunds_days_since_last=0.99, logins_count_share=0.99), label) is None
    assert simple_auc(rows_with(logins_count_28d=0.9, tenure_days=0.6), label) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(("lacking", "expected"), [(30, "stop"), (12, "warn"), (4, None)])
def test_a_value_that_leavers_lack_in_their_latest_row(
    tmp_path: Path, lacking: int, expected: str | None
) -> None:
    rows = [(one, "2024-08-01", None if n < lacking else 3) for n, one in enumerate(churners(30))]
    rows += [(one, "2024-08-01", 3) for one in stayers(50)]

    found = findings_of(
        missing_values,
        tmp_path,
        signals=signals_of("tenure_days"),
        cutoffs=CUTOFFS,
        subscriptions=draw_contracts(churners(30), stayers(50)),
        interactions=draw_table("customer | happened_at | quantity", rows),
    )

    assert severities(found) == ([("interactions.quantity", expected)] if expected else [])


def test_twenty_leavers_do_not_cry_wolf() -> None:
    assert auc_low(1.0, 20) < 0.9 < auc_low(1.0, 40)


def test_pairs_of_different_cutoffs_do_not_count() -> None:
    left = np.array([1.0, 0.0, 1.0, 0.0])
    values = np.array([1.0, 0.0, 10.0, 9.0])

    assert auc_within(left, values, np.array([1, 1, 2, 2])) == 1
    assert auc_within(left, values, np.array([1, 1, 1, 1])) == 0.75


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4], 1.0),
        ([4, 3, 2, 1], 1.0),
        ([NAN, NAN, 3, 4], 1.0),
        ([1, 1, 1, 1], 0.5),
        ([NAN] * 4, 0.5),
    ],
)
def test_a_column_is_judged_in_its_better_direction_with_missing_at_its_better_end(
    values: list[float], expected: float
) -> None:
    left = np.array([1.0, 1.0, 0.0, 0.0])

    assert best_auc(left, np.array(values), np.zeros(4, dtype=np.int64)) == expected


def test_levels_are_scored_by_other_customers_than_their_own() -> None:
    rng = np.random.default_rng(1)
    customer = np.arange(400)
    left = (rng.random(400) < 0.3).astype(float)

    own = auc_within(
        left, level_scores(left, customer.astype(float), customer), np.zeros(400, dtype=np.int64)
    )
    true = auc_within(left, level_scores(left, left, customer), np.zeros(400, dtype=np.int64))

    assert own == pytest.approx(0.5, abs=0.05)  # each customer a level of its own
    assert true == 1


def test_correlations_at_their_edges() -> None:
    assert spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 27.0])) == pytest.approx(1)
    assert spearman(np.ones(5), np.arange(5.0)) == 0
    assert explained_share(np.repeat([0, 1, 2], 30), np.arange(90.0)) == pytest.approx(0.888, abs=0.01)
    assert explained_share(np.arange(90), np.arange(90.0)) == 0


@pytest.mark.parametrize(
    ("left", "stayed", "expected"),
    [(["a"] * 30, ["b"] * 30, True), (["a", "b"] * 15, ["a", "b"] * 15, False), ([], ["b"] * 30, False)],
)
def test_levels_differ_between_leavers_and_others_beyond_chance(
    left: list[str], stayed: list[str], expected: bool
) -> None:
    sides = np.array([True] * len(left) + [False] * len(stayed))

    assert levels_differ(np.array(left + stayed, dtype=object), sides) is expected


STOPS = Finding("customers.state", "it is so.", "Mend it.", "stop", "only_leavers")
WARNS = Finding("logins", "rows are late.", "Map it.", "warn", "late_rows")


@pytest.mark.parametrize(
    ("accept", "stops", "warnings", "accepted", "idle"),
    [
        ({}, 1, 1, 0, 0),
        ({"customers.state": "looked at"}, 0, 1, 1, 0),
        ({"late_rows": "looked at"}, 1, 0, 1, 0),
        ({"only_leaver": "misspelt"}, 1, 1, 0, 1),
        ({"parity": "did not run"}, 1, 1, 0, 0),
        ({"copies": "train asks it"}, 1, 1, 0, 0),
        ({"lead_time": "evaluate asks it"}, 1, 1, 0, 0),
        ({"alone": "train asks it too"}, 1, 1, 0, 0),
        ({"survivors": "found nothing"}, 1, 1, 0, 1),
        ({"orders": "nothing is found there"}, 1, 1, 0, 1),
    ],
)
def test_a_person_signs_off_a_place_or_a_guard(
    accept: dict[str, str], stops: int, warnings: int, accepted: int, idle: int
) -> None:
    judged = review([STOPS, WARNS], SignOffs(accept, {}), list(GUARDS))

    assert (len(judged.stops), len(judged.warnings), len(judged.signed_off), len(judged.idle_keys)) == (
        stops,
        warnings,
        accepted,
        idle,
    )


def test_what_is_signed_off_twice_has_one_reason_in_check_and_in_promote() -> None:
    check = CheckParams(accept={"alone": "of check", "logins": "by place"})
    params = label_params(check=check, evaluate=EvaluateParams(accept={"alone": "of evaluate"}))
    sign_offs = SignOffs.of(params)
    found = [Finding(place, "it tells.", "See.", guard="alone") for place in ("logins", "orders")]

    judged = review(found, sign_offs, list(GUARDS))

    assert [reason for _, reason in judged.signed_off] == ["by place", "of evaluate"]
    assert [sign_offs.reason(one) for one in found] == ["by place", "of evaluate"]


def test_a_misspelt_key_is_answered_with_the_nearest() -> None:
    (idle,) = review([STOPS], SignOffs({"only_leaver": "misspelt"}, {}), list(GUARDS)).idle_keys

    assert "Did you mean 'only_leavers'?" in idle


def test_every_guard_says_in_a_line_what_it_does() -> None:
    assert len(set(guard_names())) == len(guard_names())
    assert all(guard.__doc__ for guard in GUARDS.values())
