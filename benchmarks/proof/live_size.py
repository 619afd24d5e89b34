"""How large a company must be before customers are left alone with proof, by the size of an experiment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from churn.experiments.power import units_needed
from churn.uplift.policy import ALPHA, N_GROUPS
from churn.uplift.result import MeasuredUplift
from churn.uplift.sample import MIN_EVENTS

CONTROL_SHARE = 0.3
"""A larger control than by default, so that the nights of a run give a useful interval."""


@dataclass(frozen=True)
class DrivenAway:
    """The truth about the units of a run whose outcome is known.

    Attributes:
        customers: The number of customers of the company.
        days: The days of the nights.
        units: The number of units, both arms together.
        share: The share of the treated units whom a contact in the channel of their first task drives away.
        leave: The share of the treated units that would leave untouched.
        leave_untouched: The same of those whom a contact drives away.
        leave_as_lived: The share of those whom a contact drives away that left.
    """

    customers: int
    days: int
    units: int
    share: float
    leave: float
    leave_untouched: float
    leave_as_lived: float

    def customers_for(self, units: int) -> int:
        """Return the customers of a company that has so many units in the same days."""
        return math.ceil(self.customers * units / self.units)

    @property
    def units_to_fit(self) -> int:
        """Return the units with enough leavers in the control group, before any model is fitted."""
        return math.ceil(MIN_EVENTS / (self.leave * CONTROL_SHARE))

    @property
    def units_to_prove(self) -> int | None:
        """Return the units that prove the harm in the lowest group with the usual power; None without harm.

        At best the model puts all whom a contact drives away into the lowest group. The others in it neither
        gain nor lose.
        """
        harm = (self.leave_as_lived - self.leave_untouched) * min(self.share * N_GROUPS, 1.0)
        if harm <= 0:
            return None
        level = ALPHA / N_GROUPS
        group = units_needed(self.leave, self.leave + harm, control_share=CONTROL_SHARE, alpha=level)
        return N_GROUPS * group.n


def proof_lines(truth: DrivenAway, uplift: MeasuredUplift) -> Iterator[str]:
    """Yield what `churn uplift` said at the end, and at which size it could leave customers alone.

    Args:
        truth: The truth about the units.
        uplift: The verdict on the contacts of the ledger.
    """
    yield (
        f"`churn uplift` at the end: {uplift.control.n:,} controls with {uplift.control.events} leavers, "
        f"{uplift.treatment.n:,} treated with {uplift.treatment.events}; {uplift.verdict.value}: "
        f"{uplift.reason.value}. Left alone: {uplift.do_not_disturb}."
    )
    yield ""
    yield (
        f"Of the treated units whose outcome is known, {100 * truth.share:.1f} % are driven away by a "
        f"contact: {100 * truth.leave_untouched:.1f} % of these leave untouched, "
        f"{100 * truth.leave_as_lived:.1f} % as lived. Of all treated units "
        f"{100 * truth.leave:.1f} % leave untouched."
    )
    yield ""
    yield (
        f"A model is fitted with {MIN_EVENTS} leavers in the control: {truth.units_to_fit:,} units, which a "
        f"company of {truth.customers_for(truth.units_to_fit):,} customers has in {truth.days} days."
    )
    proved = truth.units_to_prove
    if proved is None:
        yield "No contact harmed these units on average, so nobody can be left alone with proof."
        return
    yield (
        f"That the lowest fifth is driven away is proved, with a power of 80 % and a model that finds them "
        f"all, by {proved:,} units: a company of {truth.customers_for(proved):,} customers in these days. A "
        "real model finds fewer of them and needs more."
    )
