"""The schedules in deploy/: what they call is what the program takes, and when they call it is a time."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.readme.commands import call_problem

DEPLOY = Path(__file__).parents[2] / "deploy"
PROGRAM = "/srv/churn/.venv/bin/churn"
TIMERS = sorted(DEPLOY.glob("systemd/*.timer"))
FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
NIGHTLY_WEEKLY_MONTHLY = {"score", "measure", "kpis", "run"}


def unit(path: Path) -> configparser.ConfigParser:
    """Return a unit of systemd by section and key; a key that comes twice is a mistake here."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    return parser


def verb_of(command: str) -> str:
    """Return the verb of a command in the company's folder, after the parser took the call."""
    match = re.fullmatch(rf"(?:cd /srv/company && )?{re.escape(PROGRAM)} (.+)", command)
    assert match, command
    words = match[1].split()
    assert call_problem(words, is_whole=True) is None
    return words[0]


def cron_problem(line: str) -> str | None:
    """Return why cron would not understand the times of a line, or None."""
    words = line.split(maxsplit=5)
    for word, (name, (low, high)) in zip(words[:5], FIELDS.items(), strict=True):
        numbers = [int(number) for number in re.findall(r"\d+", word)]
        if not re.fullmatch(r"\*|\d+(-\d+)?(,\d+)*", word) or not all(low <= n <= high for n in numbers):
            return f"{name} {word}"
    return "no command" if len(words) < 6 else "a % ends the command" if "%" in words[5] else None


def test_cron_calls_each_verb_at_a_time() -> None:
    lines = [
        line for line in (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines() if line[:1].isdigit()
    ]

    assert [line for line in lines if cron_problem(line)] == []
    assert {verb_of(line.split(maxsplit=5)[5]) for line in lines} == NIGHTLY_WEEKLY_MONTHLY


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("30 24 * * * churn score", "hour 24"),
        ("30 3 * * 8 churn score", "weekday 8"),
        ("x 3 * * * churn score", "minute x"),
        ("30 3 * * *", "no command"),
        ("30 3 * * * date +%F", "a % ends the command"),
    ],
)
def test_a_line_that_cron_does_not_understand_is_found(line: str, problem: str) -> None:
    assert cron_problem(line) == problem


def test_each_timer_starts_the_service_with_its_verb() -> None:
    service = unit(DEPLOY / "systemd" / "churn@.service")

    verbs = {unit(path)["Timer"]["Unit"].removeprefix("churn@").removesuffix(".service") for path in TIMERS}

    assert verbs == NIGHTLY_WEEKLY_MONTHLY == {path.stem.removeprefix("churn-") for path in TIMERS}
    assert {verb_of(service["Service"]["ExecStart"].replace("%i", verb)) for verb in verbs} == verbs
    assert service["Service"]["User"] != "root"


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed; the units were only read as files")
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true")  # it must exist here
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    units = [str(tmp_path / path.name) for path in TIMERS] + [str(tmp_path / "churn@score.service")]
    (tmp_path / "churn@score.service").symlink_to(tmp_path / "churn@.service")

    check = subprocess.run([program, "verify", *units], capture_output=True, text=True)
    times = [unit(path)["Timer"]["OnCalendar"] for path in TIMERS]
    calendar = subprocess.run([program, "calendar", *times], capture_output=True, text=True)

    assert (check.returncode, check.stderr) == (0, "")
    assert calendar.returncode == 0, calendar.stderr


AIRFLOW = DEPLOY / "airflow" / "churn_nights.py"


def airflow_constant(name: str) -> str:
    """Return a text that the file of Airflow names; it is read, because Airflow is not installed here."""
    (text,) = [
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(AIRFLOW.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == name
    ]
    return str(text)


def airflow_arguments(name: str) -> list[ast.expr]:
    """Return the values of an argument in all calls of the file of Airflow."""
    return [
        keyword.value
        for node in ast.walk(ast.parse(AIRFLOW.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == name
    ]


def test_airflow_calls_each_verb() -> None:
    compile(AIRFLOW.read_text(encoding="utf-8"), str(AIRFLOW), "exec")
    call = airflow_constant("CALL").replace("again ", "")

    commands = [ast.unparse(value).strip("f'\"") for value in airflow_arguments("bash_command")]
    schedules = [str(ast.literal_eval(value)) for value in airflow_arguments("schedule")]

    assert {
        verb_of(command.removeprefix("{AGAIN}; ").replace("{CALL}", call)) for command in commands
    } == NIGHTLY_WEEKLY_MONTHLY
    assert [cron_problem(f"{schedule} command") for schedule in schedules] == [None] * 3
    assert [ast.literal_eval(value) for value in airflow_arguments("retries")] == [0] * len(commands)


@pytest.mark.parametrize(
    ("codes", "expected", "n_calls"),
    [((0,), 0, 1), ((15,), 15, 1), ((16, 17, 0), 0, 3), ((17, 12), 12, 2), ((16, 16, 16, 16), 16, 4)],
)
def test_airflow_calls_again_only_after_what_passes_by_itself(
    tmp_path: Path, codes: tuple[int, ...], expected: int, n_calls: int
) -> None:
    log, answers = tmp_path / "log", " ".join(map(str, codes))
    verb = f'verb() {{ echo "$1" >> {log}; set -- {answers}; shift $(($(wc -l < {log}) - 1)); return $1; }}'

    ended = subprocess.run(
        ["bash", "-c", f"sleep() {{ :; }}; {verb}; {airflow_constant('AGAIN')}; again verb score"]
    )

    assert ended.returncode == expected
    assert log.read_text(encoding="utf-8").split() == ["score"] * n_calls
