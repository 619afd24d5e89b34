"""Write the text of params.yaml: the drafted keys, the reasons as comments, and the source's address."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from churn.errors import CallError
from churn.init.draft import Draft
from churn.init.entry import Entry
from churn.params import Params
from churn.params.environment import Environment
from churn.secrets import AddressError, keep_secrets_of, show_address, with_variables

WIDTH = 110
COMMENT_COLUMN = 37

HEAD = """\
# A first guess by `churn init`, from the names and the contents of the tables. Comments say how certain
# each choice is: sure, likely or a guess. Correct what is wrong, then run `churn check`. Paths are relative
# to the folder of this file; ${NAME} is read from the environment.
"""

TABLES_COMMENT = """
# Each entry maps a canonical table to the source: {from: table, columns: {canonical: SQL}, where: SQL}, or
# {query: SQL}. If the table and its columns have the canonical names in the source too, the entry {} is
# enough. Remove an entry to switch off the signals of its table."""

TAIL = """
signals:
  families: [all]                    # or some families of `churn signals`
  windows: [7, 14, 28, 56, 91, 182]  # days of the counts of each table of events
  generic: {}                        # families of an event table: {visits: [rhythm, value]}, {visits: [all]}
  leave_out: []                      # names from `churn signals`

evaluate: {contact_share: 0.1}       # the share of customers at which lift and precision are computed

score:
  reasons: 3
  language: en                       # the language of the reasons: en or de
  budget: {share: 0.1}               # new contacts of a night: a share of those at risk, or {contacts: 200}
  playbook: playbook.yaml            # the plays, see docs/playbook.md

tracking: {uri: "sqlite:///mlflow.db", experiment: churn, model: churn}
output: output
models: models
engine: {memory_limit: 4GiB, threads: 2}
check: {max_rejects: 0.05}           # stop above this share of rejected rows
"""


def params_text(draft: Draft, source: str) -> str:
    """Return the text of params.yaml: the drafted parts with reasons, and defaults that users often change.

    Args:
        draft: The drafted parts.
        source: The address of the source, as `source_for_params` gives it.
    """
    lines = [HEAD, _source_line(source)]
    lines.append(_with_comment("timezone: UTC", "not guessed: the time zone of a day, such as Europe/Berlin"))
    lines += [TABLES_COMMENT, "tables:"]
    for entry in (draft.customers, *draft.tables):
        lines += _entry_lines(entry)
    if draft.unused_tables:
        lines += ["", "# Tables that are not used:"]
        lines += [f"#   {name}: {reason}" for name, reason in draft.unused_tables]
    if draft.events:
        lines += [
            "",
            "# Further tables of events. Signals count rows, days with rows and days since the last row.",
            "# Remove a table from this list if its rows do not record what customers do.",
            "# Also remove a table if only churners have rows in the table.",
            "events:",
        ]
        for entry in draft.events:
            lines += _entry_lines(entry)
    label = draft.label
    lines += ["", *_comment_lines(label.reason), f"label: {_flow(label.body)}"]
    lines += ["", *_comment_lines(label.snapshot_reason), "snapshot:"]
    lines += [f"  {key}: {_flow(value)}" for key, value in label.snapshot.items()]
    lines += [
        _with_comment("  late_days: 0", "rows may arrive this many days late; labels mature as much later")
    ]
    return "\n".join(lines) + "\n" + TAIL


def _source_line(source: str) -> str:
    line = f"source: {_scalar(source)}"
    names = re.findall(r"\$\{(\w+)\}", source)
    return _with_comment(line, f"export {' and '.join(names)} before each verb") if names else line


def _comment_lines(reason: str) -> Iterator[str]:
    yield from _wrap(f"{reason[0].upper()}{reason[1:]}.", "# ")


def _entry_lines(entry: Entry) -> Iterator[str]:
    flow = f"  {entry.name}: {_flow(entry.body)}"
    if "query" not in entry.body and "history" not in entry.body and len(flow) <= 70:
        yield _with_comment(flow, entry.reason)
    else:
        yield _with_comment(f"  {entry.name}:", entry.reason)
        yield from _block(entry.body, "    ")
    for note in (*entry.warnings, *entry.notes):
        yield from _wrap(note, "    # ")


