"""The engine equals the reference on random dirty companies, and no value depends on how it was asked for.

A few companies by default. `CHURN_ORACLE_EXAMPLES=50 pytest tests/oracle --hypothesis-seed=1` draws many.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from churn.features.engine import blocks
from churn.features.signal import Signal
from tests.oracle.compare import differences, engine_values, exactly, expressed, signals_of
from tests.oracle.expressions import expressions
from tests.oracle.world import CHANGES, TABLES, Maker, RandomWorld, Recipe, ingested

MANY = os.environ.get("CHURN_ORACLE_EXAMPLES")
EXPRESSIONS = 200 if MANY else 80


def examples(few: int, shrink: bool) -> Callable[..., Any]:
    """So many examples, always the same; or as many as the environment asks for, drawn by chance.

    Large companies are not shrunk when they fail: the difference names customer, cutoff and rows as it is.
    """
    return settings(
        max_examples=int(MANY or few),
        derandomize=MANY is None,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def world_of() -> Iterator[Callable[[Recipe], RandomWorld]]:
    """Make companies once."""
    with tempfile.TemporaryDirectory() as folder:

        @lru_cache(maxsize=len(CHANGES))
        def made(recipe: Recipe) -> RandomWorld:
            maker = Maker(recipe)
            return ingested(Path(tempfile.mkdtemp(dir=folder)), maker.rows(), maker)

        yield made


def everything(world: RandomWorld) -> list[Signal]:
    return [*signals_of(world), *expressions(world, EXPRESSIONS)]


@pytest.mark.slow
@pytest.mark.parametrize("zone", CHANGES)
@examples(1, shrink=False)
@given(seed=st.integers(0, 10**6))
def test_every_signal_and_every_verb_equals_the_reference(
    world_of: Callable[[Recipe], RandomWorld], zone: str, seed: int
) -> None:
    world = world_of(Recipe(seed, zone, customers=40 if MANY else 20))

    wrong = list(differences(world, everything(world)))

    assert not wrong, "\n".join(wrong[:10])


@examples(5, shrink=True)
@given(
    rng=st.randoms(use_true_random=False),
    zone=st.sampled_from(sorted(CHANGES)),
    table=st.sampled_from(["payments", "tickets", "interactions", "surveys", "visits"]),
)
def test_every_verb_equals_the_reference_on_companies_that_shrink(
    rng: random.Random, zone: str, table: str
) -> None:
    maker = Maker(Recipe(0, zone, customers=6, most_rows=4, tables=(table,)), rng)
    with tempfile.TemporaryDirectory() as folder:
        world = ingested(Path(folder), maker.rows(), maker)

        wrong = list(differences(world, expressions(world, EXPRESSIONS)))

    assert not wrong, wrong[0]


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns"])
def test_no_value_depends_on_how_it_was_asked_for(
    world_of: Callable[[Recipe], RandomWorld], zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(Recipe(0, zone, customers=40))
    every = everything(world)
    together = exactly(engine_values(world, every, world.cutoffs))

    for cutoff in world.cutoffs:
        alone = exactly(engine_values(world, every, [cutoff]))
        assert alone == {key: values for key, values in together.items() if key[0] == cutoff}
    for some in (every[::3], every[1::17], every[-1:]):
        few = exactly(engine_values(world, some, world.cutoffs))
        assert few == {key: together[key] for key in few}
    monkeypatch.setattr(blocks, "STEP", 7)
    monkeypatch.setattr(blocks, "MAX_ROWS", 1)
    assert exactly(engine_values(world, every, world.cutoffs)) == together


def test_a_night_in_which_the_clocks_go_back_to_the_day_before_is_in_order(tmp_path: Path) -> None:
    maker = Maker(Recipe(0, "America/St_Johns", customers=1, tables=("visits",)))
    maker.cutoffs, maker.objected = (date(2010, 11, 7), date(2010, 11, 8)), frozenset()
    maker.signed_up = {"c00": date(2005, 1, 1)}
    times = ["2005-01-02T12:00-03:30", "2010-11-07T00:00:30-02:30", "2010-11-06T23:30-03:30"]
    local = [datetime.fromisoformat(time).astimezone(maker.zone) for time in times]
    visits = [
        {"happened_at": at, "known_at": at, "kind": "a", "value": value} for value, at in enumerate(local)
    ]
    early = {"happened_at": local[0], "known_at": local[0]}
    world = ingested(tmp_path, {"referrals": {"c00": [early]}, "visits": {"c00": visits}}, maker)
    asked = ("total('value')", "latest('value')", "previous('value')", "last(days=1).total('value')")

    wrong = list(
        differences(
            world, [expressed(f"e{n}", "visits", 28, f"visits.{verb}") for n, verb in enumerate(asked)]
        )
    )

    assert not wrong, "\n".join(wrong)


def test_the_worlds_hold_what_they_promise(world_of: Callable[[Recipe], RandomWorld]) -> None:
    world = world_of(Recipe(0, "Europe/Berlin", customers=40))
    rows = [(row, TABLES[name]) for name, own in world.rows.items() for each in own.values() for row in each]
    paid = [(row["due_at"], row["paid_at"]) for each in world.rows["payments"].values() for row in each]

    assert any(row["known_at"] > row[table.time] for row, table in rows)
    assert any(row["known_at"] < row[table.time] for row, table in rows)
    assert any(when and when < due for due, when in paid)
    assert any(row[table.time].time().isoformat() == "00:00:00" for row, table in rows)
    assert any((world.cutoffs[0] - row[table.time].date()).days > 38 * 365 for row, table in rows)
    assert any(not own for each in world.rows.values() for own in each.values())
    assert any(row == other for _, own in world.rows["logins"].items() for row in own for other in own)
    assert any(signed_up in world.cutoffs for signed_up in world.signed_up.values())
