"""Read the playbook: rules that give each customer an action and an owner."""

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
from churn.scoring.conditions import SCORE_COLUMNS, ColumnValues, Condition, is_covered, read_when

Text = Annotated[str, Field(strict=True, min_length=1)]


class Play(BaseModel):
    """A play of the playbook: a condition, and the action for the customers for whom it holds."""

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
    """The playbook as it is in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plays: Annotated[tuple[Play, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Rule:
    """A play, and its `when:` as a condition."""

    play: Play
    condition: Condition


@dataclass(frozen=True)
class Playbook:
    """The rules in the order of the file; a customer gets the play of the first rule that holds."""

    rules: tuple[Rule, ...]
    text: str

    def switched_off(self, present: Set[str]) -> dict[str, tuple[str, ...]]:
        """Return the plays that can hold for no customer, each with its absent columns.

        A signal is absent if the company does not have the signal's table, or if params.yaml excludes the
        signal. Absent signals switch a play off if its condition cannot hold without them. That is no mistake
        of the playbook.
        """
        off = {}
        for rule in self.rules:
            names = rule.condition.names()
            if not names & present or not rule.condition.possible(present):
                off[rule.play.name] = tuple(sorted(names - present))
        return off

    def choose(self, columns: ColumnValues, rows: int) -> npt.NDArray[np.intp]:
        """Return for each customer the index of the first rule that holds, else -1. Shape `[rows]`."""
        off = self.switched_off(columns.keys())
        play_indices = np.full(rows, -1, dtype=np.intp)
        for index, rule in enumerate(self.rules):
            if rule.play.name not in off:
                play_indices[(play_indices < 0) & rule.condition.holds(columns, rows)] = index
        return play_indices


def read_playbook(path: Path, kinds: Mapping[str, str]) -> Playbook:
    """Read a playbook.

    Args:
        path: The YAML file.
        kinds: The kind, 'number' or 'level', of each known signal, present or absent.

    Raises:
        PlaybookError: The file has mistakes. The error holds all mistakes, each with its place.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise PlaybookError(
            f"{path} is no readable file. Correct score.playbook; `churn demo` in an empty folder writes a "
            "first playbook."
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
        problems += [_message(detail) for detail in error.errors()]
    plays = tree.get("plays") if isinstance(tree, dict) else None
    entries = [entry if isinstance(entry, dict) else {} for entry in plays] if isinstance(plays, list) else []
    kinds_by_column = dict(kinds) | dict.fromkeys(SCORE_COLUMNS, "number")
    conditions: list[Condition | None] = [
        read_when(entry["when"], f"plays[{index}].when", kinds_by_column, problems)
        if isinstance(entry.get("when"), dict)
        else None
        for index, entry in enumerate(entries)
    ]
    problems += _repeated_names(entries)
    problems += _never_fire(entries, conditions)
    if problems:
        raise PlaybookError(*(f"{name}: {problem}" for problem in problems))
    file = PlaybookFile.model_validate(tree)
    rules = (
        Rule(play, condition) for play, condition in zip(file.plays, conditions, strict=True) if condition
    )
    return Playbook(tuple(rules), text)


def _message(detail: Mapping[str, Any]) -> str:
    location = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
    location = location.lstrip(".")
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        model = Play if len(detail["loc"]) > 1 else PlaybookFile
        return f"{location} is not a part of a playbook.{did_you_mean(last, model.model_fields)}"
    if detail["type"] == "missing":
        return f"{location} is missing; it has no default."
    if last == "name" and detail["type"] == "string_pattern_mismatch":
        return f"{location} ({detail['input']!r:.60}): a name has lower-case letters, digits, - and _."
    if not location:
        return "expected 'plays:' with a list of plays."
    if location == "plays":
        return "plays: expected a list of at least one play."
    if detail["type"] in ("model_type", "dict_type"):
        return f"{location} ({detail['input']!r:.60}): expected a mapping."
    value = "" if isinstance(detail["input"], dict | list) else f" ({detail['input']!r:.60})"
    return f"{location}{value}: {detail['msg']}."


def _repeated_names(entries: list[dict[str, Any]]) -> Iterable[str]:
    first_index: dict[str, int] = {}
    for index, entry in enumerate(entries):
        name = entry.get("name")
        if isinstance(name, str) and first_index.setdefault(name, index) != index:
            namesake = f"plays[{first_index[name]}]"
            yield f"plays[{index}].name '{name}' is also the name of {namesake}. Names must differ."


def _never_fire(entries: list[dict[str, Any]], conditions: list[Condition | None]) -> Iterable[str]:
    for index, condition in enumerate(conditions):
        for before in range(index):
            earlier = conditions[before]
            if condition is not None and earlier is not None and is_covered(condition, earlier):
                yield (
                    f"plays[{index}] '{entries[index].get('name')}' can never fire: plays[{before}] "
                    f"'{entries[before].get('name')}' already takes all its customers. Put the narrower "
                    "play first."
                )
                break
