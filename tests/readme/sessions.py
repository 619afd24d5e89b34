"""Sessions: commands of the documents, typed one after the other into the folder of a company."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.readme.commands import words_of
from tests.servers import answers

Call = Callable[..., subprocess.CompletedProcess[str]]
END = 1500
"""So many letters of an output are shown where it is not as a document says."""

Look = Callable[["World", str], list[str]]


@dataclass
class World:
    """A folder in which a reader types commands.

    Attributes:
        folder: The folder of the next command; `cd` changes it.
        values: The words of a document that stand for something of the reader, and what the test has.
        environment: The variables of each command, beside those of the test.
        port: A free port, for a server.
    """

    folder: Path
    values: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0


@dataclass(frozen=True)
class Step:
    """A command, and what the document says of it.

    Attributes:
        command: The command as in the document.
        code: The exit code.
        says: Words of its output.
        writes: Files below the folder, as patterns; each must be there afterwards.
        look: Returns what is wrong with the world and the output.
        before: Changes the world first, as the text around the command says.
        serves: The path at which the command, a server, answers.
        stays: Whether the server serves the next commands too.
    """

    command: str
    code: int = 0
    says: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    look: Look | None = None
    before: Callable[[World], None] | None = None
    serves: str = ""
    stays: bool = False


@dataclass(frozen=True)
class Session:
    """Commands that are typed one after the other.

    Attributes:
        name: What the reader does.
        world: The name of the fixture that makes the folder.
        steps: The commands.
        document: The document with a block from whose first line to whose last the session begins.
    """

    name: str
    world: str
    steps: tuple[Step, ...]
    document: str = ""

    def __str__(self) -> str:
        return self.name


def problems_of(session: Session, world: World, churn: Call) -> list[str]:
    """Type the commands of a session; return what is not as the documents say."""
    problems = []
    with ExitStack() as servers:
        for step in session.steps:
            if step.before:
                step.before(world)
            problems += [
                f"{step.command}: {problem}" for problem in _problems_of_step(step, world, churn, servers)
            ]
    return problems


def _problems_of_step(step: Step, world: World, churn: Call, servers: ExitStack) -> list[str]:
    words = [_in_the_world(word, world) for word in words_of(step.command)]
    variables = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    environment = dict(world.environment) | variables
    if words[0] == "cd":
        world.folder = world.folder / words[1]
        return [] if world.folder.is_dir() else ["there is no such folder"]
    if step.serves:
        with ExitStack() as until_here:
            return _start(words, step.serves, world, servers if step.stays else until_here)
    done = _typed(words, world.folder, environment, churn)
    output = done.stdout + done.stderr
    problems = [f"ended {done.returncode}: {output[-END:]}"] if done.returncode != step.code else []
    problems += [f"does not say '{text}': {output[-END:]}" for text in step.says if text not in output]
    problems += [f"has not written {name}" for name in step.writes if not [*world.folder.glob(name)]]
    return problems + (step.look(world, output) if step.look else [])


def _in_the_world(word: str, world: World) -> str:
    for text, value in world.values.items():
        word = re.sub(rf"(?<![A-Za-z]){re.escape(text)}(?![A-Za-z])", lambda _, value=value: value, word)
    return word


def _typed(
    words: list[str], folder: Path, environment: Mapping[str, str], churn: Call
) -> subprocess.CompletedProcess[str]:
    if words[0] == "churn":
        return churn(*words[1:], cwd=folder, **environment)
    return subprocess.run(
        words,
        cwd=folder,
        env=_environment(environment),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a shell that finds the programs of this Python first."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    return os.environ | {"PATH": path} | variables


def _start(words: list[str], path: str, world: World, servers: ExitStack) -> list[str]:
    """Start a server, ask it once and let it serve until `servers` end; return what is wrong."""
    log = world.folder / f"{words[0]}.log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            words,
            cwd=world.folder,
            env=_environment(world.environment),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    servers.callback(_stop, server)
    while not answers(f"http://127.0.0.1:{world.port}{path}"):
        if server.poll() is not None:
            return [f"ended {server.returncode}: {log.read_text()}"]
        time.sleep(0.2)
    return []


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def shown_by(document: Path, first_words: str) -> list[str]:
    """Return the lines of the block of a document that shows an output with these words."""
    blocks = re.findall(r"^```(?:text)?\n(.*?)^```$", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    (block,) = [block for block in blocks if first_words in block]
    return [line.rstrip() for line in block.splitlines() if line.strip()]
