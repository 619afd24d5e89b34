"""Compute the reasons for a customer's risk, as sentences with the customer's own numbers."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
RowNumbers = npt.NDArray[np.intp]
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]

MAX_EXPLAINED_BEYOND_LIST = 2_000
"""The largest number of customers outside the call list who get reasons; each costs as much time as a hundred
predictions.
"""

ROWS_PER_CHUNK = 500

NO_BREAK_SPACE = "\u00a0"
SINGULAR_OR_PLURAL = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")


@dataclass(frozen=True)
class SignalFacts:
    """The facts about a signal that are needed for its sentence and for the customers' health bands.

    They are stored with the model.
    """

    name: str
    family: str
    riskier_when: str
    reason: Mapping[str, str]
    kind: str = "number"
    silent_at_zero: bool = False

    @property
    def has_side(self) -> bool:
        """Return whether one side (high or low values) means risk and the other side does not.

        False for a signal with levels.
        """
        return self.kind == "number" and self.riskier_when != "either"

    @classmethod
    def from_spec(cls, entry: Mapping[str, Any]) -> SignalFacts:
        """Return the facts from an entry of the model's dictionary of signals."""
        return cls(
            name=str(entry["name"]),
            family=str(entry["family"]),
            riskier_when=str(entry["riskier_when"]),
            reason=dict(entry.get("reason") or {}),
            kind=str(entry.get("kind", "number")),
            silent_at_zero=bool(entry.get("silent_at_zero", False)),
        )


@dataclass(frozen=True)
class Reason:
    """A reason why a customer may leave.

    Attributes:
        text: The reason as a sentence.
        signal: The name of the signal.
        family: The family of the signal.
        weight: What the signals of this family add to the customer's log-odds of leaving.
        usual: The median of the signal over the cohort, written as in the sentence; None if the sentence has
            no number.
    """

    text: str
    signal: str
    family: str
    weight: float
    usual: str | None = None


def cohort_medians(frame: pd.DataFrame, signals: Sequence[SignalFacts]) -> dict[str, float]:
    """Return the median of each numeric signal over the cohort; NaN if no customer has a value."""
    names = [s.name for s in signals if s.kind == "number" and s.name in frame.columns]
    return {str(name): float(median) for name, median in frame[names].median().items()}


def reasons_for(
    values: pd.DataFrame,
    contributions: Mapping[str, Floats],
    signals: Sequence[SignalFacts],
    medians: Mapping[str, float],
    language: str,
    max_reasons: int,
) -> list[tuple[Reason, ...]]:
    """Return up to `max_reasons` reasons for each row of `values`, the largest contribution first.

    Each signal belongs to a family. A family gives a reason only if the sum of the contributions of its
    signals raises the risk. A family gives at most one reason. The reason comes from a signal that raises the
    risk and whose value is on the risky side of the cohort's median. If there are several such signals, the
    signal with the largest contribution is taken. So no sentence says that a customer is at risk because the
    customer logs in more than most. A signal without a risky side is taken only if no other signal of the
    family fits.

    Args:
        values: The signals as columns, one row for each customer; an unknown value is missing.
        contributions: The contributions to the log-odds by signal, each of shape `[rows]`, in the order of
            `values`.
        signals: The facts about the signals; a signal that has no contribution is skipped.
        medians: The medians of the whole cohort, not of `values`.
        language: The language of the sentences, en or de.
        max_reasons: The largest number of reasons for a customer.
    """
    usable = [s for s in signals if s.name in contributions and s.name in values.columns]
    families: dict[str, list[int]] = {}
    for index, signal in enumerate(usable):
        families.setdefault(signal.family, []).append(index)
    pushes = (
        np.column_stack([contributions[s.name] for s in usable]) if usable else np.empty((len(values), 0))
    )
    cells = values[[s.name for s in usable]].to_numpy(dtype=object)
    return [
        _reasons_of_row(pushes[row], cells[row], usable, families, medians, language)[:max_reasons]
        for row in range(len(values))
    ]


