"""The sections of params.yaml for data, label and engine, one frozen class each; unknown keys are refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from churn.errors import did_you_mean
from churn.params.forms import MEMORY_SIZE, STEP

Days = Annotated[int, Field(ge=1, le=3660)]
DaysOrZero = Annotated[int, Field(ge=0, le=3660)]
Share = Annotated[float, Field(gt=0, le=1)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A seed that every library takes."""

Cost = Annotated[float, Field(ge=0, le=1e9)]
"""An amount of money per contact; sums of larger amounts over many customers would lose their cents."""

Day = Annotated[date, Field(ge=date(1970, 1, 2), le=date(2199, 12, 31))]
"""A day from which years can be counted back and ahead."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Section(BaseModel):
    """A frozen part of params.yaml; unknown keys are refused, and so are numbers that are not finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _check_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what pydantic would convert: true as the number 1, 1 as true, and a number as a date."""
        types = _types_in(cls.model_fields[str(info.field_name)].annotation)
        has_sections = any(issubclass(part, BaseModel) for part in types)  # a section checks its own fields
        for part in (value,) if has_sections else _scalars(value):
            if isinstance(part, bool):
                if types & {int, float} and bool not in types:
                    raise ValueError("must be a number; YAML reads yes, no, on and off as true and false")
            elif isinstance(part, int | float) and not types & {int, float}:
                if bool in types:
                    raise ValueError("must be true or false")
                if date in types:
                    raise ValueError("must be a date, such as 2024-01-31")
        return value


def _types_in(annotation: Any) -> set[type]:
    """Return the plain types in an annotation: `dict[str, int]`, for example, gives str and int."""
    if parts := get_args(annotation):
        return {part_type for part in parts for part_type in _types_in(part)}
    return {annotation} if isinstance(annotation, type) else set()


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _scalars(part)
    else:
        yield value


TABLES = (
    *("customers", "logins", "interactions", "payments", "emails", "surveys", "tickets", "orders"),
    *("subscriptions", "referrals", "contacts", "consents", "loyalty"),
)
"""The names of the canonical tables."""


def _check_canonical(name: str) -> str:
    if name not in TABLES:
        hint = did_you_mean(name, TABLES)
        raise ValueError(f"is not a canonical table.{hint} Further event tables go under 'events:'.")
    return name


def _check_not_canonical(name: str) -> str:
    if name in TABLES:
        raise ValueError("has the name of a canonical table; put the table under 'tables:'.")
    return name


CanonicalName = Annotated[str, AfterValidator(_check_canonical)]
EventName = Annotated[Name, AfterValidator(_check_not_canonical)]


OPEN_QUESTION = "?"
"""The first character of a value that is a question of `churn init`; the user must replace the question by an
answer.
"""


def _refuse_question(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith(OPEN_QUESTION):
        question = value.lstrip().removeprefix(OPEN_QUESTION).strip().rstrip(".")
        raise PydanticCustomError("open_question", "{question}", {"question": question})
    return value


DayAnswer = Annotated[Day, BeforeValidator(_refuse_question)]
"""A day that `churn init` may leave open."""

Answer = Annotated[str, BeforeValidator(_refuse_question)]
"""A text that `churn init` may leave open: `? the question and the values to choose from`."""


def _as_words(value: Any) -> Any:
    """Return the words for "no value" as texts; YAML reads 9999-12-31 as a date and 0 as a number."""
    words = value if isinstance(value, list | tuple) else [value]
    if any(word is None or isinstance(word, bool | dict | list) for word in words):
        raise ValueError("a word that YAML reads as something else needs quotes, such as ['null', 'no']")
    return tuple(str(word) for word in words)


Words = Annotated[tuple[str, ...], BeforeValidator(_as_words), Field(min_length=1)]


class OriginParams(Section):
    """Where the rows of a table come from: `from` and `columns`, or a `query`.

    For each canonical column or attribute, `missing` lists the words that mean "no value" in the source:
    `{ended_at: ['NULL', 9999-12-31]}`. A value is missing if its text, without blanks at its ends, equals one
    of these words. In a column of times, a day such as 9999-12-31 matches all times of this day. In a column
    of numbers, the word `0` also matches `0.00`, because both are the same number.
    """

    from_: Answer | None = Field(
        default=None,
        alias="from",
        description="the table of the source; by default the table with the same name",
    )
    query: Answer | None = Field(
        default=None,
        description="SQL that gives the rows, in the source's dialect, instead of `from` and `where`",
    )
    columns: dict[str, Answer] = Field(
        default={},
        description="the SQL of each column; a column that has its canonical name needs no entry",
    )
    where: Answer | None = Field(default=None, description="SQL that is true for the rows to read")
    time_format: Answer | None = Field(
        default=None,
        description="the form of times that are text and not like 2024-01-31 10:00, as `strptime` takes it; "
        "`%z` is an offset such as -0400, and a time without an offset is local to `timezone`",
    )
    row_id: Answer | None = Field(
        default=None,
        description="the column that identifies a row; of several rows with one id the first is kept",
    )
    distinct: bool = Field(
        default=False, description="whether equal rows are one row; by default two equal rows are two events"
    )
    missing: dict[str, Words] = Field(
        default={},
        description="the words for no value by column, such as {ended_at: ['NULL', 9999-12-31]}; in a "
        "column of times, a day such as 9999-12-31 matches all times of this day, and in a column of "
        "numbers, the word 0 also matches 0.00",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> OriginParams:
        if self.query and (self.from_ or self.where):
            raise ValueError("give either 'query' or 'from' and 'where', not both")
        return self


class HistoryParams(OriginParams):
    """Where the history of an attribute comes from, and whether its values are names or numbers."""

    kind: Literal["level", "number"] = Field(
        default="level", description="whether the values of the history are names (`level`) or numbers"
    )

    @model_validator(mode="after")
    def _has_origin(self) -> HistoryParams:
        if not self.query and not self.from_:
            raise ValueError("'from' or 'query' is missing: the table that holds the attribute's history")
        return self


class TableParams(OriginParams):
    """Where the rows of a canonical table come from; for the table `customers`, also its attributes."""

    static: tuple[str, ...] = Field(
        default=(),
        description="only for `customers`: columns whose value never changes, such as a birth year",
    )
    history: dict[Name, HistoryParams] = Field(
        default={},
        description="only for `customers`: where the values of an attribute that changes come from",
    )


class SnapshotParams(Section):
    """The days of the cutoffs from which the model learns, and the day up to which the data are complete."""

    cutoffs: tuple[Day, ...] = Field(
        default=(), description="the cutoffs, as a list; instead of `first` and `last`"
    )
    first: DayAnswer | None = Field(
        default=None,
        description="the first cutoff; the default lies 56 days after the first event of the label's table",
    )
    last: DayAnswer | None = Field(default=None, description="the last cutoff; the default is the watermark")
    every: Annotated[str, Field(pattern=STEP)] = Field(
        default="week",
        description="the step from one cutoff to the next: `month`, `week`, or such as `10 days`",
    )
    watermark: DayAnswer | None = Field(
        default=None,
        description="the data are complete up to the midnight of this day; the default is the latest "
        "event of the label's table",
    )
    late_days: DaysOrZero = Field(
        default=0, description="the days that late rows take to arrive; a label is trusted only after them"
    )

    @model_validator(mode="after")
    def _one_way(self) -> SnapshotParams:
        if self.cutoffs and (self.first or self.last):
            raise ValueError("give either 'cutoffs' or 'first' and 'last', not both")
        if self.first and self.last and self.last < self.first:
            raise ValueError(f"'last' {self.last} lies before 'first' {self.first}")
        return self


class SignalsParams(Section):
    """A signal is computed if `families`, `tables` and `names` include it, and `leave_out` does not."""

    families: tuple[str, ...] = Field(
        default=("all",),
        description="the families of signals that are on: activity, purchase, payment, email, sentiment, "
        "support, contract, profile, contact",
    )
    tables: tuple[str, ...] = Field(default=("all",), description="the tables whose signals are on")
    names: tuple[str, ...] = Field(default=("all",), description="the names of the signals that are on")
    windows: tuple[Days, ...] = Field(
        default=(7, 14, 28, 56, 91, 182),
        description="the days of the counts and totals of every table of events",
    )
    generic: dict[str, tuple[str, ...]] = Field(
        default={},
        description="the generic families by table of events, such as `{visits: [recency, rhythm]}`; the "
        "key `default` is for tables without an entry",
    )
    leave_out: tuple[str, ...] = Field(
        default=(), description="signals that are off: names, families, generic families or tables"
    )
    mood: bool = Field(
        default=False,
        description="whether ingest computes a coarse mood from the words of customers by a list of words",
    )

    @model_serializer(mode="wrap")
    def _without_mood_if_off(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out `mood` if it is off, so that settings without `mood` keep the digest they always had."""
        fields: dict[str, Any] = serialize(self)
        return fields if self.mood else {key: value for key, value in fields.items() if key != "mood"}


