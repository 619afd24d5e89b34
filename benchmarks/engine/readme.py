"""Tables in benchmarks/README.md, each between two marks with its name."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def write_table(name: str, table: str, readme: Path = README) -> None:
    """Put a table between its marks, or with new marks at the end."""
    start, end = f"<!-- table: {name} -->\n", f"<!-- end of table: {name} -->\n"
    text = readme.read_text(encoding="utf-8")
    before, found, rest = text.partition(start)
    if not found:
        before, rest = f"{text.rstrip()}\n\n", end
    after = rest.partition(end)[2]
    readme.write_text(f"{before}{start}{table.rstrip()}\n{end}{after}", encoding="utf-8")
