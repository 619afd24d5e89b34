"""Read the commands of the documents, and ask the real parsers whether a program takes them."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from pipelines.cli import VERBS, command_line
from pipelines.echo import Echo
from pipelines.interrupts import Interrupts

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
SHELLS = ("sh", "bash")
OTHER_PROGRAMS = frozenset(
    {"cd", "chmod", "cp", "curl", "crontab", "docker", "export", "git", "mkdir", "mlflow", "pip", "python"}
    | {"python3.11", "set", "sudo", "systemctl", "useradd", "uv", "install", "airflow"}
)
"""The programs beside our own that a document may call; their options are not checked here."""


def shell_blocks(text: str) -> list[str]:
    """Return the fenced blocks of a document that are shell commands."""
    return [block for language, block in FENCED.findall(text) if language in SHELLS]


def unmarked_blocks(text: str) -> list[str]:
    """Return the fenced blocks that name another language or none, yet begin a line with a command."""
    return [
        block
        for language, block in FENCED.findall(text)
        if language not in SHELLS and re.search(r"^(\S*/)?(churn|make) [a-z]+( |$)", block, flags=re.M)
    ]


def commands(block: str) -> Iterator[list[str]]:
    """Yield the words of each command of a block, without comments and variables before it."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.match(r"\w+=|/usr/bin/time$|-v$", words[0]):
            words = words[1:]
        if words:
            yield words


def spans(text: str) -> Iterator[list[str]]:
    """Yield the words of each call of `churn` in the running text of a document."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    for call in re.findall(r"`((?:\.venv/bin/)?churn [a-z][^`]*)`", prose):
        yield shlex.split(call)


def problem_of(words: Sequence[str], *, is_whole: bool = True) -> str | None:
    """Return why a command would not be taken, or None.

    Args:
        words: The words of the command.
        is_whole: Whether it is a whole call; in running text, only its verb and the names
            of its options count, because `--live N` stands for any number.
    """
    program = words[0].rpartition("/")[2]
    rest = list(words[1:])
    if program == "churn":
        return call_problem(rest, is_whole=is_whole)
    if program == "make":
        wrong = [word for word in rest if "=" not in word and word not in make_targets()]
        return f"no target {', '.join(wrong)}" if wrong else None
    if program == "pytest":
        paths = [word.partition("::")[0] for word in rest if word.startswith("tests/")]
        missing = [path for path in paths if not (ROOT / path).exists()]
        return f"no file {', '.join(missing)}" if missing else None
    if program.startswith("python") and "-m" in rest:
        module = rest[rest.index("-m") + 1]
        return (
            None if module in {"pip", "venv"} or importlib.util.find_spec(module) else f"no module {module}"
        )
    return None if program in OTHER_PROGRAMS else f"no program {program}"


def call_problem(arguments: Sequence[str], *, is_whole: bool) -> str | None:
    """Return why the parser of `churn` would not take a call, or None; nothing is performed."""
    verb, *options = arguments
    if verb not in VERBS:
        return f"no verb {verb}"
    if not is_whole and not options:
        return None
    try:
        parser(verb).make_context(verb, options)
    except typer.TyperException as error:
        message = str(error.format_message())
        return message if is_whole or message.startswith("No such option") else None
    return None


@cache
def parser(verb: str) -> Any:
    """Return the parser of the options of a verb."""
    group: Any = typer.main.get_command(command_line([verb], Echo(), Interrupts()))
    return group.commands[verb]


@cache
def make_targets() -> frozenset[str]:
    """Return the targets of the Makefile."""
    return frozenset(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
