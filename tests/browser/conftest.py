"""A browser, and a drawn night to look at."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from benchmarks.looks import chromium_path, open_browser
from churn.reporting.page.sources import read_report_sources
from churn.reporting.report import render_report
from tests.drawn_night import DrawnCall, write_drawn_night

OWNERS = ("customer success", "marketing", "accounts receivable")
N_CALLS = 90


def absence() -> str | None:
    """Return why there is no browser here; None if there is."""
    packages = ("playwright", "axe_playwright_python", "pypdf")
    if absent := [name for name in packages if importlib.util.find_spec(name) is None]:
        return f"{', '.join(absent)} is not installed: see requirements-looks.lock"
    return None if chromium_path() else "no chromium on PATH: install Debian's package chromium"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if because := absence():
        pytest.skip(because)
    with open_browser() as browser:
        yield browser


def calls(night: int) -> list[DrawnCall]:
    return [
        DrawnCall(
            customer=f"C{number:03d}",
            name=f"Customer {number:03d} & Söhne",
            probability=(0.9 - number / 200) / (3 - night),
            health=1 + number % 3,
            value=None if number % 10 == 0 else 1000.0 - number,
            owner=OWNERS[number % 3],
            play="gone-quiet" if number % 2 else "low-rating",
            status="new" if number > 60 else "open",
        )
        for number in range(1, N_CALLS + 1)
    ]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of two nights."""
    output = tmp_path_factory.mktemp("looks")
    write_drawn_night(output, date(2024, 1, 30), calls(0)[:70])
    write_drawn_night(output, date(2024, 1, 31), calls(1))
    return output


@pytest.fixture(scope="session")
def pages(company: Path) -> dict[str, Path]:
    night = read_report_sources(company)
    files = {}
    for language in ("de", "en"):
        files[language] = company / f"{language}.html"
        files[language].write_text(render_report(night, language), encoding="utf-8")
    return files
