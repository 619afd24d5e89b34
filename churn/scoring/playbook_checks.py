"""Find the mistakes in a playbook: wrong forms, unknown names, and plays that no customer can ever get.

Each mistake is shown with its line in the file.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from churn.errors import did_you_mean
from churn.features.signal import FAMILIES
from churn.scoring.conditions import Condition, is_covered
from churn.scoring.play import AUDIENCES, OWN_CHANNEL, After, Play, PlaybookFile, Success, Variant

Entries = Sequence[Mapping[str, Any]]

_LOCATION = re.compile(r"^[a-z_]+(\[\d+\]|\.[\w-]+)*")
_CLOSE_NAMES = 0.85
"""If two names of owners or channels are more similar than this, they are probably meant as one name."""


def place_by_line(problem: str, lines: Mapping[str, int]) -> str:
    """Return a problem with its line number in front; the problem must begin with a key of the playbook.

    >>> place_by_line("plays[0].when is empty.", {"": 1, "plays": 1, "plays[0]": 2})
    'line 2: plays[0].when is empty.'
    """
    match = _LOCATION.match(problem)
    location = match.group() if match else ""
    while location and location not in lines:
        location = re.sub(r"(\[\d+\]|\.[\w-]+|^[a-z_]+)$", "", location)
    line = lines.get(location)
    return f"line {line}: {problem}" if location and line else problem


def file_problems(tree: Any) -> list[str]:
    """Return the mistakes in the form of the file: unknown keys, missing keys, and values of a wrong type."""
    try:
        PlaybookFile.model_validate(tree)
    except ValidationError as error:
        details = error.errors()
        if isinstance(tree, dict) and tree.get("plays"):  # pydantic does not count plays that have mistakes
            details = [
                detail for detail in details if detail["loc"] != ("plays",) or detail["type"] != "too_short"
            ]
        return list(dict.fromkeys(_message(detail) for detail in details))
    return []


def play_problems(
    tree: Any,
    entries: Entries,
    conditions: Sequence[Condition | None],
    stages: Mapping[str, Condition | None],
) -> Iterable[str]:
    """Yield the mistakes that show when parts of a playbook are compared: names that do not exist, and plays
    that no customer can ever get.

    Args:
        tree: The whole file.
        entries: The plays as they are in the file.
        conditions: The condition of each play; None if the condition has mistakes.
        stages: The condition of each stage of the customer relation, by name, in the order of the file; None
            if the condition has mistakes.
    """
    yield from _repeated_names(entries)
    names = [str(entry.get("name")) for entry in entries]
    owners = tree.get("owners") if isinstance(tree, dict) else None
    for index, entry in enumerate(entries):
        location = f"plays[{index}]"
        if "when" not in entry and "after" not in entry and entry:
            yield f"{location}.when is missing; only a play with 'after' may lack this key."
        for stage in _texts(entry.get("stage")):
            if stage not in stages:
                yield f"{location}.stage '{stage}' is not under stages.{did_you_mean(stage, stages)}"
        for family in _texts(entry.get("follows")):
            if family not in FAMILIES:
                yield f"{location}.follows '{family}' is no family.{did_you_mean(family, FAMILIES)}"
        if isinstance(owners, list) and isinstance(owner := entry.get("owner"), str) and owner not in owners:
            hint = did_you_mean(owner, [name for name in owners if isinstance(name, str)])
            yield f"{location}.owner '{owner}' is not under owners.{hint}"
        channels = entry.get("channels")
        is_preferred = entry.get("channel") == OWN_CHANNEL
        if is_preferred and not (isinstance(channels, list) and len(channels) > 1):
            yield (
                f"{location}.channel '{OWN_CHANNEL}' chooses among several channels, so 'channels' must "
                "name two or more; the first one is tried first."
            )
        first = channels[0] if isinstance(channels, list) and channels and not is_preferred else None
        if first is not None and entry.get("channel", first) != first:
            yield (
                f"{location}.channel '{entry['channel']}' must be the first name under 'channels'. Put "
                "it first there, or leave out 'channel'."
            )
        if isinstance(channels, list) and len(set(map(str, channels))) < len(channels):
            yield f"{location}.channels names a channel twice; keep it once."
        yield from _follow_up_problems(index, entry, entries, names)
        yield from _list_problems(location, entry)
    yield from _never_hold(stages)
    yield from _never_fire(entries, conditions)


def _list_problems(location: str, entry: Mapping[str, Any]) -> Iterable[str]:
    """Yield a mistake for each key that is not allowed for the play's list (at risk, advocates or gone)."""
    audience = _audience(entry)
    keys: tuple[str, ...] = ()
    if audience in ("advocates", "gone"):
        keys = ("variants", "after", "follows")
    if audience == "gone":
        keys += ("stage", "for_nights")
    for key in keys:
        if key in entry:
            yield (
                f"{location}.{key} does not work in a play with 'for: {audience}': for such plays, a night "
                "does not compute the data that this key needs. Leave the key out."
            )
    if "budget" in entry and (audience == "at risk" or not entry.get("control")):
        yield (
            f"{location}.budget limits the new contacts of a list, and works only in a list with a control "
            "group. Add the keys 'control' and 'for' (advocates or gone) to the play, or leave 'budget' out."
        )