MemorySize = Annotated[str, Field(pattern=MEMORY_SIZE)]
"""A number and a unit, such as `4GiB` or `500 MB`."""


def bytes_of(size: str) -> int:
    """Return a memory size in bytes.

    >>> bytes_of("1.5 GiB"), bytes_of("500MB")
    (1610612736, 500000000)
    """
    number = size.rstrip("KMGTiB ")
    unit = size[len(number) :].strip()
    base = 1024 if "i" in unit else 1000
    scale: int = base ** (1 + "KMGT".index(unit[0]))
    return int(float(number) * scale)


class TrackingParams(Section):
    """Where MLflow keeps runs and models."""

    uri: str = Field(
        default="sqlite:///mlflow.db", repr=False, description="the address of MLflow's store or server"
    )  # it may hold a password
    experiment: str = Field(default="churn", description="the name of the experiment in MLflow")
    model: str = Field(default="churn", description="the name of the model in MLflow's registry")


MIN_MEMORY, MAX_MEMORY = 64 * 2**20, 64 * 2**40
"""The bounds of a memory limit, in bytes: DuckDB cannot sort a small table in less, and accepts no more."""


class EngineParams(Section):
    """How much memory and how many threads and processes may be used.

    `memory_limit` bounds the memory in which DuckDB reads, sorts and joins. Each process gets an equal share
    of this memory. In addition, the program needs memory for the libraries (about 300 MB in each process) and
    for the table of one cutoff or night (8 bytes for each customer and signal). `churn train` and
    `churn evaluate` have a limit of their own, `train.memory_limit`.
    """

    memory_limit: MemorySize = Field(
        default="4GiB",
        description="the memory in which DuckDB reads, sorts and joins; each process gets an equal share",
    )
    threads: Annotated[int, Field(ge=1, le=512)] = Field(default=2, description="the threads of a process")
    executor: Literal["auto", "serial", "processes", "spark"] = Field(
        default="auto",
        description="how blocks of customers are computed: `serial`, in `processes`, as tasks of `spark`, "
        "or `auto`: processes from 50 million rows on",
    )
    processes: Annotated[int, Field(ge=1, le=512)] | None = Field(
        default=None,
        description="the number of processes, or of tasks of Spark; the default is the number of threads",
    )

    @field_validator("memory_limit")
    @classmethod
    def _is_enough_and_possible(cls, value: str) -> str:
        if not MIN_MEMORY <= bytes_of(value) <= MAX_MEMORY:
            raise ValueError("must be between 64MiB and 64TiB, such as 4GiB")
        return value

    @property
    def n_processes(self) -> int:
        """Return how many processes may compute signals; the default is the number of threads."""
        return 1 if self.executor == "serial" else self.processes or self.threads

    def for_one_of(self, n_processes: int) -> EngineParams:
        """Return the limits of one process if memory and threads are divided among `n_processes`."""
        memory = f"{self.memory_bytes // n_processes // 1024}KiB"
        threads = max(1, self.threads // n_processes)
        return self.model_copy(update={"memory_limit": memory, "threads": threads})

    @property
    def memory_bytes(self) -> int:
        """Return the memory limit in bytes."""
        return bytes_of(self.memory_limit)


class CheckParams(Section):
    """The largest allowed share of rejected rows, and the guards' findings that a person accepts."""

    max_rejects: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.05, description="above this share of rejected rows the work stops"
    )
    accept: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default={},
        description="the guards' findings that a person accepts: a reason by guard, or by the place of "
        "a finding as `churn check` prints it",
    )
