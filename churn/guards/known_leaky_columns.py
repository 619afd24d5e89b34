"""Columns of public data sets that are known to leak."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import yaml

from churn.finding import Finding
from churn.guards.context import Company
from churn.guards.names import identifiers, names_behind

LIST = "deny_list.yaml"


@cache
def deny_list() -> list[dict[str, Any]]:
    """Return the entries: data set, columns or kinds, the columns found beside them, and why they leak."""
    text = resources.files(__package__).joinpath(LIST).read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)["columns"]
    return found


def plain(name: str) -> str:
    """Return a name without case, blanks and signs.

    >>> plain("Churn Score")
    'churnscore'
    """
    return re.sub(r"[\W_]+", "", name.lower())


def known_leaks(company: Company) -> Iterator[Finding]:
    """Stop at a listed column beside two others of its data set; warn where only its name is the same."""
    yield from _attributes(company)
    for table in company.event_tables:
        for column, levels in company.store.tables[table].levels.items():
            for level in levels:
                for entry in deny_list():
                    if plain(level) in {plain(kind) for kind in entry.get("kinds", ())}:
                        yield Finding(
                            f"{table}.{column}: {level}",
                            f"the kind is known to leak in the data set '{entry['data']}': {entry['why']}.",
                            f"Leave these rows out with a 'where' at {table}.",
                        )


def _attributes(company: Company) -> Iterator[Finding]:
    origin = company.params.tables["customers"]
    there = {plain(said) for name in company.attributes for said in names_behind(origin, name)}
    there |= {
        plain(said) for sql in (*origin.columns.values(), origin.query or "") for said in identifiers(sql)
    }
    for name in company.attributes:
        said = {plain(each): each for each in names_behind(origin, name)}
        for entry in deny_list():
            listed = tuple(plain(each) for each in entry["columns"])
            hit = next((each for key, each in said.items() if listed and key.startswith(listed)), None)
            if hit is None:
                continue
            sure = len({plain(each) for each in entry["beside"]} & there) >= 2
            yield Finding(
                f"customers.{name}",
                f"'{hit}' is known to leak in the data set '{entry['data']}': {entry['why']}.",
                "Leave it out." if sure else "Leave it out, or sign it off if these are other data.",
                "stop" if sure else "warn",
            )
            break
