"""Signals are chosen by family, table and name, and left out by any of them."""

from __future__ import annotations

import pytest

from churn.errors import SignalError
from churn.features.engine.plan import costs_of
from churn.features.library import all_signals, select_signals
from tests.drawn_company import DrawnCompany, draw

CHOSEN = {"windows": [28], "generic": {"default": ["recency"], "logins": ["recency", "frequency"]}}

VISITS = {"visits_days_since_last", "visits_silence_182d", "visits_silent_share"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> DrawnCompany:
    """Logins, bills without outcomes, and visits of the company's own."""
    return draw(
        tmp_path_factory.mktemp("selection"),
        logins="customer | happened_at\na | 2024-06-01 10:00",
        payments="customer | due_at | amount\na | 2024-06-01 | 1",
        visits="customer | happened_at\na | 2024-06-01 10:00",
        params={"signals": CHOSEN},
    )


def names(world: DrawnCompany, **asked: list[str]) -> set[str]:
    signals = world.store.params.signals.model_copy(update={k: tuple(v) for k, v in asked.items()})
    return {
        one.name
        for one in select_signals(world.store.params.model_copy(update={"signals": signals}), world.store)
    }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"families": ["payment"]}, {"payments_days_since_last"}),
        ({"families": ["recency"], "tables": ["logins", "visits"], "leave_out": ["logins"]}, VISITS),
        ({"names": ["login_change", "tenure_days"]}, {"login_change", "tenure_days"}),
        ({"tables": ["visits"]}, VISITS),
        ({"tables": ["visits", "payments"], "leave_out": ["payments"]}, VISITS),
        ({"tables": ["visits", "payments"], "leave_out": ["payment"]}, VISITS),
        ({"tables": ["visits", "payments"], "leave_out": ["payments", "contacts"]}, VISITS),
        (
            {"families": ["frequency"], "leave_out": ["logins_active_days_28d"]},
            {"logins_count_28d", "logins_rate_728d"},
        ),
    ],
)
def test_a_signal_is_on_if_its_family_table_and_name_are_asked_for_and_none_is_left_out(
    world: DrawnCompany, asked: dict[str, list[str]], expected: set[str]
) -> None:
    assert names(world, **asked) == expected


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"families": ["paymnt"]}, "signals.families: 'paymnt' is not a family. Did you mean 'payment'"),
        ({"tables": ["visit"]}, "signals.tables: 'visit' is not a table. Did you mean 'visits'"),
        (
            {"names": ["login_chnge"]},
            "signals.names: 'login_chnge' is not a signal. Did you mean 'login_change'",
        ),
        ({"leave_out": ["rhythmn"]}, "signals.leave_out: 'rhythmn' is not a signal, family or table."),
    ],
)
def test_a_misspelt_choice_is_refused_with_the_nearest(
    world: DrawnCompany, asked: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(SignalError, match=said):
        names(world, **asked)


@pytest.mark.parametrize(
    ("generic", "said"),
    [
        ({"visit": ["all"]}, "signals.generic.visit: 'visit' is not an event table. Did you mean 'visits'"),
        ({"visits": ["rythm"]}, "'rythm' is not a generic family. Did you mean 'rhythm'"),
        ({"logins": ["value"]}, "signals.generic.logins: value needs a value, but logins has none"),
    ],
)
def test_a_generic_family_that_does_not_fit_is_refused(
    world: DrawnCompany, generic: dict[str, list[str]], said: str
) -> None:
    signals = world.store.params.signals.model_copy(update={"generic": generic})

    with pytest.raises(SignalError, match=said):
        all_signals(world.store.params.model_copy(update={"signals": signals}))


def test_what_a_signal_costs_is_learnt_from_what_it_asks_for(world: DrawnCompany) -> None:
    every = all_signals(world.store.params)

    costs = costs_of(every.values(), world.store.params)

    assert [costs[name].name for name in ("login_change", "emails_unopened_run", "emails_open_rate")] == [
        "FOLDS",
        "PASSES",
        "COHORT",
    ]
