"""Every command of a document runs here, or stands in the list of those that cannot, with a reason."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from churn.model.scorer import Scorer
from churn.model.ui_port import keep_ui_port
from churn.params import Params, PromoteParams, TrainParams
from tests.readme import left_out
from tests.readme.commands import ROOT, all_commands, shell_blocks, whole_lines, words_of
from tests.readme.five_exports import write_exports
from tests.readme.left_out import LEFT_OUT, LeftOut
from tests.readme.reader_files import write_mailing, write_shop
from tests.readme.session_list import SESSIONS, set_parameters
from tests.readme.sessions import Call, Session, Step, World, problems_of
from tests.run_folders import copy_run
from tests.snapshot_world import cutoff_number

NIGHT = "2025-10-01"

RUN = {words_of(step.command) for session in SESSIONS for step in session.steps}
NOT_RUN = {words_of(entry.command) for entry in LEFT_OUT}


# --- the folders in which a reader types


@pytest.fixture
def empty(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def company(small_run: Path, tmp_path: Path) -> World:
    """A copy of a finished run, whose browser writes down what it is asked to open."""
    folder = copy_run(small_run, tmp_path / "work")
    (customer,) = first_on_the_list(folder)
    browser = folder / "browser"
    browser.write_text('#!/bin/sh\necho "$1" >opened.txt\n', encoding="utf-8")
    browser.chmod(0o700)
    values = {"CUSTOMER": customer, "DATE": NIGHT, "VERB": "label", "N": "1"}
    return World(folder, values, {"BROWSER": str(browser)})


def first_on_the_list(folder: Path) -> list[str]:
    scores = pq.read_table(
        folder / "output" / "scores" / f"cutoff={NIGHT}" / "scores.parquet", partitioning=None
    ).to_pandas()
    return [str(name) for name in scores.loc[scores["arm"] == "treated", "customer_id"][:1]]


@pytest.fixture
def company_of_trees(company: World) -> World:
    """The company, whose next model is of trees; `churn ui` will use a free port."""
    company.port = free_port()
    keep_ui_port(company.folder / "models", company.port)
    trees = {"candidates": ["trees"], "learning_rate": 0.1}
    set_parameters(company, train=trees, promote={"margin": 0.5})
    return company


@pytest.fixture
def old_champion(trained: Callable[..., Params]) -> World:
    """Snapshots with a champion that has not learnt from the newest, as in pipelines/test_refresh.py."""
    then = cutoff_number(5)
    params = trained(
        {"customers": 600, "cutoffs": 10},
        *(("train", then), ("evaluate", then), "promote"),
        train=TrainParams(candidates=("trees",)),
        promote=PromoteParams(margin=0.1),
    )
    sections = {
        "source": "company",
        "timezone": params.timezone,
        "label": {"kind": "inactivity", "table": "orders", "horizon_days": 28},
        "tracking": {"uri": "sqlite:///mlflow.db", "experiment": params.tracking.experiment},
        "evaluate": {"bootstrap": params.evaluate.bootstrap},
        "train": {"candidates": [*params.train.candidates]},
        "promote": {"margin": params.promote.margin},
    }
    folder = params.output.parent
    (folder / "params.yaml").write_text(yaml.safe_dump(sections), encoding="utf-8")
    return World(folder)


@pytest.fixture
def company_with_examples(company: World) -> World:
    """The company with the examples beside it, and the signals that the playbook of payments asks for."""
    copy_examples(company.folder)
    names = yaml.safe_load((company.folder / "params.yaml").read_text(encoding="utf-8"))["signals"]["names"]
    asked = ["payments_unpaid_run", "payments_failed", "card_days_left"]
    set_parameters(company, signals={"names": [*names, *asked]})
    return company


def copy_examples(folder: Path) -> None:
    (folder / "examples").mkdir()
    for path in (ROOT / "examples").glob("*.yaml"):
        shutil.copy(path, folder / "examples")


@pytest.fixture
def shop(tmp_path: Path) -> World:
    write_shop(tmp_path / "raw", n_customers=60)
    return World(tmp_path)


@pytest.fixture
def shop_beside(tmp_path: Path) -> World:
    """A folder beside that of the raw tables, of a shop that is large enough to train."""
    write_shop(tmp_path / "raw", n_customers=200)
    return World(tmp_path)


@pytest.fixture
def exports(tmp_path: Path) -> World:
    write_exports(tmp_path / "exports")
    return World(tmp_path)


@pytest.fixture
def mailing(tmp_path: Path) -> World:
    write_mailing(tmp_path / "data" / "hillstrom", n_customers=2400)
    copy_examples(tmp_path)
    return World(tmp_path, {"/folder/of/data": str(tmp_path / "data")})


@pytest.fixture
def company_with_receiver(company: World) -> Iterator[World]:
    """The company before its first night, which hands contacts to a receiver on this machine."""
    for name in ("scores", "calls", "ledger", "report"):
        shutil.rmtree(company.folder / "output" / name)
    page = (ROOT / "docs" / "hand-over.md").read_text(encoding="utf-8")
    outbox = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    set_parameters(company, **outbox)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/hook"
        company.environment = {**company.environment, "CHURN_WEBHOOK_URL": address}
        yield company
        server.shutdown()
        thread.join()


@pytest.fixture
def served_model(small_run: Path, tmp_path: Path) -> World:
    """A folder with a champion and the rows of three customers."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    shutil.copytree(small_run / "models", tmp_path / "models")
    model = Scorer.load(tmp_path / "models" / "champion" / "artifacts" / "bundle")
    night = max((small_run / "output" / "snapshots").glob("cutoff=*"))
    pd.read_parquet(night / "part.parquet")[model.names][:3].to_csv(tmp_path / "rows.csv", index=False)
    port = free_port()
    return World(tmp_path, {"5001": str(port)}, {"MLFLOW_DISABLE_TELEMETRY": "true"}, port)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- every command


