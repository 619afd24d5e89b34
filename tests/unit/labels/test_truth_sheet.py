"""What became of everybody, drawn: cutoff 2024-07-01, windows `[cutoff + gap, cutoff + gap + horizon)`."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from churn.data.store import day_number
from churn.errors import SourceError, Stop
from churn.features.engine.cohort import read_customers
from churn.features.engine.matrix import cohorts_at
from churn.labels.contract import counted_spells, merged_spells
from churn.labels.labels import labels_at, outcomes_at
from churn.labels.outcomes import LEFT, OUTCOME_NAMES
from churn.labels.truth_sheet import TruthSheet, truth_sheet
from churn.reporting.console import reactivation_line, truth_table
from tests.drawn_company import DrawnCompany, draw

CUTOFF = date(2024, 7, 1)
CONTRACT = {"kind": "contract", "horizon_days": 31, "grace_days": 30}

SUBSCRIPTIONS = """
    customer     | started_at | ended_at   | cancel_requested_at
    stays        | 2024-01-01 |            |
    ends_after   | 2024-01-01 | 2024-08-08 |
    renews       | 2024-01-01 | 2024-07-10 |
    renews       | 2024-08-09 |            |
    next_day     | 2024-01-01 | 2024-07-10 |
    next_day     | 2024-07-10 |            |
    renews_twice | 2024-01-01 | 2024-07-10 |
    renews_twice | 2024-07-10 | 2024-07-20 |
    renews_twice | 2024-07-25 |            |
    drops_one    | 2024-01-01 | 2024-07-10 |
    drops_one    | 2024-03-01 |            |
    both_end     | 2024-01-01 | 2024-07-10 |
    both_end     | 2024-03-01 | 2024-07-20 |
    drops_renews | 2024-01-01 | 2024-07-10 |
    drops_renews | 2024-03-01 | 2024-07-20 |
    drops_renews | 2024-08-01 |            |
    leaves       | 2024-01-01 | 2024-07-10 |
    comes_back   | 2024-01-01 | 2024-07-10 |
    comes_back   | 2024-08-10 |            |
    unseen       | 2024-01-01 | 2024-07-10 |
    unseen       | 2025-01-01 |            |
    asks         | 2024-01-01 | 2024-07-20 | 2024-07-05
    in_the_gap   | 2024-01-01 | 2024-07-07 |
    pending      | 2024-01-01 | 2024-07-20 | 2024-06-20
    gone         | 2024-01-01 | 2024-06-01 |
