"""Read earlier nights again: the scored customers, and the signal family of each customer's first reason."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel

from churn.data.own_files import read_own_json, read_own_parquet
from churn.features.signal import Signal
from churn.scoring.reasons import SINGULAR_OR_PLURAL
from churn.scoring.sink import facts_path, scores_path

NIGHT_FOLDER = re.compile(r"cutoff=(\d{4}-\d{2}-\d{2})")


class PastNightFacts(BaseModel):
    """The facts of a scored night that other parts of the program read later."""

    model_version: str
    model_digest: str
    label_id: str
    cohort: int
    excluded: Mapping[str, int]
    files: Mapping[str, str]


def scored_nights(output: Path) -> list[date]:
    """Return the nights that have scores, the earliest first.

    Folders whose names do not have the form `cutoff=YYYY-MM-DD` are left out.
    """
    names = (NIGHT_FOLDER.fullmatch(path.parent.name) for path in output.glob("scores/cutoff=*/*.parquet"))
    return sorted({date.fromisoformat(name[1]) for name in names if name})


def read_facts(output: Path, night: date) -> PastNightFacts:
    """Read the facts of a night.

    Raises:
        FileNotFoundError: the night has no facts.
        SourceError: the file is damaged.
    """
    way_out = f"Run `churn score --cutoff {night}` again."
    return read_own_json(facts_path(output, night), PastNightFacts, way_out=way_out)


@dataclass(frozen=True)
class PastNights:
    """The nights of one label in an output folder, up to a chosen last night.

    Attributes:
        output: The output folder.
        label_id: The id of the label; nights of other labels are left out.
        last: The last night; later nights are left out.
        signals: All signals. The text of a reason is the sentence of one signal, so the text shows the family
            of the signal.
    """

    output: Path
    label_id: str
    last: date
    signals: tuple[Signal, ...]

    @cached_property
    def nights(self) -> tuple[date, ...]:
        """Return the nights of this label, the earliest first."""
        nights = [night for night in scored_nights(self.output) if night <= self.last]
        return tuple(night for night in nights if read_facts(self.output, night).label_id == self.label_id)

    def counts(self, night: date) -> tuple[int, Mapping[str, int]]:
        """Return the number of scored customers of a night, and the number of customers who were not scored,
        by reason.
        """
        facts = read_facts(self.output, night)
        return facts.cohort, facts.excluded

    def first_families(self, night: date) -> Mapping[str, str | None]:
        """Return the signal family of each scored customer's first reason; None if it is not known."""
        path = scores_path(self.output, night)
        table = read_own_parquet(
            path,
            ("customer_id", "churn_probability", "reason_1"),
            way_out=f"Run `churn score --cutoff {night}` again.",
            checksum=read_facts(self.output, night).files.get(path.name),
            only=True,
        ).to_pydict()
        return {
            customer: None if text is None else self._sentences.family_of(text)
            for customer, probability, text in zip(
                table["customer_id"], table["churn_probability"], table["reason_1"], strict=True
            )
            if probability is not None
        }

    @cached_property
    def _sentences(self) -> Sentences:
        return Sentences.of(self.signals)


@dataclass(frozen=True)
class Sentences:
    """Patterns that recognise the texts of reasons in earlier scores, each with the family of its signal.

    The pattern of the longest sentence comes first. The length counts only the fixed words of a sentence, not
    the customer's values.
    """

    patterns: tuple[tuple[int, re.Pattern[str], str], ...]

    @classmethod
    def of(cls, signals: Iterable[Signal]) -> Sentences:
        """Make the patterns of the sentences in which these signals give reasons, in all languages."""
        patterns = [
            (*_pattern_of(SINGULAR_OR_PLURAL.sub(form, template)), signal.family)
            for signal in signals
            for template in signal.reason.values()
            for form in (r"\1", r"\2")
        ]
        return cls(tuple(sorted(patterns, key=lambda pattern: (-pattern[0], pattern[1].pattern, pattern[2]))))

    def family_of(self, text: str) -> str | None:
        """Return the signal family of the text of a reason; None if no pattern fits, or if two families fit
        equally well.

        If several patterns fit, the pattern of the longest sentence (without its values) is taken.
        """
        best = 0
        families: set[str] = set()
        for length, pattern, family in self.patterns:
            if families and length < best:
                break
            if pattern.fullmatch(text):
                best = length
                families.add(family)
        return families.pop() if len(families) == 1 else None


def _pattern_of(template: str) -> tuple[int, re.Pattern[str]]:
    """Return the length of a sentence's template, and a pattern that fits every sentence written from it.

    The length does not include the fields of the template, such as `{value}`.
    """
    pieces = list(string.Formatter().parse(template))
    pattern = "".join(
        re.escape(literal) + ("" if field is None else ".+?") for literal, field, _, _ in pieces
    )
    return sum(len(literal) for literal, _, _, _ in pieces), re.compile(pattern, re.DOTALL)
