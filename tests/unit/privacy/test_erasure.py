"""One customer leaves every file; all other rows, and the checksums that later verbs read, stay right."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churn.contact.access import TrainedModel, read_access
from churn.data.forgotten import read_forgotten
from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.kept_proof import proof_path, proof_text, read_proof
from churn.data.own_files import read_own_json
from churn.data.store import Store
from churn.errors import CallError, SourceError
from churn.experiments.ledger import read_whole_ledger
from churn.params import Params, load_params
from churn.privacy.erasure import ErasurePlan, erase, plan_erasure
from churn.privacy.journal import finish, journal_path, remove_stray_files
from churn.privacy.search import search
from churn.scoring.sink import calls_path, facts_path, ledger_digest
from churn.snapshots.manifest import SnapshotManifest
from churn.snapshots.read import read_part
from tests.held_company import ANN, BOB, CEM, EARLIER, NIGHT, held_company

DAY = date(2024, 7, 1)
MODEL = TrainedModel("champion", "7", "digest", (EARLIER, date(2024, 1, 1)))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company that no test changes."""
    folder = tmp_path_factory.mktemp("held")
    held_company(folder)
    return folder


@pytest.fixture
def params(company: Path, tmp_path: Path) -> Params:
    shutil.copytree(company, tmp_path / "company", symlinks=True)
    return load_params(tmp_path / "company" / "params.yaml", [])


def plan_of(params: Params, customer: str = ANN, **changes: bool) -> ErasurePlan:
    artifacts = params.output.parent / "mlartifacts"
    store = Store.open(params)
    return plan_erasure(params.output, artifacts, store, customer, [MODEL], day=DAY, salt="ab", **changes)


def forget(params: Params, customer: str = ANN, **changes: bool) -> ErasurePlan:
    plan = plan_of(params, customer, **changes)
    erase(params.output, Store.open(params), plan)
    finish(params.output)
    remove_stray_files(params.output, [params.output])
    return plan


def test_the_plan_counts_each_place_and_writes_nothing(params: Params) -> None:
    before = {path: path.read_bytes() for path in params.output.rglob("*") if path.is_file()}

    plan = plan_of(params)

    assert {table.table: len(table.rows) for table in plan.tables} == {
        "customers": 1, "consents": 1, "orders": 1,
    }  # fmt: skip
    counts = {str(file.path.relative_to(params.output.parent)): file.count for file in plan.files}
    night = f"output/scores/cutoff={NIGHT}"
    assert counts == {
        "mlartifacts/1/artifacts/evaluate/predictions.parquet": 1,
        "output/check/guards.json": 1,
        "output/evaluate/predictions.parquet": 1,
        f"output/outbox/cutoff={NIGHT}.jsonl": 1,
        "output/rejects/orders.parquet": 1,
        "output/report/index.html": 1,
        f"{night}/_calls.csv": 1,
        f"{night}/_calls_sales.csv": 1,
        f"{night}/_contacts.parquet": 1,
        f"{night}/scores.parquet": 1,
        f"output/snapshots/cutoff={EARLIER}/part.parquet": 1,
    }
    assert (plan.ledger.rows, plan.models, plan.forgotten_on) == (7, {MODEL: 1}, None)
    assert before == {path: path.read_bytes() for path in params.output.rglob("*") if path.is_file()}


def test_after_an_erasure_only_the_proof_holds_the_customer(params: Params) -> None:
    folder = params.output.parent
    roots = [params.output, folder / "mlartifacts"]
    n_before = len(search(roots, plan_of(params).identifiers).paths)

    plan = forget(params)

    assert n_before > 10
    assert search(roots, plan.identifiers).paths == (proof_path(params.output).resolve(),)
    assert "Ann" in (folder / "raw" / "customers.csv").read_text()
    record = read_access(Store.open(params), ANN, params.output, (), ())
    assert [section.name for section in record.sections if section.rows] == ["proof of consent"]


