"""Read the commands of the documents, and ask the real parsers whether a program takes them."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from pipelines.cli import VERBS, command_line
from pipelines.echo import Echo
from pipelines.interrupts import Interrupts

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "models/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)
"""The documents whose commands run in a test; those of benchmarks/ take hours and are only parsed."""

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
SHELLS = ("sh", "bash")
OTHER_PROGRAMS = frozenset(
    {"cd", "chmod", "cp", "curl", "crontab", "docker", "export", "git", "mkdir", "mlflow", "pip", "python"}
    | {"python3.11", "set", "sudo", "systemctl", "useradd", "uv", "install", "airflow"}
)
"""The programs beside our own that a document may call; their options are not checked here."""


SPAN = re.compile(r"(?:\w+=\S+ )?(?:\.venv/bin/)?(?:churn|make|pytest|python3?|uv) \S.*")
"""A command in running text."""


@dataclass(frozen=True)
class Command:
    """A command of a document.

    Attributes:
        document: The path of the document, below the top folder.
        words: The words that a reader types: variables, program, arguments. The folder of the program is left
            out, and so is a comment.
    """

    document: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


def all_commands() -> list[Command]:
    """Return the commands of all documents: of their shell blocks, and whole calls in their text."""
    return [command for document in DOCUMENTS for command in commands_in(document)]


def commands_in(document: Path) -> list[Command]:
    """Return the commands of a document; a text that only names a verb, such as `churn show`, is none."""
    name, text = document.relative_to(ROOT).as_posix(), document.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    typed = [words_of(span) for span in re.findall(r"`([^`\n]+)`", prose) if SPAN.fullmatch(span)]
    lines = [words_of(line) for block in shell_blocks(text) for line in whole_lines(block)]
    return [Command(name, words) for words in (*lines, *(call for call in typed if not is_name(call)))]


def words_of(line: str) -> tuple[str, ...]:
    """Return the words of a command, without the folder of its program.

    >>> words_of(".venv/bin/churn score --set 'a.b=[c]'  # tonight")
    ('churn', 'score', '--set', 'a.b=[c]')
    """
    words = shlex.split(line, comments=True)
    first = next((place for place, word in enumerate(words) if "=" not in word), 0)
    words[first] = words[first].removeprefix(".venv/bin/")
    return tuple(words)


def is_name(words: Sequence[str]) -> bool:
    """Return whether words only name a verb or an option: a call would need a further word."""
    problem = (words[0] == "churn" and problem_of(words)) or ""
    return "Missing argument" in problem or "requires an argument" in problem


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


def whole_lines(block: str) -> list[str]:
    """Return the lines of a block that hold a command, each with the lines that continue it."""
    lines = re.sub(r"\\\n\s*", "", block).splitlines()
    return [line for line in lines if shlex.split(line, comments=True)]


def commands(block: str) -> Iterator[list[str]]:
    """Yield the words of each command of a block, without comments and variables before it."""
    for line in whole_lines(block):
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
