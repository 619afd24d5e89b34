"""What verbs cost; each file of verbs states it once, for all its verbs."""

from __future__ import annotations

from enum import Enum


class Cost(Enum):
    """What a verb costs at one cutoff, in words for the documents."""

    CHOOSES = "nothing by itself: it says which rows count, and in which window"
    FOLDS = "one or two look-ups a customer, cutoff and window, however many rows there are"
    WEEKS = "a look-up a customer, cutoff and week of the window, however many rows there are"
    PASSES = "a pass over the rows of the window at each cutoff"
    COMPUTES = "nothing to read: arithmetic on one number a customer"
    COHORT = "a second pass over the customers: finished once the whole cohort of a cutoff is known"
