"""What leaving means: the section `label` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from churn.params.section import Days, DaysOrNone, Section


class LabelParams(Section):
    """What leaving means; the window is `[cutoff + gap, cutoff + gap + horizon)`.

    `leaving` is the kind that counts; `involuntary_reasons` are words of `subscriptions.reason` by which the
    company ended a contract. `accept_reactivation` is why a person signed off that many leavers come back.
    """

    kind: Literal["inactivity", "contract"]
    table: str | None = None
    horizon_days: Days
    gap_days: DaysOrNone = 0
    active_days: Days | None = None
    grace_days: DaysOrNone = 30
    leaving: Literal["any", "voluntary", "involuntary"] = "any"
    involuntary_reasons: tuple[str, ...] = ()
    accept_reactivation: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _fits_kind(self) -> LabelParams:
        if self.kind == "inactivity" and not self.table:
            raise ValueError("'table' is needed: the table whose events mean the customer is still here")
        if self.kind == "contract" and self.active_days is not None:
            raise ValueError("'active_days' belongs to kind inactivity; a contract is live or not")
        if self.kind == "contract" and self.table not in (None, "subscriptions"):
            raise ValueError("'table' belongs to kind inactivity; contracts are told by subscriptions")
        if self.kind == "inactivity" and "grace_days" in self.model_fields_set:
            raise ValueError("'grace_days' belongs to kind contract; inactivity has no renewal")
        if self.kind == "inactivity" and (self.leaving != "any" or self.involuntary_reasons):
            raise ValueError("'leaving' and its reasons belong to kind contract; silence does not say why")
        if self.kind == "contract" and self.accept_reactivation:
            raise ValueError("'accept_reactivation' belongs to kind inactivity; contracts have a grace")
        return self

    @property
    def definition(self) -> dict[str, Any]:
        """Return what decides who has left; a sign-off is no part of it, nor is a kind not asked for."""
        no_part = {"accept_reactivation"}
        if self.leaving == "any":
            no_part |= {"leaving", "involuntary_reasons"}
        return self.model_dump(mode="json", exclude=no_part)

    @property
    def core_table(self) -> str:
        """Return the table that decides whether a customer is still here."""
        return self.table or "subscriptions"

    @property
    def told_by(self) -> tuple[str, ...]:
        """Return the tables whose rows decide who has left, and in which way where that is asked."""
        return (self.core_table,) if self.leaving == "any" else (self.core_table, "payments")

    @property
    def days_active(self) -> int:
        """Return how recent the last core event must be to be at risk (inactivity)."""
        return self.active_days or 2 * self.horizon_days
