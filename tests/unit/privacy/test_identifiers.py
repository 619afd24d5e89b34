"""What a customer is recognised by: distinct texts anywhere, plain ids only in columns of ids."""

from __future__ import annotations

import pytest

from churn.data.customer_rows import CustomerRows
from churn.privacy.identifiers import Identifiers, identifiers_of

ANN = Identifiers("C-1001", ("Ann & Sons", "ann@x.org"))
SEVEN = Identifiers("7", ("Ann",))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("customer_id", "C-1001"),
        ("reason", "called C-1001 twice"),
        ("name", "Ann & Sons"),
        ("page", "<td>Ann &amp; Sons</td>"),
        ("text", '"Ann \\u0026 Sons"'),
    ],
)
def test_a_distinct_text_is_found_in_every_column_also_escaped(column: str, value: str) -> None:
    assert ANN.is_cell(column, value)


@pytest.mark.parametrize(
    ("column", "value"), [("customer_id", "C-10010"), ("name", "Joann & Sons"), ("rank", 7), ("rank", None)]
)
def test_a_part_of_a_longer_word_is_another_customer(column: str, value: object) -> None:
    assert not ANN.is_cell(column, value)


@pytest.mark.parametrize(
    ("column", "value", "is_found"),
    [
        ("customer_id", "7", True),
        ("customers", "7", True),
        ("Kundennummer", "7", True),
        ("customer_id", " 7.0", True),
        ("customer_id", "70", False),
        ("model_version", "7", False),
        ("reason", "rated us 7 of 10", False),
        ("name", "Ann", True),
        ("name", "Ann Lee", False),
    ],
)
def test_a_plain_id_counts_only_in_columns_of_ids(column: str, value: str, is_found: bool) -> None:
    assert SEVEN.is_cell(column, value) == is_found


def test_a_name_that_another_customer_has_too_is_not_searched() -> None:
    rows = CustomerRows("customers", ({"name": "Ann", "email": "ann@x.org"},))

    identifiers = identifiers_of("7", [rows], {"name": ["Bob", "Ann"], "email": ["bob@x.org"]})

    assert identifiers == Identifiers("7", ("ann@x.org",), shared_names=1)


def test_a_word_stands_for_an_identifier_in_a_text() -> None:
    assert ANN.without("C-1001 and C-10010") == "(forgotten) and C-10010"
    assert SEVEN.without("7 of 10") == "7 of 10"
