"""Attributes whose very shape is unfit: one value, an id, a calendar."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from churn.finding import Finding
from churn.guards.aggregates import FEWEST
from churn.guards.as_of_today import days_of, numbers_of
from churn.guards.context import Company
from churn.guards.statistics import explained, spearman

ID_LIKE = 0.9
"""The share of customers with a value of their own from which an attribute is an id: nothing repeats."""

IN_STEP = 0.9
"""An attribute encodes time from this rank correlation with the sign-up, or share of its ranks, on."""


def shapes(company: Company) -> Iterator[Finding]:
    """Look at attributes that are constant, that name each customer, or that tell the time of the sign-up."""
    for name in company.attributes:
        levels = company.levels[name]
        there = np.array([level is not None for level in levels])
        texts = levels[there].astype(str)
        distinct = np.unique(texts)
        place = f"customers.{name}"
        out = "Take it out of tables.customers.static."
        if len(distinct) <= 1 and (there.all() or not there.any()):
            what = f"always {distinct[0]!r}" if len(distinct) else "always missing"
            yield Finding(place, f"it is {what} and says nothing.", out)
            continue
        if there.sum() < FEWEST:
            continue
        step = _in_step(company, name)
        if len(distinct) > ID_LIKE * len(texts):
            told = (
                f" It runs with the sign-up (rank correlation {step:.2f}): it encodes time." if step else ""
            )
            found = (
                f"{len(distinct):,} of {len(texts):,} customers have a value of their own: it is an id.{told}"
            )
            yield Finding(place, found, out, "stop" if step else "warn")
        elif step:
            yield Finding(
                place,
                f"it tells the time of the sign-up ({step:.2f} of its ranks): a level that only the "
                "customers of "
                "one time have cannot be learnt for the next.",
                f"{out} The signal tenure_days says how old a customer is at each cutoff.",
            )
        elif days_of(company, name)[1]:
            yield Finding(place, "it holds dates, and a level of the model is no date.", out)


def _in_step(company: Company, name: str) -> float | None:
    """Return how closely an attribute follows the sign-up, if it does."""
    signed_up = company.customers.signed_up.astype(np.float64)
    values = numbers_of(company, name)
    if values is not None and len(np.unique(values[~np.isnan(values)])) > 20:
        there = ~np.isnan(values)
        step = spearman(values[there], signed_up[there])
    else:
        there = np.array([level is not None for level in company.levels[name]])
        texts = company.levels[name][there].astype(str)
        if len(np.unique(texts)) > ID_LIKE * len(texts):  # ids of text: their order in the alphabet
            step = spearman(np.unique(texts, return_inverse=True)[1].astype(np.float64), signed_up[there])
        else:
            step = explained(np.unique(texts, return_inverse=True)[1], signed_up[there])
    return step if abs(step) >= IN_STEP else None
