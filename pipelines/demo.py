"""Write the demo company, eighteen months of a simulated business, to the folder of `source`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from churn.demo import STAMP_FILE, WATERMARK, stamp, write_company
from churn.errors import CallError, SourceError
from churn.params import Params
from pipelines.echo import Echo


def run(
    params: Params, *, cutoff: date | None = None, echo: Echo, customers: int = 5000, seed: int = 7
) -> int | None:
    """Write the company, or keep it if it exists; the truth, for tests only, goes to a second folder.

    Args:
        params: The parameters; `source` is the folder to write to.
        cutoff: Not used.
        echo: Prints lines, warnings and progress.
        customers: The number of customers of the company.
        seed: The seed of the simulation; another seed gives another company.

    Raises:
        CallError: the number of customers is below 1, or the seed is negative.
        SourceError: `source` is not a folder, or the folder holds something else.
    """
    _check_call(customers, seed)
    folder = _folder(params)
    truth = folder.with_name(f"{folder.name}-truth")
    company = stamp(customers, seed)
    if _stamp_in(folder) == company and truth.is_dir():
        echo(f"demo: {folder} already holds this company ({customers:,} customers, seed {seed}).")
        return None
    _check_folders(folder, truth, company)
    with echo.progress("customers", customers) as advance:
        summary = write_company(folder, truth, customers, seed, lambda steps: advance(steps))
    total = sum(summary.rows.values())
    echo(f"demo: {total:,} rows of {customers:,} customers in {folder}, up to {WATERMARK}.")
    echo(f"demo: the truth that only the simulation knows is in {truth}.")
    return None


def _check_call(customers: int, seed: int) -> None:
    problems = []
    if customers < 1:
        problems.append(f"demo: --customers is {customers}; a company needs at least 1.")
    if seed < 0:
        problems.append(f"demo: --seed is {seed}; a seed is 0 or more.")
    if problems:
        raise CallError(*problems)


def _folder(params: Params) -> Path:
    source, key = params.source, params.locate("source")
    if "://" in source:
        raise SourceError(
            f"{key} is {source}, a connection; the demo company is written to a folder. "
            "Name one, such as 'source: data/company', or '--set source=data/company'."
        )
    folder = Path(source)
    if folder.exists() and not folder.is_dir():
        raise SourceError(f"{key} is {folder}, a file; the demo company needs a folder. Name one.")
    return folder


def _check_folders(folder: Path, truth: Path, company: dict[str, object]) -> None:
    """Check that the folders are empty or hold the same company.

    Raises:
        SourceError: a folder holds something else; all problems are listed.
    """
    problems = []
    present = _stamp_in(folder)
    if present and present != company:
        problems.append(
            f"demo: {folder} holds another demo company ({_describe(present)}) than the requested one "
            f"({_describe(company)}). Delete the folder, or write elsewhere with '--set source=…'."
        )
    elif not present and _holds_anything(folder):
        problems.append(
            f"demo: {folder} holds files that are not a demo company; nothing was written. "
            "Name an empty or new folder with '--set source=…'."
        )
    if _holds_anything(truth) and not (truth / "dirt.json").is_file():
        problems.append(
            f"demo: {truth}, the folder for the truth, holds files that are not of a demo company. "
            "Move them, or write the company elsewhere with '--set source=…'."
        )
    if problems:
        raise SourceError(*problems)


def _stamp_in(folder: Path) -> dict[str, object]:
    """Return the stamp of the company in a folder, or an empty one."""
    try:
        content = json.loads((folder / STAMP_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _holds_anything(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def _describe(stamp: dict[str, object]) -> str:
    return f"{stamp.get('customers')} customers, seed {stamp.get('seed')}, version {stamp.get('version')}"


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("demo"))
