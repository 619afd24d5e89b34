"""Findings of one guard with one way out, told in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from churn.finding import Finding

NAMED = 3
"""So many further places of a group are named; the others are counted."""

Group = tuple[Finding, ...]


def grouped(found: Sequence[Finding], by: Callable[[Finding], Hashable] = lambda _: None) -> list[Group]:
    """Put findings together that have guard, way out and severity in common, in the order they first appear.

    Args:
        found: What the guards found.
        by: What a group has in common besides, such as the reason why it was signed off.
    """
    groups: dict[Hashable, list[Finding]] = {}
    for one in found:
        groups.setdefault((one.guard, one.way_out, one.severity, by(one)), []).append(one)
    return [tuple(group) for group in groups.values()]


def in_words(group: Group, *, way_out: bool = True) -> str:
    """Tell the first finding of a group in full, name the next few places, and count the others.

    >>> late = Finding("logins", "rows are late.", "Map known_at.", guard="late_rows", figure="2%")
    >>> in_words((late,))
    'late_rows: logins: rows are late. Map known_at.'
    >>> in_words((late, Finding("orders", "", "Map known_at.", guard="late_rows", figure="7%")))
    'late_rows: logins: rows are late. Likewise orders (7%). Map known_at.'
    """
    first, *others = group
    said = f"{first.guard}: {first.place}: {first.found}"
    if others:
        named = ", ".join(one.place + (f" ({one.figure})" if one.figure else "") for one in others[:NAMED])
        more = f" and {len(others) - NAMED:,} more" if len(others) > NAMED else ""
        said += f" Likewise {named}{more}."
    return f"{said} {first.way_out}" if way_out else said


def key_words(group: Group, section: str) -> str:
    """Return under which keys of `section` a person signs a group off.

    >>> key_words((Finding("logins", "", "", guard="alone"),), "check.accept")
    "To sign it off: check.accept, under 'logins' or 'alone', with the reason."
    """
    first = group[0]
    if len(group) == 1:
        return f"To sign it off: {section}, under '{first.place}' or '{first.guard}', with the reason."
    return (
        f"To sign them off: {section}, under '{first.guard}' for all {len(group)} or under a place such as "
        f"'{first.place}' for one, with the reason."
    )
