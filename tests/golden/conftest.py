from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="Write the golden files anew.")


@pytest.fixture
def golden_text() -> Callable[[str], str]:
    """Return a function that reads the golden file of a name; a file that does not exist is empty."""

    def read(name: str) -> str:
        path = HERE / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    return read


@pytest.fixture
def same_as_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the golden file of a name, or write that file if the call asks for it."""

    def compare(name: str, text: str) -> None:
        path = HERE / name
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text, encoding="utf-8")
        golden = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        now = text.splitlines()
        gone = [f"- {line}" for line in golden if line not in set(now)]
        new = [f"+ {line}" for line in now if line not in set(golden)]
        if golden != now:
            shown = "\n".join([*gone[:15], *new[:15]] or ["the same lines in another order"])
            pytest.fail(
                f"{name}: {len(gone)} lines are gone and {len(new)} are new. If that is meant, call "
                f"`make golden` and commit the difference.\n{shown}",
                pytrace=False,
            )

    return compare
