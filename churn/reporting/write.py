"""Putting a page in place in one step."""

from __future__ import annotations

import os
from pathlib import Path


def write_report(output: Path, html: str) -> Path:
    """Write the page aside and rename it; readers see the old page or the new one."""
    path = output / "report" / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".index-{os.getpid()}.html")
    aside.write_text(html, encoding="utf-8")
    os.replace(aside, path)
    return path
