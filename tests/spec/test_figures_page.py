from __future__ import annotations

from pathlib import Path

from churn.kpis.catalog import FIGURES, GROUPS
from churn.params import KpisParams
from tests.spec.write_figures_page import DOCUMENT, written


def test_the_page_is_as_the_catalogue_says(root: Path) -> None:
    assert (root / DOCUMENT).read_text(encoding="utf-8") == written(), "run `make docs`"


def test_each_figure_is_defined_once() -> None:
    names = [definition.name for group in GROUPS.values() for definition in group]

    assert len(names) == len(set(names)) == len(FIGURES)


def test_every_term_has_a_meaning_on_the_page() -> None:
    page = written()

    for name, entry in KpisParams.model_fields.items():
        assert entry.description, name
        assert f"| `{name}` |" in page
