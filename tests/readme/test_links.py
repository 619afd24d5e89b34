"""Every relative link of a document leads to a file, and to a heading of it; the site lists every page."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.readme.links import broken_links

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "benchmarks").rglob("*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    assert broken_links(document) == []


def test_a_link_to_a_file_or_heading_that_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n\n## The `first` part\n\n## The first part\n\n"
        "[a](#the-first-part) [b](#the-first-part-1) [c](page.md#a-page) [d](https://example.org/x)\n"
        "[e](#the-first-part-2) [f](none.md) [g](page.md#none)\n\n```text\n[h](none.md)\n```\n",
        encoding="utf-8",
    )

    assert broken_links(page) == ["#the-first-part-2", "none.md", "page.md#none"]


def test_the_site_lists_every_page_once() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

    listed = sorted(pages_of(site["nav"]))

    assert listed == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def pages_of(nav: object) -> list[str]:
    """Return the pages in a menu of the site, with those of its chapters."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in pages_of(part)]  # type: ignore[attr-defined]