def event_problems(entries: Entries) -> Iterable[str]:
    """Yield a mistake for each key that is not allowed in a play if the label is of kind event."""
    for index, entry in enumerate(entries):
        location, audience, success = f"plays[{index}]", entry.get("for"), entry.get("success")
        if audience in ("advocates", "gone"):
            yield (
                f"{location}.for '{audience}' does not work with a label of kind event: 'advocates' needs "
                "the health of customers and 'gone' needs lost customers, but such a label gives neither. "
                "Leave 'for' out; label.among says which customers count."
            )
        if isinstance(success, dict):
            for key in _criterion_keys(success.get("when")):
                if key in ("health_at_least", "stays"):
                    yield (
                        f"{location}.success.when.{key} is a figure about churn, but the label is of kind "
                        "event. Name an event instead: {event: TABLE}."
                    )


def _criterion_keys(tree: Any) -> Iterable[str]:
    """Yield all keys of a criterion of success, also those inside `all` and `any`."""
    for part in tree if isinstance(tree, list) else [tree]:
        if isinstance(part, dict):
            yield from map(str, part)
            for inner in part.values():
                yield from _criterion_keys(inner) if isinstance(inner, list) else ()


def _follow_up_problems(
    index: int, entry: Mapping[str, Any], entries: Entries, names: Sequence[str]
) -> Iterable[str]:
    after = entry.get("after")
    earlier = after.get("play") if isinstance(after, dict) else None
    if not isinstance(earlier, str):
        return
    location = f"plays[{index}].after.play"
    if earlier == names[index]:
        yield (
            f"{location} '{earlier}' is this play, and a play cannot follow itself. Name another play that "
            "goes before this play."
        )
    elif earlier not in names:
        yield f"{location} '{earlier}' is no play.{did_you_mean(earlier, names)}"
    elif _audience(entries[names.index(earlier)]) != _audience(entry):
        yield f"{location} '{earlier}' is for another list than this play. Give both plays the same 'for'."
    else:
        names_before = {names[index]}
        while isinstance(earlier, str) and earlier in names and earlier not in names_before:
            names_before.add(earlier)
            step = entries[names.index(earlier)].get("after")
            earlier = step.get("play") if isinstance(step, dict) else None
        if earlier == names[index]:
            yield f"{location}: the plays follow each other in a circle, so none of them can begin."


def wording_problems(entries: Entries, language: str | None) -> Iterable[str]:
    """Yield a problem for each text that is written for other languages, but not for the team's language.

    A text that names no language was written by the team and is shown unchanged.

    Args:
        entries: The plays as they are in the file.
        language: The language of the team; None if any language is right.
    """
    for index, entry in enumerate(entries):
        success = entry.get("success")
        wordings = {"action": entry.get("action")}
        if isinstance(success, dict):
            wordings["success.text"] = success.get("text")
        for key, wording in wordings.items():
            if isinstance(wording, dict) and wording and language not in (None, *wording):
                yield (
                    f"plays[{index}].{key} has no text in '{language}', the language of `score.language`. "
                    f"Add '{language}: ...'."
                )


def play_warnings(file: PlaybookFile) -> Iterable[str]:
    """Yield warnings about probable mistakes: names that are nearly equal, and stages that no play uses."""
    for key, names in (
        ("owner", [play.owner for play in file.plays] if file.owners is None else []),
        ("channel", [play.channel_order[0] for play in file.plays]),
    ):
        counts = Counter(names)
        for index, name in enumerate(names):
            namesake = _namesake(name, counts)
            if namesake is not None:
                yield (
                    f"plays[{index}].{key} '{name}' is spelled nearly like '{namesake}', which is the {key} "
                    f"of {counts[namesake]} {'play' if counts[namesake] == 1 else 'plays'}. If both names "
                    f"mean the same {key}, use only one of them."
                )
    plays = [play for play in file.plays if play.audience == "at risk"]
    if any(play.stage for play in plays):
        for stage in file.stages:
            is_used = any(stage in play.stage for play in file.plays)
            if not is_used and all(play.stage for play in plays):
                yield f"stages.{stage} has no play: customers in this stage get no play."


def _namesake(name: str, counts: Mapping[str, int]) -> str | None:
    """Return the right name if `name`, an owner or a channel, is probably a misspelling; otherwise None.

    Of two similar names, the rarer one is the misspelling.
    """
    for namesake in sorted(counts):
        if namesake == name or (counts[namesake], namesake) < (counts[name], name):
            continue
        letters, other_letters = (re.sub(r"[\W_]+", "", word).casefold() for word in (name, namesake))
        if letters == other_letters:
            return namesake
        if min(len(letters), len(other_letters)) < 5 or len(letters) == len(other_letters) == 5:
            continue  # short names may differ by one letter on purpose
        if re.sub(r"\d+", "", letters) == re.sub(r"\d+", "", other_letters):
            continue  # names such as "team 1" and "team 2" differ on purpose
        if name.split()[:-1] == namesake.split()[:-1] and len(name.split()[-1]) == 1:
            continue  # names such as "team a" and "team b" differ on purpose
        if difflib.SequenceMatcher(None, letters, other_letters).ratio() >= _CLOSE_NAMES:
            return namesake
    return None


