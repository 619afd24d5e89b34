from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from churn.data.ingest.ingest import ingest
from churn.data.store import Store
from churn.features.library import select_signals
from churn.guards import run
from churn.guards.run import guard_report, guard_report_path
from churn.params import Params
from tests.drawn_company import params_of

LOGINS = """
customer | happened_at
a        | 2024-06-01 10:00
b        | 2024-06-02 10:00
"""


@contextmanager
def quiet(label: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """The parameters of every look that really was taken."""
    taken: list[Store] = []
    run_guards = run.run_guards

    def noted(store: Store, *rest: object) -> object:
        taken.append(store)
        return run_guards(store, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "run_guards", noted)
    return taken


def ask(params: Params) -> list[str]:
    store = ingest(params, lambda _: None)
    return [one.place for one in guard_report(store, select_signals(params, store), [], quiet).found]


STATIC = {"tables": {"customers": {"static": ["flag"]}, "logins": {}}}
CUSTOMERS = """
customer | signed_up_at | flag
a        | 2020-01-01   | 1
b        | 2020-01-01   | 1
"""


def test_the_same_data_are_looked_at_once(tmp_path: Path, looks: list[Store]) -> None:
    params = params_of(tmp_path, logins=LOGINS, customers=CUSTOMERS, params=STATIC, since=None)

    first, second = ask(params), ask(params)

    assert first == second == ["customers.flag"]
    assert len(looks) == 1


def test_other_data_other_mapping_and_other_code_are_looked_at_anew(
    tmp_path: Path, looks: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    params = params_of(tmp_path, logins=LOGINS, customers=CUSTOMERS, params=STATIC, since=None)
    ask(params)

    monkeypatch.setattr(run, "_code_digest", lambda: "changed")
    ask(params)
    params_of(tmp_path, logins=LOGINS + "a | 2024-06-03 10:00", customers=CUSTOMERS, since=None)
    ask(params)
    mapped = ask(params_of(tmp_path, logins=LOGINS, customers=CUSTOMERS, since=None))

    assert mapped == []
    assert len(looks) == 4


def test_rows_that_may_be_late_for_longer_are_looked_at_anew(tmp_path: Path, looks: list[Store]) -> None:
    params = params_of(tmp_path, logins=LOGINS, customers=CUSTOMERS, params=STATIC, since=None)
    later = params.snapshot.model_copy(update={"late_days": 7})

    ask(params)
    ask(params.model_copy(update={"snapshot": later}))

    assert len(looks) == 2


def test_a_damaged_file_is_no_answer(tmp_path: Path, looks: list[Store]) -> None:
    params = params_of(tmp_path, logins=LOGINS, since=None)
    ask(params)
    guard_report_path(params.output).write_text("{")

    ask(params)

    assert len(looks) == 2
