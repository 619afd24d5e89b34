"""The ledger stores permanently what each night decided about units and about customers.

Each night has a folder `output/ledger/cutoff=D` with its new assignments, its new tasks, the health bands and
the file `_ledger.json`. The file `_ledger.json` names the previous night in the ledger (`previous`). So each
night belongs to a chain back to a first night, and it reads only the nights of its own chain. Therefore a
night that runs again gives the same bytes, also if an older night was scored in the meantime. Such an older
night does not enter the chains of newer nights.

The folder of a night is first written as `.pending-cutoff=D`. The folder of the night gets its final name
only after the scores are published. If the process is killed between these two steps, the next `score`
or `forget` renames the folder (see `recover`). This renaming makes sure that each published call list
has its folder in the ledger.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from churn.data.files import dated_paths, json_text, sync_folder
from churn.data.own_files import checksum_of_bytes, own_json_text, read_own_json, read_own_parquet
from churn.errors import ParamsError, SourceError, Stop

FOLDER = "ledger"
PENDING = ".pending-"
FACTS = "_ledger.json"
NIGHT_PREFIX = "cutoff="

ASSIGNMENTS = pa.schema(
    [(name, pa.string()) for name in ("experiment", "unit", "arm")]
    + [("position", pa.float64()), ("share", pa.float64()), ("assigned_on", pa.date32())]
    + [("stratum", pa.string()), ("score", pa.float64()), ("value", pa.float64())]
    + [("customers", pa.list_(pa.string()))]
)
TASKS = pa.schema(
    [(name, pa.string()) for name in ("task_id", "customer_id", "unit", "play", "variant", "arm")]
    + [(name, pa.string()) for name in ("control_of", "owner", "channel", "template")]
    + [("planned_on", pa.date32()), ("due_at", pa.date32()), ("expires_on", pa.date32())]
    + [("not_before", pa.timestamp("us", tz="UTC"))]
    + [(name, pa.float64()) for name in ("churn_probability", "expected_profit", "residual_value")]
    + [("cost", pa.float64()), ("incentive", pa.float64()), ("first_reason_family", pa.string())]
)
BANDS = pa.schema([("customer_id", pa.string()), ("raw_band", pa.int8()), ("band", pa.int8())])
HOLDINGS = pa.schema([("customer_id", pa.string()), ("play", pa.string()), ("nights", pa.int32())])

TABLES: Mapping[str, pa.Schema] = {
    "assignments": ASSIGNMENTS,
    "tasks": TASKS,
    "bands": BANDS,
    "holdings": HOLDINGS,
}

_WAY_OUT = "Restore the ledger from a copy: it holds decisions that cannot be computed again."


class LedgerFacts(BaseModel):
    """The facts of one night of the ledger.

    Attributes:
        cutoff: The cutoff of the night.
        previous: The cutoff of the previous night in the chain; None for the first night.
        run_id: The id of the night's run.
        salt_digest: The digest of the salt with which the arms are drawn.
        unit: Who is assigned to an arm: a person, an account or a customer.
        control_share: The planned share of units in the universal control group.
        no_control_because: Why there is no universal control group; None if there is one.
        files: The checksum of each Parquet file by its name.
        list_plays: The plays of this night that put customers on a list beside the call list, such as
            the list of lost customers; these lists have no universal controls. The file has no key
            `list_plays` if the night has no such play.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoff: date
    previous: date | None
    run_id: str
    salt_digest: str
    unit: str
    control_share: float
    no_control_because: str | None
    files: dict[str, str]
    list_plays: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ledger:
    """The decisions of all earlier nights in a chain, the oldest night first.

    Attributes:
        assignments: The assignments of units to arms, with the columns of `ASSIGNMENTS`.
        tasks: The planned contacts, with the columns of `TASKS`.
        bands: The health bands of the latest night, with the columns of `BANDS`; the next health band of each
            customer depends on them.
        holdings: The number of nights in a row on which the condition of a play was true for a customer,
            counted back from the latest night. The columns are those of `HOLDINGS`. Only plays whose
            condition must be true for several nights have rows.
        nights: The facts of the nights, the oldest first.
    """

    assignments: pd.DataFrame
    tasks: pd.DataFrame
    bands: pd.DataFrame
    holdings: pd.DataFrame
    nights: tuple[LedgerFacts, ...]

    @property
    def previous(self) -> date | None:
        """Return the cutoff of the latest night in the chain; None if the chain has no night."""
        return self.nights[-1].cutoff if self.nights else None

    @property
    def digest(self) -> str:
        """Return a digest of all decisions; the id of a run that reads the decisions depends on it."""
        return checksum_of_bytes(json_text([(night.cutoff, night.files) for night in self.nights]).encode())

    @property
    def unit_of(self) -> dict[str, str]:
        """Return for each customer the unit of the first assignment that includes the customer."""
        units: dict[str, str] = {}
        for unit, customers in zip(self.assignments["unit"], self.assignments["customers"], strict=True):
            for customer in customers:
                units.setdefault(customer, unit)
        return units


