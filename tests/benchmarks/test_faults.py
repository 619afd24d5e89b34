"""The mutations of inputs, the independent reading, and how answers are counted."""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.faults import kinds, processes
from benchmarks.faults.__main__ import read_answers
from benchmarks.faults.kinds import (
    KINDS,
    NO_VERDICT,
    Kind,
    judge_bytes,
    judge_page_after_training,
    judge_params,
    judge_plays,
    judge_store,
)
from benchmarks.faults.outcome import Answer, outcome_of, table
from benchmarks.faults.processes import Harness
from benchmarks.faults.reading import (
    ARROW_SCHEMA,
    UnreadableError,
    cents_of,
    difference,
    expected_rows,
    id_of,
    instant_of,
    rows_of,
)
from benchmarks.faults.world import write_world
from benchmarks.faults.yaml_texts import ALIAS_BOMB, mutate_yaml
from churn.data.ingest.ingest import ingest
from churn.params import load_params

UNTRAINED = [name for name in KINDS if name.startswith("source") or name == "params.yaml"]


@pytest.mark.parametrize(
    ("code", "stderr", "wrong", "outcome"),
    [
        (0, "", "", "right"),
        (0, "", "orders: 1 row is lost", "wrong value"),
        (11, "orders: no such table.", "", "refused"),
        (11, "", "", "no words"),
        (1, "a bug: KeyError: 'x'", "", "a bug"),
        (0, "Traceback (most recent call last)", "", "traceback"),
        (-11, "", "", "other code"),
        (None, "", "", "hang"),
    ],
)
def test_an_answer_has_one_outcome(code: int | None, stderr: str, wrong: str, outcome: str) -> None:
    assert outcome_of(code, stderr, wrong) == outcome


def test_the_table_counts_each_kind_and_all() -> None:
    answers = [
        Answer(0, "store", "zeros", "score", "right", 0, ""),
        Answer(1, "store", "flip", "check", "refused", 11, "words"),
        Answer(2, "champion", "flip", "score", "wrong value", 0, "other bytes"),
    ]

    lines = list(table(answers))

    assert "| champion | `score` | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 1 |" in lines
    assert "| store | `check`, `score` | 2 | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 0 |" in lines
    assert "| **all** |  | 3 | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 1 |" in lines
    assert lines[-1] == "\nRefused, by exit code: 11: 1."


def test_the_latest_answer_of_an_input_counts(tmp_path: Path) -> None:
    answers = [
        Answer(7, "store", "flip", "check", "hang", None, ""),
        Answer(8, "store", "flip", "check", "right", 0, ""),
        Answer(7, "store", "flip", "check", "refused", 11, "words"),
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(asdict(answer)) + "\n" for answer in answers))

    assert read_answers(path) == {7: answers[2], 8: answers[1]}
    assert read_answers(tmp_path / "none.jsonl") == {}


def test_the_same_number_gives_the_same_input(tmp_path: Path) -> None:
    notes = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        write_world(folder)
        name, verb, rng = Harness(tmp_path, 0, 1.0).kind_of(5)
        notes.append(
            (name, verb, KINDS["params.yaml"].mutate(folder, rng), (folder / "params.yaml").read_text())
        )

    first, second = notes
    assert first[:3] == second[:3]
    assert first[3].replace(str(tmp_path / "first"), "") == second[3].replace(str(tmp_path / "second"), "")


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2024-05-01 10:00:00", datetime(2024, 5, 1, 8)),
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10)),
        ("2024-10-27 02:30:00", datetime(2024, 10, 27, 0, 30)),
        ("2024-03-31 02:30:00", datetime(2024, 3, 31, 1, 30)),
        ("2024-05-01  10:00:00", datetime(2024, 5, 1, 8)),
        ("2024-02-30", None),
        ("1970-01-01", None),
        ("05/06/2024", None),
    ],
)
def test_the_independent_reading_of_a_time(value: str, instant: datetime | None) -> None:
    assert instant_of(value) == instant


@pytest.mark.parametrize(
    ("value", "cents"), [("12.5", 1250), ("1e3", 100_000), ("1,5", None), ("nan", None), (-1, None)]
)
def test_the_independent_reading_of_an_amount(value: object, cents: int | None) -> None:
    assert cents_of(value) == cents


