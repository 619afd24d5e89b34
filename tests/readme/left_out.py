"""The commands of the documents that run in no test: why not, and what is checked instead."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from churn.params import load_params
from pipelines.cli import VERBS
from tests.readme.commands import ROOT, call_problem, parser, problem_of, words_of

Words = Sequence[str]
Check = Callable[[Words], str | None]


@dataclass(frozen=True)
class LeftOut:
    """A command that runs in no test.

    Attributes:
        command: The command as in the document.
        reason: Why it cannot run.
        check: Returns what is wrong with its words, or None.
    """

    command: str
    reason: str
    check: Check

    def problem(self) -> str | None:
        """Return what is wrong with the command, or None."""
        return self.check(words_of(self.command))


# --- what is checked instead


def target_problem(words: Words) -> str | None:
    """Return the first command of a target of `make` that its program does not take; nothing is performed."""
    told = subprocess.run(
        ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if told.returncode:
        return told.stderr
    ours = re.findall(r"^(?:\w+=\S+ )*\S*/((?:churn|pytest|python) .*)$", told.stdout, flags=re.M)
    problems = (problem_of(shlex.split(line)) for line in ours)
    return next((problem for problem in problems if problem), None)


def set_up_problem(words: Words) -> str | None:
    """Return None if `make setup` performs the command too, with options that only make it quiet or fast."""
    told = subprocess.run(
        ["make", "--dry-run", "--always-make", "setup"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [line for line in told.stdout.splitlines() if re.match(r"\S*(python\S*|uv) .*[^\\]$", line)]
    quiet = {"--quiet", "--disable-pip-version-check", "--compile-bytecode"}
    steps = [[word for word in words_of(line) if word not in quiet] for line in lines]
    wanted, known = without_version(words), [without_version(step) for step in steps]
    return None if wanted in known else f"`make setup` does not call {shlex.join(words)}"


def without_version(words: Words) -> list[str]:
    """Return a command whose program, if it is a Python, has neither folder nor version."""
    return [re.sub(r"^(\S*/)?python[\d.]*$", "python", words[0]), *words[1:]]


def selection_problem(words: Words) -> str | None:
    """Return why a call of pytest would select no test, or read a variable that no test reads."""
    if problem := problem_of([word for word in words if not re.match(r"\w+=", word)]):
        return problem
    paths = [ROOT / word for word in words if word.startswith("tests/")]
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py"))]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    asked = [word.partition("=")[0] for word in words if re.match(r"[A-Z_]+=", word)]
    unread = [name for name in asked if name not in text]
    chosen = words[words.index("-k") + 1] if "-k" in words else ""
    if unread or not re.search(rf"^def test_\w*{chosen}", text, flags=re.M):
        return f"no test {chosen} in {', '.join(map(str, paths))} reads {unread}"
    return None


def lock_problem(words: Words) -> str | None:
    """Return None if the first lines of the lock that a command writes or reads name the command."""
    (name,) = [word for word in words if word.endswith(".lock")]
    path = ROOT / name
    head = path.read_text(encoding="utf-8")[:400] if path.exists() else ""
    command = " ".join(words).replace(" --python .venv/bin/python", "")
    return None if command in head else f"{name} does not name {command}"


def example_problem(words: Words) -> str | None:
    """Return why the verb does not take its options, or the parameter file is not there or not accepted."""
    file = ROOT / words[words.index("--params") + 1]
    if not file.is_file():
        return f"no file {file}"
    names = [word.partition("=")[0] for word in words if re.match(r"\w+=", word)]
    missing = [name for name in names if name not in os.environ]
    os.environ.update(dict.fromkeys(missing, "/none"))
    try:
        load_params(file)
    finally:
        for name in missing:
            del os.environ[name]
    return call_problem(words[words.index("churn") + 1 :], is_whole=True)


def form_problem(words: Words) -> str | None:
    """Return an option of the form of every call that some verb does not take."""
    options = [word.strip("[]") for word in words if word.startswith("[--")]
    taken = [{option for parameter in parser(verb).params for option in parameter.opts} for verb in VERBS]
    return next((option for option in options if not all(option in names for names in taken)), None)


def file_problem(words: Words) -> str | None:
    """Return the first path below `deploy` that is not there, or timer that is not there."""
    paths = [ROOT / word for word in words if word.startswith("deploy/")]
    paths += [ROOT / "deploy" / "systemd" / word for word in words if re.fullmatch(r"churn-\w+\.timer", word)]
    return next((f"no file {path}" for path in paths if not path.is_file()), None)


def folder_problem(words: Words) -> str | None:
    """Return the first folder of an installation that the crontab does not name."""
    crontab = (ROOT / "deploy" / "crontab").read_text(encoding="utf-8")
    folders = [word for word in words if word.startswith("/srv/")]
    return next((f"{folder} is not in the crontab" for folder in folders if folder not in crontab), None)


def container_problem(words: Words) -> str | None:
    """Return why the verb of a container does not take its call."""
    return call_problem(words[words.index("churn") + 1 :], is_whole=True)


NETWORK = "it installs programs from the network"
MACHINE = "it changes the machine, as root"
MINUTES = "it takes minutes, and CI calls it or its parts"
SUITE = "the suite itself runs these tests"

LEFT_OUT = (
    LeftOut(
        "make run",
        "it writes into the clone; `churn demo` and `churn run` fill the runs of tests",
        target_problem,
    ),
    LeftOut("make ui", "it serves the runs of the clone; `churn ui` runs", target_problem),
    LeftOut("make shell", "a person types into it", target_problem),
    LeftOut("make scoreboard", "it takes hours", target_problem),
    LeftOut("make site", NETWORK, target_problem),
    LeftOut("make test", MINUTES, target_problem),
    LeftOut("make quick", MINUTES, target_problem),
    LeftOut("make lint", MINUTES, target_problem),
    LeftOut("make looks", NETWORK, target_problem),
    LeftOut(
        "make docs", "it writes into the clone; tests compare each page with what it writes", target_problem
    ),
    LeftOut("make setup", NETWORK, target_problem),
    LeftOut("python3.11 -m venv .venv", NETWORK, set_up_problem),
    LeftOut(".venv/bin/python -m pip install uv", NETWORK, set_up_problem),
    LeftOut(".venv/bin/uv pip sync --python .venv/bin/python requirements.lock", NETWORK, set_up_problem),
    LeftOut(
        ".venv/bin/uv pip install --python .venv/bin/python --no-deps --no-build-isolation -e .",
        NETWORK,
        set_up_problem,
    ),
    LeftOut(
        "uv pip compile pyproject.toml --group dev --python 3.11 --universal --generate-hashes "
        "-o requirements.lock",
        NETWORK,
        lock_problem,
    ),
    LeftOut(
        ".venv/bin/uv pip install --python .venv/bin/python --no-deps -r requirements-spark.lock",
        NETWORK,
        lock_problem,
    ),
    LeftOut(".venv/bin/pytest tests/pipelines/test_cli.py -k ctrl_c", SUITE, selection_problem),
    LeftOut("pytest tests/behaviour/test_demo_truth.py -k could_not_pay", SUITE, selection_problem),
    LeftOut(".venv/bin/pytest tests/spec tests/contract tests/oracle", SUITE, selection_problem),
    LeftOut(
        ".venv/bin/pytest tests/spec/test_verbs.py tests/oracle tests/contract", SUITE, selection_problem
    ),
    LeftOut(
        "CHURN_ORACLE_EXAMPLES=50 .venv/bin/pytest tests/oracle --hypothesis-seed=1", SUITE, selection_problem
    ),
    LeftOut(
        "CHURN_DATA=FOLDER churn run --params examples/online_retail.yaml",
        "it takes minutes and needs public data; `make scoreboard` reads them",
        example_problem,
    ),
    LeftOut(
        "CHURN_DATA=/folder/of/data churn run --params examples/ravenstack.yaml",
        "it needs public data; where they are, tests/behaviour/test_real_data.py calls it",
        example_problem,
    ),
    LeftOut(
        "churn VERB [--params params.yaml] [--cutoff YYYY-MM-DD] [--set a.b=c] [--debug]",
        "it is the form of every call",
        form_problem,
    ),
    LeftOut("git clone https://example.com/churn.git /srv/churn", NETWORK, folder_problem),
    LeftOut("cd /srv/churn", MACHINE, folder_problem),
    LeftOut("sudo useradd --system --home-dir /srv/company churn", MACHINE, folder_problem),
    LeftOut("crontab deploy/crontab", MACHINE, file_problem),
    LeftOut(
        "sudo cp deploy/systemd/churn@.service deploy/systemd/churn-score.timer "
        "deploy/systemd/churn-measure.timer deploy/systemd/churn-kpis.timer deploy/systemd/churn-run.timer "
        "/etc/systemd/system/",
        MACHINE,
        file_problem,
    ),
    LeftOut("sudo systemctl daemon-reload", MACHINE, file_problem),
    LeftOut(
        "sudo systemctl enable --now churn-score.timer churn-measure.timer churn-kpis.timer churn-run.timer",
        MACHINE,
        file_problem,
    ),
    LeftOut("docker build -f deploy/Dockerfile -t churn .", "it needs Docker and the network", file_problem),
    LeftOut(
        'docker run --rm --user "$(id -u)" --volume /srv/company:/company churn check',
        "it needs Docker",
        container_problem,
    ),
    LeftOut(
        'docker run --rm --user "$(id -u)" --volume /srv/company:/company --env-file /etc/churn/environment '
        "churn score",
        "it needs Docker",
        container_problem,
    ),
    LeftOut("python -m benchmarks.demo", "tests/benchmarks/test_demo.py calls it", problem_of),
    LeftOut(
        "python -m benchmarks.uplift null --draws 200 --write",
        "it takes hours; tests/benchmarks call its parts",
        problem_of,
    ),
    LeftOut(
        "python -m benchmarks.uplift econml --python PATH",
        "it needs public data, and econml in another Python",
        problem_of,
    ),
)
