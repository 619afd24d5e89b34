"""The site of the documents: strict links, and no page that calls another host."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class CalledAddresses(HTMLParser):
    """The addresses of other hosts that a page loads when it is opened; a link to click is none."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(SOURCES.get(tag, "")) or ""
        if re.match(r"(https?:)?//", address):
            self.addresses.append(address)


def called_addresses(page: str) -> list[str]:
    parser = CalledAddresses()
    parser.feed(page)
    return parser.addresses + re.findall(r"url\(['\"]?(https?://[^)'\"]*)", page)


@pytest.mark.slow
def test_the_site_is_built_with_strict_links_and_calls_no_other_host(tmp_path: Path) -> None:
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed: uv pip install --no-deps -r requirements-docs.lock")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]

    build = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )

    assert build.returncode == 0, build.stdout + build.stderr
    pages = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert tmp_path / "index.html" in pages
    assert {str(page): called for page in pages if (called := called_addresses(page.read_text()))} == {}


def test_a_page_that_calls_another_host_is_found() -> None:
    page = (
        '<a href="https://a.org">fine</a><script src="own.js"></script><script src="//b.org/x.js"></script>'
        '<link rel="stylesheet" href="https://c.org/x.css"><style>p {background: url(https://d.org/x)}</style>'
    )

    assert called_addresses(page) == ["//b.org/x.js", "https://c.org/x.css", "https://d.org/x"]
