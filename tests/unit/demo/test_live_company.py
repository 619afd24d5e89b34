from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from churn.demo import WATERMARK, write_company
from churn.demo.contact_effects import DRIVEN_AWAY, EFFECTS, HELP, INDIFFERENT
from churn.demo.live_company import LiveCompany, contact_rows

CUSTOMERS = 250
DAYS = 30
NOBODY = contact_rows([])
START = datetime.combine(WATERMARK, datetime.min.time())


def company_after(days: int) -> LiveCompany:
    company = LiveCompany(CUSTOMERS, 7)
    company.live(WATERMARK + timedelta(days), NOBODY)
    return company


def contacts(customers: list[str], day: date, result: str = "done") -> pa.Table:
    at = datetime(day.year, day.month, day.day, 10)
    return contact_rows(
        [
            {
                "customer_id": name,
                "contacted_at": at,
                "play": "check-in",
                "channel": "phone",
                "result": result,
            }
            for name in customers
        ]
    )


def active_ids(company: LiveCompany) -> list[str]:
    chunk = company.chunks[0]
    names = chunk.history.ids.to_pylist()
    return [names[row] for row in np.flatnonzero(chunk.lived_world.life.state)]


def rows_of(tables: dict[str, pa.Table], name: str, customers: list[str]) -> list[dict[str, object]]:
    """The rows of customers, without their numbers, which count the rows of other customers too."""
    rows = tables[name].filter(pc.is_in(tables[name]["customer_id"], pa.array(customers)))
    return sorted(rows.drop_columns(["row_id"] if "row_id" in rows.column_names else []).to_pylist(), key=str)


@pytest.fixture(scope="module")
def longer() -> dict[str, pa.Table]:
    return company_after(DAYS).export()


def test_a_company_that_has_not_lived_on_has_the_rows_that_were_written(tmp_path: Path) -> None:
    write_company(tmp_path / "company", tmp_path / "truth", CUSTOMERS, 7)

    tables = company_after(0).export()

    for name, rows in tables.items():
        written = pq.read_table(tmp_path / "company" / f"{name}.parquet")
        assert rows.cast(written.schema).equals(written), name


def test_a_company_that_lives_on_day_by_day_and_is_opened_again_equals_one_that_was_drawn_longer(
    tmp_path: Path, longer: dict[str, pa.Table]
) -> None:
    company = company_after(9)
    company.write(tmp_path / "company", tmp_path / "truth")

    reopened = LiveCompany.open(tmp_path / "company")
    for day in range(10, DAYS + 1):
        reopened.live(WATERMARK + timedelta(day), NOBODY)

    tables = reopened.export()
    assert all(tables[name].equals(rows) for name, rows in longer.items())
    assert len(longer["logins"]) > len(company.export()["logins"])


def test_nothing_of_the_history_changes_but_outcomes_that_were_not_known(
    longer: dict[str, pa.Table],
) -> None:
    before = company_after(0).export()

    filled = set()
    for name, rows in before.items():
        after = longer[name].slice(0, len(rows))
        for column in rows.column_names:
            was_known = rows[column].is_valid()
            assert rows[column].filter(was_known).equals(after[column].filter(was_known)), (name, column)
            if after[column].null_count < rows[column].null_count:
                filled.add(f"{name}.{column}")
    assert {"emails.opened_at", "payments.paid_at", "subscriptions.ended_at", "tickets.closed_at"} <= filled


def test_no_row_and_no_outcome_lies_after_the_last_day(longer: dict[str, pa.Table]) -> None:
    midnight = datetime.combine(WATERMARK + timedelta(DAYS), datetime.min.time())

    for name, column in (("logins", "known_at"), ("emails", "opened_at"), ("tickets", "closed_at")):
        rows = longer[name].filter(pc.greater_equal(longer[name][column], START))
        # The bad rows of the history hold times many years ahead.
        rows = rows.filter(pc.less(rows[column], datetime(2026, 9, 1)))
        assert len(rows) > 20
        assert pc.max(rows[column]).as_py() < midnight, (name, column)


