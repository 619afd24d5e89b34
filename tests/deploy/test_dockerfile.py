"""The instructions of deploy/Dockerfile; no image is built here."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.readme.commands import call_problem

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "Dockerfile"


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile with their arguments, in order."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split()[0].upper(), line.split(maxsplit=1)[1]) for line in joined.splitlines()]


def problems(text: str, root: Path = ROOT) -> list[str]:
    """Return what is wrong with a Dockerfile: its stages, its user, its sources, its secrets."""
    lines = instructions(text)
    stages = [argument for name, argument in lines if name == "FROM"]
    last = lines[max(index for index, (name, _) in enumerate(lines) if name == "FROM") :]
    names = [stage.split()[-1] for stage in stages if " AS " in stage]
    users = [argument for name, argument in last if name == "USER"]
    result = [f"the base {stage} has no version" for stage in stages if not re.search(r":\d", stage)]
    if len(stages) < 2 or not any(f"--from={name} " in argument for name in names for _, argument in last):
        result.append("the last stage takes nothing from an earlier one")
    if not users or users[-1].split(":")[0] in ("root", "0"):
        result.append("the container runs as root")
    if any(name == "ADD" for name, _ in lines):
        result.append("ADD fetches and unpacks; use COPY")
    if any(
        re.search(r"(?i)(password|secret|token)\w*=", line) for name, line in lines if name in ("ENV", "ARG")
    ):
        result.append("a secret is part of the image")
    sources = [
        word
        for name, argument in lines
        if name == "COPY" and "--from=" not in argument
        for word in argument.split()[:-1]
    ]
    result += [f"{source} does not exist" for source in sources if not (root / source).exists()]
    return result


def test_the_image_is_built_in_stages_and_runs_without_rights() -> None:
    assert problems(FILE.read_text(encoding="utf-8")) == []


def test_the_container_calls_a_verb_of_the_program() -> None:
    last = dict(instructions(FILE.read_text(encoding="utf-8")))

    assert json.loads(last["ENTRYPOINT"]) == ["churn"]
    assert call_problem(json.loads(last["CMD"]), is_whole=True) is None


def test_what_the_image_copies_is_let_through_and_data_are_not() -> None:
    ignore = FILE.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    passed = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    copied = [
        word
        for name, argument in instructions(FILE.read_text(encoding="utf-8"))
        if name == "COPY" and "--from=" not in argument
        for word in argument.split()[:-1]
    ]

    assert "*" in ignore
    assert {word.removeprefix("./") for word in copied} == set(passed)
    assert not [
        name
        for name in ("data", "output", ".git", ".venv", "models")
        if any(fnmatch(name, p) for p in passed)
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("FROM python:3.11\nUSER 1", "the last stage takes nothing from an earlier one"),
        (
            "FROM python AS a\nFROM python:3.11\nCOPY --from=a /v /v\nUSER 1",
            "the base python AS a has no version",
        ),
        ("FROM python:3.11 AS a\nFROM python:3.11\nCOPY --from=a /v /v", "the container runs as root"),
        (
            "FROM python:3.11 AS a\nFROM python:3.11\nCOPY --from=a /v /v\nUSER root",
            "the container runs as root",
        ),
        (
            "FROM python:3.11 AS a\nCOPY none .\nFROM python:3.11\nCOPY --from=a /v /v\nUSER 1",
            "none does not exist",
        ),
        (
            "FROM python:3.11 AS a\nFROM python:3.11\nENV DB_PASSWORD=x\nCOPY --from=a /v /v\nUSER 1",
            "a secret is part of the image",
        ),
    ],
)
def test_a_bad_instruction_is_found(text: str, problem: str) -> None:
    assert problems(text) == [problem]