def _reasons_of_row(
    pushes: Floats,
    cells: npt.NDArray[np.object_],
    signals: Sequence[SignalFacts],
    families: Mapping[str, Sequence[int]],
    medians: Mapping[str, float],
    language: str,
) -> tuple[Reason, ...]:
    def order(index: int) -> tuple[bool, float, str]:
        return not signals[index].has_side, -pushes[index], signals[index].name

    row_reasons = []
    for family, indices in families.items():
        weight = float(pushes[list(indices)].sum())
        if not weight > 0:
            continue
        for index in sorted((index for index in indices if pushes[index] > 0), key=order):
            signal, value = signals[index], cells[index]
            if on_risky_side(value, signal, medians) and language in signal.reason:
                text = fill_sentence(signal.reason[language], value, language)
                usual = usual_level(signal, medians, language)
                row_reasons.append(Reason(text, signal.name, family, weight, usual))
                break
    return tuple(sorted(row_reasons, key=lambda reason: (-reason.weight, reason.family)))


def on_risky_side(value: Any, signal: SignalFacts, medians: Mapping[str, float]) -> bool:
    """Return whether a value is strictly beyond the cohort's median, on the side that means risk.

    The result is False for a missing value. If a value of 0 is no reason (`silent_at_zero`), the result is
    False for 0 too. If the signal has no risky side, the result is True for all other values.
    """
    if is_missing(value) or (signal.silent_at_zero and value == 0):
        return False
    if not signal.has_side:
        return True
    median = medians.get(signal.name, np.nan)
    return bool(value > median if signal.riskier_when == "higher" else value < median)


def fill_sentence(template: str, value: float | str, language: str) -> str:
    """Fill `{value}` into a reason template, in the number format of the language.

    `[one|many]` gives the first text if the written number is 1, otherwise the second text.
    `{value:.0% longer|shorter}` adds the first word if the value is not negative, otherwise the second word.
    In `{value:log .0% more|fewer}`, the value is the logarithm of a ratio, and the number written is
    `ratio - 1`, the relative change. If two words are given, the number is written without its sign.

    >>> fill_sentence("logs in {value:.0%} as often as usual", 0.25, "en")
    'logs in 25% as often as usual'
    >>> fill_sentence("hat die [letzte Rechnung|letzten {value:.0f} Rechnungen] nicht bezahlt", 1.0, "de")
    'hat die letzte Rechnung nicht bezahlt'
    >>> fill_sentence("about {value:log .0% more|fewer} orders than before", -0.7, "en")
    'about 50% fewer orders than before'

    Raises:
        ValueError: The template has a field other than `{value}`.
    """
    parts = _parts(SINGULAR_OR_PLURAL.sub(r"\2", template), value, language)
    if any(digits == "1" for _, digits, _ in parts):
        parts = _parts(SINGULAR_OR_PLURAL.sub(r"\1", template), value, language)
    return "".join(literal + digits + words for literal, digits, words in parts)


def usual_level(signal: SignalFacts, medians: Mapping[str, float], language: str) -> str | None:
    """Return the median of a signal, formatted like the number in the signal's sentence.

    None if the median is missing or if the sentence has no number.

    >>> facts = SignalFacts("login_change", "activity", "lower", {"en": "logs in {value:.0%} as often"})
    >>> usual_level(facts, {"login_change": 0.98}, "en")
    '98%'
    """
    median = medians.get(signal.name, math.nan)
    if not math.isfinite(median):
        return None
    template = SINGULAR_OR_PLURAL.sub(r"\2", signal.reason[language])
    numbers = [digits + words for _, digits, words in _parts(template, median, language) if digits]
    return ", ".join(numbers) or None


def _parts(template: str, value: float | str, language: str) -> list[tuple[str, str, str]]:
    """Return three texts for each `{value}` of a template: the text before it, the value, and a word.

    The word, such as `longer`, comes after the value. The word is empty if the template gives no words for
    the value. Text after the last `{value}` is one more part, with no value.
    """
    parts = []
    for literal, field, spec, conversion in string.Formatter().parse(template):
        if field is not None and (field != "value" or conversion):
            raise ValueError(f"the sentence {template!r} may only use {{value}}, not {{{field}}}")
        digits, words = ("", "") if field is None else _number_and_words(value, spec or "", language)
        parts.append((literal, digits, words))
    return parts


