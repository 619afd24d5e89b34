"""`churn measure` on experiments that the company ran by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from churn.data.own_files import read_own_json
from churn.experiments.result import Effects
from pipelines import cli

pytestmark = pytest.mark.slow

PARAMS = """
source: raw
timezone: UTC
tables: {customers: {}, orders: {}}
label: {kind: inactivity, table: orders, horizon_days: 28, active_days: 28}
experiments:
  outside:
    - {name: mail, from: mails, unit: id, arm: arm, control: none, treated: [mail], outcome: visit,
       wanted: true, sizes: {none: 1, mail: 1}}
    - {name: calls, from: calls, unit: id, arm: arm, control: 0, treated: 1, outcome: label,
       assigned_at: drawn}
"""
N = 200


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """Mails: 40 of 200 controls and 60 of 200 treated visit. Calls: 2 of 4 controls leave."""
    folder = tmp_path_factory.mktemp("company")
    shutil.copy(migrated, folder / "mlflow.db")
    raw = folder / "raw"
    raw.mkdir()
    (folder / "params.yaml").write_text(PARAMS, encoding="utf-8")
    mails = [
        f"{arm}{i},{arm},{int(i < 40 + 20 * (arm == 'mail'))}" for arm in ("none", "mail") for i in range(N)
    ]
    customers = [f"c{i}" for i in range(8)]
    orders = [f"{who},2024-02-20 10:00:00,5" for who in customers]
    orders += [f"{who},2024-03-10 10:00:00,5" for who in customers[2:]]
    orders += [f"{who},2024-05-01 10:00:00,5" for who in customers]
    for name, header, rows in (
        ("mails", "id,arm,visit", mails),
        ("customers", "customer_id,signed_up_at", [f"{who},2023-01-01 10:00:00" for who in customers]),
        ("orders", "customer_id,ordered_at,amount", orders),
        ("calls", "id,arm,drawn", [f"c{i},{int(i >= 4)},2024-03-01 09:30:00" for i in range(8)]),
    ):
        (raw / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def measure(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.main("measure", ["--params", str(folder / "params.yaml"), *options])
    output = capsys.readouterr()
    return code, " ".join(output.out.split()), output.err


def test_an_experiment_of_the_company_is_measured_without_a_ledger(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = measure(company, capsys)

    assert code == 0
    assert "mail 30.00% (60 of 200), control none 20.00% (40 of 200)" in out
    assert "difference +10.00" in out
    assert "200, 200 for a design of 50, 50%: no alarm" in out
    assert "1 0.00% (0 of 4), control 0 50.00% (2 of 4)" in out
    assert "no verdict: fewer than 20 units with the outcome" in out
    effects = read_own_json(company / "output" / "measure" / "effects.json", Effects, way_out="")
    assert [experiment.name for experiment in effects.outside] == ["mail", "calls"]
    assert (effects.nights, effects.universal) == (0, None)


def test_as_of_an_earlier_date_an_outcome_without_a_time_is_left_out_in_words(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = measure(company, capsys, "--cutoff", "2024-03-15")

    assert code == 0
    assert "mail is left out: there is no record of the day on which 'visit' became known" in err
    assert "mail 30.00%" not in out
    assert "8 outcome not known yet" in out


def test_the_mistakes_of_all_experiments_come_at_once(
    company: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PARAMS.replace("unit: id, arm: arm, control: none", "unit: ids, arm: arm, control: none")
    text = text.replace("source: raw", f"source: {company / 'raw'}").replace(
        "control: 0, treated: 1", "control: 2, treated: 1"
    )
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")

    code, _, err = measure(tmp_path, capsys)

    assert code == 11
    assert "experiments.outside.0: its rows have no column 'ids'. Did you mean 'id'?" in err
    assert "experiments.outside.1 (calls): 4 of 8 rows have an arm with another name than" in err
    assert not (tmp_path / "output" / "measure").exists()
