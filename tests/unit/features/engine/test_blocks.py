"""Blocks fit the memory limit, and what a plan holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.data.sources.table_specs import table_contracts
from churn.data.store import Store, day_number
from churn.errors import SignalError
from churn.features.engine.blocks import STEP, cut_into_blocks
from churn.features.engine.cohort import Customers
from churn.features.engine.matrix import MatrixBuilder, matrix_at
from churn.features.engine.plan import Plan, make_plan
from churn.features.engine.timeline import Timeline
from churn.features.library import all_signals, availability, select_signals
from churn.params import EngineParams
from tests.drawn_company import DrawnCompany, draw

LOGINS = """
    customer | happened_at
    ana      | 2024-06-20 10:00
    ben      | 2024-06-30 10:00
    cem      | 2024-02-01 10:00
"""


@pytest.fixture
def world(tmp_path: Path) -> DrawnCompany:
    return draw(tmp_path, logins=LOGINS)


def plan_of(store: Store, names: list[str], cutoffs: list[date]) -> Plan:
    signals = tuple(all_signals(store.params)[name] for name in names)
    tables = table_contracts(store.params)
    return make_plan(store, signals, tables, tuple(day_number(cutoff) for cutoff in cutoffs))


@pytest.mark.parametrize(
    ("limit", "processes", "sizes"),
    [
        ("1MiB", 1, [STEP, STEP, STEP, 424]),
        ("8GiB", 1, [25_000]),
        ("8GiB", 2, [2 * STEP, 25_000 - 2 * STEP]),
    ],
)
def test_blocks_are_whole_steps_of_customers_and_cover_each_once(
    world: DrawnCompany, limit: str, processes: int, sizes: list[int]
) -> None:
    engine_params = EngineParams.model_construct(memory_limit=limit)  # smaller than params.yaml may set
    params = world.store.params.model_copy(update={"engine": engine_params})
    everyone = replace(world.store.tables["customers"], rows=25_000)
    store = replace(world.store, params=params, tables={**world.store.tables, "customers": everyone})
    plan = plan_of(store, ["logins_count_28d"], [date(2024, 7, 1)])

    nobody = np.zeros(25_000, bool)
    found = cut_into_blocks(
        store, plan, Customers(np.zeros(25_000, object), np.zeros(25_000, np.int32), nobody), processes
    )

    assert [block.end - block.first for block in found] == sizes
    assert [len(block.signed_up) for block in found] == sizes
    assert [len(block.has_objected) for block in found] == sizes


def test_the_bins_are_cut_by_every_window_of_every_cutoff() -> None:
    timeline = Timeline.over([100, 130], [(28, 0), (112, 28)])

    assert timeline.boundaries == (-12, 18, 72, 100, 102, 130)
    assert timeline.edge(100) - timeline.edge(72) == 1
    assert timeline.first_day == -12


def test_only_the_asked_for_columns_are_planned(world: DrawnCompany) -> None:
    plan = plan_of(world.store, ["logins_count_28d", "login_change"], [date(2024, 7, 1)])

    assert plan.needs["logins"].columns == set()
    assert plan.needs["logins"].windows == {(28, 0), (112, 28)}


def test_the_matrix_holds_the_cohort_and_the_roster_everybody_known(world: DrawnCompany) -> None:
    store = world.store

    matrix = matrix_at(store, select_signals(store.params, store), date(2024, 7, 1))

    assert list(matrix.frame["customer_id"]) == ["ana", "ben"]
    assert dict(zip(matrix.roster["customer_id"], matrix.roster["excluded_because"].isna(), strict=True)) == {
        "ana": True,
        "ben": True,
        "cem": False,
        "old": False,
    }
    assert list(matrix.frame.columns[1:]) == sorted(matrix.frame.columns[1:])


def test_many_cutoffs_together_are_each_what_they_are_alone(world: DrawnCompany) -> None:
    store = world.store
    signals = select_signals(store.params, store)
    together = {
        part.cutoff: part
        for part in MatrixBuilder(store, signals, [date(2024, 7, 1), date(2024, 3, 1)]).parts()
    }

    for cutoff, part in together.items():
        alone = matrix_at(store, signals, cutoff).frame
        for name, values in part.columns.items():
            assert alone[name].fillna(-1).tolist() == [-1 if v != v else v for v in values]


def test_a_table_that_is_not_there_switches_its_signals_off_and_says_why(world: DrawnCompany) -> None:
    reasons = {one.signal.name: one.off_because for one in availability(world.store.params, world.store)}

    assert reasons["logins_count_28d"] is None
    assert reasons["emails_open_rate"] == "no table emails"


def test_an_attribute_cannot_take_the_name_of_a_signal(world: DrawnCompany) -> None:
    customers = world.store.params.tables["customers"].model_copy(update={"static": ("tenure_days",)})
    tables = {**world.store.params.tables, "customers": customers}

    with pytest.raises(SignalError, match="static: a signal already has the name 'tenure_days'"):
        all_signals(world.store.params.model_copy(update={"tables": tables}))
