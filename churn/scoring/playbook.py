"""Read the playbook: rules that give each customer an action and an owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.errors import PlaybookError
from churn.params.strict_yaml import YamlError, parse_yaml_with_lines
from churn.scoring.conditions import (
    ALWAYS,
    DAYS_SINCE_LEFT,
    EVENT_SCORE_COLUMNS,
    GONE_COLUMNS,
    SCORE_COLUMNS,
    Bools,
    ColumnValues,
    Condition,
    read_when,
)
from churn.scoring.play import NO_ANSWER, Audience, Play, PlaybookFile
from churn.scoring.playbook_checks import (
    event_problems,
    file_problems,
    place_by_line,
    play_problems,
    play_warnings,
    wording_problems,
)
from churn.scoring.success import SuccessRule, read_criterion
from churn.scoring.template_files import TemplateFiles, read_templates, template_problems

Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Rule:
    """A play, its `when:` as a condition, and its criterion of success, if the program computes one."""

    play: Play
    condition: Condition
    success: SuccessRule | None = None


@dataclass(frozen=True)
class Stage:
    """A stage of the relation with a customer, and its condition."""

    name: str
    condition: Condition


@dataclass(frozen=True)
class Playbook:
    """The rules of a playbook, in the order of its file.

    Attributes:
        rules: The rules. A customer gets the play of the first rule that applies; see `choose`.
        text: The text of the playbook's file, followed by the texts of its templates.
        stages: The stages. A customer is in the first stage whose condition is true.
        templates: The message templates in the folder `templates` next to the playbook's file.
        warnings: Texts about things that the author probably did not mean, each with its line number.
    """

    rules: tuple[Rule, ...]
    text: str
    stages: tuple[Stage, ...] = ()
    templates: TemplateFiles = field(default_factory=TemplateFiles)
    warnings: tuple[str, ...] = ()

    def switched_off(self, present: Set[str]) -> dict[str, tuple[str, ...]]:
        """Return the plays that are switched off, each with the absent signals that its condition needs.

        A signal is absent if the company does not have the signal's table, or if params.yaml excludes the
        signal. A play is switched off if its condition needs absent signals, so that no customer can meet the
        condition. A play that is switched off is not a mistake in the playbook.
        """
        off = {}
        for rule in self.rules:
            # the columns of this play are not signals, so no table can be absent
            if rule.play.audience == "gone":
                continue
            absent: set[str] = set()
            for alternatives in (self._stage_conditions(rule.play), (rule.condition,)):
                if not any(_is_possible(condition, present) for condition in alternatives):
                    absent |= set().union(*(condition.names() for condition in alternatives)) - present
            if absent:
                off[rule.play.name] = tuple(sorted(absent))
        return off

    @property
    def measured_list_plays(self) -> frozenset[str]:
        """Return the names of plays that have a control group and are for a list other than the call list."""
        return frozenset(rule.play.name for rule in self.rules if rule.play.is_measured_list)

    @property
    def prefers_own_channel(self) -> bool:
        """Return whether any play first tries the channel in which the customer answers most often."""
        return any(rule.play.prefers_own_channel for rule in self.rules)

    @property
    def pause_reasons(self) -> dict[str, str]:
        """Return the plays that the playbook itself switches off, each with the reason."""
        return {rule.play.name: rule.play.pause for rule in self.rules if rule.play.pause is not None}

    def stage_indices(self, columns: ColumnValues, rows: int) -> Ints:
        """Return for each customer the index of the first stage whose condition is true, -1 if there is none.
        Shape `[rows]`.
        """
        return _first([stage.condition.holds(columns, rows) for stage in self.stages], rows)

    def stages_of(self, columns: ColumnValues, rows: int) -> npt.NDArray[np.object_]:
        """Return the name of each customer's stage, None if no condition of a stage is true. Shape
        `[rows]`.
        """
        names = np.array([*(stage.name for stage in self.stages), None], dtype=object)
        return names[self.stage_indices(columns, rows)]

    def holds(self, columns: ColumnValues, rows: int) -> Bools:
        """Return for each play and customer whether the customer's stage fits the play and the condition of
        the play is true tonight. Shape `[plays, rows]`.

        `for_nights` and `after` are not checked here, because they need earlier nights; see `choose`. A play
        that is switched off applies to nobody. A play for lost customers applies only to lost customers, and
        all other plays apply only to customers who are not lost. The column `days_since_left` shows who is
        lost.
        """
        off = {**self.switched_off(columns.keys()), **self.pause_reasons}
        stage_of = self.stage_indices(columns, rows)
        result = np.zeros((len(self.rules), rows), dtype=bool)
        for index, rule in enumerate(self.rules):
            is_for_gone = rule.play.audience == "gone"
            if rule.play.name not in off and is_for_gone == (DAYS_SINCE_LEFT in columns):
                result[index] = rule.condition.holds(columns, rows)
                if rule.play.stage:
                    result[index] &= np.isin(
                        stage_of,
                        [n for n, stage in enumerate(self.stages) if stage.name in rule.play.stage],
                    )
        return result

    def follow_ups(self, tasks: pd.DataFrame, customers: Sequence[str], cutoff: date) -> Bools:
        """Return for each play and customer whether the play may follow the customer's earlier tasks. Shape
        `[plays, customers]`.

        A play without the key `after` may always follow. A play with this key is a follow-up play, and the
        key names the earlier play. The customer's latest task of the earlier play must have the result
        `after.result`, and must have been due at least `after.days` days ago. Since this task was planned,
        the customer must have had no task of the follow-up play. A task without a result counts as
        `no answer`. All tasks of controls count as `no answer` too, because a control cannot answer.

        Args:
            tasks: The earlier tasks, with the columns `customer_id`, `play`, `planned_on`, `due_at` and
                `result`. The value of `result` is missing for a task without a result.
            customers: The ids of the customers.
            cutoff: The cutoff of the night.
        """
        result = np.ones((len(self.rules), len(customers)), dtype=bool)
        ids = np.asarray(customers, dtype=object).astype(str)
        night = pd.Timestamp(cutoff)
        for index, rule in enumerate(self.rules):
            after = rule.play.after
            if after is None:
                continue
            latest = _latest_tasks(tasks, after.play)
            latest = latest[latest["planned_on"] < night]
            outcome = latest["result"].fillna(NO_ANSWER)
            is_due = latest["due_at"] + pd.Timedelta(days=after.days) <= night
            candidates = latest[(outcome == after.result) & is_due]
            own = _latest_tasks(tasks, rule.play.name)["planned_on"].reindex(candidates.index)
            candidates = candidates[~(own >= candidates["planned_on"]).to_numpy()]
            result[index] = np.isin(ids, candidates.index.to_numpy(dtype=str))
        return result

    def choose(
        self,
        columns: ColumnValues,
        rows: int,
        *,
        audience: Audience = "at risk",
        first_families: Sequence[str | None] | None = None,
        nights_held: Ints | None = None,
        may_follow: Bools | None = None,
    ) -> Ints:
        """Return for each customer the index of the rule that gives the customer a play, -1 if there is none.
        Shape `[rows]`.

        Each reason for a customer's score belongs to a family, such as payment. If several plays apply to a
        customer, the family of the customer's first reason decides. Plays whose key `follows` lists this
        family come first, then the other plays, both in the order of the file. The customer gets the first
        play.

        Args:
            columns: The signals and scores of the customers, by name.
            rows: The number of customers.
            audience: The list of customers for which plays are chosen; plays for other lists are not chosen.
            first_families: The family of the first reason of each customer, None for a customer without a
                reason; None if no reasons were computed.
            nights_held: For each play and customer, the number of nights in a row up to tonight in which the
                condition of the play was true. The shape is `[plays, rows]`, see `nights_in_a_row`.
                `nights_held` is None if there are no earlier nights; plays with `for_nights` above 1 are then
                not chosen.
            may_follow: For each play and customer, whether the customer's earlier tasks allow the play, see
                `follow_ups`. `may_follow` is None if there are no earlier tasks; plays with the key `after`,
                which follow up another play, are then not chosen.
        """
        masks = self.holds(columns, rows)
        if nights_held is None:
            nights_held = masks.astype(np.intp)
        for index, rule in enumerate(self.rules):
            masks[index] &= rule.play.audience == audience
            masks[index] &= nights_held[index] >= rule.play.for_nights
            if rule.play.after is not None:
                masks[index] &= False if may_follow is None else may_follow[index]
        families = np.array([family or "" for family in first_families or [""] * rows], dtype=str)
        follow_masks = [
            mask & np.isin(families, rule.play.follows) for mask, rule in zip(masks, self.rules, strict=True)
        ]
        choice = _first(follow_masks, rows)
        return np.where(choice >= 0, choice, _first(list(masks), rows))

    def _stage_conditions(self, play: Play) -> tuple[Condition, ...]:
        by_name = {stage.name: stage.condition for stage in self.stages}
        return tuple(by_name[name] for name in play.stage) or (ALWAYS,)


def nights_in_a_row(before: Ints, is_holding: Bools) -> Ints:
    """Return for how many nights in a row, up to tonight, each play's condition was true for each customer.

    Args:
        before: The number of nights in a row up to the night before, shape `[plays, rows]`; 0 for customers
            who were not known then.
        is_holding: Whether the condition of each play is true tonight, shape `[plays, rows]`.

    >>> nights_in_a_row(np.array([[0, 4, 4]]), np.array([[True, True, False]])).tolist()
    [[1, 5, 0]]
    """
    return np.where(is_holding, before + 1, 0)


def _first(masks: Sequence[Bools], rows: int) -> Ints:
    """Return for each row the index of the first mask that is true, -1 if none is. Shape `[rows]`."""
    indices = np.full(rows, -1, dtype=np.intp)
    for index, mask in enumerate(masks):
        indices[(indices < 0) & mask] = index
    return indices


def _is_possible(condition: Condition, present: Set[str]) -> bool:
    """Return whether a condition can be true for some customer.

    A condition that uses columns cannot be true if all these columns are absent.
    """
    names = condition.names()
    return not names or (bool(names & present) and condition.possible(present))


def _latest_tasks(tasks: pd.DataFrame, play: str) -> pd.DataFrame:
    """Return the latest task of a play for each customer, as a frame with the customer as index."""
    own = tasks[tasks["play"] == play].assign(
        customer_id=lambda frame: frame["customer_id"].astype(str),
        planned_on=lambda frame: pd.to_datetime(frame["planned_on"]),
        due_at=lambda frame: pd.to_datetime(frame["due_at"]),
    )
    return (
        own.sort_values(["customer_id", "planned_on"]).groupby("customer_id").tail(1).set_index("customer_id")
    )


def read_playbook(
    path: Path,
    kinds: Mapping[str, str],
    language: str | None = None,
    events: Set[str] = frozenset(),
    *,
    is_event: bool = False,
) -> Playbook:
    """Read a playbook, and the message templates in the folder `templates` next to it.

    Args:
        path: The YAML file.
        kinds: The kind of each signal, 'number' or 'level'. Signals whose table the company does not have are
            included.
        language: The language in which each template must exist; None if any language is enough.
        events: The names of the company's own tables of events.
        is_event: Whether the label is of kind event. With such a label, plays cannot use the health bands of
            customers, and the success of a play cannot depend on whether a customer stays.

    Raises:
        PlaybookError: The files have mistakes. The error lists all mistakes, each with its place.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise PlaybookError(
            f"{path} is no readable file. Correct the path score.playbook. `churn demo` in an empty folder "
            "writes a first playbook."
        ) from None
    templates = read_templates(path.parent / "templates")
    return parse_playbook(text, kinds, path.name, templates, language, events, is_event=is_event)


