"""The quality of the answers on data with a known truth, and their speed."""

from __future__ import annotations

from pathlib import Path


def write_table(page: Path, marks: tuple[str, str], table: str) -> None:
    """Replace the text between two marks of a page.

    Args:
        page: The page, in Markdown.
        marks: The lines before and after the table.
        table: The new table.
    """
    text = page.read_text(encoding="utf-8")
    head, tail = text.partition(marks[0])[0], text.partition(marks[1])[2]
    page.write_text(f"{head}{marks[0]}\n{table}\n{marks[1]}{tail}", encoding="utf-8")