"""

EXPECTED = {
    "stays": "stayed",
    "ends_after": "stayed",
    "renews": "renewed",
    "next_day": "renewed",
    "renews_twice": "renewed",
    "drops_one": "partial",
    "both_end": "left",
    "drops_renews": "renewed",
    "leaves": "left",
    "comes_back": "left",
    "unseen": "left",
    "asks": "left",
    "in_the_gap": "ends in the gap",
}


def became(world: DrawnCompany, cutoff: date = CUTOFF) -> dict[str, str]:
    """Return the outcome of each member of the cohort."""
    [cohort], [found] = cohorts_at(world.store, [cutoff]), outcomes_at(world.store, [cutoff])
    ids = read_customers(world.store).ids
    return {
        str(ids[code]): OUTCOME_NAMES[int(found.outcome[code])] for code in np.flatnonzero(cohort.members)
    }


def sheet_of(world: DrawnCompany, *cutoffs: date) -> TruthSheet:
    return truth_sheet(world.store, cohorts_at(world.store, cutoffs or (CUTOFF,)))


def drawn(folder: Path, subscriptions: str = SUBSCRIPTIONS, **more: Any) -> DrawnCompany:
    label = {**CONTRACT, "gap_days": 7, **more.pop("label", {})}
    return draw(folder, subscriptions=subscriptions, label=label, since=None, **more)


def test_every_customer_at_risk_has_one_outcome(tmp_path: Path) -> None:
    world = drawn(tmp_path)

    assert became(world) == EXPECTED


def test_the_sheet_counts_outcomes_those_left_out_and_those_who_came_back(tmp_path: Path) -> None:
    world = drawn(tmp_path)

    [night] = sheet_of(world).cutoffs

    assert night.outcomes == Counter(EXPECTED.values())
    assert night.at_risk == len(EXPECTED)
    assert night.excluded == {"no live contract": 1, "pending cancellation": 1}
    assert night.left == 5
    assert night.labelled == len(EXPECTED) - 1
    assert night.came_back == 1  # the contract of 2025 lies after the watermark


def test_outcomes_of_an_immature_cutoff_are_unknown(tmp_path: Path) -> None:
    world = drawn(tmp_path, watermark="2024-09-06")

    [night] = sheet_of(world).cutoffs

    assert (night.outcomes, night.left, night.came_back) == (None, None, None)
    assert night.at_risk == len(EXPECTED)
    assert night.mature_on == date(2024, 9, 7)


def test_the_sheet_is_written_for_people_and_for_programs(tmp_path: Path) -> None:
    world = drawn(tmp_path)
    sheet = sheet_of(world, date(2024, 6, 1), CUTOFF)

    lines, stated = truth_table(sheet), sheet.as_json()

    assert lines[-2].split() == ["2024-07-01", "1", "1", "13", "2", "4", "1", "5", "1", "41.7%", "1"]
    assert lines[-1].split()[0] == "total"
    assert len({len(line) for line in lines}) == 1
    assert stated["cutoffs"]["2024-07-01"]["outcomes"]["renewed"] == 4
    assert stated["label_id"] == world.store.params.label_id
    assert sheet.write(tmp_path).is_file()


PAYMENTS = """
    customer      | due_at     | amount | paid_at    | failed_at
    never_paid    | 2024-06-01 | 5      | 2024-06-03 |
    never_paid    | 2024-07-01 | 5      |            | 2024-07-01
    paid_up       | 2024-07-01 | 5      | 2024-07-03 |
    paid_later    | 2024-05-01 | 5      |            | 2024-05-02
    paid_later    | 2024-06-01 | 5      | 2024-06-03 |
    paid_in_grace | 2024-07-01 | 5      | 2024-08-08 | 2024-07-01
    paid_too_late | 2024-07-01 | 5      | 2024-08-09 | 2024-07-01
    sent_back     | 2024-07-01 | 5      | 2024-07-02 | 2024-07-04
    next_bill     | 2024-06-01 | 5      | 2024-06-03 |
    next_bill     | 2024-07-10 | 5      |            |
    before_spell  | 2023-02-01 | 5      |            | 2023-02-01
    asked         | 2024-07-01 | 5      |            | 2024-07-01
    asked_after   | 2024-07-01 | 5      |            | 2024-07-01
    told_other    | 2024-07-01 | 5      |            | 2024-07-01
    still_here    | 2024-07-01 | 5      |            | 2024-07-01
"""

ENDED = """
    customer      | started_at | ended_at   | cancel_requested_at | reason
    never_paid    | 2024-01-01 | 2024-07-10 |                     |
    paid_up       | 2024-01-01 | 2024-07-10 |                     |
    paid_later    | 2024-01-01 | 2024-07-10 |                     |
    paid_in_grace | 2024-01-01 | 2024-07-10 |                     |
    paid_too_late | 2024-01-01 | 2024-07-10 |                     |
    sent_back     | 2024-01-01 | 2024-07-10 |                     |
    next_bill     | 2024-01-01 | 2024-07-10 |                     |
    before_spell  | 2023-01-01 | 2023-02-10 |                     |
    before_spell  | 2024-01-01 | 2024-07-10 |                     |
    asked         | 2024-01-01 | 2024-07-10 | 2024-07-05          |
    asked_after   | 2024-01-01 | 2024-07-10 | 2024-07-11          |
    told          | 2024-01-01 | 2024-07-10 |                     | Unpaid
    told_other    | 2024-01-01 | 2024-07-10 |                     | moved away
    no_bills      | 2024-01-01 | 2024-07-10 |                     |
    still_here    | 2024-01-01 |            |                     |
