"""Bring what the documents link to outside of docs/ into the site, so that no link of the site is broken.

MkDocs only knows the files below docs/. A document may link to any file of the project: such a file becomes a
page (Markdown) or a plain file below `project/`, and the link leads there. A link to a folder without a
README becomes its text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, InclusionLevel
from pymdownx.slugs import slugify

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[((?:[^\]\[]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.M | re.S)


def on_config(config: Any) -> Any:
    """Give headings the anchors that code hosts give them, so that one link works in both."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add each file outside of docs/ that a page links to, and what those pages link to."""
    waiting = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    visited = set(waiting)
    while waiting:
        page = waiting.pop()
        for target in outside_targets(page):
            if target in visited:
                continue
            visited.add(target)
            place = InclusionLevel.NOT_IN_NAV
            path = str(ROOT / target)
            files.append(File.generated(config, site_path(target), abs_src_path=path, inclusion=place))
            if target.endswith(".md"):
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Let the links of a page lead to the places in the site."""
    own_path = project_path(page.file.src_uri)

    def changed(match: re.Match[str]) -> str:
        text, link, anchor = match[1], match[2], match[3] or ""
        if not link or "://" in link or link.startswith("mailto:"):
            return match[0]
        target = target_of(own_path, link)
        if target is None:
            return text
        place = posixpath.relpath(site_path(target), posixpath.dirname(page.file.src_uri) or ".")
        return f"[{text}]({place}{anchor})"

    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(changed, part) for part in parts)


def outside_targets(page: str) -> list[str]:
    """Return the files outside of docs/ to which a page links; a missing one is left to be reported."""
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    links = [match[2] for match in LINK.finditer(text) if match[2] and "://" not in match[2]]
    targets = [target_of(page, link) for link in links]
    return [target for target in targets if target and not target.startswith("docs/") and is_file(target)]


def target_of(page: str, link: str) -> str | None:
    """Return the path in the project to which a link leads; None for a folder without a README."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    if not (ROOT / target).is_dir():
        return target
    readme = posixpath.join(target, "README.md")
    return readme if is_file(readme) else None


def is_file(path: str) -> bool:
    """Return whether a path of the project is a file."""
    return (ROOT / path).is_file()


def site_path(path: str) -> str:
    """Return the place in the site of a file of the project."""
    return path.removeprefix("docs/") if path.startswith("docs/") else f"project/{path}"


def project_path(place: str) -> str:
    """Return the path in the project of a place in the site."""
    return place.removeprefix("project/") if place.startswith("project/") else f"docs/{place}"