@pytest.mark.parametrize(
    ("value", "customer_id"),
    [
        (" C1\t", "C1"),
        (17.0, "17"),
        (b"C1", "C1"),
        ("n/a", None),
        ("-", None),
        ("4.5E+12", None),
        (1e308, None),
        (True, "true"),
    ],
)
def test_the_independent_reading_of_an_id(value: object, customer_id: str | None) -> None:
    assert id_of(value) == customer_id


@pytest.mark.parametrize(("n_late", "n_expected"), [(1, 19), (20, 20)], ids=["a wrong clock", "all rows"])
def test_the_independent_reading_leaves_out_rows_years_after_the_others(
    n_late: int, n_expected: int, tmp_path: Path
) -> None:
    (tmp_path / "customers.csv").write_text(
        "customer_id,signed_up_at,Plan: Typ,country\nC1,2024-01-01,a,DE\n"
    )
    times = ["2031-01-01"] * n_late + ["2024-05-01"] * (20 - n_late)
    lines = [f"C1,{time},5" for time in times]
    (tmp_path / "orders.csv").write_text("\n".join(["customer_id,placed,amount", *lines]) + "\n")

    _, orders = expected_rows(tmp_path)

    assert orders.total() == n_expected


def test_a_page_without_a_verdict_must_say_so(tmp_path: Path) -> None:
    for name in ("right", "silent", "honest"):
        page = tmp_path / name / "output" / "report" / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text({"right": "passed", "silent": "", "honest": NO_VERDICT}[name])

    assert judge_page_after_training(tmp_path / "honest", tmp_path / "right") == ""
    assert "other bytes" in judge_page_after_training(tmp_path / "silent", tmp_path / "right")