def test_a_folder_that_is_a_link_loses_the_customer_too(params: Params) -> None:
    folder = params.output.parent
    (params.output / "evaluate").rename(folder / "evaluate elsewhere")
    (params.output / "evaluate").symlink_to(folder / "evaluate elsewhere")

    forget(params)

    rows = pq.read_table(folder / "evaluate elsewhere" / "predictions.parquet")
    assert rows["customer_id"].to_pylist() == [BOB]


def test_no_later_verb_takes_a_file_for_damaged(params: Params) -> None:
    ingest(params, lambda _: None)  # the copied store is another folder's

    forget(params)

    bob = read_access(Store.open(params), BOB, params.output, (), (MODEL,))
    rows = {section.name: len(section.rows) for section in bob.sections}
    assert (rows["orders"], rows["snapshots"], rows["scores"], rows["experiments"]) == (1, 1, 1, 1)
    assert fresh_store(params) is not None
    read_own_json(params.output / "check" / "guards.json", dict, way_out="")
    facts = read_own_json(facts_path(params.output, NIGHT), dict, way_out="")
    assert ledger_digest(params.output, NIGHT) == facts["ledger"]
    page = (params.output / "ledger" / f"cutoff={NIGHT}" / "_ledger.json").read_bytes()
    assert facts["ledger"].startswith(f"{len(page)} ")


def test_the_manifest_of_the_snapshots_counts_the_rows_that_are_left(params: Params) -> None:
    forget(params)

    folder = params.output / "snapshots"
    manifest = SnapshotManifest.read(folder)
    part = read_part(folder, EARLIER, ["customer_id", "left"])
    assert part["customer_id"].to_pylist() == [BOB, CEM]
    assert (manifest.cutoffs[EARLIER].rows, manifest.cutoffs[EARLIER].left) == (2, 1)
    assert manifest.store_digest == Store.open(params).digest


def test_the_call_lists_keep_the_rows_and_ranks_of_others(params: Params) -> None:
    forget(params)

    text = calls_path(params.output, NIGHT).read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    assert text.startswith("\ufeff")
    assert rows == [["Rang", "Kundennummer", "Name"], ["2", BOB, "Bob; Ray"]]


def test_the_arms_of_others_stay_and_the_arms_of_the_erased_are_counted(params: Params) -> None:
    before = read_whole_ledger(params.output).assignments.set_index("unit")

    forget(params)

    after = read_whole_ledger(params.output).assignments.set_index("unit")
    assert after.loc[BOB, "position"] == before.loc[BOB, "position"]
    universal = after[after["experiment"] == "universal"]
    assert universal.loc[CEM, "arm"] == "control"
    assert read_forgotten(params.output).erased_units == ()


def test_a_finding_keeps_its_other_examples(params: Params) -> None:
    forget(params)

    (finding,) = json.loads((params.output / "check" / "guards.json").read_text())["findings"]
    assert finding == {"text": f"repeats, such as (forgotten) and {BOB}", "examples": [BOB]}


def test_the_outbox_keeps_the_events_of_others(params: Params) -> None:
    before = (params.output / "outbox" / f"cutoff={NIGHT}.jsonl").read_text().splitlines()

    forget(params)

    assert (params.output / "outbox" / f"cutoff={NIGHT}.jsonl").read_text().splitlines() == before[1:]


def test_the_proof_is_private_and_holds_consents_of_the_erased_alone(params: Params) -> None:
    forget(params)
    forget(params, BOB)
    forget(params, BOB)

    path = proof_path(params.output)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [line["customer_id"] for line in lines] == [ANN, BOB]
    assert lines[0] == {
        "customer_id": ANN, "channel": "phone", "purpose": "marketing", "evidence": "form 7",
        "given_at": "2023-02-01 10:00:00+01:00", "withdrawn_at": None, "erased_on": "2024-07-01",
    }  # fmt: skip


def test_without_a_proof_nothing_at_all_is_left(params: Params) -> None:
    plan = forget(params, keeps_proof=False)

    assert search([params.output], plan.identifiers).paths == ()
    assert not proof_path(params.output).exists()
    with pytest.raises(
        CallError, match=r"was forgotten on 2024-07-01[.] Only a salted hash of this id is kept"
    ):
        read_access(Store.open(params), ANN, params.output, (), ())


