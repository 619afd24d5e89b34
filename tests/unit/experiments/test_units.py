"""Units: customers who are one person or one account get one arm."""

from __future__ import annotations

import pandas as pd
import pytest

from churn.experiments.units import MAX_CUSTOMERS_PER_ADDRESS, find_units, normalise_email


def customers(*rows: tuple[str, str | None, str | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "person_id", "email", "account_id"])


TABLE = customers(
    ("a", None, "ann@x.org", "acme"),
    ("b", None, " Ann@X.org ", "acme"),
    ("c", "p1", "carl@x.org", None),
    ("d", "p1", None, None),
    ("e", None, "carl@x.org", "acme"),
    ("f", None, None, None),
)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("person", {"a": "a", "b": "a", "c": "c", "d": "c", "e": "c", "f": "f"}),
        ("account", {"a": "a", "b": "a", "c": "c", "d": "d", "e": "a", "f": "f"}),
        ("customer", {name: name for name in "abcdef"}),
    ],
)
def test_a_unit_is_the_person_the_account_or_the_customer(kind, expected):
    assert dict(find_units(TABLE, kind).unit_of) == expected


def test_the_order_of_the_rows_does_not_matter():
    assert find_units(TABLE, "person").unit_of == find_units(TABLE[::-1], "person").unit_of


def test_an_address_of_two_person_ids_joins_nobody():
    table = customers(("a", "p1", "home@x.org", None), ("b", "p2", "home@x.org", None))

    assert dict(find_units(table, "person").unit_of) == {"a": "a", "b": "b"}


def test_an_address_of_many_customers_joins_nobody_and_is_counted():
    many = customers(*((f"c{n:02}", None, "shop@x.org", None) for n in range(MAX_CUSTOMERS_PER_ADDRESS + 1)))
    few = many[:-1]

    assert len(set(find_units(many, "person").unit_of.values())) == len(many)
    assert find_units(many, "person").shared_addresses == 1
    assert set(find_units(few, "person").unit_of.values()) == {"c00"}
    assert find_units(few, "person").shared_addresses == 0


def test_a_unit_keeps_its_name_when_a_smaller_id_joins():
    table = customers(("b", None, "ann@x.org", None), ("a", None, "ann@x.org", None))

    assert dict(find_units(table, "person", {"b": "b"}).unit_of) == {"a": "b", "b": "b"}


def test_two_units_that_turn_out_to_be_one_person_take_the_first_assigned_name():
    table = customers(("a", None, "ann@x.org", None), ("b", None, "ann@x.org", None))

    units = find_units(table, "person", {"b": "b", "a": "a"})

    assert dict(units.unit_of) == {"a": "b", "b": "b"}
    assert dict(units.merged_units) == {"a": "b"}


@pytest.mark.parametrize("word", ["", "  ", "unknown", float("nan"), None, 7])
def test_a_text_that_is_no_address_is_no_key(word):
    assert normalise_email(word) is None
