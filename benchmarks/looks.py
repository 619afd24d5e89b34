"""Look at the report in a real browser: at several widths, in light and dark, in German and English.

`python -m benchmarks.looks --output output --to build/looks` renders the latest night in both languages,
keeps a picture of each look, and lists what is wrong: requests to the network, errors of the console,
findings of axe that are serious or critical, content that is wider than the screen, and texts of charts that
are cut.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from churn.reporting.page.sources import read_report_sources
from churn.reporting.report import render_report

WIDTHS = (390, 768, 1280, 1920)
SCHEMES = ("light", "dark")
LANGUAGES = ("de", "en")

HEIGHT = 900
MAX_PICTURE_HEIGHT = 12_000
"""The largest height of a picture in pixels; a long call list goes on like its beginning."""

AXE_OPTIONS = {"resultTypes": ["violations"]}
"""Axe describes only what is wrong: the description of what is right took most of its time."""

CUT_TEXTS = """
[...document.querySelectorAll("svg text")].filter(text => {
  const svg = text.closest("svg"), own = text.getBoundingClientRect();
  const shown = getComputedStyle(svg).overflow === "visible" && svg.closest(".card") || svg;
  const around = shown.getBoundingClientRect();
  return own.width && (own.left < around.left - 1 || own.right > around.right + 1);
}).map(text => text.textContent)
"""
"""The script that returns the texts of charts that a reader sees only in part."""

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@dataclass(frozen=True)
class Look:
    """One way of looking at a page: the width of the screen in pixels, and light or dark."""

    width: int
    scheme: str

    def title(self, name: str) -> str:
        """Return the name of the look of a page."""
        return f"{name}-{self.width}-{self.scheme}"


def chromium_path() -> str | None:
    """Return the path of the browser; None on a machine without it."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def open_browser() -> Iterator[Any]:
    """Start the browser; yields a browser of Playwright."""
    from playwright.sync_api import sync_playwright  # a package that only looks need

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class OpenPage:
    """A page in the browser, with what it asked for and what it complained about."""

    def __init__(self, context: Any, file: Path) -> None:
        """Open a file."""
        self.page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._note)
        self.page.goto(file.absolute().as_uri())

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    @property
    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the screen."""
        root = "document.documentElement"
        return int(self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))

    def problems(self, *, with_axe: bool = True) -> list[str]:
        """Return what is wrong with the page as it is shown now."""
        problems = [f"request: {url}" for url in self.requests[1:]]  # the first one is the page itself
        problems += [f"console: {text}" for text in self.complaints]
        if self.overflow > 0:
            problems.append(f"wider than the screen by {self.overflow} pixels")
        problems += [f"cut in a chart: {text}" for text in self.page.evaluate(CUT_TEXTS)]
        return problems + (self._axe_findings() if with_axe else [])

    def _axe_findings(self) -> list[str]:
        from axe_playwright_python.sync_playwright import Axe  # a package that only looks need

        return [
            f"axe, {violation['impact']}: {violation['id']} at {node['target']}"
            for violation in Axe().run(self.page, options=AXE_OPTIONS).response["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    def take(self, look: Look) -> None:
        """Change the width of the screen and the colours; the page stays as it is."""
        self.page.set_viewport_size({"width": look.width, "height": HEIGHT})
        self.page.emulate_media(color_scheme=look.scheme)

    def unfold_call(self) -> None:
        """Unfold the first call of the call list, if there is one."""
        button = self.page.locator(".unfold").first
        if button.count():
            button.click()

    def unfold_parts(self) -> None:
        """Open every part of the page that is folded."""
        self.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")

    def picture(self, file: Path) -> None:
        """Write a picture of the page from its top; headings that stick to the screen are at their place."""
        self.page.evaluate("scrollTo(0, 0)")
        height = int(self.page.evaluate("document.documentElement.scrollHeight"))
        clip = {"x": 0, "y": 0, "width": self.page.viewport_size["width"]}
        self.page.screenshot(
            path=file, full_page=True, clip=clip | {"height": min(height, MAX_PICTURE_HEIGHT)}
        )


@contextmanager
def open_page(browser: Any, file: Path, look: Look, *, scripts: bool = True) -> Iterator[OpenPage]:
    """Open a file in a window of its own.

    Args:
        browser: The browser.
        file: The page.
        look: The width and the colours.
        scripts: Whether scripts run.
    """
    context = browser.new_context(
        viewport={"width": look.width, "height": HEIGHT},
        color_scheme=look.scheme,
        java_script_enabled=scripts,
    )
    try:
        yield OpenPage(context, file)
    finally:
        context.close()


def examine_looks(browser: Any, files: dict[str, Path], folder: Path) -> list[str]:
    """Look at pages in each look, keep the pictures, and return what is wrong.

    A picture shows the page as it opens, with the first call unfolded. Axe then looks at the page with all of
    its parts unfolded. Each page is opened once for all looks, because opening a long page is slow.

    Args:
        browser: The browser.
        files: The pages by name.
        folder: Where the pictures go: `NAME-WIDTH-SCHEME.png`.
    """
    looks = [Look(width, scheme) for width, scheme in product(WIDTHS, SCHEMES)]
    problems = []
    for name, file in files.items():
        with open_page(browser, file, looks[0]) as view:
            view.unfold_call()
            for look in looks:
                view.take(look)
                problems += [f"{look.title(name)}: {problem}" for problem in view.problems(with_axe=False)]
                view.picture(folder / f"{look.title(name)}.png")
            view.unfold_parts()
            for look in looks:
                view.take(look)
                problems += [f"{look.title(name)}: {problem}" for problem in view.problems()]
    return list(dict.fromkeys(problems))


def main() -> int:
    """Look at the latest night of an output folder."""
    parser = argparse.ArgumentParser(description="look at the report in a real browser")
    parser.add_argument("--output", type=Path, default=Path("output"), help="the output folder of a company")
    parser.add_argument("--to", type=Path, default=Path("build/looks"), help="where the pictures go")
    options = parser.parse_args()
    if chromium_path() is None:
        sys.exit("looks: no chromium on PATH. Install Debian's package chromium.")
    options.to.mkdir(parents=True, exist_ok=True)
    night = read_report_sources(options.output)
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        files = {}
        for language in LANGUAGES:
            files[language] = Path(folder) / f"{language}.html"
            files[language].write_text(render_report(night, language), encoding="utf-8")
        problems = examine_looks(browser, files, options.to)
    for problem in problems:
        print(problem)
    n_looks = len(LANGUAGES) * len(WIDTHS) * len(SCHEMES)
    print(f"looks: {n_looks} pictures in {options.to}, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
