from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings

from churn.data import sql
from churn.secrets import forget_secrets
from pipelines.cli import NEW_OBJECTS_PER_COLLECTION
from tests.run_folders import filled_once
from tests.verb_server import VerbServer

pytest_plugins = ("tests.snapshot_world",)

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # tests run side by side; threads that wait must not spin

# No example fails because the machine is busy. CI draws the same examples each time.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")

ROOT = Path(__file__).parents[1]

DEMO = ("demo", "--customers", "1500", "--seed", "7")
"""A company just large enough for a model on all signals to pass the gates."""

FASTER: dict[str, dict[str, Any]] = {
    "signals": {"windows": [28, 91]},
    "train": {"learning_rate": 0.1, "candidates": ["trees"]},
    "evaluate": {"bootstrap": 200, "accept": {"too_good": "a simulated company is easy on purpose"}},
}

SMALL_DEMO = ("demo", "--customers", "1000", "--seed", "7")
FEW_SIGNALS: dict[str, dict[str, Any]] = {
    "signals": {
        "windows": [28],
        "names": [
            *("login_change", "logins_days_since_last", "orders_days_since_last", "emails_open_rate"),
            *("payment_days_overdue", "payments_skipped", "survey_last_rating", "tickets_open"),
            *("subscription_days_to_renewal", "subscription_plan", "tenure_days"),
        ],
    },
    "train": {"candidates": ["logistic"], "calibration": "none"},
    "evaluate": {
        "bootstrap": 100,
        "rule": [],
        "accept": {"too_good": "a simulated company is easy on purpose"},
    },
    "promote": {"observed_expected": [0.2, 5.0]},
}

SLOW_FIXTURES = {"finished_run", "small_run", "trained", "spark", "histories", "real_data"}
"""Fixtures that train a model, start a cluster or read large companies: a test that uses one is slow."""


LONG_MODULES = frozenset(
    {
        "golden/test_golden",
        "oracle/test_engine_equals_reference",
        "pipelines/test_check",
        "pipelines/test_forked_calls",
        "pipelines/test_mistakes",
        "spec/test_attributes",
        "spec/test_generic_signals",
        "spec/test_verbs",
        "unit/contact/test_access",
        "unit/contact/test_night",
        "unit/contact/test_plan",
        "unit/data/ingest/test_incremental",
        "unit/data/ingest/test_ingest",
        "unit/data/ingest/test_rejects",
        "unit/data/ingest/test_type_casts",
        "unit/data/sinks/test_nights",
        "unit/data/sources/test_database",
        "unit/data/sources/test_folder",
        "unit/data/test_store",
        "unit/demo/test_demo_verb",
        "unit/demo/test_live_company",
        "unit/demo/test_truth",
        "unit/demo/test_write",
        "unit/evaluation/test_split_comparison",
        "unit/experiments/test_play_success",
        "unit/features/test_money",
        "unit/guards/test_attributes",
        "unit/guards/test_degenerate",
        "unit/guards/test_events",
        "unit/guards/test_people",
        "unit/guards/test_proofs",
        "unit/guards/test_totals",
        "unit/guards/test_trailing",
        "unit/handover/test_database",
        "unit/handover/test_events",
        "unit/handover/test_outbox",
        "unit/init/test_contract_log",
        "unit/init/test_customer_ids",
        "unit/init/test_draft",
        "unit/init/test_email_ids",
        "unit/init/test_match",
        "unit/init/test_parts",
        "unit/init/test_person_ids",
        "unit/init/test_readings",
        "unit/init/test_versioned_customers",
        "unit/labels/test_horizon",
        "unit/labels/test_labels",
        "unit/labels/test_truth_sheet",
        "unit/metrics/test_metrics",
        "unit/metrics/test_profit",
        "unit/model/test_registry",
        "unit/model/test_runs_database",
        "unit/privacy/test_erasure",
        "unit/reporting/plots/test_inline",
        "unit/reporting/plots/test_plots",
        "unit/reporting/test_evaluation_page",
        "unit/reporting/test_report",
        "unit/snapshots/test_write",
        "unit/training/test_backtest",
        "unit/training/test_calibration",
        "unit/training/test_select",
        "unit/training/test_tune",
        "unit/training/test_venn_abers",
    }
)
"""The modules whose tests together take five seconds or more on one core; `make quick` leaves them out."""


def pytest_configure() -> None:
    """Take Ctrl-C as usual where the tests run in the background of a shell, which ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave what the collection has made out of each search for garbage; search as seldom as `churn` does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_PER_COLLECTION, 50, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what uses a slow fixture, and as long what is in a long module; put the tests in order."""
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
        if item.path.relative_to(ROOT / "tests").with_suffix("").as_posix() in LONG_MODULES:
            item.add_marker(pytest.mark.long)
    items[:] = _in_two_halves(items)


