"""What the look for drift says of quiet nights and of planted shifts: `python -m benchmarks.drift`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks import write_table
from churn.data.ingest.ingest import ingest
from churn.data.sql import literal
from churn.data.store import Store
from churn.drift.night import ScoredCohort, look_at_night
from churn.drift.result import Drift
from churn.experiments.ledger import empty_ledger
from churn.features.engine.matrix import MatrixBuilder
from churn.features.library import select_signals
from churn.model.bundle import BUNDLE_FOLDER, load_champion
from churn.model.reference import read_reference
from churn.params import Params, load_params

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- table of benchmarks.drift -->", "<!-- end of table -->")


@dataclass(frozen=True)
class Plant:
    """A shift that begins on the day before the night.

    Attributes:
        name: The shift in words.
        table: The table that is changed.
        select: The SQL of the changed rows, with `{rows}` and `{is_new}`: whether a row came in on the day.
        kinds: The kinds of alarms that name it.
        subject: The place that the alarm must name.
    """

    name: str
    table: str
    select: str
    kinds: tuple[str, ...]
    subject: str


PLANTS = (
    Plant("a source stops", "logins", "SELECT * FROM {rows} WHERE NOT {is_new}", ("stopped",), "logins"),
    Plant(
        "a rare source stops", "tickets", "SELECT * FROM {rows} WHERE NOT {is_new}", ("stopped",), "tickets"
    ),
    Plant(
        "an outcome is no longer recorded",
        "emails",
        "SELECT * REPLACE (CASE WHEN opened_at < {start} THEN opened_at END AS opened_at) FROM {rows}",
        ("stopped",),
        "emails.opened_at",
    ),
    Plant(
        "amounts come in cents",
        "orders",
        "SELECT * REPLACE (CASE WHEN {is_new} THEN 100 * amount ELSE amount END AS amount) FROM {rows}",
        ("unit",),
        "orders.amount",
    ),
    Plant(
        "points come in thousands",
        "loyalty",
        "SELECT * REPLACE (CASE WHEN {is_new} THEN points / 1000 ELSE points END AS points) FROM {rows}",
        ("unit",),
        "loyalty.points",
    ),
    Plant(
        "a kind is renamed",
        "interactions",
        "SELECT * REPLACE (CASE WHEN {is_new} AND kind = 'export' THEN 'download' ELSE kind END AS kind) "
        "FROM {rows}",
        ("kind_renamed",),
        "interactions.kind",
    ),
)
"""Shifts of different tables, planted together."""

MORE_PLANTS = (
    Plant(
        "a column is empty",
        "interactions",
        "SELECT * REPLACE (CASE WHEN {is_new} THEN NULL ELSE quantity END AS quantity) FROM {rows}",
        ("emptied",),
        "interactions.quantity",
    ),
    Plant(
        "nine of ten rows are missing",
        "orders",
        "SELECT * FROM {rows} WHERE NOT {is_new} OR hash(row_id) % 10 = 0",
        ("fell",),
        "orders",
    ),
    Plant(
        "rows come in five times",
        "logins",
        "SELECT r.* REPLACE (r.row_id + n * 1000000000 AS row_id) FROM {rows} r, range(5) AS copies(n) "
        "WHERE n = 0 OR {is_new}",
        ("rose",),
        "logins",
    ),
)

CLOCKS = {
    "logins": "known_at",
    "tickets": "opened_at",
    "orders": "known_at",
    "loyalty": "happened_at",
    "interactions": "known_at",
    "emails": "sent_at",
}
"""The column with the time at which the rows of a table of the demo company came in."""


@dataclass(frozen=True)
class NightDrift:
    """What was said of a night, and the CPU seconds that the look took."""

    drift: Drift
    seconds: float

    @property
    def alarm_words(self) -> str:
        """Return the kinds and places of the alarms."""
        return "; ".join(f"{alarm.kind} {alarm.subject}" for alarm in self.drift.alarms)


def look(params: Params, store: Store, night: date, frame: pd.DataFrame) -> NightDrift:
    """Score a night with the champion and look what has moved, as `churn drift` does."""
    champion = load_champion(params.champion, params.engine.threads)
    cohort = ScoredCohort(
        cutoff=night,
        frame=frame,
        probability=np.asarray(champion.scorer.predict(frame), dtype=np.float64),
        spec=champion.scorer.spec,
        version=str(champion.version),
        digest=champion.digest,
        reference=read_reference(params.champion / BUNDLE_FOLDER),
    )
    start = time.process_time()
    low, high = params.promote.observed_expected
    drift = look_at_night(store, cohort, empty_ledger(), (low, high), params.train.seed)
    return NightDrift(drift, time.process_time() - start)


def frames_of(store: Store, nights: Sequence[date]) -> dict[date, pd.DataFrame]:
    """Compute the signals of some nights in one pass, each as `matrix_at` gives them."""
    builder = MatrixBuilder(store, select_signals(store.params, store), nights)
    parts: dict[date, list[pd.DataFrame]] = {night: [] for night in nights}
    for part in builder.parts():
        columns = {"customer_id": builder.customers.ids[part.codes], **part.columns}
        parts[part.cutoff].append(pd.DataFrame(columns))
    return {night: pd.concat(frames, ignore_index=True) for night, frames in parts.items()}


def quiet_nights(params: Params, nights: Sequence[date]) -> Iterator[NightDrift]:
    """Look at nights of the company as it is."""
    store = Store.open(params)
    for night, frame in frames_of(store, nights).items():
        yield look(params, store, night, frame)


def planted_night(params: Params, plants: Sequence[Plant], night: date, folder: Path) -> NightDrift:
    """Change tables from the day before a night on, ingest the company again and look at the night."""
    source = folder / "company"
    source.mkdir(parents=True)
    tables = {plant.table: plant for plant in plants}
    for path in Path(params.source).iterdir():
        if path.name.removesuffix(".parquet") not in tables:
            (source / path.name).symlink_to(path.resolve())
    start = f"TIMESTAMP '{night - timedelta(days=1)}'"  # the times of the demo company are local
    with duckdb.connect() as connection:
        for name, plant in tables.items():
            select = plant.select.format(
                rows=f"read_parquet({literal(str(Path(params.source) / f'{name}.parquet'))})",
                is_new=f"coalesce({CLOCKS[name]} >= {start}, false)",
                start=start,
            )
            target = literal(str(source / f"{name}.parquet"))
            connection.execute(f"COPY ({select}) TO {target} (FORMAT parquet)")
    output = folder / "output"
    output.mkdir()
    (output / "snapshots").symlink_to((params.output / "snapshots").resolve())
    own = params.model_copy(update={"source": str(source), "output": output})
    store = ingest(own, lambda _: None)
    return look(own, store, night, frames_of(store, [night])[night])


def table(quiet: Sequence[NightDrift], rounds: Sequence[tuple[Sequence[Plant], NightDrift]]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| what happens from the day before the night | named on the first night |"
    yield "|---|---|"
    others = []
    for plants, looked in rounds:
        named = set()
        for plant in plants:
            own = [
                alarm
                for alarm in looked.drift.alarms
                if alarm.kind in plant.kinds and alarm.subject == plant.subject
            ]
            named |= {id(alarm) for alarm in own}
            text = f"`{own[0].subject}`: {own[0].text}" if own else "**not named**"
            yield f"| `{plant.table}`: {plant.name} | {text} |"
        others += [alarm for alarm in looked.drift.alarms if id(alarm) not in named]
    alarm_names = "; ".join(f"{alarm.kind} {alarm.subject}" for alarm in others)
    yield f"| what else was named on these nights | {alarm_names or 'nothing'} |"
    noisy = [looked for looked in quiet if looked.drift.alarms]
    first, last = quiet[0].drift.cutoff, quiet[-1].drift.cutoff
    findings = "; ".join(f"{looked.drift.cutoff}: {looked.alarm_words}" for looked in noisy)
    yield f"| nothing, on {len(quiet)} nights from {first} to {last} | {findings or 'nothing has moved'} |"
    seconds = float(np.median([looked.seconds for looked in quiet]))
    customers = quiet[-1].drift.population.customers
    yield ""
    yield (
        f"The planted shifts were looked at on the night of {rounds[0][1].drift.cutoff}. A look takes "
        f"{seconds:.1f} CPU seconds (median) with {customers:,} customers at risk."
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Look at quiet nights and at planted shifts, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="of a finished `make run`")
    parser.add_argument("--nights", type=int, default=24, help="how many quiet nights, one after another")
    parser.add_argument(
        "--write", action="store_true", help=f"put the table into {README.name} of this folder"
    )
    arguments = parser.parse_args(argv)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    params = load_params(arguments.params)
    tonight = Store.open(params).tonight
    nights = [tonight - timedelta(days=age) for age in reversed(range(arguments.nights))]
    quiet = []
    for looked in quiet_nights(params, nights):
        quiet.append(looked)
        print(f"{looked.drift.cutoff}: {looked.alarm_words or 'quiet'}", file=sys.stderr, flush=True)
    rounds = []
    for plants in (PLANTS, MORE_PLANTS):
        with tempfile.TemporaryDirectory() as folder:
            looked = planted_night(params, plants, tonight, Path(folder))
        rounds.append((plants, looked))
        print(f"planted: {looked.alarm_words or 'quiet'}", file=sys.stderr, flush=True)
    lines = "\n".join(table(quiet, rounds))
    print(lines)
    if arguments.write:
        write_table(README, MARKS, lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
