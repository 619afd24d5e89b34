"""Names of attributes that speak of leaving."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import yaml

from churn.finding import Finding
from churn.guards.context import GONE, UNKNOWN, Company
from churn.guards.statistics import differ
from churn.params import TableParams

STEMS = (
    *("cancel", "churn", "exit", "refund", "closed", "closure", "closing", "terminat", "attrit", "winback"),
    *("deactivat", "leaver", "lapsed", "offboard", "kuendig", "kündig", "storn", "austritt", "abwander"),
)
"""Beginnings of words that speak of leaving, in English and German."""

PHRASES = ("end_date", "win_back", "ended_at", "date_ended", "left_at", "gone_at")
"""Words that do so only together."""

WHOLE = ("target", "label", "outcome")
"""Whole words that name what is to be predicted."""

_JOINTS = r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\D)(?=\d)|(?<=\d)(?=\D)"


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case, however they are joined.

    >>> words_of("isChurned_90d")
    ['is', 'churned', '90', 'd']
    """
    return [word for word in re.split(r"[\W_]+", re.sub(_JOINTS, "_", name).lower()) if word]


def speaks_of_leaving(name: str) -> str | None:
    """Return the part of a name that speaks of leaving, or None.

    >>> speaks_of_leaving("contractEndDate"), speaks_of_leaving("weekend_dates")
    ('end_date', None)
    """
    words = words_of(name)
    for word in words:
        if word.startswith(STEMS) or word in WHOLE:
            return word
    joined = f"_{'_'.join(words)}_"
    return next((phrase for phrase in PHRASES if f"_{phrase}_" in joined), None)


def identifiers(sql: str) -> list[str]:
    """Return the names in an SQL expression; what stands in the quotes of a text is none."""
    return re.findall(r"[^\W\d]\w*", re.sub(r"'[^']*'", "", sql))


def names_behind(origin: TableParams, attribute: str) -> list[str]:
    """Return the name of an attribute and the names it is mapped from."""
    return list(dict.fromkeys([attribute, *identifiers(origin.columns.get(attribute, ""))]))


def suspicious_names(company: Company) -> Iterator[Finding]:
    """Warn of a name that speaks of leaving; stop where those who left also have other values.

    The name alone may be chance (`cancellation_policy`), and so may be a difference; both together are not.
    """
    state = company.ends.state
    known = state != UNKNOWN
    for name in company.attributes:
        said = next(
            (
                each
                for each in names_behind(company.params.tables["customers"], name)
                if speaks_of_leaving(each)
            ),
            None,
        )
        if said is None:
            continue
        tells = differ(company.levels[name][known], state[known] == GONE)
        yield Finding(
            f"customers.{name}",
            f"'{said}' speaks of leaving ('{speaks_of_leaving(said)}')"
            + (", and its values differ between those who left and those who stayed." if tells else "."),
            "What is filled in when a customer leaves is no attribute: take it out of "
            "tables.customers.static, or map its time as an outcome column.",
            "stop" if tells else "warn",
        )
    for place, said in _others(company):
        yield Finding(
            place,
            f"it is mapped from '{said}', which speaks of leaving ('{speaks_of_leaving(said)}').",
            "Map it to the outcome column it is, which is hidden until its own time, or leave it out.",
        )


def _others(company: Company) -> Iterator[tuple[str, str]]:
    """Yield values and scheduled times of events whose source's name speaks of leaving."""
    params = company.params
    for name, origin in [*params.tables.items(), *params.events.items()]:
        for column, sql in origin.columns.items() if name != "customers" else ():
            found = company.tables[name].column(column)
            if found is None or found.role not in ("scheduled", "value", "attribute") or found.known_with:
                continue
            for said in identifiers(sql):
                if said.lower() != column and speaks_of_leaving(said):
                    yield f"{name}.{column}", said
                    break


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
