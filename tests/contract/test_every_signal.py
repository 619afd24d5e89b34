"""What every registered signal must keep; a new one is found by itself, and a leaky one is caught."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from churn.data.tables import CANONICAL
from churn.errors import SignalError
from churn.features import library
from churn.features.events import Array, Events
from churn.features.signal import FAMILIES, REGISTRY, Signal, signal
from churn.features.tracing import Need, trace
from tests.oracle.random_world import CUTOFFS, TABLES, RandomWorld, cut, ingested, random_world
from tests.worlds import World

CUTOFF = CUTOFFS[3]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RandomWorld:
    return random_world(tmp_path_factory.mktemp("whole"), seed=11)


@pytest.fixture(scope="module")
def truncated(whole: RandomWorld, tmp_path_factory: pytest.TempPathFactory) -> RandomWorld:
    return ingested(tmp_path_factory.mktemp("truncated"), cut(whole, CUTOFF), whole.signed_up)


@pytest.mark.parametrize("name", REGISTRY)
def test_a_signal_is_described_in_full(name: str) -> None:
    found = REGISTRY[name]

    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert found.doc.endswith(".")
    assert found.family in FAMILIES
    assert found.unit
    assert 1 <= found.looks_back <= 3660
    for language in ("en", "de"):
        assert found.reason[language].format(value=12.5)


def test_no_signal_sees_anything_at_or_after_the_cutoff(whole: RandomWorld, truncated: RandomWorld) -> None:
    names = [name for name, one in library.known(whole.store.params).items() if one.table in TABLES]

    assert moved(names, whole, truncated) == []


def test_a_leaky_signal_is_caught(
    whole: RandomWorld, truncated: RandomWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def logins_ever(logins: Events) -> Array:
        """All logins of the block's arrays, whenever they happened: what no verb allows."""
        logins.count()
        cells = getattr(logins.reader, "_cells", None)
        if cells is None:
            return np.zeros(0)
        return np.bincount(cells.rows.customer, minlength=logins.reader.n).astype(float)

    leaky = replace(REGISTRY["login_change"], name="logins_ever", function=logins_ever)
    monkeypatch.setitem(REGISTRY, "logins_ever", leaky)

    assert moved(["logins_ever", "logins_count_28d"], whole, truncated) == ["logins_ever"]


def moved(names: list[str], whole: RandomWorld, truncated: RandomWorld) -> list[str]:
    """Name the signals whose value at the cutoff depends on what lies behind it."""
    with_future = World(whole.store).all_values(names, [CUTOFF, CUTOFFS[-1]])
    without = World(truncated.store).all_values(names, [CUTOFF])
    return [name for name in names if with_future[CUTOFF, name] != without[CUTOFF, name]]


def view_asks(function: object, table: str = "logins", looks_back: int = 28) -> None:
    asked = Signal("asked", table, looks_back, "", "activity", "either", {}, "", function)  # type: ignore[arg-type]
    trace([asked], CANONICAL[table], Need())


@pytest.mark.parametrize(
    ("function", "table", "said"),
    [
        (lambda e: e.last(days=29).count(), "logins", "asks for 29 days, but looks back 28"),
        (lambda e: e.last(days=7, skip=7).count(), "logins", "is empty"),
        (
            lambda e: e.latest("rating"),
            "surveys",
            r"Write surveys.by\('answered_at'\)",
        ),
        (lambda e: e.having("openned_at").count(), "emails", "Did you mean 'opened_at'"),
        (lambda e: e.days_until("paid_at"), "payments", "card_expires_at"),
        (lambda e: e.lacking("paid_at").active_days(), "payments", "does not work on lacking"),
        (lambda e: e.kinds(), "logins", "has no fitting column 'kind'"),
        (lambda e: 3, "logins", "must end in one number per customer, not int"),
    ],
)
def test_a_signal_cannot_ask_for_what_it_may_not(function: object, table: str, said: str) -> None:
    with pytest.raises(SignalError, match=said):
        view_asks(function, table)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"table": "login"}, "'login' is not a canonical table. Did you mean 'logins'"),
        ({"family": "activty"}, "'activty' is not a family. Did you mean 'activity'"),
    ],
)
def test_a_signal_that_does_not_fit_is_refused_when_it_is_written(wrong: dict[str, str], said: str) -> None:
    given = {"table": "logins", "family": "activity", **wrong}

    with pytest.raises(SignalError, match=said):

        @signal(looks_back=7, unit="", riskier_when="either", reason="", german="", **given)  # type: ignore[arg-type]
        def misfit(logins: Events) -> Array:
            """Does not fit."""
            return logins.count()


def test_the_same_name_twice_is_refused() -> None:
    with pytest.raises(SignalError, match="two signals have this name"):

        @signal(
            table="logins",
            looks_back=7,
            unit="",
            riskier_when="either",
            family="activity",
            reason="",
            german="",
        )
        def login_change(logins: Events) -> Array:
            """Takes the name of another."""
            return logins.count()


def test_only_signals_of_present_tables_and_columns_are_on(tmp_path: Path, whole: RandomWorld) -> None:
    on = {one.signal.name: one.off_because for one in library.possible(whole.store.params, whole.store)}

    assert on["login_change"] is None
    assert on["visits_count_28d"] is None
