"""Find columns whose names speak of leaving, and columns that are known to leak in public data sets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict

from churn.finding import Finding
from churn.guards.context import GuardContext
from churn.guards.statistics import levels_differ
from churn.params import OriginParams

STEMS = (
    *("cancel", "churn", "exit", "refund", "closed", "closure", "closing", "terminat", "attrit", "winback"),
    *("deactivat", "leaver", "lapsed", "offboard", "kuendig", "kündig", "storn", "austritt", "abwander"),
)
"""Beginnings of words that speak of leaving, in English and German."""

PHRASES = ("end_date", "win_back", "ended_at", "date_ended", "left_at", "gone_at")
"""Phrases that speak of leaving; their single words do not."""

TARGET_WORDS = ("target", "label", "outcome")
"""Whole words that name the prediction target."""

DENY_LIST = "deny_list.yaml"

_JOINTS = r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\D)(?=\d)|(?<=\d)(?=\D)"


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case, however they are joined.

    >>> words_of("isChurned_90d")
    ['is', 'churned', '90', 'd']
    """
    return [word for word in re.split(r"[\W_]+", re.sub(_JOINTS, "_", name).lower()) if word]


def leaving_word(name: str) -> str | None:
    """Return the part of a name that speaks of leaving; None if there is no such part.

    >>> leaving_word("contractEndDate"), leaving_word("weekend_dates")
    ('end_date', None)
    """
    words = words_of(name)
    for word in words:
        if word.startswith(STEMS) or word in TARGET_WORDS:
            return word
    joined_name = f"_{'_'.join(words)}_"
    return next((phrase for phrase in PHRASES if f"_{phrase}_" in joined_name), None)


def identifiers(sql: str) -> list[str]:
    """Return the names in an SQL expression, without the words inside quoted text.

    >>> identifiers("coalesce(plan, 'none')")
    ['coalesce', 'plan']
    """
    return re.findall(r"[^\W\d]\w*", re.sub(r"'[^']*'", "", sql))


def mapped_names(origin: OriginParams, attribute: str) -> list[str]:
    """Return the name of an attribute, and the names in the SQL expression that gives its values."""
    return list(dict.fromkeys([attribute, *identifiers(origin.columns.get(attribute, ""))]))


def suspicious_names(context: GuardContext) -> Iterator[Finding]:
    """Warn of a column whose name speaks of leaving; stop if churners and stayers also differ in its values.

    The name alone may be chance (`cancellation_policy`), and a difference of values alone may be chance. A
    suspicious name and different values together are not chance.
    """
    ends = context.ends
    for attribute in context.attributes:
        names = mapped_names(context.specs["customers"].origin, attribute)
        name = next((name for name in names if leaving_word(name)), None)
        if name is None:
            continue
        differ = levels_differ(
            context.levels[attribute][ends.has_known_state], ends.has_left[ends.has_known_state]
        )
        yield Finding(
            f"customers.{attribute}",
            f"the name '{name}' contains a word for leaving ('{leaving_word(name)}')"
            + (", and customers who left have other values than those who stayed." if differ else "."),
            "A value that is filled in when a customer leaves tells the model the outcome, so it must not be "
            "an attribute. Remove the attribute from tables.customers.static. If the source has the time at "
            "which the value was filled in, map this time as an outcome column.",
            "stop" if differ else "warn",
        )
    for column, name in _suspicious_event_columns(context):
        yield Finding(
            column,
            f"the column is mapped from '{name}', and this name contains a word for leaving "
            f"('{leaving_word(name)}').",
            "Map the column as an outcome column. Then a signal sees a time of this column only if the time "
            "lies before the cutoff. Or leave the column out.",
        )


def _suspicious_event_columns(context: GuardContext) -> Iterator[tuple[str, str]]:
    """Yield pairs of an event column and the name of its source column, if this name speaks of leaving."""
    for table, spec in context.specs.items():
        if table == "customers" or spec.table.is_history:
            continue
        for name, sql in spec.origin.columns.items():
            column = spec.table.column(name)
            if column is None or column.role not in ("scheduled", "value", "attribute") or column.known_with:
                continue
            for identifier in identifiers(sql):
                if identifier.lower() != name and leaving_word(identifier):
                    yield f"{table}.{name}", identifier
                    break


class LeakyColumns(BaseModel):
    """An entry of the deny list: the columns and the kinds of events that leak in one public data set.

    Attributes:
        data: The data set.
        columns: The beginnings of the names of the columns that leak.
        beside: Other columns of the data set, by which the guard recognizes the data set.
        why: The reason why the columns leak.
        kinds: The kinds of events that leak.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    columns: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    why: str
    kinds: tuple[str, ...] = ()


@cache
def deny_list() -> tuple[LeakyColumns, ...]:
    """Return the entries of the deny list, which names the leaky columns of public data sets."""
    text = resources.files(__package__).joinpath(DENY_LIST).read_text(encoding="utf-8")
    return tuple(LeakyColumns.model_validate(entry) for entry in yaml.safe_load(text)["columns"])


def plain(name: str) -> str:
    """Return a name in lower case, without blanks and special characters.

    >>> plain("Churn Score")
    'churnscore'
    """
    return re.sub(r"[\W_]+", "", name.lower())


def known_leaks(context: GuardContext) -> Iterator[Finding]:
    """Find columns and kinds of events that are known to leak in public data sets.

    A finding about a column is a stop if at least two more columns of the same public data set are mapped.
    These columns show that the user works with this data set. All other findings are warnings.
    """
    yield from _leaky_attributes(context)
    for table in context.event_tables:
        for column, levels in context.store.tables[table].levels.items():
            for level in levels:
                for entry in deny_list():
                    if plain(level) in {plain(kind) for kind in entry.kinds}:
                        yield Finding(
                            f"{table}.{column}: {level}",
                            f"this kind of event is known to leak in the data set '{entry.data}': "
                            f"{entry.why}.",
                            f"Leave out the rows with this kind of event, with a 'where' at {table}.",
                        )


def _leaky_attributes(context: GuardContext) -> Iterator[Finding]:
    origin = context.specs["customers"].origin
    names = {plain(name) for attribute in context.attributes for name in mapped_names(origin, attribute)}
    for sql in (*origin.columns.values(), origin.query or ""):
        names |= {plain(name) for name in identifiers(sql)}
    for attribute in context.attributes:
        own_names = {plain(name): name for name in mapped_names(origin, attribute)}
        for entry in deny_list():
            beginnings = tuple(plain(column) for column in entry.columns)
            name = next((own_names[key] for key in own_names if key.startswith(beginnings)), None)
            if name is None:
                continue
            same_data = len({plain(column) for column in entry.beside} & names) >= 2
            yield Finding(
                f"customers.{attribute}",
                f"'{name}' is known to leak in the data set '{entry.data}': {entry.why}.",
                "Leave the column out."
                if same_data
                else "Leave the column out, or sign the finding off if it does not apply to your data.",
                "stop" if same_data else "warn",
            )
            break
