"""A guess as the text of params.yaml, with a comment at each guess."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from churn.init.draft import Draft
from churn.init.entry import Entry

WIDTH = 110
COMMENT_AT = 37

HEAD = """\
# A first guess by `churn init`, from what the tables are called and hold. Each guess says how sure it is.
# Put right what is wrong, then run `churn check`. Paths count from this file's folder; ${NAME} is taken
# from the environment.
"""

TABLES = """
# canonical name -> where it comes from: {from: table, columns: {canonical: SQL}, where: SQL} or
# {query: SQL}.
# {} takes the source's table of that name and its columns of the canonical names. Leave a table out, and
# its signals are off."""

TAIL = """
signals:
  families: [all]                    # or some of those that `churn signals` shows
  windows: [7, 14, 28, 56, 91, 182]  # days of the plain counts of every event table
  generic: {}                        # more of any event table, such as {visits: [rhythm, value]}, or [all]
  leave_out: []                      # names from `churn signals`

evaluate: {contact_share: 0.1}       # lift and precision are judged at this share

score:
  reasons: 3
  language: en                       # of the reasons, for the team that reads them; or de
  budget: {share: 0.1}               # of the customers at risk; or {contacts: 200}
  playbook: playbook.yaml            # who does what; the first rule that holds wins

tracking: {uri: "sqlite:///mlflow.db", experiment: churn, model: churn}
output: output
models: models
engine: {memory_limit: 4GiB, threads: 2}
check: {max_rejects: 0.05}           # above this share of bad rows the work stops
"""


def text_of(guess: Draft, source: str) -> str:
    """Return params.yaml: the guess, its reasons, and the defaults that people change first."""
    lines = [HEAD, _beside(f"source: {_scalar(source)}", "")]
    lines.append(_beside("timezone: UTC", "not guessed: where does a day begin? such as Europe/Berlin"))
    lines += [TABLES, "tables:"]
    for entry in (guess.customers, *guess.tables):
        lines += _entry(entry)
    if guess.left_out:
        lines += ["", "# Tables that are not used:"]
        lines += [f"#   {name}: {reason}" for name, reason in guess.left_out]
    if guess.events:
        lines += ["", "# Further tables of events: counts, distinct days and recency of their rows."]
        lines += [
            "# Leave out what a customer does not do, and what happens only to those who leave.",
            "events:",
        ]
        for entry in guess.events:
            lines += _entry(entry)
    label = guess.label
    lines += ["", f"# {label.why[0].upper()}{label.why[1:]}."]
    lines += [f"label: {_flow(label.body)}", "", f"# {label.span[0].upper()}{label.span[1:]}.", "snapshot:"]
    lines += [f"  {key}: {_flow(value)}" for key, value in label.snapshot.items()]
    lines += ["  late_days: 0                       # how long rows may trail in before a label is trusted"]
    return "\n".join(lines) + "\n" + TAIL


def _entry(entry: Entry) -> Iterator[str]:
    flow = f"  {entry.name}: {_flow(entry.body)}"
    if "query" not in entry.body and "history" not in entry.body and len(flow) <= 70:
        yield _beside(flow, entry.why)
    else:
        yield _beside(f"  {entry.name}:", entry.why)
        yield from _block(entry.body, "    ")
    for note in entry.notes:
        yield from _wrapped(note, "    # ")


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
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    return str(value) if isinstance(value, int | date) else _scalar(str(value))


def _scalar(text: str) -> str:
    """Return a text as YAML reads it back, plain where nothing in it means something to YAML."""
    words = {"yes", "no", "on", "off", "true", "false", "null", "y", "n", "date"}
    if re.fullmatch(r"[A-Za-z_][\w ./-]*", text) and text.lower() not in words and text == text.strip():
        return text
    if "'" not in text:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)


def _beside(line: str, comment: str) -> str:
    return f"{line.ljust(COMMENT_AT - 1)} # {comment}" if comment else line


def _wrapped(text: str, indent: str) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        if line and len(indent) + len(line) + 1 + len(word) > WIDTH:
            yield indent + line
            line = f"  {word}"
        else:
            line = f"{line} {word}" if line else word
    yield indent + line
