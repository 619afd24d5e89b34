"""The sections of params.yaml for a night: what it writes, whom it contacts, and whom on purpose not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from churn.params.sections import Day, Days, DaysOrZero, Section, Share


class BudgetParams(Section):
    """How many customers to contact in a night: a number, or a share of the cohort."""

    contacts: Annotated[int, Field(ge=1)] | None = None
    share: Share = 0.1


class ValueParams(Section):
    """The residual value of a customer: months ahead, margin, yearly discount rate.

    Each of the next `months` months counts with the share `margin` of its revenue.
    """

    months: Annotated[int, Field(ge=1, le=120)] = 12
    margin: Share = 1.0
    discount_year: Annotated[float, Field(ge=0, le=1)] = 0.1


class CsvParams(Section):
    """The separators of `calls.csv`: a German spreadsheet needs `;` between cells and `,` in numbers."""

    separator: Literal[",", ";", "\t"] = ","
    decimal: Literal[".", ","] = "."

    @model_validator(mode="after")
    def _marks_differ(self) -> CsvParams:
        if self.separator == self.decimal:
            raise ValueError("'separator' and 'decimal' are both ','; use ';' between cells")
        return self


class ScoreParams(Section):
    """The settings of the files that a night writes.

    `language` is the language of the reasons and of the call list.
    """

    reasons: Annotated[int, Field(ge=1, le=5)] = 3
    budget: BudgetParams = BudgetParams()
    playbook: Path = Path("playbook.yaml")
    language: Literal["en", "de"] = "en"
    value: ValueParams = ValueParams()
    csv: CsvParams = CsvParams()
    sink: Literal["files"] = "files"


class ControlParams(Section):
    """The share of units that nobody contacts, to measure the effect; a share of 0 needs `because`."""

    share: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    because: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _off_needs_a_reason(self) -> ControlParams:
        if self.share == 0 and not self.because:
            raise ValueError(
                "without a control group nobody can tell whether contacts help; "
                "give the reason under 'because', or a share such as 0.1"
            )
        return self


class ExperimentsParams(Section):
    """Whom the company leaves alone on purpose.

    `control` is the universal control group: no play contacts it. A play may have a control group of its own
    (`control:` in the playbook). `unit` is who gets an arm: a person (customers with the same e-mail address
    or `person_id`), an account, or each customer. `salt` decides the draw; it must not change later.
    """

    control: ControlParams = ControlParams()
    unit: Literal["person", "account", "customer"] = "person"
    salt: Annotated[str, Field(min_length=1, max_length=100)] = "churn"


def _as_clock(value: Any) -> Any:
    """Return a time of day as text: YAML reads 20:00 without quotes as the number of minutes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value // 60:02d}:{value % 60:02d}"
    return value


Clock = Annotated[str, BeforeValidator(_as_clock), Field(strict=True, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of day, such as 20:00."""

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class QuietHoursParams(Section):
    """The hours of the day in which nobody is contacted, `[begin, end)`; they may span midnight."""

    begin: Clock = "20:00"
    end: Clock = "08:00"


class AnnouncementParams(Section):
    """Days on which no play contacts anybody, because the company announces something: `[first, last]`."""

    first: Day
    last: Day
    text: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> AnnouncementParams:
        if self.last < self.first:
            raise ValueError(f"'last' {self.last} lies before 'first' {self.first}")
        return self


class CapParams(Section):
    """The largest number of contacts within a number of days."""

    contacts: Annotated[int, Field(ge=1)]
    days: Days


class ContactParams(Section):
    """Whom a play may contact, how often and when.

    `rest_days` is the rest after the due date of a contact, over all plays and channels. `per_owner` and
    `per_channel` bound the new contacts of a night. `suppression` names CSV files with a column `customer_id`
    or `email`. `holidays` is a country, or a country and a region, such as DE or DE-BY. A customer whose
    health is above `max_health` is not contacted.
    """

    consent_channels: tuple[str, ...] = ("phone",)
    purpose: str = "marketing"
    suppression: tuple[Path, ...] = ()
    max_health: Annotated[int, Field(ge=1, le=5)] = 3
    rest_days: DaysOrZero = 28
    per_customer: CapParams = CapParams(contacts=4, days=182)
    per_owner: dict[str, Annotated[int, Field(ge=0)]] = {}
    per_channel: dict[str, Annotated[int, Field(ge=0)]] = {}
    quiet_hours: QuietHoursParams = QuietHoursParams()
    working_days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = (
        *("monday", "tuesday", "wednesday", "thursday", "friday"),
    )
    holidays: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    announcements: tuple[AnnouncementParams, ...] = ()
