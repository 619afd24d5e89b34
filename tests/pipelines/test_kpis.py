"""The verb `kpis` on a drawn company: what it prints, what it writes, how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from churn.kpis.sections import RESULTS, kpis_file, read_kpis
from pipelines.cli import main

SUBSCRIPTIONS = """customer_id,started_at,ended_at,mrr
anna,2024-01-10,,10
ben,2024-01-10,2024-06-10,20
cleo,2024-03-03,,30
dora,2024-01-10,2024-02-20,40
"""
CUSTOMERS = """customer_id,signed_up_at,country
anna,2024-01-10,DE
ben,2024-01-10,AT
cleo,2024-03-03,AT
dora,2024-01-10,AT
"""


@pytest.fixture
def params(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    (source / "subscriptions.csv").write_text(SUBSCRIPTIONS)
    (source / "customers.csv").write_text(CUSTOMERS)
    path = tmp_path / "params.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "source": "source",
                "tables": {"customers": {"static": ["country"]}, "subscriptions": {}},
                "label": {"kind": "contract", "horizon_days": 31, "grace_days": 14},
                "snapshot": {"watermark": "2024-09-01"},
                "score": {"playbook": "playbook.yaml"},
            }
        )
    )
    (tmp_path / "playbook.yaml").write_text("plays: []\n")
    return path


def test_the_verb_prints_one_screen_and_writes_all_sections(
    params: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main("kpis", ["--params", str(params)])

    out = capsys.readouterr().out
    kpis = read_kpis(params.parent / "output")
    assert code == 0
    assert "customer retention rate" in out
    tables = (kpis_file(params.parent / "output").parent / "tables.txt").read_text()
    for table in ("retention by month of joining", "survival: share", "retention audit"):
        assert table in tables
        assert table not in out
    assert "missing, no orders: map tables.orders" in out
    assert set(kpis.sections) | set(kpis.missing_sections) == set(RESULTS)
    assert set(kpis.missing_sections) == {"event"}
    june = [
        f.value
        for f in kpis.figures
        if f.name == "mrr_churned" and str(f.period) == "2024-06" and not f.slice
    ]
    assert june == [20]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--cutoff", "2024-10-01"], 2, "after the watermark"),
        (["--set", "kpis.segments=[contry]"], 10, "Did you mean 'country'?"),
        (["--set", "kpis.clv=last payment"], 10, "kpis.clv"),
    ],
)
def test_a_mistake_ends_with_its_code_and_writes_nothing(
    options: list[str], code: int, words: str, params: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("kpis", ["--params", str(params), *options]) == code

    assert words in capsys.readouterr().err
    assert not kpis_file(params.parent / "output").exists()