def parse_playbook(
    text: str,
    kinds: Mapping[str, str],
    name: str = "playbook.yaml",
    templates: TemplateFiles | None = None,
    language: str | None = None,
    events: Set[str] = frozenset(),
    *,
    is_event: bool = False,
) -> Playbook:
    """Parse the text of a playbook; see `read_playbook`."""
    try:
        tree, lines = parse_yaml_with_lines(text)
    except YamlError as error:
        raise PlaybookError(f"{name}: {error}") from None
    templates = templates or TemplateFiles()
    problems = file_problems(tree)
    plays = tree.get("plays") if isinstance(tree, dict) else None
    entries = [entry if isinstance(entry, dict) else {} for entry in plays] if isinstance(plays, list) else []
    score_columns = EVENT_SCORE_COLUMNS if is_event else SCORE_COLUMNS
    kinds_by_column = dict(kinds) | dict.fromkeys(score_columns, "number")
    conditions: list[Condition | None] = []
    criteria: list[SuccessRule | None] = []
    for index, entry in enumerate(entries):
        own_kinds = dict.fromkeys(GONE_COLUMNS, "number") if entry.get("for") == "gone" else kinds_by_column
        conditions.append(_read_condition(entry, f"plays[{index}].when", own_kinds, problems))
        criteria.append(_read_success(entry, f"plays[{index}].success", events, problems))
    stage_trees = tree.get("stages") if isinstance(tree, dict) else None
    stages = {
        str(stage): read_when(when, f"stages.{stage}", kinds_by_column, problems)
        for stage, when in (stage_trees if isinstance(stage_trees, dict) else {}).items()
        if isinstance(when, dict)
    }
    problems += play_problems(tree, entries, conditions, stages)
    if is_event:
        problems += event_problems(entries)
    problems += wording_problems(entries, language)
    problems += template_problems(entries, templates, kinds_by_column, language)
    if problems:
        raise PlaybookError(*(f"{name}: {place_by_line(problem, lines)}" for problem in problems))
    file = PlaybookFile.model_validate(tree)
    rules = tuple(
        Rule(play, condition, criterion)
        for play, condition, criterion in zip(file.plays, conditions, criteria, strict=True)
        if condition is not None
    )
    warnings = play_warnings(file)
    return Playbook(
        rules,
        text + templates.text,
        tuple(Stage(stage, condition) for stage, condition in stages.items() if condition is not None),
        templates,
        tuple(f"{name}: {place_by_line(warning, lines)}" for warning in warnings),
    )


def _read_condition(
    entry: Mapping[str, object], location: str, kinds: Mapping[str, str], problems: list[str]
) -> Condition | None:
    when = entry.get("when")
    if isinstance(when, dict):
        return read_when(when, location, kinds, problems)
    if when is None and isinstance(entry.get("after"), dict):
        return ALWAYS
    return None


def _read_success(
    entry: Mapping[str, object], location: str, events: Set[str], problems: list[str]
) -> SuccessRule | None:
    tree = entry.get("success")
    if not isinstance(tree, dict) or "when" not in tree:
        return None
    criterion = read_criterion(tree["when"], f"{location}.when", events, problems)
    days = tree.get("within_days")
    return SuccessRule(criterion, days) if criterion is not None and isinstance(days, int) else None
