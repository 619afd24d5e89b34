from __future__ import annotations

from types import SimpleNamespace

from churn.training import sections


def test_sections_are_joined_in_their_order_and_notes_come_last(monkeypatch) -> None:
    first = lambda exam: {"b": 1, "notes": {"one": "first"}}  # noqa: E731
    second = lambda exam: {"a": 2, "notes": {"two": "second"}}  # noqa: E731
    monkeypatch.setattr(sections, "SECTIONS", (first, second))
    steps = []

    found = sections.evaluated(SimpleNamespace(notes={"champion": "none"}), lambda: steps.append(1))

    assert list(found) == ["b", "a", "notes"]
    assert found["notes"] == {"champion": "none", "one": "first", "two": "second"}
    assert len(steps) == 2