def _in_two_halves(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests so that each half begins with the tests of every second module that has slow tests.

    Each of two workers gets a half, and the worker that is ready first takes tests from the end of the other
    half. So both have the same amount of slow tests, no worker waits for a slow test at the end, and all
    slow tests of a module share the fixtures of one worker.
    """
    slow_tests = [item for item in items if item.get_closest_marker("slow")]
    modules = list(dict.fromkeys(item.path for item in slow_tests))
    number_of = {path: number for number, path in enumerate(modules)}
    halves = [[item for item in slow_tests if number_of[item.path] % 2 == half] for half in (0, 1)]
    other_tests = [item for item in items if not item.get_closest_marker("slow")]
    n_others_in_first = max(0, len(items) // 2 - len(halves[0]))
    return [*halves[0], *other_tests[:n_others_in_first], *halves[1], *other_tests[n_others_in_first:]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let only a slow test train, in its fixtures too; show no progress of long queries."""
    forget_secrets()  # a word that was a password elsewhere may be an ordinary word here
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "DELAY_SECONDS", 3600.0)  # on a busy machine each query is a long one
        if item.get_closest_marker("slow") is None and "pipelines.train" in sys.modules:
            patch.setattr("pipelines.train.train_challenger", _refuse_to_train)
        return (yield)


def _refuse_to_train(*_: object, **__: object) -> None:
    pytest.fail("this test trains a model: use the fixture `trained`, or mark the test as slow")


@pytest.fixture(scope="session", autouse=True)
def _hurried_disk() -> Iterator[None]:
    """Let no file wait for the disk: no test asks what a power cut leaves, only what a kill leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # it too refuses what is no open file
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; tests that ask for it are skipped where there is none."""
    folder = os.environ.get("CHURN_DATA")
    if not folder:
        pytest.skip("CHURN_DATA is not set: the tests on real data need the folder it names")
    if not Path(folder).is_dir():
        pytest.skip(f"CHURN_DATA names {folder}, which is not a folder")
    return Path(folder)


@pytest.fixture(scope="session")
def verb_server() -> Iterator[VerbServer]:
    """The process that forks for each call of `churn`."""
    server = VerbServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def churn(verb_server: VerbServer) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the command in a folder, as its own process: a fork of one that has imported the verbs."""

    def call(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return verb_server.call(arguments, cwd, os.environ | environment)

    return call


@pytest.fixture(scope="session")
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the command in a folder as a user does: as a new process, which imports its verb.

    For bytes that may not depend on the seed of hashes, and for an environment that is read at the start.
    """

    def call(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipelines", *arguments]
        return subprocess.run(
            command,
            cwd=cwd,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    return call


@pytest.fixture(scope="session")
def small_demo() -> tuple[str, ...]:
    """The call that writes a company just large enough for a model on few signals to pass the gates."""
    return SMALL_DEMO


@pytest.fixture(scope="session")
def small_settings() -> tuple[str, ...]:
    """The options that make `churn run` fit the small company."""
    values = [
        (f"{section}.{key}", value) for section, part in FEW_SIGNALS.items() for key, value in part.items()
    ]
    return tuple(word for name, value in values for word in ("--set", f"{name}={json.dumps(value)}"))


@pytest.fixture(scope="session")
def finished_run(
    tmp_path_factory: pytest.TempPathFactory,
    churn: Callable[..., subprocess.CompletedProcess[str]],
    migrated: Path,
) -> Path:
    """A folder in which `churn demo` and `churn run` have ended well; copy it before you write into it."""

    def fill(folder: Path) -> None:
        _demo_and_run(folder, churn, migrated, DEMO, FASTER)

    return filled_once(tmp_path_factory, "finished_run", fill)


@pytest.fixture(scope="session")
def small_run(
    tmp_path_factory: pytest.TempPathFactory,
    churn: Callable[..., subprocess.CompletedProcess[str]],
    migrated: Path,
) -> Path:
    """A finished run on few signals of a smaller company, for tests to which the model does not matter."""

    def fill(folder: Path) -> None:
        _demo_and_run(folder, churn, migrated, SMALL_DEMO, FEW_SIGNALS)

    return filled_once(tmp_path_factory, "small_run", fill)


def _demo_and_run(
    folder: Path,
    churn: Callable[..., subprocess.CompletedProcess[str]],
    migrated: Path,
    demo: tuple[str, ...],
    settings: Mapping[str, Mapping[str, Any]],
) -> None:
    """Call `churn demo` and, with the settings written into its parameter file, `churn run`.

    The MLflow database is a copy: `test_wheel.py` begins without one.
    """
    shutil.copy(migrated, folder / "mlflow.db")
    path = folder / "params.yaml"
    for arguments in (demo, ("run",)):
        process = churn(*arguments, cwd=folder)
        assert process.returncode == 0, (
            f"churn {' '.join(arguments)} ended {process.returncode}:\n{process.stdout}\n{process.stderr}"
        )
        sections = yaml.safe_load(path.read_text(encoding="utf-8"))
        for section, values in settings.items():
            sections[section] = sections.get(section, {}) | values
        path.write_text(yaml.safe_dump(sections, sort_keys=False), encoding="utf-8")
