"""The first test cutoff: what comes from it on may not decide what a label is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from churn.data.store import Store
from churn.training.build import cutoffs_asked
from churn.training.outcome import window_of
from churn.training.split import first_test


@dataclass(frozen=True)
class Before:
    """A date before which data may decide what a label is.

    Attributes:
        day: The date; data of it and later ones are not looked at.
        what: In words, which date it is.
    """

    day: date
    what: str

    def __str__(self) -> str:
        return f"{self.day}, {self.what}"


def seen_before(store: Store, horizon_days: int | None = None) -> Before:
    """Return the first test cutoff of a horizon (by default the label's), or the watermark where none can be.

    Where params.yaml states no test cutoff it is the first that training takes by default, or an earlier day:
    training also asks for somebody who left among the labels known by then, of which nothing is known here.
    """
    params = store.params
    label = params.label.model_copy(update={"horizon_days": horizon_days or params.label.horizon_days})
    watermark = Before(store.watermark, "the watermark")
    if stated := params.evaluate.test_cutoffs:
        first_stated = Before(min(stated), "the first of evaluate.test_cutoffs")
        return min(watermark, first_stated, key=lambda one: one.day)
    asked = params.model_copy(update={"label": label})
    mature_on = {day: window_of(asked, day).mature_on for day in cutoffs_asked(params, store)}
    matured = {day: known for day, known in mature_on.items() if known <= store.watermark}
    first = first_test(matured, label.horizon_days)
    if first is None:
        return watermark
    return Before(first, f"the first test cutoff by default at a horizon of {label.horizon_days} days")
