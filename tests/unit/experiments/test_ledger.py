"""The ledger: nights follow each other in a chain, are published whole, and never change afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from churn.errors import ParamsError, SourceError, Stop
from churn.experiments.ledger import (
    TABLES,
    LedgerNight,
    check_salt,
    empty_ledger,
    keep_history,
    ledger_night,
    ledger_nights,
    night_folder,
    own_assignments,
    publish,
    read_ledger,
    read_whole_ledger,
    recover,
    salt_digest,
    stage,
)
from tests.drawn_ledger import night_facts

JANUARY, FEBRUARY, MARCH = date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)


def night(cutoff: date, previous: date | None, run_id: str = "r", unit: str = "c-1") -> LedgerNight:
    rows: dict[str, dict[str, object]] = {
        name: dict.fromkeys(schema.names) for name, schema in TABLES.items()
    }
    rows["assignments"] |= {"experiment": "universal", "unit": unit, "arm": "control", "position": 0.01}
    rows["assignments"] |= {"customers": [unit, f"{unit}-b"], "assigned_on": cutoff}
    rows["tasks"] |= {"task_id": f"{cutoff}", "customer_id": unit, "planned_on": cutoff}
    rows["bands"] |= {"customer_id": unit, "raw_band": 2, "band": 3}
    rows["holdings"] |= {"customer_id": unit, "play": "check-in", "nights": 2}
    facts = night_facts(cutoff, previous, run_id=run_id)
    return ledger_night(facts, {name: pd.DataFrame([row]) for name, row in rows.items()})


def write(output, *nights: LedgerNight) -> None:
    for written_night in nights:
        stage(output, written_night)
        publish(output, written_night.facts.cutoff)


def test_a_night_reads_all_nights_that_it_follows(tmp_path):
    write(tmp_path, night(JANUARY, None), night(FEBRUARY, JANUARY, unit="c-2"))

    ledger = read_ledger(tmp_path, MARCH)

    assert ledger.previous == FEBRUARY
    assert ledger.assignments["unit"].tolist() == ["c-1", "c-2"]
    assert ledger.tasks["planned_on"].tolist() == [JANUARY, FEBRUARY]
    assert ledger.bands["customer_id"].tolist() == ["c-2"]
    assert ledger.unit_of == {"c-1": "c-1", "c-1-b": "c-1", "c-2": "c-2", "c-2-b": "c-2"}


def test_a_night_does_not_read_itself_or_later_nights(tmp_path):
    write(tmp_path, night(JANUARY, None), night(FEBRUARY, JANUARY), night(MARCH, FEBRUARY))

    assert read_ledger(tmp_path, FEBRUARY).previous == JANUARY
    assert read_ledger(tmp_path, JANUARY).nights == ()


def test_a_backfilled_night_is_in_no_chain_but_its_own(tmp_path):
    write(tmp_path, night(JANUARY, None), night(MARCH, JANUARY))
    before = read_ledger(tmp_path, MARCH).tasks

    assert read_ledger(tmp_path, FEBRUARY).previous == JANUARY
    write(tmp_path, night(FEBRUARY, JANUARY, unit="c-9"))

    pd.testing.assert_frame_equal(read_ledger(tmp_path, MARCH).tasks, before)
    assert read_ledger(tmp_path, date(2025, 4, 1)).previous == MARCH
    assert read_whole_ledger(tmp_path).tasks["planned_on"].tolist() == [JANUARY, MARCH]


def test_the_same_night_gives_the_same_bytes():
    assert night(JANUARY, None).contents == night(JANUARY, None).contents
    assert night(JANUARY, None).digest != night(JANUARY, None, unit="c-2").digest


def test_a_night_that_others_follow_does_not_change(tmp_path):
    first = night(JANUARY, None)
    write(tmp_path, first, night(FEBRUARY, JANUARY))

    with pytest.raises(Stop, match=r"2025-01-01 would plan other contacts today.*--set output=FOLDER"):
        keep_history(tmp_path, night(JANUARY, None, unit="c-9"))
    other_run = keep_history(tmp_path, night(JANUARY, None, run_id="another"))
    assert other_run.contents == first.contents
    assert other_run.digest == first.digest


@pytest.mark.parametrize("cutoff", [FEBRUARY, MARCH])
def test_a_night_that_nobody_follows_may_change(tmp_path, cutoff):
    write(tmp_path, night(JANUARY, None), night(MARCH, JANUARY), night(FEBRUARY, JANUARY))
    changed = night(cutoff, JANUARY, unit="c-9")

    assert keep_history(tmp_path, changed) is changed


def test_another_salt_is_a_mistake(tmp_path):
    first = night(JANUARY, None)
    facts = first.facts.model_copy(update={"salt_digest": salt_digest("salt")})
    ledger = replace(empty_ledger(), nights=(facts,))

    check_salt(ledger, "salt")
    check_salt(empty_ledger(), "any")
    with pytest.raises(ParamsError, match=r"experiments\.salt has changed.*Write the earlier salt"):
        check_salt(ledger, "pepper")


def test_the_digest_depends_on_the_decisions_and_not_on_the_run(tmp_path):
    write(tmp_path / "a", night(JANUARY, None))
    write(tmp_path / "b", night(JANUARY, None, run_id="another"))
    write(tmp_path / "c", night(JANUARY, None, unit="c-9"))

    digests = [read_ledger(tmp_path / name, MARCH).digest for name in "abc"]

    assert digests[0] == digests[1] != digests[2]


def test_own_assignments_are_those_of_the_night_alone(tmp_path):
    write(tmp_path, night(JANUARY, None), night(FEBRUARY, JANUARY, unit="c-2"))

    assert own_assignments(tmp_path, FEBRUARY)["unit"].tolist() == ["c-2"]
    assert own_assignments(tmp_path, MARCH).empty


def test_a_pending_night_does_not_count(tmp_path):
    stage(tmp_path, night(JANUARY, None))

    assert ledger_nights(tmp_path) == []
    assert read_ledger(tmp_path, FEBRUARY).nights == ()
    assert read_whole_ledger(tmp_path).tasks.empty


def test_recovery_publishes_what_the_scores_name_and_drops_the_rest(tmp_path):
    write(tmp_path, night(JANUARY, None))
    scored = night(FEBRUARY, JANUARY)
    stage(tmp_path, scored)
    stage(tmp_path, night(MARCH, JANUARY))

    recover(tmp_path, {FEBRUARY: scored.digest, MARCH: "of an earlier run"}.get)

    assert ledger_nights(tmp_path) == [JANUARY, FEBRUARY]
    assert sorted(path.name for path in (tmp_path / "ledger").iterdir()) == [
        "cutoff=2025-01-01",
        "cutoff=2025-02-01",
    ]


@pytest.mark.parametrize("step", ["moved away", "renamed"])
def test_recovery_ends_a_rename_that_was_killed(tmp_path, step):
    write(tmp_path, night(JANUARY, None, run_id="old"))
    new = night(JANUARY, None, run_id="new")
    stage(tmp_path, new)
    folder = night_folder(tmp_path, JANUARY)
    folder.rename(folder.with_name(f".before-{folder.name}"))
    if step == "renamed":
        folder.with_name(f".pending-{folder.name}").rename(folder)

    recover(tmp_path, {JANUARY: new.digest}.get)

    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert read_ledger(tmp_path, FEBRUARY).nights[0].run_id == "new"


def test_recovery_puts_the_old_night_back_if_the_new_scores_are_not_there(tmp_path):
    write(tmp_path, night(JANUARY, None, run_id="old"))
    stage(tmp_path, night(JANUARY, None, run_id="new"))
    folder = night_folder(tmp_path, JANUARY)
    folder.rename(folder.with_name(f".before-{folder.name}"))

    recover(tmp_path, {}.get)

    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert read_ledger(tmp_path, FEBRUARY).nights[0].run_id == "old"


@pytest.mark.parametrize("file", ["_ledger.json", "tasks.parquet", "assignments.parquet"])
@pytest.mark.parametrize("damage", ["emptied", "deleted", "a changed byte"])
def test_a_damaged_ledger_is_named_with_a_way_out(tmp_path, file, damage):
    write(tmp_path, night(JANUARY, None))
    path = night_folder(tmp_path, JANUARY) / file
    content = path.read_bytes()
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(
            b"" if damage == "emptied" else content[:40] + bytes([content[40] ^ 1]) + content[41:]
        )

    with pytest.raises(SourceError, match=rf"{file}.*Restore the ledger from a copy"):
        read_ledger(tmp_path, FEBRUARY)
