"""Write a first params.yaml from the tables of a folder or database."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import date
from pathlib import Path

from churn.data.sources.connections import open_source
from churn.data.sources.folder import describe_unread
from churn.data.sources.lake import Lake
from churn.errors import CallError, SourceError
from churn.init.draft import draft_params
from churn.init.entry import open_questions
from churn.init.params_file import dialect_of, params_for_source, params_text, source_for_params
from pipelines.echo import Echo

STARTERS = ("params.yaml", "playbook.yaml")
"""The demo company's files; `churn demo` and `churn init` write them into a folder without a params.yaml."""

TEMPLATES = "templates"
"""The folder of the templates, next to the playbook that names them."""


def run(
    params: Path,
    *,
    cutoff: date | None = None,
    echo: Echo,
    source: str = ".",
    key: str | None = None,
    force: bool = False,
) -> int | None:
    """Look at the tables of `source`, guess the parameters, and write the file `params`.

    A playbook is written next to this file if there is none. A comment at each guess gives the evidence for
    it. The owner of the data corrects wrong guesses.

    Raises:
        CallError: The file exists, and `force` is not set; or no table has the column `key`.
        SourceError: There is no such source, it is a source of Spark, or no table in it holds what customers
            did.
    """
    if params.exists() and not force:
        raise CallError(
            f"init: {params} already exists and may hold your work. Write another file with --params, or "
            "replace the present file with --force."
        )
    source_params = params_for_source(source, params)
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_source(source_params, Path(scratch)) as tables,
        echo.progress("tables", len(tables.tables)) as advance,
    ):
        if isinstance(tables, Lake):
            raise SourceError(
                "source: the rows of Spark stay on its executors, so `churn init` does not read them. Write "
                "the parameters by hand, as docs/spark.md shows, or start from an extract in files."
            )
        draft = draft_params(tables, dialect_of(source), date.today(), advance, key_name=key)
        unread_lines = list(describe_unread(tables.unread))
    address, variables = source_for_params(source, params)
    text = params_text(draft, address)
    params.parent.mkdir(parents=True, exist_ok=True)
    temporary = params.with_name(f".{params.name}.new")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, params)
    echo(f"init: wrote {params}:")
    for entry in (draft.customers, *draft.tables, *draft.events):
        echo(f"  {entry.name}: {entry.reason}")
        for warning in entry.warnings:
            echo.warn(f"{entry.name}: {warning}.")
        for question in open_questions(entry.body):
            echo.warn(
                f"{entry.name}: {question}. Write the answer to this question into {params}; without it "
                "`churn check` stops."
            )
    for name, reason in draft.unused_tables:
        echo(f"  {name} is not used: {reason}")
    for line in unread_lines:
        echo(f"  {line}")
    echo(f"  label: {draft.label.reason}")
    if write_playbook(params.parent):
        echo(f"init: wrote {params.parent / 'playbook.yaml'}, a first playbook.")
    for variable in variables:
        echo(
            f"init: {params} does not hold the source's password, only the name of an environment variable: "
            f"{variable}. Before each verb, put the password into this variable, as it is and without codes "
            f"such as %40: export {variable}='...'"
        )
    echo("init: read the comments, correct what is wrong, then run `churn check`.")
    return None


def write_starter(folder: Path) -> tuple[str, ...]:
    """Write the demo company's parameters, playbook and templates, and return the names of these files.

    Existing files stay. Nothing is written if the folder has a params.yaml.
    """
    if (folder / "params.yaml").exists():
        return ()
    missing = tuple(name for name in STARTERS if not (folder / name).exists())
    for name in missing:
        shutil.copyfile(_package_file(name), folder / name)
    has_templates = "playbook.yaml" in missing and _write_templates(folder)
    return (*missing, TEMPLATES) if has_templates else missing


def write_playbook(folder: Path) -> bool:
    """Write the demo company's playbook and templates to start from; return False if there is a playbook."""
    path = folder / "playbook.yaml"
    if path.exists():
        return False
    shutil.copyfile(_package_file("playbook.yaml"), path)
    _write_templates(folder)
    return True


def _write_templates(folder: Path) -> bool:
    """Write the templates of the demo company's playbook; return False if the folder already exists."""
    if (folder / TEMPLATES).exists():
        return False
    (folder / TEMPLATES).mkdir()
    for path in sorted(_package_file(TEMPLATES).glob("*.txt")):
        shutil.copyfile(path, folder / TEMPLATES / path.name)
    return True


def _package_file(name: str) -> Path:
    """Return a file of the installed package, or of the checkout."""
    folder = Path(__file__).parent
    return folder / name if (folder / name).exists() else folder.parent / name


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("init"))
