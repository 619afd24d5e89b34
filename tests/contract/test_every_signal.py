"""What every registered signal must keep; a new one is found by itself, and a leaky one is caught."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pytest

from churn.data.tables import CANONICAL_TABLES
from churn.errors import SignalError
from churn.features import library
from churn.features.engine.plan import Need, trace
from churn.features.language.events import Array, Events
from churn.features.signal import FAMILIES, REGISTRY, Signal, signal
from churn.scoring.reasons import fill_sentence
from tests.oracle.compare import engine_values, exactly, signals_of
from tests.oracle.expressions import expressions
from tests.oracle.known_rows import as_known
from tests.oracle.world import TABLES, Maker, RandomWorld, Recipe, ingested

LEAKY = Signal("logins_ever", "logins", 28, "", "activity", "either", {}, "Leaks.", None)


@dataclass(frozen=True)
class Histories:
    """One company told three times: as it is, cut at a cutoff, and with another future."""

    whole: RandomWorld
    truncated: RandomWorld
    other_future: RandomWorld

    @property
    def cutoff(self) -> date:
        return self.whole.cutoffs[2]


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    folder = tmp_path_factory.mktemp("histories")
    maker = Maker(Recipe(seed=11, zone="America/Santiago", customers=40))
    whole = ingested(folder / "whole", maker.rows(), maker)
    cutoff = whole.cutoffs[2]
    cut = {
        name: {who: as_known(own, TABLES[name], cutoff) for who, own in by_customer.items()}
        for name, by_customer in whole.said.items()
    }
    return Histories(
        whole,
        ingested(folder / "truncated", cut, maker),
        ingested(folder / "other", maker.later(cut, cutoff), maker),
    )


@pytest.mark.parametrize("name", REGISTRY)
def test_a_signal_is_described_in_full(name: str) -> None:
    found = REGISTRY[name]

    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert found.doc.endswith(".")
    assert found.family in FAMILIES
    assert found.unit
    assert 1 <= found.looks_back <= 3660


def test_every_sentence_reads_well_whatever_the_number(histories: Histories) -> None:
    every = [*REGISTRY.values(), *signals_of(histories.whole)]
    numbers = [one for one in every if one.kind == "number"]

    said = {
        (language, value, fill_sentence(one.reason[language], value, language))
        for one in numbers
        for language in ("en", "de")
        for value in (0.0, 1.0, 2.0, -0.4, 12.5)
    }

    assert len(numbers) > 150
    assert [each for each in said if re.search(r"[\[\]{}|]|log\b|deviation|Abweichung|[+]\d", each[2])] == []
    many = r"\b1 (days|weeks|hours|bills|e-mails|surveys|Tagen?|Wochen|Stunden|Rechnungen|E-Mails|Umfragen)\b"
    assert [each for each in said if each[1] == 1.0 and re.search(many, each[2])] == []


def test_no_signal_and_no_verb_sees_anything_at_or_after_the_cutoff(histories: Histories) -> None:
    every = [*signals_of(histories.whole), *expressions(histories.whole, 200)]

    assert len(every) > 250
    assert moved(every, histories.whole, histories.truncated, histories.cutoff) == []


def test_no_row_that_is_added_behind_the_cutoff_moves_a_signal_or_a_verb(histories: Histories) -> None:
    every = [*signals_of(histories.whole), *expressions(histories.whole, 200)]

    assert moved(every, histories.truncated, histories.other_future, histories.cutoff) == []


@pytest.mark.parametrize("other", ["truncated", "other_future"])
def test_a_leaky_signal_is_caught(histories: Histories, other: str) -> None:
    def logins_ever(logins: Events) -> Array:
        """All logins of the block's arrays, whenever they happened: what no verb allows."""
        logins.count()
        aggregates = getattr(logins.reader, "_aggregates", None)
        if aggregates is None:
            return np.zeros(0)
        return np.bincount(aggregates.rows.customer, minlength=logins.reader.n).astype(float)

    asked = [
        replace(LEAKY, function=logins_ever),
        REGISTRY["login_change"],
    ]

    one = histories.whole if other == "truncated" else histories.truncated
    assert moved(asked, one, getattr(histories, other), histories.cutoff) == ["logins_ever"]


def moved(signals: list[Signal], one: RandomWorld, other: RandomWorld, cutoff: date) -> list[str]:
    """Name the signals whose value at the cutoff depends on what lies behind it; nothing may, by a bit.

    The first and last cutoffs are asked for too, so that the future is among the rows that are read.
    """
    cutoffs = sorted({one.cutoffs[0], cutoff, one.cutoffs[-1]})
    with_future = exactly(engine_values(one, signals, cutoffs))
    without = exactly(engine_values(other, signals, cutoffs))
    names = (signal.name for signal in signals)
    return [name for name in names if with_future[cutoff, name] != without[cutoff, name]]


def view_asks(function: object, table: str = "logins", looks_back: int = 28) -> None:
    asked = Signal("asked", table, looks_back, "", "activity", "either", {}, "", function)  # type: ignore[arg-type]
    trace([asked], CANONICAL_TABLES[table], Need())


@pytest.mark.parametrize(
    ("function", "table", "said"),
    [
        (lambda e: e.last(days=29).count(), "logins", "reads 29 days, but its looks_back is 28"),
        (lambda e: e.last(days=7, skip=7).count(), "logins", "is empty"),
        (
            lambda e: e.latest("rating"),
            "surveys",
            r"write surveys.by\('answered_at'\)",
        ),
        (lambda e: e.having("openned_at").count(), "emails", "Did you mean 'opened_at'"),
        (lambda e: e.days_until("paid_at"), "payments", "card_expires_at"),
        (lambda e: e.lacking("paid_at").active_days(), "payments", "does not work on lacking"),
        (lambda e: e.kinds(), "logins", "has no column 'kind' that this verb of the view language can use"),
        (
            lambda e: e.only("kind", "search").count(),
            "interactions",
            "has no column 'kind' that this verb of the view language can use",
        ),
        (lambda e: e.only("kind", "redeemed").count(), "loyalty", "never 'redeemed'. Did you mean 'redeem'"),
        (lambda e: 3, "logins", "returns int, but must return one number per customer"),
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


def test_only_signals_of_present_tables_and_columns_are_on(histories: Histories) -> None:
    store = histories.whole.store
    on = {one.signal.name: one.off_because for one in library.availability(store.params, store)}

    assert on["login_change"] is None
    assert on["visits_count_28d"] is None