@dataclass(frozen=True)
class LedgerNight:
    """The decisions of one night, ready to be written."""

    facts: LedgerFacts
    contents: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """Return the checksum of the facts, which contain the checksums of the tables."""
        return checksum_of_bytes(self.contents[FACTS])


def read_ledger(output: Path, cutoff: date) -> Ledger:
    """Read the chain of nights before a night: its previous night, the one before that, and so on.

    Each night in the ledger names its previous night. For a night that is not in the ledger
    yet, the previous night is the latest of all earlier nights.

    Args:
        output: The output folder.
        cutoff: The cutoff of the night that reads the ledger.

    Raises:
        SourceError: a file of the ledger is damaged or missing.
    """
    known = ledger_nights(output)
    if cutoff in known:
        previous = _read_facts(output, cutoff).previous
    else:
        previous = max((night for night in known if night < cutoff), default=None)
    chain: list[LedgerFacts] = []
    while previous is not None:
        chain.append(_read_facts(output, previous))
        previous = chain[-1].previous
    nights = tuple(reversed(chain))
    return Ledger(
        assignments=_read_tables(output, "assignments", nights),
        tasks=_read_tables(output, "tasks", nights),
        bands=_read_tables(output, "bands", nights[-1:]),
        holdings=_read_tables(output, "holdings", nights[-1:]),
        nights=nights,
    )


def check_salt(ledger: Ledger, salt: str) -> None:
    """Check that the salt (the company's secret text) has not changed since the first night.

    Raises:
        ParamsError: the salt has changed, so new units would be drawn differently from earlier units.
    """
    if any(night.salt_digest != salt_digest(salt) for night in ledger.nights):
        raise ParamsError(
            "experiments.salt has changed since the first night of the ledger. With another salt, later "
            "nights would draw another control group than the earlier nights. Write the earlier salt into "
            "this key, or start a new ledger in another output folder."
        )


def salt_digest(salt: str) -> str:
    """Return a digest that shows whether the salt was changed; the salt itself is only in params.yaml."""
    return hashlib.sha256(f"salt of the experiments: {salt}".encode()).hexdigest()[:16]


def read_whole_ledger(output: Path) -> Ledger:
    """Read all nights in the chain of the newest night; the ledger is empty if there is no night.

    Raises:
        SourceError: a file of the ledger is damaged or missing.
    """
    known = ledger_nights(output)
    return read_ledger(output, date.max) if known else empty_ledger()


def read_night(output: Path, cutoff: date) -> Ledger:
    """Read what one night of the ledger decided, without the decisions of the nights before it."""
    facts = _read_facts(output, cutoff)
    return Ledger(**{name: _read_tables(output, name, (facts,)) for name in TABLES}, nights=(facts,))


def ledger_nights(output: Path) -> list[date]:
    """Return the cutoffs of all nights in the ledger, the earliest first."""
    return sorted(dated_paths(output / FOLDER, NIGHT_PREFIX))


def own_assignments(output: Path, cutoff: date) -> pd.DataFrame:
    """Return the assignments that an earlier scoring of the same night wrote; empty if the night was not
    scored before.

    An assignment stays the same if the night is scored again with other parameters.
    """
    if cutoff not in ledger_nights(output):
        return _frame([], ASSIGNMENTS)
    return _read_tables(output, "assignments", (_read_facts(output, cutoff),))


