"""A night that is handed over twice: a failure in one place keeps nothing from the other, and all is said."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from churn.data.store import Store
from churn.errors import BusyError, ChurnError, DeliveryError, SourceError
from churn.params import Params, load_params
from pipelines import night_handover
from pipelines.echo import Echo
from pipelines.night_handover import hand_over_night
from tests.drawn_outbox import SECRET

NIGHT = date(2024, 1, 31)
PARAMS = f"""
source: raw
tables: {{customers: {{}}, orders: {{}}}}
label: {{kind: inactivity, table: orders, horizon_days: 28}}
score: {{sink: {{connection: "sqlite:///nights.sqlite"}}}}
contact: {{outbox: {{url: "https://crm.example/hook", secret: {SECRET}}}}}
"""


@pytest.fixture
def params(tmp_path: Path) -> Params:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS, encoding="utf-8")
    return load_params(path)


def refusal(
    params: Params, monkeypatch: pytest.MonkeyPatch, *errors: ChurnError | None
) -> tuple[list[str], ChurnError]:
    """Return who was called, and the error, of a night whose database and receiver fail as told."""
    calls = []

    def failing(name: str, error: ChurnError | None):
        def call(*_: object, **__: object) -> None:
            calls.append(name)
            if error:
                raise error

        return call

    database, receiver = errors
    monkeypatch.setattr(night_handover, "_fill_database", failing("database", database))
    monkeypatch.setattr(night_handover.deliver, "run", failing("receiver", receiver))
    store = cast(Store, SimpleNamespace(tonight=NIGHT))
    with pytest.raises(ChurnError) as error:
        hand_over_night(params, store, NIGHT, Echo())
    return calls, error.value


@pytest.mark.parametrize(
    ("database", "receiver", "code"),
    [
        (DeliveryError("no disk"), None, 17),
        (SourceError("torn scores"), None, 11),
        (BusyError("held file"), None, 16),
        (None, DeliveryError("2 wait"), 17),
        (None, SourceError("torn journal"), 11),
        (DeliveryError("no disk"), DeliveryError("2 wait"), 17),
        (DeliveryError("no disk"), SourceError("torn journal"), 17),
        (SourceError("torn scores"), SourceError("torn journal"), 17),
    ],
)
def test_both_are_tried_and_each_failure_is_said(
    params: Params,
    monkeypatch: pytest.MonkeyPatch,
    database: ChurnError | None,
    receiver: ChurnError | None,
    code: int,
) -> None:
    calls, error = refusal(params, monkeypatch, database, receiver)

    assert calls == ["database", "receiver"]
    assert error.exit_code == code
    assert error.problems == tuple(
        problem for failure in (database, receiver) if failure for problem in failure.problems
    )


def test_a_delivery_that_is_at_work_is_said_with_the_call_that_comes_next(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, error = refusal(params, monkeypatch, None, BusyError("`churn deliver` is at work"))

    assert error.exit_code == 17
    assert error.problems == (
        "`churn deliver` is at work",
        "The night is written. Call `churn deliver` to hand over the contacts of this night.",
    )
