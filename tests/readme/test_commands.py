"""Every command of a document is one that its program takes: verb and options, target, file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.readme.commands import commands, problem_of, shell_blocks, spans, unmarked_blocks
from tests.readme.test_links import DOCUMENTS

ROOT = Path(__file__).parents[2]
CURRENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", CURRENT, ids=name_of)
def test_every_command_of_a_block_is_taken_by_its_program(document: Path) -> None:
    blocks = shell_blocks(document.read_text(encoding="utf-8"))

    problems = [
        (words, problem)
        for block in blocks
        for words in commands(block)
        if (problem := problem_of(words)) is not None
    ]

    assert problems == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_call_in_the_running_text_is_taken_by_the_verb(document: Path) -> None:
    calls = list(spans(document.read_text(encoding="utf-8")))

    assert [call for call in calls if problem_of(call, is_whole=False)] == []


@pytest.mark.parametrize("document", CURRENT, ids=name_of)
def test_blocks_of_commands_say_that_they_are_commands(document: Path) -> None:
    assert unmarked_blocks(document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("churn scor", "no verb scor"),
        ("churn score --dry-runs", "No such option: --dry-runs"),
        ("churn plan --effect much", "should be a valid number"),
        ("churn show", "Missing argument"),
        ("make sight", "no target sight"),
        ("pytest tests/none", "no file tests/none"),
        ("python -m benchmarks.none", "no module benchmarks.none"),
        ("chrun run", "no program chrun"),
    ],
)
def test_a_command_that_no_program_takes_is_found(command: str, problem: str) -> None:
    (words,) = commands(f"{command}  # a comment\n")

    found = problem_of(words)

    assert found is not None
    assert problem in found


def test_whole_calls_and_variables_before_them_are_taken() -> None:
    text = "```sh\nA=1 .venv/bin/churn score --set a=b \\\n  --cutoff 2025-01-31\nchurn show 17\n```\n"

    (block,) = shell_blocks(text)

    assert [problem_of(words) for words in commands(block)] == [None, None]
    assert unmarked_blocks(text) == []
    assert unmarked_blocks("```\nchurn run\n```\n") == ["churn run\n"]
