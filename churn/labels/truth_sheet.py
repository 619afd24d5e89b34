"""The truth sheet: at each cutoff, how many customers had each outcome, and how many were excluded."""

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
from churn.features.language.reader import NEVER
from churn.labels.calendar import FirstTestCutoff, first_test_cutoff
from churn.labels.kaplan_meier import ReturnCurve, Silences, return_curve
from churn.labels.labels import outcomes_at
from churn.labels.outcomes import DROP_REASONS, OUTCOME_NAMES, CustomerOutcomes, label_window
from churn.metrics.interval import Interval, format_interval
from churn.params import LabelParams

MAX_REACTIVATED = 0.20
"""The largest share of churners that may come back; above it, a label of the kind `inactivity` is refused."""


@dataclass(frozen=True)
class CutoffCounts:
    """The counts of one cutoff of the truth sheet.

    Attributes:
        cutoff: The cutoff.
        start, end: The label window `[start, end)`.
        mature_on: The date from which the label is matured.
        excluded: The number of customers outside the cohort, by reason.
        at_risk: The number of customers in the cohort.
        outcomes: The number of customers in the cohort by outcome. The fields `outcomes`, `left` and
            `came_back` are None before the label is matured.
        left: The number of churners: customers in the cohort who left in a way that the label counts.
        came_back: The number of churners who came back later.
    """

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
        """Return how many customers of the cohort have a label; `DROP_REASONS` says why others have none."""
        if self.outcomes is None:
            return None
        return self.at_risk - sum(self.outcomes.get(OUTCOME_NAMES[code], 0) for code in DROP_REASONS)

    def as_json(self) -> dict[str, Any]:
        """Return the counts of this cutoff as they stand in `truth_sheet.json`."""
        return {
            "window": [self.start.isoformat(), self.end.isoformat()],
            "mature_on": self.mature_on.isoformat(),
            "matured": self.outcomes is not None,
            "excluded": dict(self.excluded),
            "at_risk": self.at_risk,
            "outcomes": None if self.outcomes is None else dict(self.outcomes),
            "labelled": self.labelled,
            "left": self.left,
            "came_back": self.came_back,
        }


@dataclass(frozen=True)
class Reactivation:
    """How many churners come back later, as far as the data show.

    Attributes:
        churners: The number of churners, as the label counts them, summed over the included cutoffs
            (see `before`).
        before: The first test cutoff. Only cutoffs whose label window ends before this date, and whose label
            is matured by this date, are included. A return counts only if it is before this date.
        curve: The Kaplan-Meier curve of the time for which churners stay away. Day 1 of the curve stands for
            all days up to the end of the label window. Day d + 1 stands for the d-th day after the window.
            The curve is None if there are too few churners.
    """

    churners: int
    before: FirstTestCutoff
    curve: ReturnCurve | None

    @property
    def rate(self) -> Interval | None:
        """Return the share of churners who come back, with its 95 % interval."""
        return self.curve.after(0) if self.curve else None

    @property
    def followed_days(self) -> int | None:
        """Return the last day of `curve`, in days after the label window; None if there is no curve.

        For later days, the data show too few churners.
        """
        return self.curve.followed_days - 1 if self.curve else None

    @property
    def too_many(self) -> bool:
        """Return whether the 95 % interval of the share who come back lies wholly above `MAX_REACTIVATED`."""
        return self.rate is not None and (self.rate.low or 0.0) > MAX_REACTIVATED


