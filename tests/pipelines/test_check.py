"""What `churn check` says of leaks, how it ends, and how a person signs a finding off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from churn.finding import Finding, GuardReport
from churn.guards.run import GUARDS
from pipelines import cli
from tests.guard_companies import LEFT_ON, churners, stayers

PARAMS = """
source: raw
tables: {customers: {static: [is_churned]}, subscriptions: {}, logins: {}}
label: {kind: contract, horizon_days: 31}
snapshot: {every: month, first: 2024-05-01, last: 2024-10-01, watermark: 2024-12-31}
signals: {windows: [28]}
"""

SEEN = Finding("logins", "rows are late.", "Map it.", guard="late_rows")
MOVED = Finding("logins_last_28", "it moved.", "Mend it.", guard="parity")


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """Thirty who left on one day, forty who stayed, and a column that says which."""
    people = [(one, "yes", LEFT_ON) for one in churners(30)] + [(one, "no", "") for one in stayers(40)]
    raw = {
        "customers": ["customer_id,signed_up_at,is_churned", *(f"{c},2023-05-01,{y}" for c, y, _ in people)],
        "subscriptions": ["customer_id,started_at,ended_at", *(f"{c},2023-05-01,{e}" for c, _, e in people)],
        "logins": [
            "customer_id,happened_at",
            *(
                f"{c},2024-0{m}-{n % 20 + 1:02} 10:{n % 60:02}:{n % 50:02}"
                for n, (c, *_) in enumerate(people)
                for m in range(1, 9)
            ),
        ],
    }
    (tmp_path / "raw").mkdir()
    for name, lines in raw.items():
        (tmp_path / "raw" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


def check(folder: Path, *options: str) -> int:
    return cli.main(argv=["check", "--params", str(folder / "params.yaml"), *options])


def test_a_leak_stops_check_once_all_is_said(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = check(company)

    output = capsys.readouterr()
    assert code == 15
    assert "guards: " in output.out
    for word in ("customers.is_churned", "suspicious_names", "only_leavers", "check: {accept:"):
        assert word in output.err


def test_what_a_person_signed_off_is_said_and_stops_nothing(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "it was a flag of another company"

    code = check(company, "--set", f"check.accept={{customers.is_churned: {reason}, survivors: one wave}}")

    output = capsys.readouterr()
    assert code == 0
    assert reason in output.out
    assert "check.accept.survivors" in output.err


def test_snapshots_carry_what_the_guards_found_which_is_said_before_the_work(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(argv=["snapshot", "--params", str(company / "params.yaml")])

    output = capsys.readouterr().err
    manifest = json.loads((company / "output" / "snapshots" / "manifest.json").read_text())
    stops = {one["guard"] for one in manifest["guards"]["found"] if one["severity"] == "stop"}
    assert code == 0
    assert {"suspicious_names", "only_leavers"} <= stops
    assert len(manifest["guards"]["looked"]) == len(GUARDS)
    assert output.index("`churn promote` stops there") < output.index("snapshot: ")


def test_snapshots_after_check_cost_no_second_look(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(company)
    first = capsys.readouterr().err

    cli.main(argv=["snapshot", "--params", str(company / "params.yaml")])

    assert f"guards: {len(GUARDS)} of {len(GUARDS)}" in first
    assert f"guards: {len(GUARDS)} of {len(GUARDS)}" not in capsys.readouterr().err


def test_what_is_signed_off_for_the_model_is_signed_off_here(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accept = "{customers.is_churned: looked at, survivors: one wave, too_good: a toy}"

    code = check(company, "--set", f"evaluate.accept={accept}")

    assert code == 0
    assert "too_good" not in capsys.readouterr().err


def test_signing_off_does_not_read_the_source_again(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(company)
    capsys.readouterr()

    check(company, "--set", "check.accept={customers.is_churned: looked at}")

    assert "ingest: reading" not in capsys.readouterr().out


def test_prove_says_what_was_proved_of_how_many(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = check(company, "--prove", "--set", "check.accept={customers.is_churned: looked at}")

    output = capsys.readouterr().out
    assert code == 0
    assert "proofs passed: " in output
    assert "for 70 customers at the cutoffs 2024-05-01, 2024-07-01, 2024-10-01" in output


@pytest.mark.parametrize(
    ("data", "proofs", "sentence"),
    [
        ([], [], ""),
        ([SEEN], [], " All findings: {path}"),
        ([SEEN], [MOVED], " All findings but those of the proofs: {path}"),
        ([], [MOVED], ""),
    ],
)
def test_the_file_is_named_for_what_it_holds(
    company: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    data: list[Finding],
    proofs: list[Finding],
    sentence: str,
) -> None:
    monkeypatch.setattr("pipelines.check.guard_report", lambda *_: GuardReport.of([], data))
    monkeypatch.setattr("pipelines.check._prove", lambda *_: proofs)

    check(company, "--prove")

    (line,) = (line for line in capsys.readouterr().out.splitlines() if "signed off." in line)
    path = company / "output" / "check" / "guards.json"
    assert line.split("signed off.")[1] == sentence.format(path=path)


def test_without_a_cutoff_the_other_guards_still_look(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = check(company, "--set", "snapshot={first: 2030-01-01, watermark: 2024-12-31}")

    output = capsys.readouterr()
    assert code == 15
    assert "the guards that need labels find nothing" in output.err
    assert "suspicious_names" in output.err
