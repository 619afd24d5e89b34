"""Forgotten customers: ingest leaves them out, and a store from which one was erased is such a store."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churn.data.customer_rows import read_customer_rows, read_rejected_rows
from churn.data.files import publish_folder, write_atomically
from churn.data.forgotten import NO_CUSTOMERS, ErasedUnits, list_path, read_forgotten
from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.store import Store
from churn.data.store_erasure import write_store_without
from churn.errors import SourceError
from churn.params import Params
from tests.drawn_company import params_of

DAY = date(2024, 7, 1)


def company(folder: Path) -> Params:
    tables = {
        "customers": """
            customer | signed_up_at | email   | name | country
            7        | 2024-01-01   | a@x.org | Ann  | NO
            70       | 2024-01-01   | b@x.org | Bob  | DE
            8        | 2024-01-01   |         | Cem  | DE
            """,
        "logins": """
            customer | happened_at
            7        | 2024-06-30 23:30
            70       | 2024-02-20 10:00
            8        | 2024-03-20 10:00
            """,
        "tickets": """
            customer | opened_at        | channel
            7        | 2024-02-03 10:00 | fax
            70       | 2024-02-04 10:00 | mail
            7        | nonsense         | fax
            """,
    }
    params = params_of(
        folder, watermark="2024-07-02", since=None, params={"check": {"max_rejects": 0.9}}, **tables
    )
    customers = params.tables["customers"].model_copy(update={"static": ("country",)})
    return params.model_copy(update={"tables": {**params.tables, "customers": customers}})


def forget(params: Params, *ids: str) -> None:
    forgotten = read_forgotten(params.output)
    for customer in ids:
        forgotten = forgotten.with_customer(customer, DAY, "salt")
    write_atomically(list_path(params.output), forgotten.file_text().encode())


def lines_of(params: Params) -> tuple[Store, list[str]]:
    lines: list[str] = []
    return ingest(params, lines.append), lines


def test_ingest_leaves_out_the_rows_of_forgotten_customers_and_counts_them(tmp_path: Path) -> None:
    params = company(tmp_path)
    forget(params, "7")

    store, lines = lines_of(params)

    assert read_customer_rows(store, "7") == ()
    assert read_rejected_rows(params.output / "rejects", "7") == ()
    assert store.n_customers == 2
    assert "    1 row of forgotten customers left out; erase them in the source too" in lines
    assert "    2 rows of forgotten customers left out; erase them in the source too" in lines
    assert not any("Ann" in line or "'7'" in line for line in lines)


def test_ingest_says_nothing_where_the_source_has_no_forgotten_customer(tmp_path: Path) -> None:
    params = company(tmp_path)
    forget(params, "9")

    store, lines = lines_of(params)

    assert store.n_customers == 3
    assert not any("forgotten" in line for line in lines)


def test_a_store_is_outdated_when_somebody_was_forgotten_after_it_was_written(tmp_path: Path) -> None:
    params = company(tmp_path)
    ingest(params, lambda _: None)
    was_fresh = fresh_store(params) is not None

    forget(params, "7")

    assert was_fresh
    assert fresh_store(params) is None


def test_new_rows_of_a_forgotten_customer_are_left_out_too(tmp_path: Path) -> None:
    params = company(tmp_path)
    forget(params, "7")
    ingest(params, lambda _: None)
    with (tmp_path / "source" / "logins.csv").open("a", newline="") as file:
        file.write("7,2024-07-01 10:00\r\n70,2024-07-01 11:00\r\n")

    store, lines = lines_of(params)

    assert any("1 new rows read" in line for line in lines)
    assert store.tables["logins"].rows == 3


@pytest.mark.parametrize("customer", ["7", "70", "8"])
def test_a_store_without_a_customer_is_the_store_that_ingest_would_write(
    tmp_path: Path, customer: str
) -> None:
    params = company(tmp_path)
    store = ingest(params, lambda _: None)
    forget(params, customer)

    folder = write_store_without(store, customer, read_forgotten(params.output))
    publish_folder(folder, params.output / "store")
    erased = fresh_store(params)
    again = ingest(params, lambda _: None)

    assert erased is not None
    assert read_customer_rows(erased, customer) == ()
    assert erased.tables == again.tables
    assert (erased.digest, erased.fingerprint) == (again.digest, again.fingerprint)


def test_an_erased_customer_comes_back_neither_in_levels_nor_in_rejects(tmp_path: Path) -> None:
    params = company(tmp_path)
    store = ingest(params, lambda _: None)
    forget(params, "7")

    folder = write_store_without(store, "7", read_forgotten(params.output))

    assert "fax" not in (folder / "manifest.json").read_text()
    assert read_rejected_rows(folder / ".rejects", "7") == ()
    assert read_rejected_rows(store.folder / ".rejects", "7") != ()


def test_a_list_knows_its_customers_and_holds_no_id(tmp_path: Path) -> None:
    forgotten = NO_CUSTOMERS.with_customer("C-1001", DAY, "salt").with_customer("C-1002", DAY, "other salt")

    assert (forgotten.day_of("C-1001"), forgotten.day_of("c-1001")) == (DAY, None)
    assert forgotten.day_of("C-1002") == DAY
    assert "C-100" not in forgotten.file_text()
    assert NO_CUSTOMERS.day_of("C-1001") is None


def test_the_counts_of_erased_units_add_up() -> None:
    one = ErasedUnits(experiment="universal", arm="control", units=1)

    forgotten = NO_CUSTOMERS.with_units([one]).with_units([one, one.model_copy(update={"arm": "treated"})])

    assert [(part.arm, part.units) for part in forgotten.erased_units] == [("control", 2), ("treated", 1)]


def test_a_damaged_list_stops_ingest_in_words(tmp_path: Path) -> None:
    params = company(tmp_path)
    forget(params, "7")
    path = list_path(params.output)
    path.write_text(path.read_text().replace("2024", "2023"))

    with pytest.raises(SourceError, match="would bring back the forgotten customers"):
        ingest(params, lambda _: None)
