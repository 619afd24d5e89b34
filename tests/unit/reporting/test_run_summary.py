from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from churn.data.store import StoredTable
from churn.finding import Finding, GuardReport
from churn.reporting.page.sources import read_report_sources
from churn.reporting.run_summary import (
    evaluation_line,
    figures_line,
    night_line,
    result_sentences,
    snapshots_line,
    tables_line,
)
from churn.snapshots.manifest import SnapshotManifest
from tests.drawn_drift import AGE, STOPPED, drift_of
from tests.drawn_kpis import kpis_of


def table(rows: int, rejects: int) -> StoredTable:
    return StoredTable(rows, rows + rejects, 2, 1, 2, (), rejects={"no time": rejects} if rejects else {})


def test_rows_and_rejects_of_all_tables_are_counted() -> None:
    tables = {"logins": table(900, 100), "orders": table(1000, 0)}

    assert tables_line(tables) == "1,900 rows in 2 tables, 100 rows rejected (5.0%)"
    assert tables_line({"orders": table(1000, 0)}) == "1,000 rows in 1 table, 0 rows rejected"


def test_the_guards_of_the_snapshots_are_counted_by_severity() -> None:
    findings = [
        Finding("logins", "f", "w", "warn", "late_rows"),
        Finding("orders", "f", "w", "stop", "copies"),
    ]
    manifest = SnapshotManifest.model_construct(
        cutoffs={}, signals=({}, {}), guards=GuardReport.of(["late_rows", "copies", "alone"], findings)
    )

    line = snapshots_line(manifest)

    assert line == "2 signals at 0 cutoffs; 3 guards looked: 1 say stop, 1 warn"


def test_the_result_says_trust_risk_and_calls(evaluated: Path) -> None:
    night = read_report_sources(evaluated)

    trust, risk, calls = result_sentences(night)

    assert trust.startswith("The champion, version 3, finds 2.0 [2.0, 2.0] times as many churners")
    assert "3 customers could leave; about 1 of them" in risk
    assert calls.startswith("The call list names 1 customers")
    assert night_line(night) == "3 customers scored, 1 left out, each with a reason"


def test_what_has_moved_and_reasons_to_train_again_are_sentences(evaluated: Path) -> None:
    night = read_report_sources(evaluated)
    quiet = replace(night, drift=drift_of())
    moved = replace(night, drift=drift_of(alarms=(STOPPED,), triggers=(AGE,)))

    assert [sentence[:30] for sentence in result_sentences(quiet)[3:]] == ["Nothing has changed unusually:"]
    assert result_sentences(moved)[4:] == (
        "logins: no row for a day. Check it.",
        "Train again because of age: the newest cutoff is 200 days old; the limit is 184.",
    )


def test_a_trial_is_called_a_trial(evaluated: Path) -> None:
    night = read_report_sources(evaluated)
    trial = replace(night, facts=night.facts.model_copy(update={"trial": {"because": ["beats_rfm"]}}))

    assert result_sentences(trial)[0].startswith("The night is a trial")


def test_a_model_without_evaluation_claims_nothing(output: Path) -> None:
    assert "but this model was never evaluated" in result_sentences(read_report_sources(output))[0]


def test_the_evaluation_stands_beside_the_best_simple_rule(evaluated: Path) -> None:
    result = read_report_sources(evaluated).result
    assert result is not None

    assert evaluation_line(result).startswith("AUC 0.750 [0.740, 0.760]")


def test_the_latest_certain_churn_rate_and_the_alarms_are_told() -> None:
    line = figures_line(kpis_of(date(2024, 1, 31)))

    assert (
        line
        == "customer churn rate 4.5 [3.6, 5.6]% in 2023-10; 1 of 17 watched figures lie outside their history"
    )
