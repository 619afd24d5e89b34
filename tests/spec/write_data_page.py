"""Write docs/your-data.md from the contracts of the tables and from the parameters of a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from churn.data.ingest.rules import PLACEHOLDERS
from churn.data.sources.folder import SUFFIXES
from churn.data.tables import (
    CANONICAL_TABLES,
    LARGEST_NUMBER,
    MOOD_TEXTS,
    Column,
    Table,
    events_table,
    history_table,
)
from churn.params.sections import HistoryParams, TableParams

DOCUMENT = "docs/your-data.md"

HEAD = """# Your data

`params.yaml` maps your tables to the tables below. `churn init` writes a first mapping, and `churn check`
tells what does not fit. Only `customers` and the table from which the label is computed are required. If a
table is not mapped, its signals are off. `make docs` writes this page from the code.

```yaml
source: exports                      # a folder, a DuckDB file, a database or Spark
timezone: Europe/Berlin              # a time without an offset is local to this zone; a time that the
                                     # clocks show twice in autumn is the first one
tables:
  customers: {query: "select id as customer_id, min(ts) as signed_up_at from sales group by 1"}
  orders:
    from: sales                      # the table of the source
    columns: {customer_id: id, ordered_at: ts, amount: "price * qty"}
    where: "qty > 0"
    time_format: "%d-%m-%Y %H:%M"
    row_id: line_id
events:                              # any other table of events
  visits: {from: web, columns: {customer_id: id, happened_at: ts, kind: page}}
label: {kind: inactivity, table: orders, horizon_days: 28}
```
"""

ROLES = {
    "id": "the customer of the row",
    "time": "when the row happened; at a cutoff only earlier rows are visible",
    "known": "when the row became known; without it, a row is known when it happened",
    "row": "the identity of the row",
    "outcome": "filled in later: empty at every cutoff before its own time, while the row is visible",
    "scheduled": "known with the row although it lies ahead, such as a due date; never hidden",
    "value": "a number that is known with the row",
    "attribute": "a text, a name or a yes or no that is known with the row",
}

TYPES = {
    "text": "text",
    "level": "one of a few names",
    "instant": "time",
    "money": "money",
    "number": "number",
    "boolean": "true or false",
}


def written() -> str:
    """Return the text of the document."""
    return "\n".join([HEAD, *_options(), *_files(), *_roles(), *_mood(), *_tables()])


def _options() -> Iterator[str]:
    yield "## What a table may say\n\n| key | meaning |\n|---|---|"
    fields = {**TableParams.model_fields, "kind": HistoryParams.model_fields["kind"]}
    for name, entry in fields.items():
        key = f"history.NAME.{name}" if name == "kind" else entry.alias or name
        yield f"| `{key}` | {entry.description} |"
    yield ""


def _files() -> Iterator[str]:
    suffixes = ", ".join(f"`{suffix}`" for suffix in SUFFIXES)
    yield (
        (
            "## Files\n\nIf the source is a folder, each file is a table, and each sub-folder is one table "
            "made of all its files. Files with the following suffixes are read, in upper or lower case: "
            f"{suffixes}. Spreadsheets need the extra `excel`. Files whose names begin with `.` or `_` are "
            "ignored. A message names the files that are not read. Text files must be UTF-8; UTF-16 and "
            "UTF-32 are read only with a byte-order mark, and not in a `.zst` file. A folder `key=value` "
            "below a table's folder gives the column `key`. A table of Delta Lake, Iceberg or Hudi is "
            "refused, because its folder also holds rows that were removed. JSON lines in which two keys "
            "differ only in capital letters are refused.\n\nBlanks of every kind at the ends of a value are "
            "removed. When the clocks go back, the times of one hour occur twice; such a local time "
            "means the earlier instant. Amounts are rounded to the cent. A row whose amount is `true` or "
            "`false` is rejected. A row whose `customer_id` is a placeholder, in upper or lower case, "
            "belongs to no customer. Such a row is counted as a rejected row. The placeholders are: "
        )
        + ", ".join(f"`{word}`" for word in PLACEHOLDERS)
        + ".\n"
    )


def _roles() -> Iterator[str]:
    yield "## Roles\n\n| role | meaning |\n|---|---|"
    yield from (f"| {role} | {meaning} |" for role, meaning in ROLES.items())
    yield ""


def _mood() -> Iterator[str]:
    yield (
        "## The mood of words\n\n`signals: {mood: true}` fills the column `mood`: "
        + ", ".join(f"in `{table}` from `{column}`" for table, column in MOOD_TEXTS.items())
        + (
            ". The mood comes from a list of good and bad words in English and German. A negation up to "
            "three words before a word reverses the meaning of the word: 'not good' is bad. The mood is off "
            "by default, and it is coarse: it does not understand irony, spelling mistakes or any third "
            "language. The mood of one text says little. The words of `message` are read but not kept: "
            "the store and the rejected rows do not hold them. If you have a better measure of the mood, "
            "map it to the column `mood`.\n"
        )
    )


def _tables() -> Iterator[str]:
    yield "## Tables\n\nColumns in bold are required.\n"
    for table in CANONICAL_TABLES.values():
        yield from _table(table.name, table)
    yield from _table("any table under `events:`", events_table("visits"))
    yield from _table("`tables.customers.history.NAME`", history_table("NAME", "level"))


def _table(title: str, table: Table) -> Iterator[str]:
    yield f"### {title}\n\n| column | type | role | meaning |\n|---|---|---|---|"
    for column in table.columns:
        name = f"**`{column.name}`**" if column.is_required else f"`{column.name}`"
        known = f"; known with `{column.known_with}`" if column.known_with else ""
        yield f"| {name} | {_type(column)} | {column.role} | {column.meaning}{known} |"
    yield ""


def _type(column: Column) -> str:
    low, high = column.bounds or (-LARGEST_NUMBER, LARGEST_NUMBER)
    if high < LARGEST_NUMBER:
        return f"{TYPES[column.type]}, {low:g} to {high:g}"
    return f"{TYPES[column.type]}, at least {low:g}" if low > -LARGEST_NUMBER else TYPES[column.type]


def main() -> None:
    """Write the document."""
    (Path(__file__).parents[2] / DOCUMENT).write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
