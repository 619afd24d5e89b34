"""Check the rows of an experiment that the company ran by itself, and turn them into units.

A row that can be understood in two ways is refused. No row is left out without a message, and no empty cell
becomes 0.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from churn.data.experiment_rows import read_experiment_rows
from churn.data.sources.source import Source
from churn.errors import SourceError, did_you_mean
from churn.params import OutsideParams

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]
Times = npt.NDArray[np.datetime64]

MAX_VALUES = 3
"""The largest number of ids and values that a message names."""

MAX_ARMS = 10

_OUTCOME_TEXTS = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True)
class OutsideUnits:
    """The units of an experiment, one row for each unit.

    Attributes:
        unit: The id of each unit.
        arm: The arm of each unit.
        outcome: For each unit, whether the outcome happened; None if the outcome is the label.
        account: The account of each unit; a unit without an account counts as an account of its own. The
            value is None if the experiment has no column of accounts.
        score: The score of each unit, a number that was known before the assignment; NaN for a unit without a
            score. The value is None if the experiment has no column of scores.
        score_at: The local time of the score, NaT for a unit without a score; None if the experiment has no
            column for the time of the score.
        assigned_at: The local time of the assignment; None if the experiment has no column for this time.
        left_out_count: The number of rows whose arm is in `leave_out`.
        covariates: What was known about each unit before its assignment, by name. A missing number is NaN,
            and a missing text is None.
    """

    unit: Objects
    arm: Objects
    outcome: Bools | None
    account: Objects | None
    score: Floats | None
    score_at: Times | None
    assigned_at: Times | None
    left_out_count: int
    covariates: Mapping[str, Floats | Objects] = field(default_factory=dict)


def columns_of(experiment: OutsideParams) -> list[str]:
    """Return the names of the columns that an experiment needs from its table."""
    outcome = None if experiment.has_label else experiment.outcome
    names = (experiment.unit, experiment.arm, outcome, experiment.account)
    others = (*_time_columns(experiment), experiment.score, *experiment.covariates)
    return [name for name in (*names, *others) if name is not None]


def read_outside(
    source: Source, experiments: Sequence[OutsideParams], zone: str, file: str
) -> list[OutsideUnits]:
    """Return the units of each experiment that the company ran by itself.

    Args:
        source: The source, which must be open.
        experiments: The experiments, as params.yaml states them.
        zone: The time zone for times that have no offset.
        file: The name of the parameter file, for messages.

    Raises:
        SourceError: A table or a column is missing, or it is not certain what a row means. The error lists
            the mistakes of all experiments.
    """
    units: list[OutsideUnits | None] = []
    problems: list[str] = []
    for number, experiment in enumerate(experiments):
        key = f"experiments.outside.{number}"
        own_problems: list[str] = []
        try:
            rows = read_experiment_rows(source, experiment.origin, columns_of(experiment), key=key, file=file)
        except SourceError as error:
            problems += error.problems
            continue
        units.append(read_units(rows, experiment, zone, own_problems))
        problems += [f"{file}: {key} ({experiment.name}): {problem}" for problem in own_problems]
    if problems:
        raise SourceError(*problems)
    return [part for part in units if part is not None]


def _time_columns(experiment: OutsideParams) -> tuple[str, ...]:
    return tuple(name for name in (experiment.score_at, experiment.assigned_at) if name is not None)


def read_units(
    table: pa.Table, experiment: OutsideParams, zone: str, problems: list[str]
) -> OutsideUnits | None:
    """Return the units of an experiment; None if it is not certain what a row means.

    Args:
        table: The rows, with the columns that `columns_of` names.
        experiment: The experiment.
        zone: The time zone for times that have no offset.
        problems: A list; the mistakes in the rows are added to it.
    """
    arm = _texts(table, experiment.arm)
    is_left_out = np.isin(arm.astype(str), experiment.leave_out) & np.array(
        [text is not None for text in arm]
    )
    left_out = int(is_left_out.sum())
    unit_problems = _unit_problems(_texts(table, experiment.unit), arm, is_left_out, experiment)
    table, arm = table.filter(pa.array(~is_left_out)), arm[~is_left_out]
    unit = _texts(table, experiment.unit)
    own_problems = [*_arm_problems(arm, experiment), *unit_problems]
    outcome = None if experiment.has_label else _outcome(table, arm, experiment, own_problems)
    account = _account(table, arm, experiment, own_problems)
    times = {
        name: _times(table, name, key, zone, own_problems)
        for key, name in (("score_at", experiment.score_at), ("assigned_at", experiment.assigned_at))
        if name is not None
    }
    score = _score(table, experiment, own_problems)
    score_at = times.get(experiment.score_at or "")
    assigned_at = times.get(experiment.assigned_at or "")
    has_date_only = experiment.score_at is not None and pa.types.is_date(table[experiment.score_at].type)
    own_problems += _time_problems(unit, score, score_at, assigned_at, experiment, has_date_only)
    covariates = _covariates(table, experiment, own_problems)
    problems += own_problems
    if own_problems:
        return None
    return OutsideUnits(unit, arm, outcome, account, score, score_at, assigned_at, left_out, covariates)


def _texts(table: pa.Table, name: str) -> Objects:
    """Return the values of a column as texts without blanks at both ends; an empty text becomes None."""
    return np.array([_text(value) for value in table[name].to_pylist()], dtype=object)


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    return str(value).strip() or None


def _arm_problems(arm: Objects, experiment: OutsideParams) -> Iterator[str]:
    counts = Counter(arm.tolist())
    if empty := counts.pop(None, 0):
        yield (
            f"{empty:,} of {len(arm):,} rows have no arm in '{experiment.arm}'. Find out the arm, or leave "
            "these rows out with 'where'; the check of the sizes of the arms then does not count them."
        )
    unnamed = {name: n for name, n in counts.items() if name not in experiment.arms}
    if unnamed:
        listed = ", ".join(f"'{name}' ({n:,})" for name, n in sorted(unnamed.items())[:MAX_ARMS])
        yield (
            f"{sum(unnamed.values()):,} of {len(arm):,} rows have an arm with another name than 'control' "
            f"or 'treated': {listed}. Name each such arm under 'arms', or, to leave its rows "
            "out, under 'leave_out'."
        )
    for name in experiment.arms:
        if name not in counts:
            yield (
                f"no row has the arm '{name}'.{did_you_mean(name, counts)} Correct this name, or remove this "
                f"arm from 'arms'."
            )


def _unit_problems(
    unit: Objects, arm: Objects, is_left_out: Bools, experiment: OutsideParams
) -> Iterator[str]:
    """Yield the mistakes in the units that are measured.

    If a measured unit is also in an arm of `leave_out`, this is a mistake, because the unit is in two arms.
    """
    column, is_measured = experiment.unit, ~is_left_out
    if empty := sum(text is None for text in unit[is_measured]):
        n = int(is_measured.sum())
        yield f"{empty:,} of {n:,} rows have no unit in '{column}'. Leave these rows out with 'where'."
    pairs = pd.DataFrame({"unit": unit, "arm": arm}).dropna(subset=["unit"])
    pairs = pairs[pairs["unit"].isin(unit[is_measured])]
    arms = pairs.groupby("unit")["arm"].agg(["size", "nunique"])
    both = arms.index[arms["nunique"] > 1].tolist()
    repeats = arms.index[(arms["size"] > 1) & (arms["nunique"] <= 1)].tolist()
    if both:
        yield (
            f"{_ids(both)} of {len(arms):,} units in '{column}' are in more than one arm. An id was "
            "used again, or the arms were drawn again, for example with another salt. The arm of a unit "
            "must never change. Use the first arm of each unit. Or use each unit's last arm, and measure "
            "only what happened after that arm was drawn."
        )
    if repeats:
        yield (
            f"{_ids(repeats)} of {len(arms):,} units in '{column}' have several rows, all with the same "
            "arm. Each unit must have only one row: write a 'query' with group by. If a single row "
            "with outcome 1 gives its unit the outcome 1, take max() of the outcome."
        )


def _ids(values: Sequence[str]) -> str:
    """Return a text with the number of ids and the first few of them; e-mail addresses are not shown."""
    listed = [value for value in values[:MAX_VALUES] if "@" not in value]
    return f"{len(values):,} (first: {', '.join(listed)})" if listed else f"{len(values):,}"


def _outcome(table: pa.Table, arm: Objects, experiment: OutsideParams, problems: list[str]) -> Bools | None:
    """Return, for each unit, whether the outcome happened; only 0, 1, true and false are allowed as cells."""
    texts = _texts(table, experiment.outcome)
    values = [None if text is None else _OUTCOME_TEXTS.get(text.lower()) for text in texts]
    is_empty = np.array([text is None for text in texts], dtype=bool)
    is_other = np.array([value is None for value in values], dtype=bool) & ~is_empty
    if is_empty.any():
        shares = ", ".join(
            f"{int(is_empty[arm == name].sum()):,} of {int((arm == name).sum()):,} in '{name}'"
            for name in experiment.arms
        )
        problems.append(
            f"{int(is_empty.sum()):,} of {len(arm):,} rows have no outcome in '{experiment.outcome}': "
            f"{shares}. If empty means 0, write a 'query' that turns empty into 0 with coalesce(). If the "
            "outcome is not known, leave these rows out with 'where'. If one arm loses more units than the "
            "other, the check of the sizes of the arms raises an alarm."
        )
    if is_other.any():
        counts = Counter(texts[is_other].tolist()).most_common(MAX_VALUES)
        listed = ", ".join(f"'{text:.40}' ({n:,})" for text, n in counts)
        problems.append(
            f"{int(is_other.sum()):,} of {len(arm):,} rows have an outcome in '{experiment.outcome}' that "
            f"is not 0 or 1: {listed}. Write a 'query' with a comparison that gives 0 or 1, such as "
            "(visits > 0) as visit."
        )
    if is_empty.any() or is_other.any():
        return None
    return np.array(values, dtype=bool)


def _account(table: pa.Table, arm: Objects, experiment: OutsideParams, problems: list[str]) -> Objects | None:
    """Return the account of each unit in one spelling: in lower case and without spaces at the ends.

    An account in two arms is a mistake, which is added to `problems`.
    """
    if experiment.account is None:
        return None
    texts = [
        None if text is None else unicodedata.normalize("NFKC", text).strip().casefold()
        for text in _texts(table, experiment.account)
    ]
    # This key cannot be equal to any text, so a unit without an account counts as an account of its own.
    names = np.array([f"\0{row}" if text is None else text for row, text in enumerate(texts)], dtype=object)
    arms = pd.DataFrame({"name": names, "arm": arm}).groupby("name")["arm"].nunique()
    if both := int((arms > 1).sum()):
        rows = int(pd.Series(names).isin(arms.index[arms > 1]).sum())
        problems.append(
            f"{both:,} of {len(arms):,} values of '{experiment.account}' occur in more than one arm "
            f"({rows:,} units). Such a person or account is contacted and left alone at the same time. "
            "When you draw the arms, give all units of a person or account the same arm. Or use 'where' to "
            "leave out all units of such a person or account."
        )
        return None
    return names


def _times(table: pa.Table, name: str, key: str, zone: str, problems: list[str]) -> Times | None:
    column = table[name]
    if pa.types.is_date(column.type):
        return np.asarray(column.cast(pa.timestamp("us")).to_numpy(), dtype="datetime64[us]")
    if not pa.types.is_timestamp(column.type):
        problems.append(
            f"'{key}': the column '{name}' is not a time, but {column.type}. Write a 'query' that turns it "
            f"into a time, for example with strptime({name}, '%d.%m.%Y') as {name}."
        )
        return None
    series = pd.Series(column.to_pandas())
    if series.dt.tz is not None:
        series = series.dt.tz_convert(ZoneInfo(zone)).dt.tz_localize(None)
    return np.asarray(series.to_numpy(), dtype="datetime64[us]")


def _score(table: pa.Table, experiment: OutsideParams, problems: list[str]) -> Floats | None:
    if experiment.score is None:
        return None
    column = table[experiment.score]
    kind = column.type
    if not _is_number(kind):
        problems.append(f"'score': the column '{experiment.score}' is not a number, but {kind}.")
        return None
    score = np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
    if infinite := int(np.isinf(score).sum()):
        problems.append(f"'score': {infinite:,} rows have no finite number in '{experiment.score}'.")
        return None
    return score


def _covariates(
    table: pa.Table, experiment: OutsideParams, problems: list[str]
) -> dict[str, Floats | Objects]:
    """Return the covariates; a column must hold numbers, truth values or texts."""
    covariates: dict[str, Floats | Objects] = {}
    for name in experiment.covariates:
        column, kind = table[name], table[name].type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            covariates[name] = _texts(table, name)
        elif _is_number(kind) or pa.types.is_boolean(kind):
            values = np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
            if infinite := int(np.isinf(values).sum()):
                problems.append(f"'covariates': {infinite:,} rows have no finite number in '{name}'.")
            covariates[name] = values
        else:
            problems.append(
                f"'covariates': the column '{name}' must hold numbers or text, but is {kind}. Write a "
                "'query' that gives a number instead, such as the days from a date to the assignment."
            )
    return covariates


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _time_problems(
    unit: Objects,
    score: Floats | None,
    score_at: Times | None,
    assigned_at: Times | None,
    experiment: OutsideParams,
    has_date_only: bool,
) -> Iterator[str]:
    n = len(unit)
    if assigned_at is not None and (empty := int(np.isnat(assigned_at).sum())):
        yield f"{empty:,} of {n:,} rows have no time in '{experiment.assigned_at}'."
    if score is None or score_at is None or assigned_at is None:
        return
    has_score, has_time = ~np.isnan(score), ~np.isnat(score_at)
    if differs := int((has_score != has_time).sum()):
        yield (
            f"{differs:,} of {n:,} rows have a score without its time, or a time without a score. Use a "
            "score only if you know that it was computed before the assignment."
        )
    # If a score has only a date, it may be from any time of that day.
    limit = assigned_at.astype("datetime64[D]") if has_date_only else assigned_at
    is_later = has_score & (score_at >= limit)
    if is_later.any():
        unit_of_time = "datetime64[D]" if has_date_only else "datetime64[s]"
        limit_in_words = "on or after the day" if has_date_only else "at or after the time"
        row = int(np.flatnonzero(is_later)[0])
        yield (
            f"{int(is_later.sum()):,} of {n:,} units have a score that was computed {limit_in_words} of "
            f"their assignment (first: scored {score_at[row].astype(unit_of_time)}, assigned "
            f"{assigned_at[row].astype('datetime64[s]')}). The contact may have changed such a score, and "
            "then the adjusted effect can have the wrong sign. Use the last score that was computed "
            "before the assignment, or use no score."
        )