def keep_history(output: Path, night: LedgerNight) -> LedgerNight:
    """Return the decisions that the ledger must hold for a night, with their files.

    The new decisions (`night`) are returned if no later night has used the stored decisions. If a later night
    has used the stored decisions, they must not change. In this case, `night` must hold the same decisions,
    and the stored files are returned. The stored files may come from another version of the program or from
    other data.

    Args:
        output: The output folder.
        night: What the night would write today.

    Raises:
        Stop: later nights have used the stored decisions, and `night` holds other decisions.
    """
    cutoff = night.facts.cutoff
    known = ledger_nights(output)
    if cutoff not in known:
        return night
    facts = _read_facts(output, cutoff)
    later = [other for other in known if other > cutoff and _read_facts(output, other).previous == cutoff]
    if not later:
        return night
    if facts.files == night.facts.files:
        folder = night_folder(output, cutoff)
        return LedgerNight(facts, {name: (folder / name).read_bytes() for name in (*facts.files, FACTS)})
    raise Stop(
        f"the night of {cutoff} would plan other contacts today, because data, parameters, model or "
        "version have changed since it was scored, or a customer was forgotten. The later night of "
        f"{later[0]} already uses the stored plan, so the ledger keeps this plan. To see what the night "
        "would plan today, score the night into another folder: --set output=FOLDER."
    )


def ledger_night(facts: LedgerFacts, tables: Mapping[str, pd.DataFrame]) -> LedgerNight:
    """Return the files of a ledger night as bytes; equal nights give equal bytes.

    Args:
        facts: The facts of the night; `files` is filled in here.
        tables: The rows of each table in `TABLES`, by the table's name.
    """
    return write_page(
        facts,
        {
            name: pa.Table.from_pandas(tables[name][schema.names], schema=schema, preserve_index=False)
            for name, schema in TABLES.items()
        },
    )


def read_page(output: Path, cutoff: date) -> tuple[LedgerFacts, Mapping[str, pa.Table]]:
    """Return the facts of a night and the rows of each table of `TABLES`, as they are in the files."""
    facts = _read_facts(output, cutoff)
    return facts, {name: _read_table(output, name, facts) for name in TABLES}


def write_page(facts: LedgerFacts, tables: Mapping[str, pa.Table]) -> LedgerNight:
    """Return the files of a ledger night as bytes, from the rows of each table of `TABLES`."""
    contents: dict[str, bytes] = {}
    for name, table in tables.items():
        buffer = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(None), buffer, compression="zstd", version="2.6")
        contents[f"{name}.parquet"] = buffer.getvalue()
    files = {name: checksum_of_bytes(content) for name, content in sorted(contents.items())}
    facts = facts.model_copy(update={"files": files})
    absent = set() if facts.list_plays else {"list_plays"}
    contents[FACTS] = own_json_text(facts.model_dump(mode="json", exclude=absent)).encode("utf-8")
    return LedgerNight(facts, contents)


def tasks_of(night: LedgerNight) -> pd.DataFrame:
    """Return the new tasks of a night that is ready to be written."""
    return _frame([pq.read_table(io.BytesIO(night.contents["tasks.parquet"]))], TASKS)


