"""Write a first params.yaml from a folder or database, by looking at its tables."""

from __future__ import annotations

import os
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from churn.errors import CallError
from pipelines.starter import write_playbook

if TYPE_CHECKING:
    from pipelines.echo import Echo


def run(
    params: Path, *, cutoff: date | None = None, echo: Echo, source: str = ".", force: bool = False
) -> int | None:
    """Look at the tables of `source` and write the file `params`, with a comment at each guess.

    A playbook is written beside it where there is none. What a comment says of a guess is all that is known
    of it: the owner of the data puts it right.

    Raises:
        CallError: the file stands there already, and `force` is not set.
        SourceError: there is no such source, or nothing in it says what customers did.
    """
    from churn.data.sources.connections import open_source
    from churn.init.draft import draft
    from churn.init.place import dialect_of, looking_at, said_in_params
    from churn.init.text import text_of

    if params.exists() and not force:
        raise CallError(
            f"init: {params} stands there already, and your work in it. Write another file with --params, "
            "or this one anew with --force."
        )
    looked_at = looking_at(source, params)
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_source(looked_at, Path(scratch)) as opened,
        echo.progress("tables", len(opened.tables)) as advance,
    ):
        guess = draft(opened, dialect_of(source), advance)
    text = text_of(guess, said_in_params(source, params))
    params.parent.mkdir(parents=True, exist_ok=True)
    aside = params.with_name(f".{params.name}.new")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, params)
    echo(f"init: wrote {params}:")
    for entry in (guess.customers, *guess.tables, *guess.events):
        echo(f"  {entry.name}: {entry.why}")
    for name, reason in guess.left_out:
        echo(f"  {name} is not used: {reason}")
    echo(f"  label: {guess.label.why}")
    if write_playbook(params.parent):
        echo(f"init: wrote {params.parent / 'playbook.yaml'}, a playbook to start from.")
    echo("init: read the comments, put right what is wrong, then run `churn check`.")
    return None


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("init"))