"""

LOST = {"never_paid", "paid_too_late", "sent_back", "asked_after"}


@pytest.mark.parametrize(
    ("words", "involuntary"),
    [([], LOST | {"told_other"}), (["unpaid"], LOST | {"told"})],
)
def test_an_end_is_involuntary_after_a_payment_that_was_never_recovered(
    tmp_path: Path, words: list[str], involuntary: set[str]
) -> None:
    world = drawn(tmp_path, ENDED, payments=PAYMENTS, label={"gap_days": 0, "involuntary_reasons": words})

    found = became(world)

    assert {who for who, outcome in found.items() if outcome == "left involuntarily"} == involuntary
    assert {who for who, outcome in found.items() if outcome == "stayed"} == {"still_here"}
    assert set(found.values()) == {"left involuntarily", "left voluntarily", "stayed"}


@pytest.mark.parametrize("leaving", ["any", "voluntary", "involuntary"])
def test_the_label_counts_the_kind_of_leaving_it_asks_for(tmp_path: Path, leaving: str) -> None:
    world = drawn(tmp_path, ENDED, payments=PAYMENTS, label={"gap_days": 0, "leaving": leaving})
    ids = read_customers(world.store).ids

    left = {str(ids[code]) for code in np.flatnonzero(labels_at(world.store, [CUTOFF])[0] == LEFT)}

    counted = counted_spells(world.store)
    lost = LOST | {"told_other"}
    everybody = {who for who, outcome in became(world).items() if outcome.startswith("left")}
    assert left == {"any": everybody, "voluntary": everybody - lost, "involuntary": lost}[leaving]
    assert {str(ids[code]) for code in counted.customer[counted.end == day_number(date(2024, 7, 10))]} == left


@pytest.mark.parametrize("leaving", ["voluntary", "involuntary"])
@pytest.mark.parametrize(
    "payments", [None, "customer | due_at | amount | failed_at\nstays | 2024-07-01 | 5 | 2024-07-02"]
)
def test_a_kind_of_leaving_that_nothing_tells_is_refused_in_words(
    tmp_path: Path, leaving: str, payments: str | None
) -> None:
    tables = {} if payments is None else {"payments": payments}
    world = drawn(tmp_path, label={"leaving": leaving}, **tables)

    with pytest.raises(SourceError, match=r"label\.leaving.*paid_at.*involuntary_reasons"):
        labels_at(world.store, [CUTOFF])


def test_words_of_reasons_without_reasons_are_refused(tmp_path: Path) -> None:
    world = drawn(tmp_path, label={"involuntary_reasons": ["unpaid"]})

    with pytest.raises(SourceError, match=r"subscriptions\.reason"):
        labels_at(world.store, [CUTOFF])


# --- beside a reckoning of our own


def test_outcomes_add_up_to_the_cohort_and_equal_a_naive_reckoning(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rows = _drawn_at_random(rng, customers=150)
    drawn_rows = "\n".join(" | ".join(str(cell or "") for cell in row) for row in rows)
    world = drawn(tmp_path, f"customer | started_at | ended_at\n{drawn_rows}", label={"grace_days": 9})
    cutoffs = [date(2024, 3, 1), date(2024, 5, 15), CUTOFF]

    nights = sheet_of(world, *cutoffs).cutoffs

    for cutoff, night in zip(cutoffs, nights, strict=True):
        found = became(world, cutoff)
        assert found == {who: _naive(rows, who, cutoff, grace=9, gap=7, horizon=31) for who in found}
        assert night.outcomes == Counter(found.values())
        assert sum(night.outcomes.values()) == night.at_risk
    assert {word for night in nights for word in night.outcomes or ()} == {
        *("stayed", "renewed", "partial", "left", "ends in the gap")
    }


Row = tuple[str, date, date | None]


def _drawn_at_random(rng: np.random.Generator, customers: int) -> list[Row]:
    rows: list[Row] = []
    for number in range(customers):
        for _ in range(int(rng.integers(1, 5))):
            start = date.fromordinal(date(2024, 1, 1).toordinal() + int(rng.integers(0, 170)))
            end = date.fromordinal(start.toordinal() + int(rng.integers(1, 90)))
            rows.append((f"c{number:03}", start, None if rng.random() < 0.15 else end))
    return rows


def _naive(rows: list[Row], who: str, cutoff: date, *, grace: int, gap: int, horizon: int) -> str:
    """Walk day by day from the cutoff until the customer has been without a contract for the grace."""
    own = [(s.toordinal(), e.toordinal() if e else 10**6) for name, s, e in rows if name == who]
    start = cutoff.toordinal() + gap
    end = start + horizon
    last = max(e for s, e in own if s < cutoff.toordinal())
    while any(s <= last + grace and e > last for s, e in own):
        last = max(e for s, e in own if s <= last + grace)
    if last < start:
        return "ends in the gap"
    if last < end:
        return "left"
    ends = [e for _, e in own if start <= e < end]
    if not ends:
        return "stayed"
    return "partial" if all(any(s < e < other for s, other in own) for e in ends) else "renewed"


def test_a_leaver_came_back_on_the_day_on_which_the_next_contract_began(tmp_path: Path) -> None:
    world = drawn(tmp_path)
    merged = merged_spells(world.store)

    [found] = outcomes_at(world.store, [CUTOFF])

    back = np.flatnonzero(found.left("any") & (found.back_on < np.iinfo(np.int32).max))
    starts = {int(c): int(s) for c, s in zip(merged.customer, merged.start, strict=True)}
    assert {int(found.back_on[code]) for code in back} == {starts[int(code)] for code in back}


# --- who comes back


INACTIVITY = {"kind": "inactivity", "table": "orders", "horizon_days": 10, "active_days": 30}


def silent(back: dict[int, str | None], customers: int = 40) -> str:
    """Draw customers who order before the cutoff, and again on the day stated for their number."""
    lines = ["customer | ordered_at | amount"]
    for number in range(customers):
        lines.append(f"c{number:02} | 2024-06-20 | 1")
        day = back.get(number)
        if day:
            lines.append(f"c{number:02} | {day} | 1")
    return "\n".join(lines)


def test_who_orders_in_the_window_stays_and_who_orders_after_it_came_back(tmp_path: Path) -> None:
    orders = silent({0: "2024-07-10", 1: "2024-07-11", 2: "2024-07-01", 3: "2024-12-30", 4: "2025-01-05"}, 6)
    world = draw(tmp_path, orders=orders, label=INACTIVITY, since=None)

    [night] = sheet_of(world).cutoffs

    assert night.outcomes == {"stayed": 2, "left": 4}
    assert night.came_back == 2


def half_come_back(folder: Path, **more: Any) -> DrawnCompany:
    orders = silent(dict.fromkeys(range(20), "2024-08-01"))
    label = {**INACTIVITY, **more.pop("label", {})}
    return draw(folder, orders=orders, label=label, since=None, params=more or None)


def test_the_rate_of_those_who_come_back_has_an_interval(tmp_path: Path) -> None:
    rate = sheet_of(half_come_back(tmp_path)).reactivation.rate

    assert rate is not None
    assert rate.value == pytest.approx(0.5)
    assert 0.2 < rate.low < 0.4 < 0.6 < rate.high < 0.8


def test_a_label_whose_leavers_come_back_is_refused_with_the_way_out(tmp_path: Path) -> None:
    sheet = sheet_of(half_come_back(tmp_path))

    with pytest.raises(Stop, match=r"50% \[.*horizon_days.*churn label --horizon.*accept_reactivation"):
        sheet.check_reactivation()


def test_a_person_may_sign_off_that_leavers_come_back(tmp_path: Path) -> None:
    sheet = sheet_of(half_come_back(tmp_path, label={"accept_reactivation": "seasonal on purpose"}))

    sheet.check_reactivation()

    assert sheet.as_json()["reactivation"]["accepted"] == "seasonal on purpose"
    assert reactivation_line(sheet).endswith("signed off: seasonal on purpose")


def test_returns_from_the_first_test_cutoff_on_are_not_looked_at(tmp_path: Path) -> None:
    orders = silent(dict.fromkeys(range(40), "2024-08-01"), 80)
    tested = {"evaluate": {"test_cutoffs": ["2024-08-01"]}}
    label = {**INACTIVITY, "active_days": 60}
    world = draw(tmp_path, orders=orders, label=label, since=None, params=tested)

    back = sheet_of(world, CUTOFF, date(2024, 7, 25)).reactivation

    assert back.churners == 80, "the second window ends after the test has begun"
    assert back.rate is not None
    assert back.rate.value == 0
    assert back.rate.high > 0, "eighty people who do not come back do not prove that nobody does"


def test_returns_from_the_first_default_test_cutoff_on_are_not_looked_at(tmp_path: Path) -> None:
    """Cutoffs are Thursdays from 2024-08-15 on; those of 12-19, 12-05 and 11-21 are the default tests."""
    orders = silent(dict.fromkeys(range(40), "2024-11-21") | dict.fromkeys(range(40, 50), "2024-11-20"), 80)
    world = draw(tmp_path, orders=orders, label=INACTIVITY, since=None)

    sheet = sheet_of(world, CUTOFF)

    back = sheet.reactivation
    assert back.rate is not None
    assert back.rate.value == pytest.approx(10 / 80)
    assert back.before.day == date(2024, 11, 21)
    assert "2024-11-21, the first test cutoff by default" in reactivation_line(sheet)


@pytest.mark.parametrize(("tested", "leavers"), [("2024-08-30", 0), ("2024-08-31", 6)])
def test_leavers_whose_grace_ends_after_the_first_test_cutoff_are_not_looked_at(
    tmp_path: Path, tested: str, leavers: int
) -> None:
    world = drawn(tmp_path, label={"gap_days": 0}, params={"evaluate": {"test_cutoffs": [tested]}})

    assert sheet_of(world, CUTOFF).reactivation.churners == leavers


def test_too_few_leavers_tell_no_rate_and_stop_nothing(tmp_path: Path) -> None:
    orders = silent(dict.fromkeys(range(20), "2024-08-01"), 20)
    sheet = sheet_of(draw(tmp_path, orders=orders, label=INACTIVITY, since=None))

    sheet.check_reactivation()

    assert sheet.reactivation.rate is None
    assert "too few churners (20)" in reactivation_line(sheet)


@pytest.mark.parametrize(
    ("back_at_once", "back_later", "rate", "followed_days"),
    [(40, 0, 1.0, 0), (10, 0, 0.25, 61), (10, 6, 0.4, 30), (0, 0, 0.0, 61)],
)
def test_a_leaver_who_is_back_within_the_window_is_back_at_once(
    tmp_path: Path, back_at_once: int, back_later: int, rate: float, followed_days: int
) -> None:
    """Forty leave on 2024-07-10; the window ends on 2024-08-01, some are back before, some 30 days after."""
    starts = [*["2024-07-12"] * back_at_once, *["2024-08-30"] * back_later]
    rows = [f"c{number} | 2024-01-01 | 2024-07-10" for number in range(40)]
    rows += [f"c{number} | {start} |" for number, start in enumerate(starts)]
    world = drawn(
        tmp_path,
        "\n".join(["customer | started_at | ended_at", *rows]),
        label={"grace_days": 0, "gap_days": 0},
        params={"evaluate": {"test_cutoffs": ["2024-10-01"]}},
    )

    sheet = sheet_of(world, CUTOFF)

    back = sheet.reactivation
    assert sheet.cutoffs[0].came_back == len(starts)
    assert back.churners == 40
    assert back.rate is not None
    assert back.rate.value == pytest.approx(rate)
    assert back.followed_days == followed_days


def test_a_window_that_ends_where_the_data_do_shows_no_return(tmp_path: Path) -> None:
    orders = silent({}, 40)
    world = draw(tmp_path, orders=orders, label=INACTIVITY, since=None, watermark="2024-07-11")

    sheet = sheet_of(world, CUTOFF)

    assert sheet.cutoffs[0].left == 40
    assert sheet.reactivation.rate is None


@pytest.mark.parametrize(
    ("leaving", "leavers", "rate"), [("any", 80, 0.5), ("voluntary", 40, 0.0), ("involuntary", 40, 1.0)]
)
def test_only_leavers_that_the_label_counts_are_followed(
    tmp_path: Path, leaving: str, leavers: int, rate: float
) -> None:
    """Forty leave on their own and stay away; forty do not pay, and come back on 2024-08-30."""
    ended = ["customer | started_at | ended_at"]
    ended += [
        f"{kind}{number} | 2024-01-01 | 2024-07-10" for kind in ("free", "owes") for number in range(40)
    ]
    ended += [f"owes{number} | 2024-08-30 |" for number in range(40)]
    bills = ["customer | due_at | amount | paid_at"]
    bills += [f"free{number} | 2024-07-01 | 5 | 2024-07-03" for number in range(40)]
    bills += [f"owes{number} | 2024-07-01 | 5 |" for number in range(40)]
    world = drawn(
        tmp_path,
        "\n".join(ended),
        payments="\n".join(bills),
        label={"gap_days": 0, "leaving": leaving},
        params={"evaluate": {"test_cutoffs": ["2024-10-01"]}},
    )

    sheet = sheet_of(world, CUTOFF)

    back = sheet.reactivation
    assert sheet.cutoffs[0].left == back.churners == leavers
    assert sheet.cutoffs[0].came_back == (0 if leaving == "voluntary" else 40)
    assert back.rate is not None
    assert back.rate.value == pytest.approx(rate)