def test_an_earlier_proof_is_kept_until_an_erasure_without_proof(params: Params) -> None:
    forget(params)
    forget(params, BOB)
    forget(params)
    kept = read_proof(params.output, ANN)

    plan = forget(params, keeps_proof=False)

    assert [row["evidence"] for row in kept] == ["form 7"]
    assert [(file.path.name, file.count) for file in plan.files] == [("proof-of-consent.jsonl", 1)]
    assert (read_proof(params.output, ANN), len(read_proof(params.output, BOB))) == ((), 1)
    assert search([params.output], plan.identifiers).paths == ()


def test_a_proof_of_several_lines_is_read_again(tmp_path: Path) -> None:
    path = proof_path(tmp_path)
    path.parent.mkdir()
    proof = [{"customer_id": ANN, "evidence": "line\u2028break", "erased_on": "2024-07-01"}]
    path.write_text(proof_text(path, proof), encoding="utf-8")

    assert proof_text(path, proof) == path.read_text(encoding="utf-8")
    assert read_proof(tmp_path, ANN) == ({"evidence": "line\u2028break", "erased_on": "2024-07-01"},)
    path.write_text("{}\nnonsense\n")
    with pytest.raises(SourceError, match="line 2 is not the record of a consent"):
        read_proof(tmp_path, ANN)


def test_a_file_that_somebody_put_beside_the_list_loses_the_customer_too(params: Params) -> None:
    forget(params, BOB)
    (params.output / "forgotten" / "own.csv").write_text(f"customer_id\r\n{ANN}\r\n{CEM}\r\n")

    forget(params)

    assert (params.output / "forgotten" / "own.csv").read_bytes() == b"customer_id\r\nC-1003\r\n"


@pytest.mark.parametrize("n_kept_bytes", [50, 300])
def test_a_damaged_file_is_named_before_anything_is_erased(params: Params, n_kept_bytes: int) -> None:
    path = params.output / "evaluate" / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:n_kept_bytes])

    with pytest.raises(
        SourceError, match=r"predictions.parquet: .* Restore the damaged file from a copy, or delete it"
    ):
        plan_of(params)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("half.json", f'{{"a": "{ANN}", "b'.encode(), b'{"a": "(forgotten)", "b'),
        ("old.csv", b"customer_id,n\r\nC-1001,\xfc\r\nC-1002,\xfc\r\n", b"customer_id,n\r\nC-1002,\xfc\r\n"),
    ],
)  # fmt: skip
def test_a_text_that_is_damaged_or_of_another_encoding_loses_the_customer(
    params: Params, name: str, before: bytes, after: bytes
) -> None:
    (params.output / "check" / name).write_bytes(before)

    forget(params)

    assert (params.output / "check" / name).read_bytes() == after


def test_a_shared_address_stays_with_the_other_customer(params: Params) -> None:
    plan = forget(params, BOB)

    assert (plan.identifiers.names, plan.identifiers.shared_names, plan.same_person) == (("Bob Ray",), 1, 1)


def test_an_unknown_customer_gives_an_empty_plan(params: Params) -> None:
    assert plan_of(params, "C-100").is_empty


class KilledError(Exception):
    """Ends a process in the middle of a step."""


@pytest.mark.parametrize("moment", [0, 1, 5, 9, 13, 17])
def test_an_erasure_that_is_killed_is_finished_without_the_id(params: Params, moment: int) -> None:
    plan = plan_of(params)
    erase(params.output, Store.open(params), plan)
    steps = iter(range(100))

    def advance() -> None:
        if next(steps) == moment:
            raise KilledError

    with pytest.raises(KilledError):
        finish(params.output, advance)
    assert ANN not in journal_path(params.output).read_text()
    finish(params.output)
    remove_stray_files(params.output, [params.output])

    folder = params.output.parent
    result = search([params.output, folder / "mlartifacts"], plan.identifiers)
    assert result.paths == (proof_path(params.output).resolve(),)
    read_access(Store.open(params), BOB, params.output, (), ())