_MODELS: Mapping[str, type[BaseModel]] = {"success": Success, "after": After, "variants": Variant}


def _message(detail: Mapping[str, Any]) -> str:
    parts = [part for part in detail["loc"] if not str(part).startswith("<") and part != "[key]"]
    location = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    last = str(parts[-1]) if parts else ""
    if detail["type"] == "extra_forbidden":
        return f"{location} is not a part of a playbook.{did_you_mean(last, _keys_at(parts))}"
    if detail["type"] == "missing":
        return f"{location} is missing, and this key has no default."
    if detail["type"] == "string_pattern_mismatch":
        return f"{location} ({detail['input']!r:.60}): a name has only lower-case letters, digits, - and _."
    if not location:
        return "expected 'plays:' with a list of plays."
    if location == "plays":
        return "plays: expected a list of at least one play."
    if detail["type"] in ("model_type", "dict_type", "model_attributes_type"):
        return f"{location} ({detail['input']!r:.60}): expected a mapping."
    if last == "for" and detail["type"] == "literal_error":
        hint = did_you_mean(str(detail["input"]), AUDIENCES)
        return f"{location} ({detail['input']!r:.60}): expected 'at risk', 'advocates' or 'gone'.{hint}"
    value = "" if isinstance(detail["input"], dict | list) else f" ({detail['input']!r:.60})"
    return f"{location}{value}: {str(detail['msg']).removeprefix('Value error, ')}."


def _keys_at(parts: Sequence[Any]) -> list[str]:
    """Return the keys that are allowed at the place of a mistake."""
    if len(parts) == 1:
        return list(PlaybookFile.model_fields)
    model = _MODELS.get(str(parts[2])) if len(parts) > 3 else None
    return list(model.model_fields) if model else _PLAY_KEYS


_PLAY_KEYS = [field.alias or name for name, field in Play.model_fields.items()]


def _repeated_names(entries: Entries) -> Iterable[str]:
    first_index: dict[str, int] = {}
    for index, entry in enumerate(entries):
        name = entry.get("name")
        if isinstance(name, str) and first_index.setdefault(name, index) != index:
            namesake = f"plays[{first_index[name]}]"
            yield f"plays[{index}].name '{name}' is also the name of {namesake}. Names must differ."


def _never_hold(stages: Mapping[str, Condition | None]) -> Iterable[str]:
    names = list(stages)
    for position, name in enumerate(names):
        condition = stages[name]
        for earlier_name in names[:position]:
            earlier = stages[earlier_name]
            if condition is not None and earlier is not None and is_covered(condition, earlier):
                yield (
                    f"stages.{name} can never apply: the earlier stage '{earlier_name}' already takes "
                    f"every customer to whom stages.{name} could apply. Put the narrower stage first."
                )
                break


def _never_fire(entries: Entries, conditions: Sequence[Condition | None]) -> Iterable[str]:
    for index, condition in enumerate(conditions):
        for before in range(index):
            earlier = conditions[before]
            if condition is None or earlier is None or not is_covered(condition, earlier):
                continue
            if _takes_all_of(entries[before], entries[index]):
                yield (
                    f"plays[{index}] '{entries[index].get('name')}' can never apply: plays[{before}] "
                    f"'{entries[before].get('name')}' already takes every customer to whom plays[{index}] "
                    "could apply. Put the narrower play first."
                )
                break


def _takes_all_of(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> bool:
    """Return whether a play leaves no customer for a play that stands later in the file.

    The caller has checked that the condition of the earlier play is true for all customers of the later play.
    """
    stages, later_stages = _texts(earlier.get("stage")), _texts(later.get("stage"))
    is_free = "after" not in earlier and "pause" not in earlier
    # A play with `after` needs an earlier task in addition to its condition, so it does not take all
    # customers of its condition.
    return (
        is_free
        and _audience(earlier) == _audience(later)
        and _nights(earlier) <= _nights(later)
        and (not stages or (bool(later_stages) and set(later_stages) <= set(stages)))
        and set(_texts(later.get("follows"))) <= set(_texts(earlier.get("follows")))
    )


def _audience(entry: Mapping[str, Any]) -> str:
    return str(entry.get("for", "at risk"))


def _nights(entry: Mapping[str, Any]) -> int:
    nights = entry.get("for_nights", 1)
    return nights if isinstance(nights, int) else 1


def _texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a value that may be one text or a list of texts."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(item for item in values if isinstance(item, str))
