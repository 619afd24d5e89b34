"""The computing cost of the verbs of the view language: all verbs in one file have the same cost."""

from __future__ import annotations

from enum import Enum


class Cost(Enum):
    """The computing cost of a verb at one cutoff, in words for the documents."""

    CHOOSES = "none; these verbs only state which rows count, and in which window"
    FOLDS = (
        "for each customer, cutoff and window, a verb makes one or two look-ups in prepared arrays; the "
        "number of rows does not matter"
    )
    WEEKS = (
        "for each customer, cutoff and week of the window, a verb makes one look-up in prepared arrays; the "
        "number of rows does not matter"
    )
    PASSES = "one pass over the rows of the window at each cutoff"
    COMPUTES = "one calculation per customer; no table is read"
    COHORT = "a second pass over the customers, after the whole cohort of a cutoff has been read"
