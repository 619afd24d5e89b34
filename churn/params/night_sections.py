"""The sections of params.yaml for a night: its files, the contacts, and the control group."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from churn.params.forms import CLOCK, HOLIDAYS
from churn.params.outbox import OutboxParams
from churn.params.sections import Day, Days, DaysOrZero, OriginParams, Section, Seed, Share, Words

MAX_NAME_BYTES = 63
"""The longest name: PostgreSQL cuts longer names, so that two names could become one."""


class BudgetParams(Section):
    """How many customers are contacted in a night: a number, or a share of the customers who can leave."""

    contacts: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="the number of new contacts of a night; it takes the place of `share`"
    )
    share: Share = Field(
        default=0.1, description="the new contacts of a night, as a share of the customers who can leave"
    )


class ValueParams(Section):
    """How the residual value of a customer (the money that the customer would still pay) is computed."""

    months: Annotated[int, Field(ge=1, le=120)] = Field(default=12, description="the months ahead that count")
    margin: Share = Field(default=1.0, description="the share of the revenue that counts")
    discount_year: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.1, description="the yearly discount rate"
    )


class CsvParams(Section):
    """The cell separator and the decimal mark of `calls.csv`."""

    separator: Literal[",", ";", "\t"] = Field(
        default=",", description="what stands between two cells; a German spreadsheet needs `;`"
    )
    decimal: Literal[".", ","] = Field(
        default=".", description="what stands before decimals; a German spreadsheet needs `,`"
    )

    @model_validator(mode="after")
    def _marks_differ(self) -> CsvParams:
        if self.separator == self.decimal:
            raise ValueError("'separator' and 'decimal' are both ','; use ';' between cells")
        return self


class SinkParams(Section):
    """The database to which the tables of each night are copied."""

    connection: str = Field(repr=False, description="the address of the database")  # it may hold a password
    db_schema: Annotated[str, Field(min_length=1)] = Field(
        default="churn", alias="schema", description="the schema of the tables"
    )

    @field_validator("db_schema")
    @classmethod
    def _fits_a_name(cls, name: str) -> str:
        if len(name.encode()) > MAX_NAME_BYTES or not name.isprintable():
            raise ValueError(f"must be a name of at most {MAX_NAME_BYTES} bytes without control characters")
        return name


def _as_sink(value: Any) -> Any:
    """Return None for the old value `files`, which meant that no database gets the night."""
    return None if value == "files" else value


class ScoreParams(Section):
    """The settings of `churn score` and of the files that it writes."""

    reasons: Annotated[int, Field(ge=1, le=5)] = Field(
        default=3, description="the largest number of reasons for a customer"
    )
    budget: BudgetParams = BudgetParams()
    playbook: Path = Field(default=Path("playbook.yaml"), description="the file with the plays")
    language: Literal["en", "de"] = Field(
        default="en", description="the language of the reasons and of the call list"
    )
    value: ValueParams = ValueParams()
    csv: CsvParams = CsvParams()
    sink: Annotated[SinkParams | None, BeforeValidator(_as_sink)] = Field(
        default=None, description="a database that gets each night, too; without it a night is only files"
    )


class ReportParams(Section):
    """The settings of the page that `churn report` writes; its default language is `score.language`."""

    language: Literal["en", "de"] | None = Field(
        default=None,
        description="the language of the page; reasons and plays stay in `score.language`, as on the list",
    )


class ControlParams(Section):
    """The share of units (`experiments.unit`) that nobody contacts, so that the effect can be measured."""

    share: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.1, description="of the units that a play may contact, the share that nobody contacts"
    )
    because: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="why there is no control group; needed for a share of 0"
    )

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
    """An experiment that the company ran without `churn`; each unit has a row with its arm and outcome."""

    name: Annotated[str, Field(min_length=1)] = Field(description="the name of the experiment")
    from_: str | None = Field(
        default=None, alias="from", description="the table of the source with a row for each unit"
    )
    query: str | None = Field(
        default=None, description="SQL that gives the rows, instead of `from` and `where`"
    )
    where: str | None = Field(default=None, description="SQL that is true for the rows that count")
    unit: str = Field(description="the column with the unit")
    arm: str = Field(description="the column with the arm")
    control: Word = Field(description="the arm that was left alone")
    treated: Words = Field(description="the arms that are compared with the control")
    leave_out: tuple[Word, ...] = Field(default=(), description="the arms that are not measured")
    outcome: str = Field(
        description="a column with 0 and 1, or `label`: whether the customer left, or had the event, after "
        "`assigned_at`"
    )
    wanted: bool | None = Field(
        default=None, description="whether a 1 is good, as a visit is, or bad, as leaving is"
    )
    sizes: dict[Word, Annotated[float, Field(gt=0)]] | None = Field(
        default=None,
        description="the relative sizes of the arms by design, for the alarm about the sizes of the arms",
    )
    account: str | None = Field(
        default=None, description="the column with the account or address behind several units"
    )
    score: str | None = Field(
        default=None,
        description="the column with a number from before the assignment, for a shorter interval",
    )
    score_at: str | None = Field(default=None, description="the column with the time of the score")
    assigned_at: str | None = Field(default=None, description="the column with the time of the assignment")
    covariates: tuple[str, ...] = Field(
        default=(),
        description="columns with what was known about each unit before its assignment, for `churn uplift`",
    )

    @property
    def arms(self) -> tuple[str, ...]:
        """Return the values that name the arms in the source; the control comes first."""
        return self.control, *self.treated

    @property
    def has_label(self) -> bool:
        """Return whether the outcome is the label of params.yaml."""
        return self.outcome == LABEL_OUTCOME

    @property
    def origin(self) -> OriginParams:
        """Return the table or the query that holds the rows."""
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
                raise ValueError(
                    "'wanted' does not belong to the outcome 'label': leaving is not wanted, and an event is"
                )
            if self.assigned_at is None:
                raise ValueError("the outcome 'label' needs 'assigned_at': the label begins at this time")
        elif self.wanted is None:
            raise ValueError("'wanted' is missing: true if a 1 is good, such as a visit, false if it is bad")
        if repeats := sorted({name for name in self.covariates if self.covariates.count(name) > 1}):
            raise ValueError(f"'covariates' names {', '.join(repeats)} several times")
        if later := [name for name in self.covariates if name in (self.outcome, self.arm, self.unit)]:
            raise ValueError(
                f"'covariates' names {', '.join(later)}, but a covariate is from before the assignment and "
                "is neither the unit, the arm nor the outcome"
            )
        if (self.score is None) != (self.score_at is None):
            raise ValueError("'score' and 'score_at' belong together")
        if self.score is not None and self.assigned_at is None:
            raise ValueError(
                "'score' needs 'assigned_at': only a score from before the assignment may adjust"
            )
        return self


class UpliftParams(Section):
    """`churn uplift` compares two ways to choose contacts: by the predicted effect, and by the risk."""

    contact_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.5, description="the share of the units of an experiment that both policies contact"
    )
    seed: Seed = Field(default=7, description="the seed of the trees")


class ExperimentsParams(Section):
    """The settings of control groups, and the experiments that the company ran without `churn`.

    `control` is the universal control group: no play contacts it. A play may have a control group of its own
    (`control:` in the playbook).
    """

    control: ControlParams = ControlParams()
    unit: Literal["person", "account", "customer"] = Field(
        default="person",
        description="who gets an arm: a person (customers with one e-mail address or `person_id`), an "
        "account, or each customer",
    )
    salt: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default="churn", description="what decides the draw; it must not change later"
    )
    outside: tuple[OutsideParams, ...] = Field(
        default=(),
        description="experiments that the company ran by itself, which `churn measure` reads from the source",
    )
    effects: Literal["measured", "assumed"] = Field(
        default="measured",
        description="how many a contact is expected to keep, and what it costs: what `churn measure` has "
        "measured before the night, or always the assumption",
    )
    uplift: UpliftParams = UpliftParams()

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


Clock = Annotated[str, BeforeValidator(_as_clock), Field(strict=True, pattern=CLOCK)]
"""A time of day, such as 20:00."""

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class QuietHoursParams(Section):
    """The hours of the day in which nobody is contacted, `[begin, end)`; `end` may lie on the next day."""

    begin: Clock = Field(default="20:00", description="from this time on nobody is contacted")
    end: Clock = Field(default="08:00", description="until this time nobody is contacted")


class AnnouncementParams(Section):
    """Days on which no play contacts anybody, because the company announces something: `[first, last]`."""

    first: Day = Field(description="the first day")
    last: Day = Field(description="the last day")
    text: Annotated[str, Field(min_length=1)] = Field(description="what the company announces")

    @model_validator(mode="after")
    def _in_order(self) -> AnnouncementParams:
        if self.last < self.first:
            raise ValueError(f"'last' {self.last} lies before 'first' {self.first}")
        return self


class CapParams(Section):
    """The largest number of contacts with one customer within `days` days."""

    contacts: Annotated[int, Field(ge=1)] = Field(description="the largest number of contacts")
    days: Days = Field(description="within so many days")


class RhythmParams(Section):
    """How a customer's preferred channel (`channel: preferred`) and best hour for contacts are found.

    The preferred channel is found from the customer's answers to contacts and mails, and the best hour from
    the customer's events.
    """

    days: Days = Field(default=182, description="the days before the cutoff whose answers and events count")
    min_answers: Annotated[int, Field(ge=1)] = Field(
        default=3, description="the fewest answers with which a channel is preferred"
    )
    min_events: Annotated[int, Field(ge=1)] = Field(
        default=8, description="the fewest events in an hour, the hour before and the hour after"
    )
    best_hour: bool = Field(default=False, description="whether the call list has columns for the best hour")


class ContactParams(Section):
    """Whom a play may contact, how often and when."""

    consent_channels: tuple[str, ...] = Field(
        default=("phone",), description="the channels that need a consent of the customer"
    )
    purpose: str = Field(default="marketing", description="the purpose for which the consent must hold")
    suppression: tuple[Path, ...] = Field(
        default=(),
        description="CSV files with a column `customer_id` or `email`: nobody in them is contacted",
    )
    max_health: Annotated[int, Field(ge=1, le=5)] = Field(
        default=3, description="customers with a better health band are not contacted"
    )
    rest_days: DaysOrZero = Field(
        default=28, description="the rest after the due date of a contact, over all plays and channels"
    )
    per_customer: CapParams = CapParams(contacts=4, days=182)
    per_owner: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default={}, description="the new contacts of a night by owner, such as `{customer success: 40}`"
    )
    per_channel: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default={}, description="the new contacts of a night by channel"
    )
    quiet_hours: QuietHoursParams = QuietHoursParams()
    working_days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = Field(
        default=(*("monday", "tuesday", "wednesday", "thursday", "friday"),),
        description="the days on which a contact may be due",
    )
    holidays: Annotated[str, Field(pattern=HOLIDAYS)] | None = Field(
        default=None,
        description="a country, or a country and a region, whose public holidays are no working days, "
        "such as DE or DE-BY",
    )
    announcements: tuple[AnnouncementParams, ...] = Field(
        default=(), description="days on which nobody is contacted, because the company announces something"
    )
    rhythm: RhythmParams = RhythmParams()
    outbox: OutboxParams | None = Field(
        default=None, description="how planned contacts are handed over to other systems; `{}` writes files"
    )
