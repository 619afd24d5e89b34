"""Write the demo company, eighteen months of a made-up business, to the folder that `source` names."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from churn.errors import CallError, SourceError
from churn.params import Params

if TYPE_CHECKING:
    from pipelines.echo import Echo


def run(
    params: Params, *, cutoff: date | None = None, echo: Echo, customers: int = 5000, seed: int = 7
) -> int | None:
    """Write the company, or keep it where it stands already; its truth goes beside it, for tests alone.

    Raises:
        CallError: there are no customers to make, or the seed is negative.
        SourceError: `source` is no folder, or the folder holds something else.
    """
    from churn.demo import WATERMARK, stamp, write_company

    _refuse_call(customers, seed)
    folder = _folder(params)
    truth = folder.with_name(f"{folder.name}-truth")
    wanted = stamp(customers, seed)
    if _stands(folder, wanted) and truth.is_dir():
        echo(f"demo: {folder} holds this company ({customers:,} customers, seed {seed}) already; kept.")
        return None
    _refuse_foreign(folder, truth, wanted)
    with echo.progress("customers", customers) as advance:
        summary = write_company(folder, truth, customers, seed, lambda made: advance(made))
    total = sum(summary.rows.values())
    echo(f"demo: {total:,} rows of {customers:,} customers in {folder}, up to {WATERMARK}.")
    echo(f"demo: what only the simulation knows is in {truth}.")
    return None


def _refuse_call(customers: int, seed: int) -> None:
    problems = []
    if customers < 1:
        problems.append(f"demo: --customers is {customers}; a company needs at least 1.")
    if seed < 0:
        problems.append(f"demo: --seed is {seed}; a seed is 0 or more.")
    if problems:
        raise CallError(*problems)


def _folder(params: Params) -> Path:
    source, place = params.source, params.locate("source")
    if "://" in source:
        raise SourceError(
            f"{place} is {source}, a connection; the demo company is written to a folder. "
            "Name one, such as 'source: data/company', or '--set source=data/company'."
        )
    folder = Path(source)
    if folder.exists() and not folder.is_dir():
        raise SourceError(f"{place} is {folder}, a file; the demo company needs a folder. Name one.")
    return folder


def _stands(folder: Path, wanted: dict[str, object]) -> bool:
    return _stamp_in(folder) == wanted


def _refuse_foreign(folder: Path, truth: Path, wanted: dict[str, object]) -> None:
    """Refuse to write over anything but the same company, told all at once."""
    problems = []
    found = _stamp_in(folder)
    if found and found != wanted:
        problems.append(
            f"demo: {folder} holds another demo company ({_told(found)}; asked for {_told(wanted)}). "
            "Delete the folder, or write this one elsewhere with '--set source=…'."
        )
    elif not found and _holds_anything(folder):
        problems.append(
            f"demo: {folder} holds files that are not a demo company, and they are left alone. "
            "Name an empty or new folder with '--set source=…'."
        )
    if _holds_anything(truth) and not (truth / "dirt.json").is_file():
        problems.append(
            f"demo: {truth}, where the truth belongs, holds files that are not a demo company's. "
            "Move them, or write the company elsewhere with '--set source=…'."
        )
    if problems:
        raise SourceError(*problems)


def _stamp_in(folder: Path) -> dict[str, object]:
    """Return the stamp of the company in a folder, or nothing."""
    from churn.demo import STAMP_FILE

    try:
        content = json.loads((folder / STAMP_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _holds_anything(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def _told(stamp: dict[str, object]) -> str:
    return f"{stamp.get('customers')} customers, seed {stamp.get('seed')}, version {stamp.get('version')}"


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("demo"))
