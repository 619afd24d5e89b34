"""Where rows come from: the sections `tables` and `events` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from churn.errors import did_you_mean
from churn.params.section import Name, Section

TABLES = (
    *("customers", "logins", "interactions", "payments", "emails", "surveys", "tickets", "orders"),
    *("subscriptions", "referrals", "contacts"),
)
"""The names of the canonical tables."""


def _canonical(name: str) -> str:
    if name not in TABLES:
        hint = did_you_mean(name, TABLES)
        raise ValueError(f"is not a canonical table.{hint} Further event tables go under 'events:'.")
    return name


def _further(name: str) -> str:
    if name in TABLES:
        raise ValueError("has the name of a canonical table; put it under 'tables:'.")
    return name


CanonicalName = Annotated[str, AfterValidator(_canonical)]
FurtherName = Annotated[Name, AfterValidator(_further)]


class OriginParams(Section):
    """Where rows come from: `from` and `columns`, or a `query`."""

    from_: str | None = Field(None, alias="from")
    query: str | None = None
    columns: dict[str, str] = {}
    where: str | None = None
    time_format: str | None = None
    row_id: str | None = None
    distinct: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> OriginParams:
        if self.query and (self.from_ or self.where):
            raise ValueError("give either 'query' or 'from' and 'where', not both")
        return self


class HistoryParams(OriginParams):
    """Where the history of one attribute comes from, and whether its values are names or numbers."""

    kind: Literal["level", "number"] = "level"

    @model_validator(mode="after")
    def _has_origin(self) -> HistoryParams:
        if not self.query and not self.from_:
            raise ValueError("'from' or 'query' is missing: the table that holds the attribute's history")
        return self


class TableParams(OriginParams):
    """Where a canonical table comes from, and which attributes it has; only customers has any."""

    static: tuple[str, ...] = ()
    history: dict[Name, HistoryParams] = {}
