"""Find the texts by which a customer can be recognised (id, names, e-mail addresses) in files and tables."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from churn.data.customer_rows import Cell, CustomerRows, is_id_of
from churn.scoring.call_list import header_of, safe_cell

ID_COLUMNS = frozenset(
    ("customer_id", "customer", "customers", "unit", "customerId", header_of("customer_id", "de"))
)
"""The names of columns and keys whose values are ids of customers."""

NAME_COLUMNS = ("name", "email")
"""The columns of the table of customers that name a person."""

MIN_LENGTH = 5
MIN_DIGITS = 9
"""The least length of a text, and of a text of digits, that is no word or number of a file by chance."""

REPLACEMENT = "(forgotten)"
"""The placeholder that replaces an erased identifier in a text."""


@dataclass(frozen=True)
class Identifiers:
    """The texts by which one customer can be recognised.

    Attributes:
        customer_id: The id.
        names: The names and e-mail addresses that no other customer has.
        shared_names: The number of names and addresses that other customers have too; these are not removed.
    """

    customer_id: str
    names: tuple[str, ...] = ()
    shared_names: int = 0

    @property
    def searchable(self) -> tuple[str, ...]:
        """Return the identifiers that are too unusual to be common words or numbers (see `is_distinct`)."""
        return tuple(text for text in (self.customer_id, *self.names) if is_distinct(text))

    @property
    def has_distinct_id(self) -> bool:
        """Return whether the id is too unusual to be a common word or number (see `is_distinct`)."""
        return is_distinct(self.customer_id)

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Return a pattern that finds the `searchable` identifiers as whole words; None if there are none."""
        texts = sorted(self.searchable, key=len, reverse=True)
        if not texts:
            return None
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, texts))})(?!\w)")

    def stands_in(self, text: str) -> bool:
        """Return whether a text holds an identifier as a whole word, plain or escaped for HTML or JSON."""
        if self.pattern is None:
            return False
        if self.pattern.search(text):
            return True
        unescaped = html.unescape(text) if "&" in text else text
        if "\\" in unescaped:
            unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), unescaped)
        return unescaped is not text and bool(self.pattern.search(unescaped))

    def is_cell(self, column: str, value: object) -> bool:
        """Return whether a cell of a table is an identifier, or holds one as a whole word.

        An id that looks like a number counts only in a column of ids. A name counts only if it is the whole
        cell.

        Args:
            column: The name of the column.
            value: The value of the cell.
        """
        if not isinstance(value, str):
            return False
        is_id = is_id_of(value, self.customer_id) or value == safe_cell(self.customer_id)
        if column in ID_COLUMNS and is_id:
            return True
        return value in self.names or self.stands_in(value)

    def without(self, text: str) -> str:
        """Return a text in which a placeholder replaces each identifier."""
        return self.pattern.sub(REPLACEMENT, text) if self.pattern else text


def is_distinct(text: str) -> bool:
    """Return whether a text is too unusual to be a common word or number.

    >>> [is_distinct(text) for text in ("C-1001", "ann@x.org", "Ann Lee", "491511234567")]
    [True, True, True, True]
    >>> [is_distinct(text) for text in ("17850", "7", "gold")]
    [False, False, False]
    """
    if text.isdecimal():
        return len(text) >= MIN_DIGITS
    return len(text) >= MIN_LENGTH and not text.isalpha()


def identifiers_of(
    customer: str, tables: Sequence[CustomerRows], other_values: Mapping[str, Iterable[Cell]]
) -> Identifiers:
    """Return the texts by which a customer can be recognised.

    Args:
        customer: The id.
        tables: The rows of the customer.
        other_values: The values of all other customers by column of `NAME_COLUMNS`.
    """
    taken = {
        column: {value for value in values if value is not None} for column, values in other_values.items()
    }
    names: dict[str, bool] = {}
    for table in tables:
        for row in table.rows if table.table == "customers" else ():
            for column in NAME_COLUMNS:
                value = row.get(column)
                if isinstance(value, str) and value.strip() and value != customer:
                    names[value] = value in taken.get(column, set())
    own = tuple(sorted(name for name, is_shared in names.items() if not is_shared))
    return Identifiers(customer, own, sum(names.values()))


def cells_of(value: Any) -> Iterable[Any]:
    """Yield the values of a cell; a list or a record holds several values."""
    if isinstance(value, Mapping):
        for part in value.values():
            yield from cells_of(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from cells_of(part)
    else:
        yield value
