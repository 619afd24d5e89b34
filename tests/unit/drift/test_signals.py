"""A signal has moved if it moved further than chance, the calendar and a large shift explain."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from churn.drift.signals import score_drift, signal_alarms, signal_drift
from churn.model.reference import Reference, level_bins, number_bins

NAN = float("nan")
TABLES = {"logins": "logins", "plan": "subscriptions"}


def reference_of(n_rows: int = 4000, usual_psi: float | None = 0.02) -> Reference:
    rng = np.random.default_rng(1)
    cutoff = np.zeros(n_rows, dtype=np.int64)
    logins = number_bins("logins", rng.normal(size=n_rows), cutoff, {})
    plan = level_bins("plan", rng.integers(0, 2, n_rows).astype(float), ["basic", "team"], cutoff, {})
    score = number_bins("score", rng.beta(1, 20, n_rows), cutoff, {})
    return Reference(
        cutoffs=(date(2025, 1, 1),),
        customers=n_rows,
        signals=tuple(bins.model_copy(update={"usual_psi": usual_psi}) for bins in (logins, plan)),
        score=score,
        score_customers=n_rows,
    )


def columns_of(shift: float = 0.0, n_rows: int = 2000, seed: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    plans = np.array(["basic", "team"], dtype=object)[rng.integers(0, 2, n_rows)]
    return {"logins": rng.normal(shift, size=n_rows), "plan": plans}


def moved(
    reference: Reference, columns: dict[str, np.ndarray], weights: np.ndarray | None = None
) -> list[str]:
    own_weights = np.ones(len(columns["logins"])) if weights is None else weights
    drifts = signal_drift(reference, columns, TABLES, own_weights)
    return [drift.signal for drift in drifts if drift.has_moved]


def test_a_signal_that_moves_is_named_and_others_are_not() -> None:
    assert moved(reference_of(), columns_of(shift=1.5)) == ["logins"]


@pytest.mark.parametrize("n_rows", [30, 300, 3000])
def test_equal_signals_have_not_moved_however_few_the_customers_are(n_rows: int) -> None:
    reference = reference_of()

    assert [moved(reference, columns_of(n_rows=n_rows, seed=seed)) for seed in range(50)] == [[]] * 50


def test_a_shift_that_cutoffs_of_the_training_had_too_is_usual() -> None:
    assert moved(reference_of(usual_psi=1.5), columns_of(shift=1.5)) == []


def test_a_signal_that_becomes_missing_has_moved() -> None:
    columns = columns_of()
    columns["logins"][::2] = NAN

    (first, _) = signal_drift(reference_of(), columns, TABLES, np.ones(2000))

    assert (first.signal, first.has_moved, first.missing) == ("logins", True, 0.5)
    assert first.missing_in_training == 0


def test_a_text_that_is_renamed_has_moved() -> None:
    columns = columns_of()
    columns["plan"] = np.where(columns["plan"] == "team", "Team", columns["plan"])

    assert moved(reference_of(), columns) == ["plan"]


def test_contacted_customers_do_not_count() -> None:
    quiet, contacted = columns_of(), columns_of(shift=4.0)
    columns = {name: np.concatenate([quiet[name], contacted[name]]) for name in quiet}

    assert moved(reference_of(), columns) == ["logins"]
    assert moved(reference_of(), columns, np.repeat([1.0, 0.0], 2000)) == []


def test_probabilities_that_move_are_named_and_equal_ones_are_not() -> None:
    reference, rng = reference_of(), np.random.default_rng(5)

    same = score_drift(reference, rng.beta(1, 20, 2000), np.ones(2000))
    higher = score_drift(reference, rng.beta(3, 20, 2000), np.ones(2000))

    assert same is not None
    assert higher is not None
    assert (same.has_moved, higher.has_moved) == (False, True)
    assert signal_alarms((), same) == []
    assert [alarm.kind for alarm in signal_alarms((), higher)] == ["score"]


def test_the_alarms_name_the_signals_of_each_table_together() -> None:
    drifts = signal_drift(reference_of(), columns_of(shift=1.5), TABLES, np.ones(2000))

    (alarm,) = signal_alarms(drifts, None)

    assert (alarm.kind, alarm.subject) == ("signal", "logins")
    assert "1 signal has moved" in alarm.text
