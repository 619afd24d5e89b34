"""Give each customer a weight so that customers without a contact represent all customers. The weights are
needed because contacts change signals and outcomes.

A contacted customer has the weight 0. Chance decided which customers with a task were contacted and which
became controls. So the controls represent the contacted customers too: a control has the weight
`1 / P(control)`. All other customers have the weight 1.

Source: Horvitz and Thompson (1952), A generalization of sampling without replacement from a finite universe,
    Journal of the American Statistical Association 47.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.experiments.exposure import TaskHistory
from churn.experiments.ledger import Ledger

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

CONTACT_DAYS = 91
"""The number of days in which a contact may change the signals of a customer."""

NO_CONTROLS = (
    "contacted customers are compared too, because there is no control group that could stand for them: what "
    "has moved may be the effect of the contacts"
)


@dataclass(frozen=True)
class UntreatedWeights:
    """The weight of each customer, and how many customers were contacted.

    Attributes:
        weights: The weight of each customer, shape (customers,): 0 for contacted customers, or 1 if there are
            no controls.
        n_treated: The number of contacted customers.
        n_controls: The number of controls who represent contacted customers.
        note: A sentence that says why contacted customers have the weight 1; None if their weight is 0 or
            nobody was contacted.
    """

    weights: Floats
    n_treated: int
    n_controls: int
    note: str | None = None


def weigh_untreated(
    ledger: Ledger, customers: Sequence[str] | Objects, first: date, end: date
) -> UntreatedWeights:
    """Return the weight of each customer, given the tasks that were planned in `[first, end)`.

    A task for one customer counts for all customers of the same person or account.

    Args:
        ledger: The ledger: the tasks of all earlier nights, and the arms of the units.
        customers: The ids of the customers.
        first: The first day of the period.
        end: The day after the last day of the period.
    """
    history = TaskHistory(ledger)
    units = history.weights(history.planned_in(first, end))
    weights = np.array([units.weight_of.get(history.unit(str(customer)), 1.0) for customer in customers])
    treated, controls = int((weights == 0).sum()), int((weights > 1).sum())
    if treated and not controls:
        return UntreatedWeights(np.ones(len(customers)), treated, 0, NO_CONTROLS)
    return UntreatedWeights(weights, treated, controls)
