"""Every signal, as the engine computes it, equals the naive reference on random dirty worlds."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from churn.features.attributes import names_of
from churn.features.library import known
from churn.features.peers import peers_of
from churn.features.population import Deferred
from churn.features.signal import Signal
from churn.features.tracing import view_of
from tests.oracle.naive import Naive, levels_of
from tests.oracle.random_world import CUTOFFS, TABLES, RandomWorld, random_world
from tests.worlds import World

SEEDS = [1, 2]


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RandomWorld:
    return random_world(tmp_path_factory.mktemp("world"), request.param)


def test_every_signal_equals_the_naive_reference(world: RandomWorld) -> None:
    every = {name: one for name, one in known(world.store.params).items() if one.table in TABLES}

    fast = World(world.store).all_values(list(every), CUTOFFS)

    wrong = [
        f"{name} of {customer} at {cutoff}: engine {fast[cutoff, name][customer]}, reference {expected}"
        for name, signal in every.items()
        for cutoff in CUTOFFS
        for customer, expected in naive_values(world, signal, cutoff).items()
        if not same(fast[cutoff, name][customer], expected)
    ]
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("blocks", [2, 7, 25])
def test_the_size_of_blocks_changes_nothing(world: RandomWorld, blocks: int) -> None:
    every = known(world.store.params)
    names = [name for name in every if every[name].table in TABLES and not name.endswith(("_rate", "_share"))]

    whole = World(world.store).all_values(names, CUTOFFS)

    assert World(world.store).all_values(names, CUTOFFS, blocks=blocks) == whole


def test_a_cutoff_alone_gives_what_it_gives_among_others(world: RandomWorld) -> None:
    names = [name for name, signal in known(world.store.params).items() if signal.table in TABLES]
    together = World(world.store).all_values(names, CUTOFFS)

    for cutoff in CUTOFFS:
        alone = World(world.store).all_values(names, [cutoff])

        assert alone == {key: values for key, values in together.items() if key[0] == cutoff}


def naive_values(world: RandomWorld, signal: Signal, cutoff: str) -> dict[str, Any]:
    table = TABLES[signal.table]
    everybody = [row for rows in world.rows[signal.table].values() for row in rows]
    found = {}
    for customer, signed_up in world.signed_up.items():
        own = world.rows[signal.table][customer]
        reader = Naive(table, own, everybody, signed_up, date.fromisoformat(cutoff), world.zone)
        assert signal.function is not None
        found[customer] = signal.function(view_of(signal, table, reader))
    if signal.level_of:
        levels = levels_of(next(column for column in table.columns if column.name == signal.level_of))
        return {who: names_of(codes, levels)[0] for who, codes in found.items()}
    alone, day = np.array([True]), (date.fromisoformat(cutoff) - date(1970, 1, 1)).days
    deferred = {who: value for who, value in found.items() if isinstance(value, Deferred)}
    if not deferred:
        return {who: float(value[0]) for who, value in found.items()}
    days = {who: np.array([(signed - date(1970, 1, 1)).days]) for who, signed in world.signed_up.items()}
    peers = {who: peers_of(day, days[who]) for who in deferred}
    said = [value.summary(alone, peers[who]) for who, value in deferred.items()]
    whole = type(next(iter(deferred.values()))).merged(said)
    return {who: float(value.finished(whole, peers[who])[0]) for who, value in deferred.items()}


def same(engine: Any, reference: Any) -> bool:
    if isinstance(engine, str) or isinstance(reference, str) or reference is None:
        return bool(engine == reference)
    if engine is None:
        return bool(np.isnan(reference))
    return bool(np.isclose(engine, reference, atol=2e-6))