@pytest.mark.parametrize(
    "text",
    ["bomb:\n" + ALIAS_BOMB, "a: " + "[" * 400 + "]" * 400, "a: &a [*a]"],
    ids=["aliases for billions of values", "deep", "inside itself"],
)
def test_a_mutation_of_yaml_ends_whatever_an_earlier_one_has_made(text: str, tmp_path: Path) -> None:
    path = tmp_path / "playbook.yaml"
    for seed in range(20):
        path.write_text(text)

        assert mutate_yaml(path, random.Random(seed))


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_the_independent_reading_finds_the_delimiter(delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(delimiter.join(("customer_id", "amount")) + "\n" + delimiter.join(("C1", "5")) + "\n")

    assert rows_of(path) == [{"customer_id": "C1", "amount": "5"}]


def test_keys_of_json_lines_that_differ_in_capital_letters_have_no_independent_reading(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text('{"amount": 1}\nnull\n')
    assert rows_of(path) == [{"amount": 1}, {}]
    path.write_text('{"amount": 1}\n{"AMOUNT": 2}\n')

    with pytest.raises(UnreadableError, match="amount and AMOUNT"):
        rows_of(path)


def test_a_time_of_parquet_beyond_the_times_of_python_is_no_time(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    times = pa.array([0, 2**62], pa.int64()).cast(pa.timestamp("us"))
    pq.write_table(pa.table({"placed": times}), path)

    assert rows_of(path) == [{"placed": datetime(1970, 1, 1)}, {"placed": None}]


def test_a_damaged_copy_of_the_schema_does_not_hide_the_rows_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    pq.write_table(pa.table({"customer_id": ["C1"]}), path)
    data = path.read_bytes()
    start = data.index(ARROW_SCHEMA) + len(ARROW_SCHEMA) + 8
    path.write_bytes(data[:start] + b"\0" * 40 + data[start + 40 :])

    with pytest.raises((OSError, pa.ArrowException)):
        pq.read_table(path)
    assert rows_of(path) == [{"customer_id": "C1"}]


@pytest.mark.parametrize("action", ["Call", "Write"])
def test_a_play_with_a_common_name_must_have_its_own_action_on_the_call_list(
    tmp_path: Path, action: str
) -> None:
    plays = [{"name": "customers", "action": "Call"}, {"name": "anyone", "action": "Visit"}]
    (tmp_path / "playbook.yaml").write_text(json.dumps({"plays": plays}))
    for name in ("scores", "calls"):
        (tmp_path / "output" / name / "night").mkdir(parents=True)
    pq.write_table(pa.table({"play": ["customers"]}), tmp_path / "output/scores/night/scores.parquet")
    calls = tmp_path / "output/calls/night/calls.csv"

    calls.write_text("reason,play,action\nfor customers,anyone,Visit\n")
    assert judge_plays(tmp_path, tmp_path) == ""

    calls.write_text(f"reason,play,action\nfor customers,customers,{action}\n")
    assert bool(judge_plays(tmp_path, tmp_path)) == (action == "Write")


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_the_independent_reading_equals_the_store_until_a_row_is_lost(
    file_format: str, tmp_path: Path
) -> None:
    write_world(tmp_path)
    path = tmp_path / "params.yaml"
    text = path.read_text().replace(f"source: {tmp_path}/data/csv", f"source: data/{file_format}")
    path.write_text(text)
    ingest(load_params(path), lambda _: None)

    assert judge_store(tmp_path, tmp_path) == ""

    customers, orders = expected_rows(tmp_path / "data" / file_format)
    fewer = orders - Counter([next(iter(orders))])
    assert "1 rows are only there" in difference((customers, fewer), (customers, orders))


def test_a_value_of_the_parameters_that_is_not_in_effect_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    assert judge_params(tmp_path, tmp_path) == ""
    params = load_params(tmp_path / "params.yaml", ["label.horizon_days=29"])
    monkeypatch.setattr(kinds, "load_params", lambda path: params)

    assert judge_params(tmp_path, tmp_path) == "label.horizon_days: 28 is 29"


def test_other_bytes_and_other_files_are_seen(tmp_path: Path) -> None:
    for folder in ("right", "changed", "more"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "night.csv").write_text("changed" if folder == "changed" else "x")
    (tmp_path / "more" / "other.csv").touch()
    judge = judge_bytes("*.csv")

    assert judge(tmp_path / "right", tmp_path / "right") == ""
    assert "other bytes" in judge(tmp_path / "changed", tmp_path / "right")
    assert "other files" in judge(tmp_path / "more", tmp_path / "right")


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., int]], list[Answer]]:
    """Answer twenty inputs with a function in the place of the verbs, on a world without a champion."""

    def answer(verb: Callable[..., int], deadline: float = 600.0) -> list[Answer]:
        undisturbed = Kind(
            1, ("check",), ("params.yaml", "playbook.yaml"), ("params.yaml",), (), judge_params
        )
        kind = undisturbed.__class__(**{**vars(KINDS["params.yaml"]), "parts": undisturbed.parts})
        monkeypatch.setattr(processes, "KINDS", {"params.yaml": kind})
        monkeypatch.setattr(processes, "_call_verb", verb)
        write_world(tmp_path / "world")
        answers: list[Answer] = []
        Harness(tmp_path / "world", 0, deadline).answer(range(20), tmp_path, 2, answers.append)
        return answers

    return answer


def test_twenty_inputs_get_the_outcome_of_their_verb(harness: Callable[..., list[Answer]]) -> None:
    def verb(folder: Path, name: str) -> int:
        (folder.with_name(f"{folder.name}.err")).write_text("params.yaml: a mistake.")
        return 10

    answers = harness(verb)

    assert sorted(answer.number for answer in answers) == list(range(20))
    assert {(answer.outcome, answer.code) for answer in answers} == {("refused", 10)}
    assert len({answer.mutation for answer in answers}) > 10


def test_a_process_that_dies_is_an_outcome_of_its_own(harness: Callable[..., list[Answer]]) -> None:
    def verb(folder: Path, name: str) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert {(answer.outcome, answer.code) for answer in harness(verb)} == {("other code", -9)}


def test_every_mutation_of_a_source_leaves_a_note(tmp_path: Path) -> None:
    for number in range(8):
        folder = tmp_path / str(number)
        write_world(folder)
        kind = KINDS[UNTRAINED[number % len(UNTRAINED)]]

        assert kind.mutate(folder, random.Random(number))
