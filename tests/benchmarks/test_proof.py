from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.proof import __main__ as proof
from benchmarks.proof import planted_faults, published_figures
from benchmarks.proof.aa import false_alarms
from benchmarks.proof.cells import Cell
from benchmarks.proof.coverage import adjusted_ends, coverage, draw_arm, score_levels
from churn.experiments.regression import adjusted_difference

BEFORE, FIRST = np.datetime64("2025-01-01"), np.datetime64("2025-01-02")


def test_the_adjusted_difference_from_counts_is_that_of_the_product() -> None:
    rng = np.random.default_rng(1)
    scores = score_levels(0.1)
    control, treatment = draw_arm(60, scores, 1, 5, rng), draw_arm(500, scores, 0.7, 5, rng)

    low, high = adjusted_ends(control, treatment, scores)

    for number in range(5):
        left, score = [], []
        for arm in (control, treatment):
            for level, units, churners in zip(scores, arm.units[number], arm.churners[number], strict=True):
                left += [True] * churners + [False] * (units - churners)
                score += [level] * units
        product = adjusted_difference(
            np.array(left),
            np.arange(560) >= 60,
            np.array(score),
            unit=[""] * 560,
            score_date=np.full(560, BEFORE),
            first_assigned_date=np.full(560, FIRST),
        )
        assert (product.difference.low, product.difference.high) == pytest.approx(
            (low[number], high[number]), abs=1e-8
        )


def test_with_rare_churn_and_a_small_control_the_rule_of_twenty_churners_prevents_false_alarms() -> None:
    alarms = false_alarms(Cell(0.01, 0.1), 300, experiments=300, seed=100)

    assert alarms.plain > 0.5
    assert alarms.without_rule > 0.1
    assert alarms.with_rule <= 0.02


def test_with_common_churn_and_equal_arms_both_forms_hold() -> None:
    alarms = false_alarms(Cell(0.1, 0.5), 300, experiments=300, seed=100)

    assert alarms.enough == 1
    assert alarms.plain > 0.2
    assert alarms.without_rule == alarms.with_rule <= 0.05


def test_the_intervals_of_one_look_cover_the_effect() -> None:
    result = coverage(Cell(0.1, 0.5), 40, experiments=2000, seed=100)

    assert 0.93 < result.newcombe < 0.97
    assert 0.93 < result.adjusted_share < 0.97


def test_the_tables_are_written_between_their_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "README.md"
    page.write_text(proof.README.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(proof, "README", page)
    monkeypatch.setattr(proof, "TABLES", {name: lambda n, seed: iter([f"| {n} |"]) for name in proof.TABLES})

    for name in proof.TABLES:
        proof.main([name, "--experiments", "7", "--moments", "7", "--write"])

    text = page.read_text(encoding="utf-8")
    for name in proof.TABLES:
        start, end = proof.marks(name)
        assert f"{start}\n| 7 |\n{end}\n" in text


@pytest.mark.data
@pytest.mark.slow
def test_the_published_effects_come_out_by_the_verb(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(published_figures.DATA, str(real_data))

    lines = list(published_figures.table(1, 1))

    rows = [line for line in lines if line.startswith(("| hillstrom", "| cookie"))]
    assert len(rows) == len(published_figures.PUBLISHED_FIGURES)
    assert all(line.endswith("| yes |") for line in rows)
    assert [line.split(" | ")[4] for line in rows] == ["better", "better", "worse"]
    assert any("44,700, 45,489 for a design of 50, 50%: no alarm" in line for line in lines)


@pytest.mark.parametrize("data", [None, "/nowhere"])
def test_without_the_data_the_published_effects_are_not_compared_and_the_call_says_why(
    data: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(published_figures.DATA, raising=False)
    if data:
        monkeypatch.setenv(published_figures.DATA, data)

    with pytest.raises(SystemExit, match="CHURN_DATA"):
        list(published_figures.table(1, 1))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("a cap on one arm only", "do not agree with the design 50, 50 %"),
        ("bounces dropped from one arm", "do not agree with the design 50, 50 %"),
        ("a shared e-mail address across arms", "values of 'email' occur in more than one arm"),
        ("a re-used id", "units in 'id' are in more than one arm"),
        ("a changed salt", "units in 'id' are in more than one arm"),
    ],
)
def test_a_planted_fault_is_caught_by_its_check(fault: str, words: str) -> None:
    rng = np.random.default_rng(5)

    judgement = planted_faults.judge_rows(
        planted_faults.FAULTS[fault](planted_faults.sound(planted_faults.UNITS, rng), rng)
    )

    assert words in judgement.words[0]


def test_sound_experiments_raise_no_alarm() -> None:
    assert planted_faults.false_alarms(experiments=20, seed=2) == 0


def test_a_score_from_after_the_contact_would_turn_the_sign_and_is_refused() -> None:
    result = planted_faults.later_score(100_000, seed=1)

    assert result.truth > 0.025
    assert result.earlier.startswith("+")
    assert result.later.startswith("-")
    assert (
        "100,000 of 100,000 units have a score that was computed at or after the time of their "
        "assignment" in result.refusal
    )


def test_a_fault_that_is_not_caught_ends_the_proof_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted_faults, "FAULTS", {"nothing": lambda rows, rng: rows})
    monkeypatch.setattr(planted_faults, "UNITS", 200)
    monkeypatch.setattr(
        planted_faults, "later_score", lambda n, seed: planted_faults.LaterScore(0.03, "", "", "")
    )

    with pytest.raises(SystemExit, match="planted: nothing: caught in 0 of 20"):
        list(planted_faults.table(2, 1))
