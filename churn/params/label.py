"""The section `label` of params.yaml: who has left, or which event is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from churn.params.forms import EVENT_NAME, NOT_BLANK
from churn.params.label_words import CHURN_WORDS, LabelWords, event_words
from churn.params.sections import Days, DaysOrZero, Section

EVENT_KEYS = ("where", "among", "active_in", "once", "event_name")
"""The keys of a label that belong to kind event only."""


class LabelParams(Section):
    """The definition of the label; the label's window is `[cutoff + gap, cutoff + gap + horizon)`.

    A label of kind `event` is 1 if the customer has the event in the window. The event, such as an upgrade,
    is a row of `table` that meets the condition `where`.
    """

    kind: Literal["inactivity", "contract", "event"] = Field(
        description="what is predicted: leaving by silence (`inactivity`), by the end of a contract "
        "(`contract`), or another event (`event`)"
    )
    table: str | None = Field(
        default=None,
        description="the table whose events show that a customer is active (kind inactivity), or whose "
        "rows are the event (kind event)",
    )
    horizon_days: Days = Field(
        description="the length of the window of the label, `[cutoff + gap, cutoff + gap + horizon)`"
    )
    gap_days: DaysOrZero = Field(
        default=0, description="the days between the cutoff and the window, in which the company can act"
    )
    active_days: Days | None = Field(
        default=None,
        description="a customer is at risk with an event within so many days before the cutoff; the "
        "default is two horizons",
    )
    grace_days: DaysOrZero = Field(
        default=30,
        description="only for kind contract: a contract that is renewed within so many days has not ended",
    )
    leaving: Literal["any", "voluntary", "involuntary"] = Field(
        default="any",
        description="only for kind contract: which leaving counts; the other kind counts as not left",
    )
    involuntary_reasons: tuple[str, ...] = Field(
        default=(),
        description="the values of `subscriptions.reason` with which the company itself ends a contract",
    )
    accept_reactivation: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="only for kind inactivity: the reason why a person accepts that more than 20% of "
        "churners come back",
    )
    where: Annotated[str, Field(pattern=NOT_BLANK)] | None = Field(
        default=None,
        description="only for kind event: SQL that is true for the rows of `table` that are the event",
    )
    among: Literal["active", "gone", "all"] = Field(
        default="active", description="only for kind event: who can have the event"
    )
    active_in: str = Field(
        default="subscriptions",
        description="only for kind event: the table that shows who is active: `subscriptions`, in which a "
        "contract runs that nobody has cancelled, or a table with an event within "
        "`active_days`",
    )
    once: bool = Field(
        default=False,
        description="only for kind event: whether a customer who has already had the event is left out",
    )
    paused_at_risk: bool = Field(
        default=False,
        description="only for contracts: whether a customer whose contract is paused at the cutoff is at "
        "risk like others",
    )
    event_name: Annotated[str, Field(pattern=EVENT_NAME)] | None = Field(
        default=None,
        description="only for kind event: the name of the event in texts; the default is the name of the "
        "table",
    )

    @model_validator(mode="after")
    def _fits_kind(self) -> LabelParams:
        if self.kind == "event":
            return self._fits_event()
        foreign = [key for key in EVENT_KEYS if key in self.model_fields_set]
        if foreign:
            raise ValueError(f"{_in_words(foreign)} to kind event; kind {self.kind} says who has left")
        if self.kind == "inactivity" and self.paused_at_risk:
            raise ValueError("'paused_at_risk' belongs to kind contract; only contracts are paused")
        if self.kind == "inactivity" and not self.table:
            raise ValueError("'table' is needed: the table whose events show that a customer is active")
        if self.kind == "contract" and self.active_days is not None:
            raise ValueError("'active_days' belongs to kind inactivity; a contract is active until it ends")
        if self.kind == "contract" and self.table not in (None, "subscriptions"):
            raise ValueError("'table' belongs to kind inactivity; contracts are in subscriptions")
        if self.kind == "inactivity" and "grace_days" in self.model_fields_set:
            raise ValueError("'grace_days' belongs to kind contract; kind inactivity has no renewals")
        if self.kind == "inactivity" and (self.leaving != "any" or self.involuntary_reasons):
            raise ValueError(
                "'leaving' and 'involuntary_reasons' belong to kind contract; inactivity has no reasons"
            )
        if self.kind == "contract" and self.accept_reactivation:
            raise ValueError(
                "'accept_reactivation' belongs to kind inactivity; contracts have a grace period"
            )
        return self

    def _fits_event(self) -> LabelParams:
        if not self.table:
            raise ValueError("'table' is needed: the table whose rows are the event")
        keys = ("grace_days", "leaving", "involuntary_reasons", "accept_reactivation", "paused_at_risk")
        foreign = [key for key in keys if key in self.model_fields_set]
        if foreign:
            raise ValueError(f"{_in_words(foreign)} to labels of churn; an event is no leaving")
        if self.among == "all" and self.model_fields_set & {"active_in", "active_days"}:
            raise ValueError(
                "'active_in' and 'active_days' say who is active, and 'among: all' takes everybody; remove "
                "them, or set 'among' to active or gone"
            )
        if self.among != "all" and self.active_in == "subscriptions" and self.active_days is not None:
            raise ValueError(
                "'active_days' needs 'active_in', a table whose events show that a customer is active; a "
                "contract in subscriptions is active until it ends"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_foreign_keys(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the label without the keys that it does not use.

        `EVENT_KEYS` are left out if the label is not of kind event, and `paused_at_risk` is left out if it is
        false. So a label that does not use these keys still has the digest that it had before they were
        added.
        """
        fields: dict[str, Any] = serialize(self)
        foreign = set() if self.kind == "event" else set(EVENT_KEYS)
        if not self.paused_at_risk:
            foreign.add("paused_at_risk")
        return {key: value for key, value in fields.items() if key not in foreign}

    @property
    def definition(self) -> dict[str, Any]:
        """Return the keys that decide who has left; `leaving` is included only if it is not `any`."""
        irrelevant = {"accept_reactivation", "event_name"}
        if self.leaving == "any":
            irrelevant |= {"leaving", "involuntary_reasons"}
        if self.is_event:
            irrelevant |= {"grace_days"}
        return self.model_dump(mode="json", exclude=irrelevant)

    @property
    def is_event(self) -> bool:
        """Return whether the label counts an event other than leaving."""
        return self.kind == "event"

    @property
    def has_contract_ends(self) -> bool:
        """Return whether the label is decided by the ends of contracts."""
        return self.kind == "contract"

    @property
    def words(self) -> LabelWords:
        """Return the words that pages and lists use for this label.

        An event is called by `event_name` or, if that is not set, by the name of its table.
        """
        return event_words(self.event_name or str(self.table)) if self.is_event else CHURN_WORDS

    @property
    def core_table(self) -> str:
        """Return the table whose rows decide the label."""
        return self.table or "subscriptions"

    @property
    def active_table(self) -> str | None:
        """Return the table that shows who is active; None if everybody is in the cohort."""
        if not self.is_event:
            return self.core_table
        return None if self.among == "all" else self.active_in

    @property
    def source_tables(self) -> tuple[str, ...]:
        """Return the tables that decide the label or decide who is in the cohort."""
        if self.is_event:
            return tuple(dict.fromkeys(filter(None, (self.core_table, self.active_table))))
        return (self.core_table,) if self.leaving == "any" else (self.core_table, "payments")

    @property
    def days_active(self) -> int:
        """Return the number of days before a cutoff in which a customer must have an event to be active."""
        return self.active_days or 2 * self.horizon_days


def _in_words(keys: Sequence[str]) -> str:
    """Return the keys, followed by "belongs" or "belong": `'where' belongs`, `'where' and 'once' belong`."""
    quoted = [f"'{key}'" for key in keys]
    if len(quoted) == 1:
        return f"{quoted[0]} belongs"
    return f"{', '.join(quoted[:-1])} and {quoted[-1]} belong"
