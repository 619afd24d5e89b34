"""What a change of the engine or of a signal changes, seen in the difference of two readable files."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.data.ingest.ingest import ingest
from churn.data.store import Store
from churn.demo import write_company
from churn.features.definition import definitions
from churn.features.engine.matrix import matrix_at
from churn.features.library import select_signals
from churn.params import load_params

CUSTOMERS, SEED = 300, 7
CUTOFFS = (date(2024, 10, 28), date(2025, 3, 1), date(2025, 10, 1))  # before the first: a day of 25 hours
DIGITS = 9
FITTED = "_next_"
"""In the names of signals by a model that is fitted at the cutoff: processors differ in its sixth digit."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Store:
    """The store of a small demo company, with its parameters beside it."""
    folder = tmp_path_factory.mktemp("golden")
    for name in ("params.yaml", "playbook.yaml"):
        (folder / name).write_text((root / name).read_text(encoding="utf-8"), encoding="utf-8")
    source = folder / "data" / "company"
    write_company(source, source.with_name("company-truth"), CUSTOMERS, SEED)
    return ingest(load_params(folder / "params.yaml"), lambda _: None)


def test_the_signals_of_a_small_company_are_what_they_were(
    store: Store, same_as_golden: Callable[[str, str], None]
) -> None:
    lines = ["cutoff,signal,rows,known,sum,digest", *summary(store)]

    same_as_golden("signals.csv", "\n".join(lines) + "\n")


def test_the_dictionary_of_signals_is_what_it_was(
    store: Store,
    churn: Callable[..., subprocess.CompletedProcess[str]],
    same_as_golden: Callable[[str, str], None],
) -> None:
    said = churn("signals", "--params", "params.yaml", cwd=store.params.output.parent)

    assert said.returncode == 0
    same_as_golden("dictionary.md", said.stdout)


def test_a_signal_whose_values_changed_has_another_definition(
    store: Store, golden_text: Callable[[str], str], same_as_golden: Callable[[str, str], None]
) -> None:
    digests = definitions(select_signals(store.params, store))
    values: dict[str, list[str]] = {name: [] for name in digests}
    for line in summary(store):
        values[line.split(",")[1]].append(line)
    lines = [
        f"{name},{digests[name]},{hashlib.sha256(' '.join(values[name]).encode()).hexdigest()[:12]}"
        for name in sorted(digests)
    ]

    recorded = dict(line.rsplit(",", 1) for line in golden_text("definitions.csv").splitlines())
    unseen = [
        signal
        for signal, value in (line.rsplit(",", 1) for line in lines)
        if recorded.get(signal, value) != value
    ]
    assert unseen == [], (
        "the values of these signals changed, but not their definitions. Raise `version` of each signal, or "
        "FORMAT in churn/features/definition.py where a verb changed. If the demo company changed instead, "
        "delete tests/golden/definitions.csv and call `make golden`."
    )
    same_as_golden("definitions.csv", "\n".join(["signal,definition,values", *lines]) + "\n")


def summary(store: Store) -> Iterator[str]:
    """Yield a line per cutoff and signal; equal digests mean equal values of the same customers."""
    signals = select_signals(store.params, store)
    for cutoff in CUTOFFS:
        frame = matrix_at(store, signals, cutoff).frame
        for signal in sorted(signals, key=lambda one: one.name):
            column = frame[signal.name]
            if signal.kind == "level":
                total = ""
                said = [f"{who}={level}" for who, level in zip(frame["customer_id"], column, strict=True)]
            else:
                values = np.round(column.to_numpy(dtype=np.float64), DIGITS) + 0.0  # no -0.0
                total = f"{round(float(np.nansum(values)), 6):.10g}"
                said = [
                    f"{who}={value!r}"
                    for who, value in zip(frame["customer_id"], values.tolist(), strict=True)
                ]
            digest = hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]
            if FITTED in signal.name:
                total, digest = f"{np.nansum(values):.4g}", "fitted"
            yield f"{cutoff},{signal.name},{len(frame)},{int(column.notna().sum())},{total},{digest}"