def _block(body: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in body.items():
        flow = f"{indent}{key}: {_flow(value)}"
        if isinstance(value, str) and "\n" in value:
            yield f"{indent}{key}: |-"
            yield from (f"{indent}  {line}" for line in value.split("\n"))
        elif isinstance(value, dict) and (len(flow) > WIDTH or key == "history"):
            yield f"{indent}{key}:"
            yield from _block(value, f"{indent}  ")
        else:
            yield flow


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return str(value) if isinstance(value, int | date) else _scalar(str(value))


def _scalar(text: str) -> str:
    """Return a text as a scalar of YAML, in quotes if YAML would read it as something else."""
    words = {"yes", "no", "on", "off", "true", "false", "null", "y", "n", "date"}
    if re.fullmatch(r"[A-Za-z_][\w ./-]*", text) and text.lower() not in words and text == text.strip():
        return text
    if "'" not in text:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)


def _with_comment(line: str, comment: str) -> str:
    return f"{line.ljust(COMMENT_COLUMN - 1)} # {comment}"


def _wrap(text: str, indent: str) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        if line and len(indent) + len(line) + 1 + len(word) > WIDTH:
            yield indent + line
            line = f"  {word}"
        else:
            line = f"{line} {word}" if line else word
    yield indent + line


def dialect_of(source: str) -> str:
    """Return the SQL dialect of a source; files are read by DuckDB."""
    return source.split("://")[0] if "://" in source else "duckdb"


def params_for_source(source: str, params_file: Path) -> Params:
    """Return the parameters with which to open a source that the command line names.

    The path of the source is relative to the working folder, not to the folder of params.yaml.

    Raises:
        CallError: A `${NAME}` in the source is not set in the environment, or the address can be read in two
            ways.
    """
    address = _from_environment(source)
    keep_secrets_of(address)
    scheme, separator, path = address.partition(":///")
    if separator and scheme in ("duckdb", "sqlite"):
        address = f"{scheme}:///{Path(path).resolve()}"
    elif "://" not in address:
        address = str(Path(address).resolve())
    home = params_file.resolve().parent
    return Params.model_validate(
        {
            "source": address,
            "label": {"kind": "contract", "horizon_days": 31},
            "output": home / "output",
            "models": home / "models",
        }
    )


def source_for_params(source: str, params_file: Path) -> tuple[str, tuple[str, ...]]:
    """Return the address of a source for params.yaml, and the environment variables that the user must set.

    A path becomes relative to the folder of params.yaml. A password becomes `${DATABASE_PASSWORD}`.

    Raises:
        CallError: The address can be read in two ways.
    """
    scheme, separator, path = source.partition(":///")
    if separator and scheme in ("duckdb", "sqlite"):
        return (source if "${" in source else f"{scheme}:///{_relative_path(params_file, path)}"), ()
    if "://" not in source:
        return (source if "${" in source else _relative_path(params_file, source)), ()
    try:
        return with_variables(source, lambda name: f"DATABASE_{name.upper()}")
    except AddressError as error:
        raise CallError(f"init: --source {show_address(source)}: {error}.") from None


def _relative_path(params_file: Path, path: str) -> str:
    """Return a path relative to the folder of params.yaml; an absolute path stays absolute."""
    if Path(path).is_absolute():
        return path
    return Path(os.path.relpath(Path(path).resolve(), params_file.resolve().parent)).as_posix()


def _from_environment(source: str) -> str:
    keep_secrets_of(source)
    environment = Environment()
    address = str(environment.expand(source, "source"))
    if environment.missing:
        name, _ = environment.missing[0]
        raise CallError(
            f"init: --source {show_address(source)} uses ${{{name}}}, which is not set in the environment. "
            f"Export {name} first."
        )
    environment.keep_free_text(address)
    return address
