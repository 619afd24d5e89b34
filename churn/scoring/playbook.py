"""The playbook: who does what for whom, as data. Every mistake of the file is found at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from churn.errors import PlaybookError, did_you_mean
from churn.params.strict_yaml import YamlError, parse_yaml
from churn.scoring.conditions import Columns, Condition, is_covered
from churn.scoring.when import SCORE_COLUMNS, read_when

Text = Annotated[str, Field(strict=True, min_length=1)]


class Play(BaseModel):
    """One row of the playbook: the condition and what follows from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(strict=True, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    when: dict[str, Any]
    action: Text
    owner: Text
    channel: Text
    due_in_days: Annotated[int, Field(strict=True, ge=0, le=365)]
    success: Text
    template: Text | None = None


class PlaybookFile(BaseModel):
    """The file as written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plays: Annotated[tuple[Play, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Rule:
    """A play with its condition, read."""

    play: Play
    condition: Condition


@dataclass(frozen=True)
class Playbook:
    """The rules in file order; the first that holds is the customer's play."""

    rules: tuple[Rule, ...]
    text: str

    def switched_off(self, present: Set[str]) -> dict[str, tuple[str, ...]]:
        """Return the plays that can hold for nobody here, each with the columns that are absent.

        A known signal whose table this company does not have (or that params leave out) switches a play off
        if nothing else can make it hold; it is no mistake of the playbook.
        """
        off = {}
        for rule in self.rules:
            names = rule.condition.names()
            if not names & present or not rule.condition.possible(present):
                off[rule.play.name] = tuple(sorted(names - present))
        return off

    def choose(self, columns: Columns, rows: int) -> npt.NDArray[np.intp]:
        """Return the index of the first rule that holds for each customer, -1 where none does."""
        off = self.switched_off(columns.keys())
        chosen = np.full(rows, -1, dtype=np.intp)
        for place, rule in enumerate(self.rules):
            if rule.play.name not in off:
                chosen[(chosen < 0) & rule.condition.holds(columns, rows)] = place
        return chosen


def read_playbook(path: Path, kinds: Mapping[str, str]) -> Playbook:
    """Read a playbook.

    Args:
        path: the YAML file.
        kinds: every signal the product knows here, present or not, with its kind ('number' or 'level').

    Raises:
        PlaybookError: all mistakes of the file at once, each with its place.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise PlaybookError(
            f"{path}: no readable file. Mend score.playbook; `churn demo` in an empty folder "
            "writes a playbook to start from."
        ) from None
    return parse_playbook(text, kinds, path.name)


def parse_playbook(text: str, kinds: Mapping[str, str], name: str = "playbook.yaml") -> Playbook:
    """Parse the text of a playbook; see `read_playbook`."""
    try:
        tree = parse_yaml(text)
    except YamlError as error:
        raise PlaybookError(f"{name}: {error}") from None
    problems: list[str] = []
    try:
        PlaybookFile.model_validate(tree)
    except ValidationError as error:
        problems += [_in_words(detail) for detail in error.errors()]
    plays = tree.get("plays") if isinstance(tree, dict) else None
    entries = [entry if isinstance(entry, dict) else {} for entry in plays] if isinstance(plays, list) else []
    known = dict(kinds) | dict.fromkeys(SCORE_COLUMNS, "number")
    conditions: list[Condition | None] = [
        read_when(entry["when"], f"plays[{place}].when", known, problems)
        if isinstance(entry.get("when"), dict)
        else None
        for place, entry in enumerate(entries)
    ]
    problems += _repeated(entries)
    problems += _never_fire(entries, conditions)
    if problems:
        raise PlaybookError(*(f"{name}: {problem}" for problem in problems))
    read = PlaybookFile.model_validate(tree)
    rules = (
        Rule(play, condition) for play, condition in zip(read.plays, conditions, strict=True) if condition
    )
    return Playbook(tuple(rules), text)


def _in_words(detail: Mapping[str, Any]) -> str:
    place = ""
    for part in detail["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    place = place.lstrip(".")
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        model = Play if len(detail["loc"]) > 1 else PlaybookFile
        return f"{place} is not a part of a playbook.{did_you_mean(last, model.model_fields)}"
    if detail["type"] == "missing":
        return f"{place} is missing; it has no default."
    if last == "name" and detail["type"] == "string_pattern_mismatch":
        return f"{place} ({detail['input']!r:.60}): a name has lower-case letters, digits, - and _."
    if not place:
        return "expected 'plays:' with a list of plays."
    if place == "plays":
        return "plays: expected a list of at least one play."
    if detail["type"] in ("model_type", "dict_type"):
        return f"{place} ({detail['input']!r:.60}): expected a mapping."
    shown = "" if isinstance(detail["input"], dict | list) else f" ({detail['input']!r:.60})"
    return f"{place}{shown}: {detail['msg']}."


def _repeated(entries: list[dict[str, Any]]) -> Iterable[str]:
    first: dict[str, int] = {}
    for place, entry in enumerate(entries):
        name = entry.get("name")
        if isinstance(name, str) and first.setdefault(name, place) != place:
            yield f"plays[{place}].name '{name}' is taken by plays[{first[name]}]. Names must differ."


def _never_fire(entries: list[dict[str, Any]], conditions: list[Condition | None]) -> Iterable[str]:
    for place, condition in enumerate(conditions):
        for before in range(place):
            earlier = conditions[before]
            if condition is not None and earlier is not None and is_covered(condition, earlier):
                yield (
                    f"plays[{place}] '{entries[place].get('name')}' can never fire: plays[{before}] "
                    f"'{entries[before].get('name')}' already takes all it would. Put the narrower one first."
                )
                break
