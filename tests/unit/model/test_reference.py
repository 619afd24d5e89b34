from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.errors import ModelError
from churn.model.reference import REFERENCE_FILE, Reference, level_bins, number_bins, read_reference

NAN = float("nan")


def test_numbers_have_tenths_and_a_bin_for_missing_values() -> None:
    values = np.array([*range(1, 101), *[NAN] * 5], dtype=float)

    bins = number_bins("logins", values, np.zeros(105, dtype=np.int64), {})

    assert len(bins.edges or ()) == 9
    assert bins.counts == (*[10] * 10, 5)
    assert bins.missing_share == pytest.approx(5 / 105)
    assert bins.usual_psi is None


def test_equal_numbers_share_a_bin() -> None:
    bins = number_bins("logins", np.array([0.0] * 80 + [1.0] * 20), np.zeros(100, dtype=np.int64), {})

    assert bins.edges == (0.0, 1.0)
    assert bins.counts == (80, 20, 0, 0)


def test_a_signal_without_any_value_has_only_missing_values() -> None:
    bins = number_bins("logins", np.full(30, NAN), np.zeros(30, dtype=np.int64), {})

    assert bins.counts == (0, 30)


def test_a_level_has_a_bin_unless_it_is_rare() -> None:
    codes = np.array([0.0] * 40 + [1.0] * 30 + [2.0] * 3 + [NAN] * 2)

    bins = level_bins("plan", codes, ["basic", "team", "only anna"], np.zeros(75, dtype=np.int64), {})

    assert bins.levels == ("basic", "team")
    assert bins.counts == (40, 30, 3, 2)


def test_values_of_a_night_are_counted_in_the_bins_of_the_training_with_their_weights() -> None:
    numbers = number_bins("logins", np.array([0.0] * 80 + [1.0] * 20), np.zeros(100, dtype=np.int64), {})
    levels = level_bins("plan", np.array([0.0] * 40), ["basic"], np.zeros(40, dtype=np.int64), {})

    assert numbers.count(np.array([0.0, 7.0, NAN]), np.array([1.0, 10.0, 2.0])).tolist() == [1, 0, 10, 2]
    assert levels.count(np.array(["basic", "new", None], dtype=object), np.ones(3)).tolist() == [1, 1, 1]


def test_the_usual_index_compares_a_cutoff_with_the_cutoffs_known_by_then() -> None:
    values = np.concatenate([np.arange(1000.0), np.arange(1000.0), np.arange(1000.0) + 500])
    cutoff = np.repeat([10, 20, 30], 1000)

    steady = number_bins("logins", values[:2000], cutoff[:2000], {20: [10]})
    moved = number_bins("logins", values, cutoff, {20: [10], 30: [10]})

    assert steady.usual_psi == pytest.approx(0, abs=1e-9)
    assert (moved.usual_psi or 0) > 1


def test_a_reference_comes_back_as_it_was_written_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    bins = number_bins("logins", np.arange(50.0), np.zeros(50, dtype=np.int64), {})
    reference = Reference(cutoffs=(date(2025, 1, 1),), customers=50, signals=(bins,))
    assert read_reference(tmp_path) is None

    (tmp_path / REFERENCE_FILE).write_text(reference.as_text())
    assert read_reference(tmp_path) == reference

    (tmp_path / REFERENCE_FILE).write_text('{"version": 9}')
    with pytest.raises(ModelError, match="Train and promote a new model"):
        read_reference(tmp_path)


def test_a_control_stands_for_the_treated_rows_in_the_counts_of_its_bins() -> None:
    cutoff, weight = np.zeros(100, dtype=np.int64), np.where(np.arange(100) < 2, 10.0, 1.0)
    logins = np.array([0.0] * 20 + [1.0] * 80)

    numbers = number_bins("logins", logins, cutoff, {}, weight)
    levels = level_bins("plan", logins, ["basic", "plus"], cutoff, {}, weight)

    assert numbers.counts == (2 * 10 + 18, 80, 0, 0)
    assert levels.counts == (2 * 10 + 18, 80, 0, 0)
