from __future__ import annotations

from types import SimpleNamespace

from churn.evaluation import sections
from churn.evaluation.sections.comparison import spread
from churn.reporting.mlflow_log import spread_of


def test_sections_are_joined_in_their_order_and_notes_come_last(monkeypatch) -> None:
    first = lambda exam: {"b": 1, "notes": {"one": "first"}}  # noqa: E731
    second = lambda exam: {"a": 2, "notes": {"two": "second"}}  # noqa: E731
    monkeypatch.setattr(sections, "SECTIONS", (first, second))
    steps = []

    found = sections.evaluated(SimpleNamespace(notes={"champion": "none"}), lambda: steps.append(1))

    assert list(found) == ["b", "a", "notes"]
    assert found["notes"] == {"champion": "none", "one": "first", "two": "second"}
    assert len(steps) == 2


def test_the_spread_is_logged_for_the_main_metrics() -> None:
    by_cutoff = {
        day: {"challenger": {"auc": {"value": auc}, "log_loss": {"value": 0.3}}}
        for day, auc in (("2025-06-01", 0.8), ("2025-07-01", 0.9))
    }

    logged = spread_of(spread(by_cutoff, "challenger"))

    assert logged == {
        "spread/log_loss_min": 0.3,
        "spread/log_loss_max": 0.3,
        "spread/auc_min": 0.8,
        "spread/auc_max": 0.9,
    }