def test_each_day_after_the_history_is_as_busy_as_the_history(longer: dict[str, pa.Table]) -> None:
    times = {"logins": "happened_at", "orders": "ordered_at", "emails": "sent_at", "loyalty": "happened_at"}
    for name, time in times.items():
        days = longer[name][time].cast(pa.date32()).to_numpy().astype("datetime64[D]")
        last = np.datetime64(WATERMARK)
        before = ((days >= last - 28) & (days < last)).sum()
        after = ((days >= last) & (days < last + 28)).sum()

        assert after == pytest.approx(before, rel=0.15), name


def test_contacts_without_an_effect_change_nothing_but_the_table_of_contacts(
    longer: dict[str, pa.Table],
) -> None:
    company = company_after(0)
    everybody = active_ids(company)
    for effects in company.chunks[0].effects.effects.values():
        effects[:] = INDIFFERENT

    company.live(WATERMARK + timedelta(DAYS), contacts(everybody, WATERMARK))

    tables = company.export()
    assert len(tables["contacts"]) == len(everybody)
    assert all(tables[name].equals(rows) for name, rows in longer.items() if name != "contacts")


def test_a_contact_that_did_not_reach_the_customer_changes_nothing(longer: dict[str, pa.Table]) -> None:
    company = company_after(0)

    company.live(WATERMARK + timedelta(DAYS), contacts(active_ids(company), WATERMARK, result="no answer"))

    assert company.export()["logins"].equals(longer["logins"])


def test_customers_who_are_not_contacted_live_the_same_life_under_every_policy(
    longer: dict[str, pa.Table],
) -> None:
    company = company_after(0)
    everybody = active_ids(company)
    contacted, alone = everybody[::2], everybody[1::2]
    for effects in company.chunks[0].effects.effects.values():
        effects[:] = DRIVEN_AWAY

    company.live(WATERMARK + timedelta(DAYS), contacts(contacted, WATERMARK))

    tables = company.export()
    for name in longer:
        if name != "contacts":
            assert rows_of(tables, name, alone) == rows_of(longer, name, alone), name
    assert rows_of(tables, "logins", contacted) != rows_of(longer, "logins", contacted)


@pytest.mark.parametrize(("effect", "sign"), [(DRIVEN_AWAY, 1), (HELP, -1)])
def test_contacts_drive_away_or_help_as_the_known_effect_says(effect: int, sign: int) -> None:
    company = LiveCompany(1500, 3)
    for effects in company.chunks[0].effects.effects.values():
        effects[:] = effect

    company.live(WATERMARK + timedelta(1), contacts(active_ids(company), WATERMARK), with_tables=False)
    company.live(WATERMARK + timedelta(60), NOBODY, with_tables=False)

    chunk = company.chunks[0]
    left = (chunk.lived_world.life.state == 0).sum() - (chunk.untouched_world.life.state == 0).sum()
    assert sign * left > 10


def test_most_customers_are_helped_and_more_are_driven_away_by_calls_than_by_mails(tmp_path: Path) -> None:
    write_company(tmp_path / "company", tmp_path / "truth", 2500, 7)

    effects = pq.read_table(tmp_path / "truth" / "contact_effects.parquet").to_pandas()

    shares = {channel: effects[channel].value_counts(normalize=True) for channel in ("phone", "email")}
    assert set(shares["phone"].index) == set(EFFECTS)
    assert shares["phone"]["helped"] == shares["email"]["helped"] == pytest.approx(0.7, abs=0.03)
    assert shares["phone"]["driven away"] == pytest.approx(0.12, abs=0.02)
    assert shares["email"]["driven away"] == pytest.approx(0.05, abs=0.02)


def test_a_contact_outside_the_days_to_live_is_refused() -> None:
    company = company_after(0)

    with pytest.raises(ValueError, match=r"2025-10-09 lies outside 2025-10-01 to 2025-10-08"):
        company.live(WATERMARK + timedelta(7), contacts(active_ids(company)[:1], WATERMARK + timedelta(8)))


def test_the_calendar_of_the_demo_company_ends() -> None:
    with pytest.raises(ValueError, match="end of the calendar"):
        company_after(452)
