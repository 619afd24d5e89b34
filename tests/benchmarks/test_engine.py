from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from benchmarks.engine import measure as measuring
from benchmarks.engine import ways
from benchmarks.engine.cells import Cell
from benchmarks.engine.features import features
from benchmarks.engine.generate import generate
from benchmarks.engine.jobs import profile, run_job
from benchmarks.engine.measure import Measurement, MeasurementLog, measure
from benchmarks.engine.readme import write_table
from benchmarks.engine.report import RIVAL_TITLES, Settings, per_unit, power, report
from benchmarks.engine.results import Result
from benchmarks.engine.world import World, cutoffs
from churn.data.ingest.ingest import ingest
from churn.data.store import Store, day_number

Table = dict[int, tuple[np.ndarray, dict[str, np.ndarray]]]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    world = World(tmp_path_factory.mktemp("company"), customers=300, events=30_000)
    generate(world)
    return ingest(world.params(), lambda _: None)


@pytest.fixture(scope="module")
def table_of(store: Store) -> Callable[[str], Table]:
    made: dict[str, Table] = {}

    def table(way: str) -> Table:
        if way not in made:
            made[way] = _table(list(ways.results(way, ways.supported_features(way), store, cutoffs(12))))
        return made[way]

    return table


def _table(results: list[Result]) -> Table:
    found: Table = {}
    for ordinal in sorted({result.ordinal for result in results}):
        here = [result for result in results if result.ordinal == ordinal]
        columns = {name: np.concatenate([part.columns[name] for part in here]) for name in here[0].columns}
        found[ordinal] = np.concatenate([part.codes for part in here]), columns
    return found


@pytest.mark.parametrize("way", RIVAL_TITLES)
def test_a_rival_gives_what_the_engine_gives_cell_by_cell(way: str, table_of: Callable[[str], Table]) -> None:
    if way == "polars_lazy":
        pytest.importorskip("polars", reason="requirements-bench.lock is not installed")

    ours, theirs = table_of("engine"), table_of(way)

    assert list(theirs) == list(ours) == list(range(12))
    for ordinal, (codes, columns) in theirs.items():
        np.testing.assert_array_equal(codes, ours[ordinal][0])
        for name, values in columns.items():
            rtol = 0 if "_count_" in name or "_active_days_" in name else 1e-6
            np.testing.assert_allclose(values, ours[ordinal][1][name], rtol=rtol, err_msg=name)


@pytest.mark.parametrize("way", ["asof_join", "pandas_loop", "polars_lazy"])
def test_rivals_give_the_same_for_every_verb(way: str, store: Store) -> None:
    if way == "polars_lazy":
        pytest.importorskip("polars", reason="requirements-bench.lock is not installed")
    every = [
        Cell("visits", verb, 91, skip, column, half_life=30 if verb == "decayed" else None)
        for skip in (0, 28)
        for verb, column in [
            *(("count", None), ("days", None), ("given", "value"), ("sum", "value"), ("sum", "day")),
            *(("kinds", "kind"), ("max", "value"), ("decayed", None), ("first_day", None)),
            *(("last_day", None), ("first_row", None), ("last_row", None)),
        ]
    ]
    rival = importlib.import_module(f"benchmarks.engine.rivals.{way}")
    reference = importlib.import_module("benchmarks.engine.rivals.range_join")
    wanted = {"visits": tuple(cell for cell in every if rival.supports(cell))}
    days = [day_number(cutoff) for cutoff in cutoffs(3)]

    made = dict(rival.cells(store, days, wanted))
    expected = dict(reference.cells(store, days, wanted))

    assert list(made) == list(expected) == [0, 1, 2]
    for ordinal, cells in made.items():
        for cell, values in cells.items():
            assert np.unique(values[~np.isnan(values)]).size > 2
            np.testing.assert_allclose(values, expected[ordinal][cell], rtol=1e-9, err_msg=str(cell))


def test_most_features_have_values_of_more_than_one_kind(table_of: Callable[[str], Table]) -> None:
    columns = table_of("engine")[11][1]

    same = [name for name, values in columns.items() if len(np.unique(values[~np.isnan(values)])) < 2]

    assert same == []


def test_rivals_state_all_features_but_as_of_joins_none_of_an_outcomes_own_clock() -> None:
    every = set(features())

    stated = {
        way: {one.name for one in ways.supported_features(way)}
        for way in RIVAL_TITLES
        if way != "polars_lazy"
    }

    assert len(every) == 80
    assert stated["range_join"] == stated["pandas_loop"] == every
    assert {"visits_active_days_7d", "orders_amount_total_91d"} < stated["asof_join"]
    assert not {"emails_open_rate", "payments_skipped", "survey_last_rating"} & stated["asof_join"]


