"""Find attributes that are unfit for a model: constants, ids, dates, and times of the sign-up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from churn.finding import Finding
from churn.guards.aggregates import MIN_COMPARED_CUSTOMERS
from churn.guards.as_of_today import days_of, numbers_of
from churn.guards.context import GuardContext
from churn.guards.statistics import explained_share, spearman

ID_SHARE = 0.9
"""An attribute is an id if at least this share of its values is distinct."""

MIN_AGREEMENT = 0.9
"""An attribute encodes time if its agreement with the time of the sign-up is at least this number.

The agreement is a rank correlation. For levels, the agreement is the share of the sign-up's ranks that the
levels explain.
"""

NO_ATTRIBUTE_WAY_OUT = "Remove the attribute from tables.customers.static."


def shapes(context: GuardContext) -> Iterator[Finding]:
    """Look for attributes that are constant, are ids, hold dates, or show the time of the sign-up."""
    for name in context.attributes:
        levels = context.levels[name]
        has_value = np.array([level is not None for level in levels])
        texts = levels[has_value].astype(str)
        distinct = np.unique(texts)
        column = f"customers.{name}"
        if len(distinct) <= 1 and (has_value.all() or not has_value.any()):
            value = f"always {distinct[0]!r}" if len(distinct) else "always missing"
            yield Finding(
                column, f"the attribute is {value} and carries no information.", NO_ATTRIBUTE_WAY_OUT
            )
            continue
        if has_value.sum() < MIN_COMPARED_CUSTOMERS:
            continue
        agreement = _agreement_with_sign_up(context, name)
        is_distinct = len(distinct) > ID_SHARE * len(texts)
        if is_distinct and (agreement or not _is_continuous(context, name)):
            message = (
                f"{len(distinct):,} of {len(texts):,} customers have a value that no other customer "
                "has: the attribute is an id."
            )
            if agreement:
                message += (
                    f" The value shows when a customer signed up (rank correlation {agreement:.2f}): "
                    "the attribute encodes time."
                )
            yield Finding(column, message, NO_ATTRIBUTE_WAY_OUT, "stop" if agreement else "warn")
        elif agreement:
            yield Finding(
                column,
                "the values of the attribute show when customers signed up (rank agreement "
                f"{agreement:.2f}). A model can learn nothing from a value if all customers with this value "
                "signed up in the same period.",
                f"{NO_ATTRIBUTE_WAY_OUT} The signal tenure_days gives the days since the sign-up at each "
                "cutoff.",
            )
        elif days_of(context, name)[1]:
            yield Finding(
                column,
                "the attribute holds dates, which a model cannot use as categories.",
                NO_ATTRIBUTE_WAY_OUT,
            )


def _is_continuous(context: GuardContext, name: str) -> bool:
    """Return whether an attribute has numbers with fractions, such as amounts of money; these are not ids."""
    values = numbers_of(context, name)
    if values is None or days_of(context, name)[1]:
        return False
    values = values[np.isfinite(values)]
    return bool((values != np.floor(values)).any())


def _agreement_with_sign_up(context: GuardContext, name: str) -> float | None:
    """Return the agreement of an attribute with the sign-up time; None if it is below `MIN_AGREEMENT`."""
    signed_up = context.customers.signed_up.astype(np.float64)
    values = numbers_of(context, name)
    if values is not None and len(np.unique(values[~np.isnan(values)])) > 20:
        has_value = ~np.isnan(values)
        agreement = spearman(values[has_value], signed_up[has_value])
    else:
        has_value = np.array([level is not None for level in context.levels[name]])
        texts = context.levels[name][has_value].astype(str)
        distinct, codes = np.unique(texts, return_inverse=True)
        if len(distinct) > ID_SHARE * len(texts):  # ids of text have their order in the alphabet
            agreement = spearman(codes.astype(np.float64), signed_up[has_value])
        else:
            agreement = explained_share(codes, signed_up[has_value])
    return agreement if abs(agreement) >= MIN_AGREEMENT else None
