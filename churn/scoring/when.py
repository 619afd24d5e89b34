"""Reading the `when:` of a play into a condition, with every mistake located."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from churn.errors import did_you_mean
from churn.scoring.conditions import Comparison, Condition, Join, Span, Test

SCORE_COLUMNS = {
    "churn_probability": Span((0.0, 0), (1.0, 0)),
    "health": Span((1.0, 0), (5.0, 0)),
    "health_activity": Span((1.0, 0), (5.0, 0)),
    "health_support": Span((1.0, 0), (5.0, 0)),
    "health_sentiment": Span((1.0, 0), (5.0, 0)),
    "health_payment": Span((1.0, 0), (5.0, 0)),
    "value_at_risk": Span((0.0, 0)),
}
"""Columns of the score file that a play may ask for, with the values they can take."""

COMPARISONS = ("below", "above", "at_least", "at_most", "equals", "or_missing")


def read_when(
    tree: Mapping[str, Any], place: str, kinds: Mapping[str, str], problems: list[str]
) -> Condition | None:
    """Read a condition; mistakes go to `problems` and make the result None.

    Args:
        tree: columns with comparisons, `all:` or `any:` with lists of conditions, or `least_of:` with a
            comparison beside it. All entries must hold.
        place: where in the file, for messages.
        kinds: the columns there are, 'number' or 'level'.
        problems: the list that mistakes are added to.
    """
    if not tree:
        problems.append(f"{place} is empty. For everyone, write 'health: {{at_most: 5}}'.")
        return None
    parts: list[Condition | None] = []
    beside = {word: tree[word] for word in COMPARISONS if word in tree}
    if beside and "least_of" not in tree:
        problems.append(
            f"{place}.{next(iter(beside))} compares nothing: name a signal, or 'least_of', for it."
        )
    for key, value in tree.items():
        at = f"{place}.{key}"
        if key in ("all", "any"):
            parts.append(_joined(value, at, key == "all", kinds, problems))
        elif key == "least_of":
            parts.append(_least(value, beside, at, kinds, problems))
        elif key not in COMPARISONS:
            parts.append(_test((str(key),), value, at, kinds, problems))
    sound = tuple(part for part in parts if part is not None)
    if len(sound) < len(parts) or not sound:
        return None
    return sound[0] if len(sound) == 1 else Join(sound)


def _joined(
    value: Any, place: str, every: bool, kinds: Mapping[str, str], problems: list[str]
) -> Condition | None:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        problems.append(f"{place}: expected a list of conditions, each 'signal: {{below: 3}}'.")
        return None
    parts = [read_when(item, f"{place}[{at}]", kinds, problems) for at, item in enumerate(value)]
    sound = tuple(part for part in parts if part is not None)
    return Join(sound, every) if len(sound) == len(parts) else None


def _least(
    value: Any, beside: Mapping[str, Any], place: str, kinds: Mapping[str, str], problems: list[str]
) -> Condition | None:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        problems.append(f"{place}: expected a list of signals, such as [logins_days_since_last].")
        return None
    words = [name for name in value if kinds.get(name) == "level"]
    problems += [f"{place}: {name} holds words; the least is taken of numbers." for name in words]
    test = _test(tuple(value), dict(beside), place, kinds, problems)
    return None if words else test


def _test(
    keys: tuple[str, ...], value: Any, place: str, kinds: Mapping[str, str], problems: list[str]
) -> Condition | None:
    unknown = [key for key in keys if key not in kinds]
    for key in unknown:
        at = place if len(keys) == 1 and place.endswith(f".{key}") else f"{place}: {key}"
        problems.append(f"{at} is not a signal.{did_you_mean(key, [*kinds, 'all', 'any', 'least_of'])}")
    comparison = _comparison(value, place, problems)
    if unknown or comparison is None:
        return None
    if wrong := _misfit(keys[0], comparison, kinds):
        problems.append(f"{place}{wrong}")
        return None
    return Test(keys, comparison)


def _comparison(value: Any, place: str, problems: list[str]) -> Comparison | None:
    if not isinstance(value, dict):
        problems.append(f"{place} ({value!r:.60}): expected a comparison, such as {{below: 7}}.")
        return None
    try:
        return Comparison.model_validate(value)
    except ValidationError as error:
        said = []
        for detail in error.errors():
            word = str(detail["loc"][0]) if detail["loc"] else ""
            if detail["type"] == "extra_forbidden":
                said.append(f"{place}.{word} is not a comparison.{did_you_mean(word, COMPARISONS)}")
            elif not word:
                said.append(f"{place} {str(detail['msg']).removeprefix('Value error, ')}.")
            else:
                wanted = "true or false" if word == "or_missing" else "a number"
                said.append(f"{place}.{word} ({detail['input']!r:.60}): expected {wanted}.")
        problems += list(dict.fromkeys(said))
        return None


def _misfit(key: str, comparison: Comparison, kinds: Mapping[str, str]) -> str:
    span = comparison.span()
    if (kinds[key] == "level") != isinstance(span, str):
        return (
            ": holds words; only 'equals' with a word fits." if kinds[key] == "level" else ": holds numbers."
        )
    if not isinstance(span, Span):
        return ""
    if span.is_empty:
        return " can never hold: no number lies between these bounds."
    allowed = SCORE_COLUMNS.get(key)
    if allowed and (span.low > allowed.high or span.high < allowed.low):
        top = f" and {allowed.high[0]:g}" if allowed.high[0] < float("inf") else " and up"
        return f" can never hold: values lie between {allowed.low[0]:g}{top}."
    return ""
