"""`churn run` computes the figures of retention, and what prevents them does not take the night away."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from churn.errors import ParamsError, SourceError
from pipelines import kpis, run

NIGHT = date(2025, 10, 1)


class Log:
    """Keeps what a run writes down."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.steps: list[str] = []

    def __call__(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def finish_step(self, step: str) -> None:
        self.steps.append(step)


def compute(is_event: bool, log: Log) -> None:
    params: Any = SimpleNamespace(label=SimpleNamespace(is_event=is_event), output=Path("output"))
    store: Any = "store"
    run._compute_figures(params, store, NIGHT, log)  # type: ignore[arg-type]


@pytest.mark.parametrize("is_event", [False, True], ids=["leaving", "an event"])
def test_the_figures_of_the_night_are_computed_from_the_open_store(
    monkeypatch: pytest.MonkeyPatch, is_event: bool
) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(kpis, "run", lambda params, **options: calls.append(options))
    log = Log()

    compute(is_event, log)

    (options,) = calls
    assert (options["cutoff"], options["store"]) == (NIGHT, "store")
    assert (log.steps, log.warnings) == (["kpis"], [])


@pytest.mark.parametrize("error", [ParamsError("kpis.segments: no such attribute."), SourceError("damaged.")])
def test_what_prevents_the_figures_is_a_warning(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(kpis, "run", fail)
    log = Log()

    compute(False, log)

    assert log.warnings == [f"{error} The report leaves out the figures of retention."]
    assert log.steps == []
