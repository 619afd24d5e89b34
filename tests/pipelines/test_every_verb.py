"""Each verb on a tiny company: what it says, what it writes, how it ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines import cli
from tests.night_company import score_columns
from tests.run_folders import copy_finished_run

NIGHT = "2025-10-01"
SCORE_COLUMNS = score_columns(
    "churn_probability_30d", "churn_probability_60d", "churn_probability_90d", last=("expected_days_90d",)
)
IMPOSSIBLE = ("--set", "promote.observed_expected=[9, 10]")

Call = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Answer:
    """What a verb gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def work(small_run: Path, tmp_path: Path) -> Path:
    """A copy of a finished run; its parameters, store, registry and champion are its own."""
    return copy_finished_run(small_run, tmp_path / "work")


@pytest.fixture
def verb(work: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Call a verb in the copy."""

    def call(name: str, *options: str) -> Answer:
        capsys.readouterr()
        code = cli.main(name, ["--params", str(work / "params.yaml"), *options])
        output = capsys.readouterr()
        return Answer(code, output.out, output.err)

    return call


def files_under(folder: Path) -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in found if not any(part.startswith(".") for part in path.parts)}


def champion_of(folder: Path) -> str:
    return str(json.loads((folder / "models" / "champion" / "champion.json").read_text())["version"])


# --- from raw tables to snapshots


def test_demo_writes_the_company_and_what_it_takes_to_start(churn: Call, tmp_path: Path) -> None:
    done = churn("demo", "--customers", "20", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert {"params.yaml", "playbook.yaml"} < files_under(tmp_path)
    assert {"customers.parquet", "subscriptions.parquet"} <= {
        path.name for path in (tmp_path / "data" / "company").iterdir()
    }
    assert "20 customers" in done.stdout


def test_check_tells_tables_signals_and_the_cohort(verb: Callable[..., Answer]) -> None:
    answer = verb("check")

    assert answer.code == 0
    for words in ("customers: 1,000 rows", "rejected:", "signals: ", "complete up to 2025-10-01", "at risk"):
        assert words in answer.out
    assert "0 say stop, 0 warn" in answer.out
    assert [line for line in answer.err.splitlines() if not line.startswith("guards: ")] == []


def test_ingest_writes_a_store_and_the_rejects_and_the_next_verb_reads_no_source(
    verb: Callable[..., Answer], work: Path
) -> None:
    shutil.rmtree(work / "output")

    first, second = verb("ingest"), verb("label")

    tables = {path.name for path in (work / "data" / "company").glob("*.parquet")}
    stored = files_under(work / "output" / "store")
    rejects = pq.read_table(work / "output" / "rejects" / "logins.parquet")
    assert (first.code, second.code) == (0, 0)
    assert stored == {
        "manifest.json",
        *(f"{name.removesuffix('.parquet')}/part-0.parquet" for name in tables),
    }
    assert "rule" in rejects.column_names
    assert f"{rejects.num_rows:,} rows rejected" in first.out
    assert "store: 1,000 customers, complete up to 2025-10-01." in first.out
    assert "ingest:" not in second.out


def test_the_dictionary_as_json_is_json_and_nothing_else_even_when_the_source_is_read_first(
    verb: Callable[..., Answer], work: Path
) -> None:
    shutil.rmtree(work / "output")

    answer = verb("signals", "--format", "json")

    entries = {entry["name"]: entry for entry in json.loads(answer.out)}
    assert answer.code == 0
    assert {"name", "doc", "unit", "family", "riskier_when", "looks_back", "reason", "off_because"} <= set(
        entries["login_change"]
    )
    assert entries["login_change"]["off_because"] is None


def test_the_dictionary_for_people_is_a_table_of_every_signal(verb: Callable[..., Answer]) -> None:
    answer = verb("signals", "--set", "signals.leave_out=[login_change]")

    rows = [line for line in answer.out.splitlines() if line.startswith("| login_change |")]
    assert answer.code == 0
    assert len(rows) == 1
    assert rows[0].endswith("| no: signals.leave_out |")
    assert "login_change" in answer.out


def test_the_truth_sheet_has_a_line_per_cutoff_and_the_totals(
    verb: Callable[..., Answer], work: Path
) -> None:
    every = verb("label")
    written = json.loads((work / "output" / "label" / "truth_sheet.json").read_text())
    one = verb("label", "--cutoff", "2025-06-15")

    first_cells = [line.split()[0] for line in every.out.splitlines()]
    assert (every.code, one.code) == (0, 0)
    assert set(written["cutoffs"]) <= set(first_cells)
    assert len(written["cutoffs"]) == 13
    assert "total" in first_cells
    assert "left involuntarily" in written["cutoffs"]["2025-06-01"]["outcomes"]
    assert [line.split()[0] for line in one.out.splitlines() if line.strip()[0].isdigit()] == ["2025-06-15"]


def test_involuntary_leaving_is_a_label_of_its_own_in_snapshots_training_and_scores(
    verb: Callable[..., Answer], work: Path
) -> None:
    cutoff, left, ids = "2025-06-15", {}, set()
    for leaving in ("any", "voluntary", "involuntary"):
        answer = verb("snapshot", "--cutoff", cutoff, "--set", f"label.leaving={leaving}")
        manifest = json.loads((work / "output" / "snapshots" / "manifest.json").read_text())
        assert answer.code == 0
        left[leaving] = manifest["cutoffs"][cutoff]["left"]
        ids.add(manifest["label_id"])

    trained, scored = verb("train"), verb("score", "--set", "label.leaving=involuntary")

    assert len(ids) == 3
    assert left["any"] == left["voluntary"] + left["involuntary"]
    assert min(left.values()) > 0
    assert (trained.code, scored.code) == (2, 13)
    assert "another label" in trained.err
    assert "the champion learnt label" in scored.err


@pytest.mark.parametrize(("cutoff", "matured"), [("2025-06-15", True), (NIGHT, False)])
def test_a_snapshot_has_ids_a_label_once_matured_and_the_signals(
    verb: Callable[..., Answer], work: Path, cutoff: str, matured: bool
) -> None:
    answer = verb("snapshot", "--cutoff", cutoff)

    table = pq.read_table(
        work / "output" / "snapshots" / f"cutoff={cutoff}" / "part.parquet", partitioning=None
    )
    manifest = json.loads((work / "output" / "snapshots" / "manifest.json").read_text())
    types = {field.name: field.type for field in table.schema}
    assert answer.code == 0
    assert f"{cutoff}: {table.num_rows:,} customers at risk" in answer.out
    assert table.column_names[:3] == ["customer_id", "cutoff", "left"]
    assert table.column_names[3:] == [signal["name"] for signal in manifest["signals"]]
    assert (types["cutoff"], types["left"]) == (pa.date32(), pa.int8())
    assert types["login_change"] == pa.float64()
    assert table["left"].null_count == (0 if matured else table.num_rows)
    assert set(manifest["cutoffs"]) == {cutoff}
    assert not matured or set(pc.unique(table["left"]).to_pylist()) == {0, 1}


# --- a night and its report


def test_score_writes_the_columns_of_the_design_in_order_for_everyone_known(
    verb: Callable[..., Answer], work: Path
) -> None:
    for name in ("scores", "calls"):
        shutil.rmtree(work / "output" / name)

    answer = verb("score")

    table = pq.read_table(
        work / "output" / "scores" / f"cutoff={NIGHT}" / "scores.parquet", partitioning=None
    )
    scored = pc.is_valid(table["churn_probability"])
    assert answer.code == 0
    assert table.column_names == SCORE_COLUMNS
    assert pc.xor(scored, pc.is_valid(table["excluded_because"])).to_pylist() == [True] * table.num_rows
    assert len(set(table["customer_id"].to_pylist())) == table.num_rows
    assert f"{pc.sum(scored).as_py():,} customers scored" in answer.out
    assert str(work / "output" / "calls" / f"cutoff={NIGHT}" / "calls.csv") in answer.out


def test_the_call_list_holds_exactly_those_the_scores_mark_as_treated(small_run: Path) -> None:
    table = pq.read_table(
        small_run / "output" / "scores" / f"cutoff={NIGHT}" / "scores.parquet", partitioning=None
    )
    called = (small_run / "output" / "calls" / f"cutoff={NIGHT}" / "calls.csv").read_text("utf-8-sig")

    treated = table.filter(pc.equal(table["arm"], "treated"))["customer_id"].to_pylist()

    assert {line.split(",")[1] for line in called.splitlines()[1:]} == set(treated)
    assert treated


def test_on_contracts_chances_never_fall_with_the_days_and_each_horizon_is_judged(small_run: Path) -> None:
    table = pq.read_table(
        small_run / "output" / "scores" / f"cutoff={NIGHT}" / "scores.parquet", partitioning=None
    )
    scored = table.filter(pc.is_valid(table["churn_probability"]))
    judged = json.loads((small_run / "output" / "evaluate" / "metrics.json").read_text())["horizons"]

    month, own, two, three = (
        scored[f"churn_probability{days}"].to_numpy() for days in ("_30d", "", "_60d", "_90d")
    )

    assert len(month)
    assert ((month <= own) & (own <= two) & (two <= three) & (three <= 1)).all()
    assert (
        (scored["expected_days_90d"].to_numpy() > 0) & (scored["expected_days_90d"].to_numpy() < 90)
    ).all()
    assert set(judged["days"]) | set(judged["missing"]) == {"30", "60", "90"}
    for metrics in judged["days"].values():
        assert metrics["log_loss"]["low"] < metrics["log_loss"]["value"] < metrics["log_loss"]["high"]


def test_score_refuses_a_night_after_the_data(verb: Callable[..., Answer]) -> None:
    answer = verb("score", "--cutoff", "2025-10-02")

    assert answer.code == 2
    assert len(answer.err.splitlines()) == 1
    assert NIGHT in answer.err


def test_report_is_one_page_that_names_the_night(verb: Callable[..., Answer], work: Path) -> None:
    shutil.rmtree(work / "output" / "report")

    answer = verb("report")

    page = (work / "output" / "report" / "index.html").read_text(encoding="utf-8")
    assert answer.code == 0
    assert files_under(work / "output" / "report") == {
        "index.html",
        f"nights/{NIGHT}.html",
        "nights/index.html",
    }
    assert NIGHT in page
    assert f"report of {NIGHT}" in answer.out


# --- learning


def test_a_finished_run_left_the_files_that_the_design_names(small_run: Path) -> None:
    found = files_under(small_run / "output")
    for place, name in (("output/store", "store"), ("models", "models")):
        found |= {f"{name}/{file}" for file in files_under(small_run / place)}

    assert {
        "store/manifest.json",
        "store/logins/part-0.parquet",
        "rejects/logins.parquet",
        "snapshots/manifest.json",
        "snapshots/cutoff=2025-08-01/part.parquet",
        "evaluate/metrics.json",
        "evaluate/promotion.json",
        "evaluate/card.md",
        f"scores/cutoff={NIGHT}/scores.parquet",
        f"calls/cutoff={NIGHT}/calls.csv",
        f"ledger/cutoff={NIGHT}/tasks.parquet",
        "report/index.html",
        "models/champion/champion.json",
        "models/champion/MLmodel",
        "models/champion/scorer.py",
        "models/champion/artifacts/bundle/spec.json",
    } <= found


@pytest.mark.slow
def test_train_evaluate_promote_and_rollback_move_the_champion_on_and_back(
    verb: Callable[..., Answer], work: Path
) -> None:
    other = (
        "--set",
        "label.horizon_days=30",
    )  # of the same label only later data bring a champion's successor
    verb("snapshot", *other)
    trained = verb("train", *other)
    evaluated = verb("evaluate", *other)
    promoted = verb("promote", *other)
    versions = [champion_of(work)]
    back = verb("promote", "--rollback")
    versions.append(champion_of(work))
    scored = verb("score")

    metrics = json.loads((work / "output" / "evaluate" / "metrics.json").read_text())
    judged = json.loads((work / "output" / "evaluate" / "promotion.json").read_text())
    assert [answer.code for answer in (trained, evaluated, promoted, back, scored)] == [0] * 5
    assert "challenger version 2" in trained.out
    assert metrics["candidates"]["challenger"]["auc"].keys() >= {"value", "low", "high"}
    assert {"recency", "base_rate", "logistic"} <= metrics["candidates"].keys()
    assert "observed/expected" in evaluated.out
    assert (judged["version"], judged["accepted"]) == ("2", True)
    assert "champion is version 2" in promoted.out
    assert "champion is version 1 again" in back.out
    assert versions == ["2", "1"]


def test_a_version_whose_files_were_moved_away_is_not_exported_but_said(
    verb: Callable[..., Answer], work: Path
) -> None:
    shutil.rmtree(work / "models" / "champion")
    (work / "mlartifacts").rename(work / "elsewhere")

    answer = verb("promote")

    assert answer.code == 13
    assert "Move the files back" in answer.err
    assert not (work / "models" / "champion").exists()


def test_promote_puts_right_what_a_killed_promotion_left(verb: Callable[..., Answer], work: Path) -> None:
    (work / "models" / "champion" / "artifacts" / "bundle" / "spec.json").unlink()
    damaged = verb("score")

    mended = verb("promote")

    assert damaged.code == 13
    assert "`churn promote`" in damaged.err
    assert mended.code == 0
    assert "version 1 is exported again" in mended.err.lower()
    assert verb("score").code == 0


# --- the whole way


@pytest.mark.slow
def test_run_goes_on_with_the_present_champion_when_promotion_is_refused(
    verb: Callable[..., Answer], work: Path
) -> None:
    for name in ("scores", "calls", "report"):
        shutil.rmtree(work / "output" / name)

    answer = verb("run", *IMPOSSIBLE, "--set", "train.calibration=platt")

    assert answer.code == 0
    assert "observed/expected" in answer.err
    assert "champion, version 1, scores tonight" in answer.err
    assert champion_of(work) == "1"
    assert f"scores/cutoff={NIGHT}/scores.parquet" in files_under(work / "output")
    assert (work / "output" / "report" / "index.html").is_file()


def test_a_verb_is_a_module_too(work: Path, root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.report"],
        cwd=work,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert f"report of {NIGHT}" in done.stdout