def _number_and_words(value: float | str, spec: str, language: str) -> tuple[str, str]:
    if not isinstance(value, float | int):
        return str(value), ""
    if "|" not in spec:
        return format_number(value, spec, language), ""
    rule, _, below = spec.partition("|")
    form, _, above = rule.removeprefix("log ").partition(" ")
    size = math.expm1(value) if rule.startswith("log ") else value
    return format_number(abs(size), form, language), f" {above if value >= 0 else below}"


def format_number(value: float, spec: str, language: str) -> str:
    """Format a number with thousands separators. German has a decimal comma, and a space before the % sign.

    >>> format_number(1234.5, ".1f", "de"), format_number(1234.5, ".1f", "en")
    ('1.234,5', '1,234.5')
    """
    if spec == "" and float(value).is_integer():
        spec = ".0f"
    grouped_spec = spec if "," in spec or not spec.startswith(".") else f",{spec}"
    text = format(float(value), grouped_spec)
    if re.fullmatch(r"-0([.,]0+)?%?", text):
        text = text[1:]
    if language == "de":
        text = text.translate(str.maketrans(",.", ".,")).replace("%", f"{NO_BREAK_SPACE}%")
    return text


def is_missing(value: object) -> bool:
    """Return whether a cell has no usable value: None, NaN or an infinity."""
    return value is None or (isinstance(value, float) and not math.isfinite(value)) or value != value


class ContributionModel(Protocol):
    """The part of a scorer that the computation of reasons needs."""

    def contributions(self, columns: Any) -> dict[str, Floats]:
        """Return the contributions to the log-odds by signal, each of shape `[rows]`."""
        ...


def rows_to_explain(contacts: RowNumbers, band: Floats, probability: Floats) -> RowNumbers:
    """Return the rows that get reasons: the contacts, then customers in health bands 1 and 2.

    The customers in bands 1 and 2 are ordered by probability, the highest first.

    Args:
        contacts: The rows of the call list, in the order of the list.
        band: The health band of each customer, shape `[customers]`.
        probability: The churn probability of each customer, shape `[customers]`.
    """
    likeliest = np.argsort(-probability, kind="stable")
    beyond = likeliest[(band[likeliest] <= 2) & ~np.isin(likeliest, contacts)][:MAX_EXPLAINED_BEYOND_LIST]
    return np.concatenate([contacts, beyond]).astype(np.intp)


def compute_reasons(
    frame: pd.DataFrame,
    positions: RowNumbers,
    model: ContributionModel,
    signals: Sequence[SignalFacts],
    language: str,
    max_reasons: int,
    progress: Progress,
) -> list[tuple[Reason, ...]]:
    """Return the reasons of each row, the largest contribution first; a row that is not in `positions` has no
    reasons.

    Args:
        frame: The cohort: `customer_id` and the signals.
        positions: The rows for which reasons are computed.
        model: The scorer of the champion.
        signals: The facts about the signals.
        language: The language of the sentences, en or de.
        max_reasons: The largest number of reasons for a customer.
        progress: A function that shows the progress.
    """
    medians = cohort_medians(frame, signals)
    reasons: list[tuple[Reason, ...]] = [()] * len(frame)
    with progress("reasons", len(positions)) as advance:
        for start in range(0, len(positions), ROWS_PER_CHUNK):
            rows = positions[start : start + ROWS_PER_CHUNK]
            values = frame.iloc[rows]
            contributions = model.contributions(values)
            chunk = reasons_for(values, contributions, signals, medians, language, max_reasons)
            for row, customer_reasons in zip(rows, chunk, strict=True):
                reasons[row] = customer_reasons
            advance(len(rows))
    return reasons