@dataclass(frozen=True)
class TruthSheet:
    """The truth sheet of a label: the counts of all cutoffs, and the share of churners who come back.

    If `label.kind` is event, nobody leaves, so nobody comes back, and `reactivation` is None.
    """

    label: LabelParams
    label_id: str
    watermark: date
    cutoffs: tuple[CutoffCounts, ...]
    reactivation: Reactivation | None

    def as_json(self) -> dict[str, Any]:
        """Return the content of `truth_sheet.json`."""
        reactivation = self.reactivation
        return {
            "label_id": self.label_id,
            "label": self.label.model_dump(mode="json"),
            "watermark": self.watermark.isoformat(),
            "cutoffs": {counts.cutoff.isoformat(): counts.as_json() for counts in self.cutoffs},
            "reactivation": reactivation
            and {
                "rate": reactivation.rate.as_json() if reactivation.rate else None,
                "leavers": reactivation.churners,
                "before": reactivation.before.day.isoformat(),
                "before_is": reactivation.before.description,
                "followed_days": reactivation.followed_days,
                "limit": MAX_REACTIVATED if self.label.kind == "inactivity" else None,
                "accepted": self.label.accept_reactivation,
            },
        }

    def write(self, output: Path) -> Path:
        """Write `label/truth_sheet.json` in the folder `output`, and return the path of the file."""
        path = output / "label" / "truth_sheet.json"
        write_atomically(path, (json.dumps(self.as_json(), indent=1) + "\n").encode())
        return path

    def check_reactivation(self) -> None:
        """Stop if too many churners come back, unless a person accepted this with a reason.

        Raises:
            Stop: `label.kind` is inactivity, and the whole interval of the share of churners who come back is
                above `MAX_REACTIVATED`.
        """
        label, back = self.label, self.reactivation
        if label.kind != "inactivity" or label.accept_reactivation or back is None or back.rate is None:
            return
        if back.too_many:
            raise Stop(
                f"label: a customer counts as left after {label.horizon_days} days without "
                f"{label.core_table}, but {format_interval(back.rate, 0, percent=True)} of these customers "
                f"come back later. If more than {MAX_REACTIVATED:.0%} come back, the label is misleading: "
                "many of these customers were only away for a time. Take a longer label.horizon_days (`churn "
                "label --horizon` shows what share of customers come back after each number of silent days), "
                "or accept this share with a reason: label: {accept_reactivation: the reason}."
            )


def truth_sheet(store: Store, cohorts: Sequence[Cohort]) -> TruthSheet:
    """Count the outcomes of the cohort at every cutoff.

    Raises:
        SourceError: the label needs a kind of leaving that the data cannot identify.
    """
    outcomes = outcomes_at(store, [cohort.cutoff for cohort in cohorts])
    counts = tuple(_counts(store, *pair) for pair in zip(cohorts, outcomes, strict=True))
    return TruthSheet(
        label=store.params.label,
        label_id=store.params.label_id,
        watermark=store.watermark,
        cutoffs=counts,
        reactivation=None if store.params.label.is_event else _reactivation(store, cohorts, outcomes),
    )


def _counts(store: Store, cohort: Cohort, customers: CustomerOutcomes) -> CutoffCounts:
    window = label_window(cohort.cutoff, store.params.label, store.params.snapshot.late_days)
    outcomes = left = came_back = None
    if window.mature_on <= store.watermark:
        codes = customers.outcome[cohort.members]
        outcomes = {
            name: int((codes == code).sum()) for code, name in OUTCOME_NAMES.items() if (codes == code).any()
        }
        churners = cohort.members & customers.left(store.params.label.leaving)
        left, came_back = int(churners.sum()), int((churners & (customers.back_on < NEVER)).sum())
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


def _reactivation(
    store: Store, cohorts: Sequence[Cohort], outcomes: Sequence[CustomerOutcomes]
) -> Reactivation:
    """Follow the churners of every cutoff, from the end of the label window to the first test cutoff.

    A churner's absence is counted in days from the end of the window. The absence is 0 days if the churner
    came back before this end. `return_curve` ignores returns after 0 days, so one day is added to every
    absence. A cutoff is left out if its label matures only after the first test cutoff. A cutoff whose window
    ends on the day of the first test cutoff is left out too, because no day remains on which churners could
    come back.
    """
    label, late_days = store.params.label, store.params.snapshot.late_days
    before = first_test_cutoff(store)
    limit = day_number(before.day)
    customer, days, has_ended = (
        [np.zeros(0, dtype=np.int64)],
        [np.zeros(0, dtype=np.int64)],
        [np.zeros(0, bool)],
    )
    for cohort, customers in zip(cohorts, outcomes, strict=True):
        window = label_window(cohort.cutoff, label, late_days)
        if window.mature_on > before.day or window.end == before.day:
            continue
        churners = np.flatnonzero(cohort.members & customers.left(label.leaving))
        back_on = customers.back_on[churners].astype(np.int64)
        has_returned = back_on < limit
        until = np.where(has_returned, back_on + 1, limit)
        customer.append(churners)
        days.append(np.maximum(until - day_number(window.end), 0) + 1)
        has_ended.append(has_returned)
    silences = Silences.of(np.concatenate(customer), np.concatenate(days), np.concatenate(has_ended))
    return Reactivation(silences.total, before, return_curve(silences))