def test_the_same_size_gives_the_same_rows_in_the_order_of_time(tmp_path: Path) -> None:
    rows = []
    for name in ("one", "other"):
        world = World(tmp_path / name, customers=50, events=2000)
        generate(world)
        files = world.source / "visits" / "*.parquet"
        rows.append(duckdb.sql(f"SELECT * FROM '{files}'").fetchall())

    times = [row[1] for row in rows[0]]
    assert rows[0] == rows[1]
    assert times == sorted(times)
    assert len(rows[0]) == pytest.approx(2000, rel=0.05)


def test_the_whole_report_is_made_of_a_tiny_company(tmp_path: Path) -> None:
    rivals = ["range_join", "asof_join", "pandas_loop"]
    settings = Settings(100, 4000, [1, 12], rivals, [12], runs=1, rival_runs=1, growth=True)

    def run_once(job: str, events: int) -> Measurement:
        facts = run_job(job, World(tmp_path / str(events), settings.customers, events))
        return Measurement(max(facts["cpu"], 1e-6), facts["wall"], 1.0, facts["answer"])

    lines = list(report(settings, run_once))

    begins = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert "**engine, a process a core, 12 cutoffs**" in begins
    assert "DuckDB, range join, clipped to the longest window, 12 cutoffs" in begins
    assert "cutoffs within a year" in begins


def test_the_profile_names_functions_by_their_own_time(store: Store) -> None:
    world = World(store.params.output.parent, customers=300, events=30_000)

    lines = list(profile(world, 2, top=5))

    assert lines[0].startswith("2 cutoffs, ")
    seconds = [float(line.split("|")[3]) for line in lines[4:]]
    assert len(seconds) == 5
    assert seconds == sorted(seconds, reverse=True)


def test_ways_that_disagree_stop_the_report(tmp_path: Path) -> None:
    settings = Settings(100, 4000, [12], ["range_join"], [12], runs=1, rival_runs=1, growth=False)

    def run_once(job: str, events: int) -> Measurement:
        counted = {
            "visits": 1,
            "rows": 2,
            "features": {"visits_count_7d": [5, 8.0 if "join" in job else 9.0]},
        }
        return Measurement(1.0, 1.0, 1.0, counted)

    with pytest.raises(RuntimeError, match="visits_count_7d"):
        list(report(settings, run_once))


JOB_WITH_CHILDREN = """
import json, pathlib, subprocess, sys, time

hold = "held = bytearray(b'x') * 300_000_000; print('holding', flush=True); input()"
pipe = subprocess.PIPE
children = [subprocess.Popen([sys.executable, "-c", hold], stdin=pipe, stdout=pipe) for _ in range(2)]
for child in children:
    child.stdout.readline()
pathlib.Path("holding").touch()
while not pathlib.Path("measured").exists():
    time.sleep(0.01)
for child in children:
    child.communicate(b"enough\\n")
print(json.dumps({"cpu": 0.5, "wall": 1.0, "answer": {}}))
"""
"""Holds the memory until a look at it has ended: until the second look after both children hold theirs."""


def test_a_measured_job_counts_the_memory_of_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process_tree, pids, looks = measuring.process_tree, [], []

    def watched_tree(pid: int) -> Iterator[int]:
        pids.append(pid)
        if pid == pids[0] and (tmp_path / "holding").exists():  # a new look, not the tree of a child
            looks.append(pid)
        if len(looks) > 1:
            (tmp_path / "measured").touch()
        yield from process_tree(pid)

    monkeypatch.setattr(measuring, "process_tree", watched_tree)

    measurement = measure([sys.executable, "-c", JOB_WITH_CHILDREN], tmp_path)

    assert measurement.cpu_seconds == 0.5
    assert measurement.peak_mb > 550


def test_a_job_that_fails_stops_the_measurement() -> None:
    with pytest.raises(RuntimeError, match="ended 3"):
        measure([sys.executable, "-c", "raise SystemExit(3)"], ROOT)


def test_the_last_measurement_of_every_job_is_kept(tmp_path: Path) -> None:
    log = MeasurementLog(tmp_path / "size" / "measured.json")
    old, new, other = (Measurement(seconds, 2.0, 3.0, {"rows": 1}) for seconds in (1.0, 5.0, 9.0))

    for job, measurement in (("limit", old), ("engine 1", other), ("limit", new)):
        log.save(job, measurement)

    assert log.find("limit") == new
    assert log.find("engine 1") == other
    assert log.find("engine 2") is None


def test_growth_is_fitted_through_the_sizes() -> None:
    sizes = [1.0, 2.0, 8.0]

    assert power(sizes, [3 * size**0.5 for size in sizes]) == pytest.approx(0.5)
    assert per_unit(sizes, [4 + 0.25 * size for size in sizes]) == pytest.approx(0.25)


def test_a_table_takes_the_place_of_the_last_one_of_its_name(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n")

    for name, table in (("small", "old"), ("large", "other"), ("small", "new")):
        write_table(name, table, readme)

    text = readme.read_text()
    assert "old" not in text
    assert text.startswith("# Title\n")
    assert text.index("new") < text.index("other")
