"""One customer leaves the pages of the ledger: units keep their arms, and counts of the erased stay."""

from __future__ import annotations

from datetime import date

import pandas as pd

from churn.experiments.ledger import (
    night_folder,
    read_whole_ledger,
)
from churn.experiments.ledger_erasure import erase_from_ledger
from tests.drawn_ledger import FIRST, SECOND, assigned, drawn, planned, publish_page


def write_night(output, night, previous, assignments, tasks=()):
    ledger = drawn(list(assignments), list(tasks))
    ids = sorted({who for row in assignments for who in row["customers"]})
    bands = pd.DataFrame({"customer_id": ids, "raw_band": 2, "band": 3})
    holdings = pd.DataFrame({"customer_id": ids, "play": "call", "nights": 2})
    return publish_page(output, night, previous, ledger, bands=bands, holdings=holdings)


def apply(output, erasure):
    for night, page in erasure.pages.items():
        for name, content in page.contents.items():
            (night_folder(output, night) / name).write_bytes(content)
    return read_whole_ledger(output)


def test_a_customer_alone_goes_with_the_unit_and_the_arm_is_counted(tmp_path):
    own_play = assigned("ann", "control", experiment="call")
    rows = [assigned("ann", "treated"), assigned("bob", "control"), own_play]
    write_night(tmp_path, FIRST, None, rows, [planned("ann", "treated", "call")])
    write_night(tmp_path, SECOND, FIRST, [assigned("cem", "treated", SECOND)])

    erasure = erase_from_ledger(tmp_path, "ann")
    ledger = apply(tmp_path, erasure)

    assert [(part.experiment, part.arm, part.units) for part in erasure.units] == [
        ("call", "control", 1),
        ("universal", "treated", 1),
    ]
    assert (list(erasure.pages), erasure.rows) == ([FIRST], 5)
    assert ledger.assignments["unit"].tolist() == ["bob", "cem"]
    assert ledger.tasks.empty
    assert erase_from_ledger(tmp_path, "ann").pages == {}


def test_a_unit_of_several_ids_keeps_its_arm_and_loses_the_name_of_the_erased(tmp_path):
    pair = assigned("ann", "control", customers=["ann", "zoe"])
    task = planned("zoe", "control", "call") | {"unit": "ann"}
    write_night(tmp_path, FIRST, None, [pair], [task])
    write_night(tmp_path, SECOND, FIRST, [assigned("bob", "treated", SECOND)])

    erasure = erase_from_ledger(tmp_path, "ann")
    ledger = apply(tmp_path, erasure)

    (first, _) = ledger.assignments.to_dict("records")
    assert (first["unit"], first["arm"], first["position"], first["customers"]) == (
        "zoe", "control", pair["position"], ["zoe"],
    )  # fmt: skip
    assert ledger.tasks["unit"].tolist() == ["zoe"]
    assert erasure.units == ()


def test_a_unit_that_began_with_the_erased_alone_keeps_its_first_night_without_customers(tmp_path):
    write_night(tmp_path, FIRST, None, [assigned("ann", "treated")])
    write_night(tmp_path, SECOND, FIRST, [assigned("ann", "treated", SECOND, customers=["ann", "bob"])])

    ledger = apply(tmp_path, erase_from_ledger(tmp_path, "ann"))

    assert ledger.assignments["unit"].tolist() == ["bob", "bob"]
    assert ledger.assignments["customers"].tolist() == [[], ["bob"]]
    assert ledger.unit_of == {"bob": "bob"}


def test_a_renamed_unit_never_takes_the_name_of_another_and_is_renamed_again(tmp_path):
    write_night(tmp_path, FIRST, None, [assigned("ann", "treated"), assigned("bob", "control")])
    later = assigned("ann", "treated", SECOND, customers=["ann", "bob", "cem"])
    write_night(tmp_path, SECOND, FIRST, [later])

    once = apply(tmp_path, erase_from_ledger(tmp_path, "ann"))
    twice = apply(tmp_path, erase_from_ledger(tmp_path, "bob"))

    assert once.assignments["unit"].tolist() == ["unit of bob", "bob", "unit of bob"]
    assert twice.assignments["unit"].tolist() == ["cem", "cem"]
    assert "bob" not in twice.assignments.to_string()


def test_a_page_that_does_not_name_the_customer_keeps_its_bytes(tmp_path):
    page = write_night(tmp_path, FIRST, None, [assigned("ann", "treated")])

    erasure = erase_from_ledger(tmp_path, "nobody")

    assert (erasure.pages, erasure.rows, erasure.units) == ({}, 0, ())
    assert (night_folder(tmp_path, FIRST) / "_ledger.json").read_bytes() == page.contents["_ledger.json"]


def test_a_page_written_again_without_a_change_has_the_same_bytes(tmp_path):
    page = write_night(tmp_path, date(2025, 3, 5), None, [assigned("bob", "treated", date(2025, 3, 5))])
    with_ann = [assigned("ann", "treated", date(2025, 3, 5)), assigned("bob", "treated", date(2025, 3, 5))]
    write_night(tmp_path, date(2025, 3, 5), None, with_ann)

    erasure = erase_from_ledger(tmp_path, "ann")

    assert erasure.pages[date(2025, 3, 5)].contents == page.contents
