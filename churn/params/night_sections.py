"""The sections of params.yaml for a night: what it writes, whom it contacts, and whom on purpose not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from churn.params.outbox import OutboxParams
from churn.params.sections import Day, Days, DaysOrZero, OriginParams, Section, Share, Words

MAX_NAME_BYTES = 63
"""PostgreSQL cuts a longer name, so that two names could become one."""


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


class SinkParams(Section):
    """A database to which each night is handed over."""

    connection: str = Field(repr=False)  # it may hold a password
    db_schema: Annotated[str, Field(min_length=1)] = Field(default="churn", alias="schema")

    @field_validator("db_schema")
    @classmethod
    def _fits_a_name(cls, name: str) -> str:
        if len(name.encode()) > MAX_NAME_BYTES or not name.isprintable():
            raise ValueError(f"must be a name of at most {MAX_NAME_BYTES} bytes without control characters")
        return name


def _as_sink(value: Any) -> Any:
    """Return no sink for `files`, the earlier word for a night that is only written to files."""
    return None if value == "files" else value


class ScoreParams(Section):
    """The settings of the files that a night writes.

    `language` is the language of the reasons and of the call list. `sink` is a database that gets each night,
    too; without it a night is only files.
    """

    reasons: Annotated[int, Field(ge=1, le=5)] = 3
    budget: BudgetParams = BudgetParams()
    playbook: Path = Path("playbook.yaml")
    language: Literal["en", "de"] = "en"
    value: ValueParams = ValueParams()
    csv: CsvParams = CsvParams()
    sink: Annotated[SinkParams | None, BeforeValidator(_as_sink)] = None


class ReportParams(Section):
    """The settings of the page that `churn report` writes; the default language is `score.language`."""

    language: Literal["en", "de"] | None = None


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


def _as_word(value: Any) -> Any:
    """Return a value of a column as text: YAML reads 0 as a number, and true as a truth value."""
    if isinstance(value, bool) or value is None:
        raise ValueError("a value that YAML reads as something else needs quotes, such as 'no'")
    return str(value) if isinstance(value, int | float) else value


Word = Annotated[str, BeforeValidator(_as_word), Field(min_length=1)]

LABEL_OUTCOME = "label"
"""The outcome that is not a column: whether the customer left, as the label of params.yaml defines it."""


class OutsideParams(Section):
    """An experiment that the company ran by itself: a row for each unit, with its arm and its outcome.

    `outcome` is a column with 0 and 1, or `label`: whether the customer left after `assigned_at`. `wanted`
    says whether the outcome is good, as a visit is, or bad, as leaving is. `sizes` are the relative sizes of
    the arms by design, which the alarm about the sizes of the arms needs. `score` is a number from before the
    assignment, such as an earlier churn probability; `score_at` is the time from which it is.
    """

    name: Annotated[str, Field(min_length=1)]
    from_: str | None = Field(None, alias="from")
    query: str | None = None
    where: str | None = None
    unit: str
    arm: str
    control: Word
    treated: Words
    leave_out: tuple[Word, ...] = ()
    outcome: str
    wanted: bool | None = None
    sizes: dict[Word, Annotated[float, Field(gt=0)]] | None = None
    account: str | None = None
    score: str | None = None
    score_at: str | None = None
    assigned_at: str | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """Return the values of the arms, the control first."""
        return self.control, *self.treated

    @property
    def has_label(self) -> bool:
        """Return whether the outcome is the label of params.yaml."""
        return self.outcome == LABEL_OUTCOME

    @property
    def origin(self) -> OriginParams:
        """Return where the rows are."""
        return OriginParams.model_validate({"from": self.from_, "query": self.query, "where": self.where})

    @model_validator(mode="after")
    def _is_complete(self) -> OutsideParams:
        if bool(self.query) == bool(self.from_) or (self.query and self.where):
            raise ValueError("give either 'from', with 'where' if some rows count, or 'query'")
        if len(set(self.arms)) < len(self.arms) or set(self.arms) & set(self.leave_out):
            raise ValueError("each arm stands once, in 'control', 'treated' or 'leave_out'")
        if self.sizes is not None and set(self.sizes) != set(self.arms):
            raise ValueError(f"'sizes' needs a number for each arm and for no other: {', '.join(self.arms)}")
        if self.has_label:
            if self.wanted is not None:
                raise ValueError("'wanted' does not belong to the outcome 'label': leaving is not wanted")
            if self.assigned_at is None:
                raise ValueError("the outcome 'label' needs 'assigned_at': the label begins at this time")
        elif self.wanted is None:
            raise ValueError("'wanted' is missing: true if a 1 is good, such as a visit, false if it is bad")
        if (self.score is None) != (self.score_at is None):
            raise ValueError("'score' and 'score_at' belong together")
        if self.score is not None and self.assigned_at is None:
            raise ValueError(
                "'score' needs 'assigned_at': only a score from before the assignment may adjust"
            )
        return self


class ExperimentsParams(Section):
    """Whom the company leaves alone on purpose, and the experiments that it ran by itself.

    `control` is the universal control group: no play contacts it. A play may have a control group of its own
    (`control:` in the playbook). `unit` is who gets an arm: a person (customers with the same e-mail address
    or `person_id`), an account, or each customer. `salt` decides the draw; it must not change later.
    `outside` lists the experiments that `churn measure` reads from the source.
    """

    control: ControlParams = ControlParams()
    unit: Literal["person", "account", "customer"] = "person"
    salt: Annotated[str, Field(min_length=1, max_length=100)] = "churn"
    outside: tuple[OutsideParams, ...] = ()

    @field_validator("outside")
    @classmethod
    def _names_differ(cls, outside: tuple[OutsideParams, ...]) -> tuple[OutsideParams, ...]:
        names = [experiment.name for experiment in outside]
        if repeats := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"several experiments have the name {', '.join(repeats)}")
        return outside


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


class RhythmParams(Section):
    """What the customer's own rhythm decides: the channel of plays that prefer it, and the best hour.

    Answers and events of `days` count. A channel needs `min_answers` answers, an hour `min_events` events in
    it, the hour before and the hour after. With `best_hour` the call list has columns for the hour.
    """

    days: Days = 182
    min_answers: Annotated[int, Field(ge=1)] = 3
    min_events: Annotated[int, Field(ge=1)] = 8
    best_hour: bool = False


class ContactParams(Section):
    """Whom a play may contact, how often and when.

    `rest_days` is the rest after the due date of a contact, over all plays and channels. `per_owner` and
    `per_channel` bound the new contacts of a night. `suppression` names CSV files with a column `customer_id`
    or `email`. `holidays` is a country, or a country and a region, such as DE or DE-BY. A customer whose
    health is above `max_health` is not contacted. `rhythm` is the customer's own. `outbox` hands contacts
    over to other systems.
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
    rhythm: RhythmParams = RhythmParams()
    outbox: OutboxParams | None = None
