"""The truth sheet: at every cutoff who was at risk, what became of them, and who is left out and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from churn.data.files import write_atomically
from churn.data.store import Store, day_number
from churn.errors import Stop
from churn.features.engine.cohort import Cohort
from churn.features.engine.rows import NEVER
from churn.labels.calendar import FirstTestCutoff, first_test_cutoff
from churn.labels.kaplan_meier import ReturnCurve, Silences, return_curve
from churn.labels.labels import outcomes_at
from churn.labels.outcomes import DROP_REASONS, OUTCOME_NAMES, CustomerOutcomes, label_window
from churn.metrics.interval import format_interval
from churn.params import Params

MAX_REACTIVATED = 0.20
"""A label of silence is refused when more of those who left come back: it would mostly tell who is away."""


@dataclass(frozen=True)
class CutoffCounts:
    """One cutoff of the sheet; outcomes and what follows from them are None until the label is matured."""

    cutoff: date
    start: date
    end: date
    mature_on: date
    excluded: Mapping[str, int]
    at_risk: int
    outcomes: Mapping[str, int] | None
    left: int | None
    came_back: int | None

    @property
    def labelled(self) -> int | None:
        """Return how many rows have a label: at risk and not dropped."""
        if self.outcomes is None:
            return None
        return self.at_risk - sum(self.outcomes.get(OUTCOME_NAMES[code], 0) for code in DROP_REASONS)


@dataclass(frozen=True)
class Reactivation:
    """How many of those who left come back later, as far as the data see.

    Attributes:
        leavers: How many leavers, as the label counts them, of all cutoffs were looked at.
        before: Only cutoffs whose label is matured by this date count, and only returns before it.
        curve: The Kaplan-Meier curve of staying away: on day 1 are back who were so by the end of the window,
            on day d + 1 who returned on the d-th day after it; None with too few leavers to tell.
    """

    leavers: int
    before: FirstTestCutoff
    curve: ReturnCurve | None

    @property
    def rate(self) -> Mapping[str, float] | None:
        """Return the share that comes back, with its 95 % interval."""
        return self.curve.after(0) if self.curve else None

    @property
    def followed_days(self) -> int | None:
        """Return for how many days after the window enough leavers are watched."""
        return self.curve.followed_days - 1 if self.curve else None

    @property
    def too_many(self) -> bool:
        """Tell whether the whole interval of the rate lies above the limit."""
        return self.rate is not None and self.rate["low"] > MAX_REACTIVATED


@dataclass(frozen=True)
class TruthSheet:
    """All cutoffs, and how many leavers come back."""

    params: Params
    watermark: date
    nights: tuple[CutoffCounts, ...]
    reactivation: Reactivation

    def stated(self) -> dict[str, Any]:
        """Return the sheet as plain data."""
        label, back = self.params.label, self.reactivation
        nights = {
            night.cutoff.isoformat(): {
                "window": [night.start.isoformat(), night.end.isoformat()],
                "mature_on": night.mature_on.isoformat(),
                "matured": night.outcomes is not None,
                "excluded": dict(night.excluded),
                "at_risk": night.at_risk,
                "outcomes": None if night.outcomes is None else dict(night.outcomes),
                "labelled": night.labelled,
                "left": night.left,
                "came_back": night.came_back,
            }
            for night in self.nights
        }
        return {
            "label_id": self.params.label_id,
            "label": label.model_dump(mode="json"),
            "watermark": self.watermark.isoformat(),
            "cutoffs": nights,
            "reactivation": {
                "rate": back.rate,
                "leavers": back.leavers,
                "before": back.before.day.isoformat(),
                "before_is": back.before.what,
                "followed_days": back.followed_days,
                "limit": MAX_REACTIVATED if label.kind == "inactivity" else None,
                "accepted": label.accept_reactivation,
            },
        }

    def write(self) -> Path:
        """Write `output/label/truth_sheet.json`."""
        path = self.params.output / "label" / "truth_sheet.json"
        write_atomically(path, (json.dumps(self.stated(), indent=1) + "\n").encode())
        return path

    def refuse_what_comes_back(self) -> None:
        """Stop where silence seldom means leaving, unless a person signed it off.

        Raises:
            Stop: more than `MOST_REACTIVATED` of those who left by inactivity come back.
        """
        label, rate = self.params.label, self.reactivation.rate
        if label.kind != "inactivity" or label.accept_reactivation or rate is None:
            return
        if self.reactivation.too_many:
            raise Stop(
                f"label: {format_interval(rate, 0, percent=True)} of those who left by "
                f"{label.horizon_days} days without {label.core_table} come back later; more than "
                f"{MAX_REACTIVATED:.0%} and the label tells who is away, not who left. Take a longer "
                "label.horizon_days (`churn label --horizon` shows how likely a return is after how long), "
                "or sign it off with the reason: label: {accept_reactivation: the reason}."
            )


def truth_sheet(store: Store, judged: Sequence[Cohort]) -> TruthSheet:
    """Count at every cutoff what became of the cohort.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    became = outcomes_at(store, [cohort.cutoff for cohort in judged])
    nights = tuple(_night(store, *each) for each in zip(judged, became, strict=True))
    return TruthSheet(store.params, store.watermark, nights, _reactivation(store, judged, became))


def _night(store: Store, cohort: Cohort, became: CustomerOutcomes) -> CutoffCounts:
    window = label_window(store.params, cohort.cutoff)
    outcomes = left = came_back = None
    if window.mature_on <= store.watermark:
        own = became.outcome[cohort.members]
        outcomes = {
            word: int((own == code).sum()) for code, word in OUTCOME_NAMES.items() if (own == code).any()
        }
        counted = cohort.members & became.left(store.params.label.leaving)
        left, came_back = int(counted.sum()), int((counted & (became.back_on < NEVER)).sum())
    return CutoffCounts(
        cutoff=cohort.cutoff,
        start=window.start,
        end=window.end,
        mature_on=window.mature_on,
        excluded=cohort.exclusion_counts(),
        at_risk=int(cohort.members.sum()),
        outcomes=outcomes,
        left=left,
        came_back=came_back,
    )


def _reactivation(store: Store, judged: Sequence[Cohort], became: Sequence[CustomerOutcomes]) -> Reactivation:
    """Follow the leavers of every cutoff that may be looked at from the end of its window on.

    A day is added for everyone, so that whoever is back by the end of the window is so on day 1 and counts
    after day 0. A cutoff without a day after its window to come back on is left out.
    """
    seen = first_test_cutoff(store)
    before = seen.day
    customer, days, ended = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0, bool)]
    for cohort, one in zip(judged, became, strict=True):
        window = label_window(store.params, cohort.cutoff)
        if window.mature_on > before or window.end == before:
            continue
        gone = np.flatnonzero(cohort.members & one.left(store.params.label.leaving))
        back_on = one.back_on[gone].astype(np.int64)
        returned = back_on < day_number(before)
        until = np.where(returned, back_on + 1, day_number(before))
        customer.append(gone)
        days.append(np.maximum(until - day_number(window.end), 0) + 1)
        ended.append(returned)
    found = Silences.of(np.concatenate(customer), np.concatenate(days), np.concatenate(ended))
    return Reactivation(found.number, seen, return_curve(found))