def stage(output: Path, night: LedgerNight) -> None:
    """Write the pending folder of a night; the night belongs to the ledger only after `publish`."""
    pending = _pending(output, night.facts.cutoff)
    shutil.rmtree(pending, ignore_errors=True)
    pending.mkdir(parents=True)
    for name, content in night.contents.items():
        with (pending / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(pending)
    sync_folder(pending.parent)


def is_published(output: Path, night: LedgerNight) -> bool:
    """Return whether the ledger already holds all files of this night, with the same bytes."""
    folder = night_folder(output, night.facts.cutoff)
    return all(
        (folder / name).is_file() and (folder / name).read_bytes() == content
        for name, content in night.contents.items()
    )


def publish(output: Path, cutoff: date) -> None:
    """Rename the pending folder of a night, so that the night belongs to the ledger."""
    pending, target = _pending(output, cutoff), night_folder(output, cutoff)
    before = target.with_name(f".before-{target.name}")
    shutil.rmtree(before, ignore_errors=True)
    if target.exists():
        os.rename(target, before)
    os.rename(pending, target)
    sync_folder(target.parent)
    shutil.rmtree(before, ignore_errors=True)


def recover(output: Path, digest_in_scores: Callable[[date], str | None]) -> None:
    """Finish what a killed process left: publish each pending night whose scores are published, and delete
    the others.

    Args:
        output: The output folder.
        digest_in_scores: A function that returns the ledger digest in the published scores of a night; None
            if there are no scores.
    """
    folder = output / FOLDER
    for before in folder.glob(f".before-{NIGHT_PREFIX}*"):
        target = folder / before.name.removeprefix(".before-")
        if target.exists():
            shutil.rmtree(before)
        elif not (folder / f"{PENDING}{target.name}").exists():
            os.rename(before, target)
    for pending in folder.glob(f"{PENDING}{NIGHT_PREFIX}*"):
        cutoff = date.fromisoformat(pending.name.removeprefix(f"{PENDING}{NIGHT_PREFIX}"))
        facts = pending / FACTS
        digest = checksum_of_bytes(facts.read_bytes()) if facts.is_file() else None
        if digest is not None and digest_in_scores(cutoff) == digest:
            publish(output, cutoff)
            continue
        shutil.rmtree(pending)
        before = folder / f".before-{NIGHT_PREFIX}{cutoff}"
        if before.exists():
            os.rename(before, night_folder(output, cutoff))


def night_folder(output: Path, cutoff: date) -> Path:
    """Return the folder of a night in the ledger."""
    return output / FOLDER / f"{NIGHT_PREFIX}{cutoff}"


def _pending(output: Path, cutoff: date) -> Path:
    return output / FOLDER / f"{PENDING}{NIGHT_PREFIX}{cutoff}"


def _read_facts(output: Path, cutoff: date) -> LedgerFacts:
    path = night_folder(output, cutoff) / FACTS
    with _missing_in_words(path):
        return read_own_json(path, LedgerFacts, way_out=_WAY_OUT)


@contextmanager
def _missing_in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise SourceError(f"{path}: the file of the ledger is missing. {_WAY_OUT}") from None


def _read_tables(output: Path, name: str, nights: Sequence[LedgerFacts]) -> pd.DataFrame:
    return _frame([_read_table(output, name, night) for night in nights], TABLES[name])


def _read_table(output: Path, name: str, night: LedgerFacts) -> pa.Table:
    schema, file = TABLES[name], f"{name}.parquet"
    path = night_folder(output, night.cutoff) / file
    with _missing_in_words(path):
        table = read_own_parquet(path, schema.names, way_out=_WAY_OUT, checksum=night.files.get(file))
    return table.select(schema.names).cast(schema)


def _frame(tables: Sequence[pa.Table], schema: pa.Schema) -> pd.DataFrame:
    """Return tables as one frame: texts and days are Python objects, and a missing value is None."""
    table = pa.concat_tables(
        [table.select(schema.names).cast(schema) for table in tables] or [schema.empty_table()]
    )
    columns: dict[str, object] = {}
    for field in schema:
        values = table[field.name]
        if pa.types.is_floating(field.type):
            columns[field.name] = values.to_numpy(zero_copy_only=False).astype("float64")
        elif pa.types.is_integer(field.type):
            columns[field.name] = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        else:
            columns[field.name] = pd.Series(values.to_pylist(), dtype=object)
    return pd.DataFrame(columns)


def read_bands(output: Path, nights: Sequence[LedgerFacts]) -> pd.DataFrame:
    """Return the health bands of some nights, with the columns `customer_id`, `cutoff` and `health`."""
    frames = [
        _read_tables(output, "bands", (night,)).assign(cutoff=pd.Timestamp(night.cutoff)) for night in nights
    ]
    columns = ["customer_id", "cutoff", "band"]
    bands = pd.concat(frames)[columns] if frames else pd.DataFrame(columns=columns)
    return bands.rename(columns={"band": "health"})


def empty_ledger() -> Ledger:
    """Return the ledger before the first night."""
    frames = {name: _frame([], schema) for name, schema in TABLES.items()}
    return Ledger(**frames, nights=())
