"""Write tables into benchmarks/README.md, and describe the machine that measured them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def write_table(name: str, table: str, readme: Path = README) -> None:
    """Write a table between the two marks with its name, or at the end with new marks."""
    start, end = f"<!-- table: {name} -->\n", f"<!-- end of table: {name} -->\n"
    text = readme.read_text(encoding="utf-8")
    before, mark, old_table = text.partition(start)
    if not mark:
        before, old_table = f"{text.rstrip()}\n\n", end
    after = old_table.partition(end)[2]
    readme.write_text(f"{before}{start}{table.rstrip()}\n{end}{after}", encoding="utf-8")


def describe_machine(packages: Sequence[str] = ("duckdb", "numpy", "pandas", "polars")) -> str:
    """Return the processor, cores, memory and versions in one sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()}, "
        f"Python {platform.python_version()}, {', '.join(_versions(packages))}."
    )


def _versions(packages: Sequence[str]) -> list[str]:
    versions = []
    for name in packages:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"no {name}")
    return versions


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