@pytest.mark.slow
@pytest.mark.parametrize("session", SESSIONS, ids=str)
def test_what_a_reader_types_does_what_the_document_says(
    session: Session, request: pytest.FixtureRequest, churn: Call
) -> None:
    world = request.getfixturevalue(session.world)

    problems = problems_of(session, world, churn)

    assert problems == []


def test_every_command_of_a_document_runs_or_stands_in_the_list_with_a_reason() -> None:
    documented = {command.words: str(command) for command in all_commands()}

    unknown = [text for words, text in documented.items() if words not in RUN | NOT_RUN]
    gone = [" ".join(words) for words in RUN | NOT_RUN if words not in documented]

    assert unknown == []
    assert gone == []
    assert [" ".join(words) for words in RUN & NOT_RUN] == []


@pytest.mark.parametrize("session", [each for each in SESSIONS if each.document], ids=str)
def test_a_session_begins_with_a_block_of_its_document(session: Session) -> None:
    text = (ROOT / session.document).read_text(encoding="utf-8")
    typed = [words_of(step.command) for step in session.steps]

    blocks = [[words_of(line) for line in whole_lines(block)] for block in shell_blocks(text)]

    assert any(typed[: len(block)] == block for block in blocks)


@pytest.mark.parametrize("entry", LEFT_OUT, ids=lambda entry: entry.command)
def test_a_command_that_does_not_run_is_checked_in_another_way(entry: LeftOut) -> None:
    assert entry.problem() is None


# --- the checks bite


@pytest.mark.parametrize(
    ("command", "check"),
    [
        ("make sight", left_out.target_problem),
        ("python3.11 -m venv venv", left_out.set_up_problem),
        ("pytest tests/spec -k none_like_this", left_out.selection_problem),
        ("CHURN_NOTHING=1 pytest tests/spec", left_out.selection_problem),
        ("uv pip compile pyproject.toml -o requirements.lock", left_out.lock_problem),
        ("churn run --params examples/none.yaml", left_out.example_problem),
        ("churn VERB [--parameters params.yaml]", left_out.form_problem),
        ("crontab deploy/none", left_out.file_problem),
        ("sudo systemctl enable churn-never.timer", left_out.file_problem),
        ("cd /srv/other", left_out.folder_problem),
        ("docker run churn scor", left_out.container_problem),
    ],
)
def test_a_wrong_command_is_found_without_running_it(command: str, check: left_out.Check) -> None:
    assert LeftOut(command, "a reason", check).problem()


def refusing_churn(*arguments: str, cwd: Path, **_: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(arguments, 2, "", f"churn: '{arguments[0]}' is refused in {cwd.name}.")


def test_a_session_tells_every_word_of_a_document_that_is_not_so(tmp_path: Path) -> None:
    steps = (
        Step("churn scor", code=2, says=("'scor' is refused",)),
        Step("churn score", says=("scored",), writes=("scores",)),
        Step("churn score", code=2, look=lambda _, output: [output]),
        Step("cd none"),
    )

    problems = problems_of(Session("read a wrong document", "empty", steps), World(tmp_path), refusing_churn)

    said = f"churn: 'score' is refused in {tmp_path.name}."
    assert problems == [
        f"churn score: ended 2: {said}",
        f"churn score: does not say 'scored': {said}",
        "churn score: has not written scores",
        f"churn score: {said}",
        "cd none: there is no such folder",
    ]


def test_words_that_stand_for_something_of_the_reader_are_replaced_whole(tmp_path: Path) -> None:
    asked = []

    def churn(*arguments: str, **variables: object) -> subprocess.CompletedProcess[str]:
        asked.append((arguments, variables))
        return subprocess.CompletedProcess(arguments, 0, "", "")

    step = Step("CHURN_DATA=FOLDER churn demo --live N --set a=DATE --set b=UPDATED")
    world = World(tmp_path, {"N": "1", "DATE": "2025-10-01", "FOLDER": "/data"}, {"BROWSER": "none"})

    assert problems_of(Session("type", "empty", (step,)), world, churn) == []
    ((arguments, variables),) = asked
    assert arguments == ("demo", "--live", "1", "--set", "a=2025-10-01", "--set", "b=UPDATED")
    assert variables == {"cwd": tmp_path, "BROWSER": "none", "CHURN_DATA": "/data"}


def test_a_server_that_ends_is_told(tmp_path: Path) -> None:
    session = Session("a server", "empty", (Step("python -c 'raise SystemExit(3)'", serves="/ping"),))

    problems = problems_of(session, World(tmp_path, port=free_port()), refusing_churn)

    assert ["ended 3" in problem for problem in problems] == [True]
