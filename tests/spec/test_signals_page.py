"""docs/signals.md is the registry of signals."""

from __future__ import annotations

from pathlib import Path

from churn.features.generic.family import GENERIC
from churn.features.signal import REGISTRY
from tests.spec.write_signals_page import DOCUMENT, written


def test_the_page_is_written_from_the_registry(root: Path) -> None:
    assert (root / DOCUMENT).read_text(encoding="utf-8") == written(), "run `make docs`"


def test_the_page_has_every_signal_and_every_generic_family() -> None:
    page = written()

    assert [name for name in REGISTRY if page.count(f"| `{name}` |") != 1] == []
    assert [name for name in GENERIC if f"### {name}\n" not in page] == []
