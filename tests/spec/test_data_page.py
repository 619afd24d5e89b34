"""The page on your data is what the code writes, and every key and column has a meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from churn.data.sources.table_specs import table_specs
from churn.data.tables import CANONICAL_TABLES, Table, events_table, history_table
from churn.params import Params
from churn.params.sections import TABLES, HistoryParams, TableParams
from tests.spec.write_data_page import DOCUMENT, HEAD, ROLES, TYPES, written

EVERY_TABLE = [*CANONICAL_TABLES.values(), events_table("visits"), history_table("plan", "number")]


def test_the_page_is_what_the_code_writes(root: Path) -> None:
    assert (root / DOCUMENT).read_text(encoding="utf-8") == written(), "run `make docs`"


@pytest.mark.parametrize("table", EVERY_TABLE, ids=lambda table: table.name)
def test_every_column_has_a_meaning_a_role_and_a_type_on_the_page(table: Table) -> None:
    for column in table.columns:
        assert column.meaning, column.name
        assert column.role in ROLES
        assert column.type in TYPES


def test_every_table_and_every_key_of_a_table_is_on_the_page() -> None:
    page = written()

    assert set(CANONICAL_TABLES) == set(TABLES)
    assert [name for name in TABLES if f"### {name}\n" not in page] == []
    for section in (TableParams, HistoryParams):
        for name, entry in section.model_fields.items():
            assert entry.description, name
            assert f"`{entry.alias or name}`" in page or f".{name}`" in page


def test_the_example_of_the_page_is_a_valid_mapping() -> None:
    example = HEAD.partition("```yaml\n")[2].partition("```")[0]

    params = Params.model_validate(yaml.safe_load(example))

    assert {spec.table.name for spec in table_specs(params)} == {"customers", "orders", "visits"}
