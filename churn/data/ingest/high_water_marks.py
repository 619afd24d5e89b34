"""How far each table of the source was read, so that the next night reads only what is new."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb

from churn.data.store import FORMAT, Store
from churn.errors import SourceError
from churn.params import Params, digest_of

MARKS = ".marks.json"
REJECTS = ".rejects"
TIES = ".ties"
"""What a store keeps for the next night, beside its tables."""


@dataclass(frozen=True)
class Mark:
    """How far one table was read, and what tells whether the rows up to there are still the same.

    Args:
        types: DuckDB's types of the columns that the source gave.
        checksum: Of the rows that cannot come anew: all of a file's, or those known before `known`.
        files: Name, size and time of change (nanoseconds) of each file, where the table is one of files.
        position: How many rows the only file held.
        known: The largest `known_at`, as SQL of the source, where rows are told by it.
        known_utc: The same in UTC.
    """

    types: Mapping[str, str]
    checksum: str
    files: tuple[tuple[str, int, int], ...] = ()
    position: int = 0
    known: str | None = None
    known_utc: str = ""


@dataclass(frozen=True)
class LastNight:
    """The store that stands, made in the same way as tonight's, and how far it read the source."""

    store: Store
    present: str | None
    marks: Mapping[str, Mark] = field(default_factory=dict)

    @property
    def rejects(self) -> Path:
        """Return the folder of the rejects that belong to the store."""
        return self.store.folder / REJECTS

    @property
    def ties(self) -> Path:
        """Return the folder of the rows that were the last to be known, as the source said them."""
        return self.store.folder / TIES


def last_night(params: Params) -> LastNight | None:
    """Return the last night, or None if there is none on which tonight can build."""
    try:
        store = Store.open(params)
        stated = json.loads((store.folder / MARKS).read_text())
    except (SourceError, OSError, ValueError):
        return None
    if stated["made_by"] != _made_by(params):
        return None
    marks = {
        name: Mark(**{**mark, "files": tuple((str(n), int(s), int(t)) for n, s, t in mark["files"])})
        for name, mark in stated["tables"].items()
    }
    return LastNight(store, stated["present"], marks)


def write_marks(folder: Path, params: Params, present: str | None, marks: Mapping[str, Mark]) -> None:
    """Write how far each table was read, for the next night."""
    tables = {name: asdict(mark) for name, mark in marks.items()}
    stated = {"made_by": _made_by(params), "present": present, "tables": tables}
    (folder / MARKS).write_text(json.dumps(stated, indent=1, sort_keys=True) + "\n")


def _made_by(params: Params) -> str:
    """Return a digest of all that decides which row becomes what: parameters, and the programs at work."""
    shaping = params.model_dump(mode="json", include={"source", "timezone", "tables", "events"})
    return digest_of([shaping, FORMAT, duckdb.__version__])
