"""Write the demo company, eighteen months of a simulated business, to the folder that `source` names."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from churn.data.files import only_writer, restore_folder
from churn.demo import LIVED_UNTIL, STAMP_FILE, WATERMARK, stamp, write_company
from churn.errors import CallError, SourceError
from churn.params import Params
from pipelines.echo import Echo
from pipelines.live_nights import DAYS_BETWEEN, live_nights

DEFAULT_CUSTOMERS = 5000
DEFAULT_SEED = 7


def run(
    params: Params,
    *,
    cutoff: date | None = None,
    echo: Echo,
    customers: int | None = None,
    seed: int | None = None,
    live: int | None = None,
    days_between: int | None = None,
) -> int | None:
    """Write the tables of the demo company, or keep them if they exist.

    A second folder gets the facts that only the simulation knows.

    Args:
        params: The parameters; `source` is the folder to write to.
        cutoff: Not used.
        echo: Prints lines, warnings and progress.
        customers: The number of customers of the company. By default 5,000; with `live`, as many as the
            company in the folder has.
        seed: The seed of the simulation; another seed gives another company. By default 7; with `live`, the
            seed of the company in the folder.
        live: The number of nights to simulate; by default none. In each night, customers are scored and
            contacted, and then the days until the next night pass.
        days_between: The number of days from one simulated night to the next; by default 7.

    Raises:
        CallError: a number is too small, `days_between` is given without `live`, or the nights cannot be
            simulated.
        SourceError: `source` is not a folder, or the folder holds another company or other files.
        ModelError: there is no champion to score a night with.
        BusyError: another process writes this company.
    """
    folder = _folder(params)
    truth = folder.with_name(f"{folder.name}-truth")
    with only_writer(folder.with_name(f".{folder.name}.lock"), "`churn demo`"):
        for path in (truth, folder):
            restore_folder(path)
        _write_or_live(params, folder, truth, echo, customers, seed, live, days_between)
    return None


def _write_or_live(
    params: Params,
    folder: Path,
    truth: Path,
    echo: Echo,
    customers: int | None,
    seed: int | None,
    live: int | None,
    days_between: int | None,
) -> None:
    present = _stamp_in(folder) if live is not None else {}
    customers = _number(customers, present.get("customers"), DEFAULT_CUSTOMERS)
    seed = _number(seed, present.get("seed"), DEFAULT_SEED)
    _check_call(customers, seed, live, days_between)
    company = stamp(customers, seed)
    present = _stamp_in(folder)
    lived_until = present.pop(LIVED_UNTIL, None)
    if present == company and truth.is_dir():
        if live is not None:
            live_nights(params, folder, truth, live, days_between or DAYS_BETWEEN, echo)
            return
        lived_on = f", and has lived on until {lived_until}" if lived_until else ""
        echo(f"demo: {folder} already holds this company ({customers:,} customers, seed {seed}){lived_on}.")
        return
    if live is not None and not present:
        raise SourceError(
            f"demo --live: {folder} holds no demo company. Write a demo company with `churn demo`, train a "
            "model with `churn run`, then call `churn demo --live` again."
        )
    _check_folders(folder, truth, company)
    with echo.progress("customers", customers) as advance:
        summary = write_company(folder, truth, customers, seed, lambda steps: advance(steps))
    total = sum(summary.rows.values())
    echo(f"demo: {total:,} rows of {customers:,} customers in {folder}, up to {WATERMARK}.")
    echo(f"demo: the facts that only the simulation knows are in {truth}.")


def _number(option: int | None, present: object, default: int) -> int:
    """Return the value that the user gave, else the value from the company's folder, else the default."""
    if option is not None:
        return option
    return present if isinstance(present, int) else default


def _check_call(customers: int, seed: int, live: int | None, days_between: int | None) -> None:
    problems = []
    if live is not None and live < 1:
        problems.append(f"demo: --live is {live}; simulate at least 1 night.")
    if days_between is not None and days_between < 1:
        problems.append(f"demo: --days-between is {days_between}; nights must be at least 1 day apart.")
    if days_between is not None and live is None:
        problems.append("demo: --days-between says how far the nights of --live are apart; give --live too.")
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
            f"{key}: {source} is a connection, but the demo company is written to a folder. Name a folder, "
            "such as 'source: data/company', or '--set source=data/company'."
        )
    folder = Path(source)
    if folder.exists() and not folder.is_dir():
        raise SourceError(f"{key}: {folder} is a file, but the demo company needs a folder. Name one.")
    return folder


def _check_folders(folder: Path, truth: Path, company: dict[str, object]) -> None:
    """Check that `folder` is empty or holds this company's tables; `truth` must hold no unrelated files.

    Raises:
        SourceError: a folder holds another company or other files; all problems are listed.
    """
    problems = []
    present = _stamp_in(folder)
    if present and present != company:
        problems.append(
            f"demo: {folder} holds another demo company ({_describe(present)}) than the requested one "
            f"({_describe(company)}). Delete the folder, or write to another folder with '--set source=…'."
        )
    elif not present and _holds_anything(folder):
        problems.append(
            f"demo: {folder} holds files, but no demo company; nothing was written. "
            "Name an empty or new folder with '--set source=…'."
        )
    if _holds_anything(truth) and not (truth / "dirt.json").is_file():
        problems.append(
            f"demo: {truth}, the folder for the facts that only the simulation knows, holds files that "
            "do not belong to a demo company. Move these files, or write the demo company to another folder "
            "with '--set source=…'."
        )
    if problems:
        raise SourceError(*problems)


def _stamp_in(folder: Path) -> dict[str, object]:
    """Return what a folder records about its demo company (size and seed), or an empty mapping."""
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
