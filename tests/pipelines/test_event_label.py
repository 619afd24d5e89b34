"""A label of an event from end to end on a small company: the referrals of customers with a contract."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churn.kpis.sections import read_kpis
from pipelines import cli
from tests.pipelines.night_files import CALLS, NIGHT, SCORES
from tests.run_folders import copy_finished_run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("few_charts")]

LABEL = "label={kind: event, table: referrals, horizon_days: 61, event_name: referral}"
PLAYBOOK = """
plays:
  - name: ask
    when: {event_probability: {at_least: 0}}
    action: Ask for a recommendation
    owner: sales
    channel: email
    due_in_days: 3
    success: {text: Recommends us within 60 days, when: {event: referrals}, within_days: 60}
"""


def call(folder: Path, verb: str, *options: str) -> int:
    sets = (LABEL, "promote.observed_expected=[0.01, 100]")
    return cli.main(
        verb,
        [
            "--params",
            str(folder / "params.yaml"),
            *(part for text in sets for part in ("--set", text)),
            *options,
        ],
    )


def words_of(page: Path) -> str:
    html = re.sub(r"<(style|code|svg)\b.*?</\1>", "", page.read_text(), flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", html)


def test_an_event_goes_from_the_tables_to_a_list_and_pages_in_its_own_words(
    small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_finished_run(small_run, tmp_path / "event")

    refused = call(folder, "score", "--dry-run")
    why_refused = capsys.readouterr().err
    (folder / "playbook.yaml").write_text(PLAYBOOK)
    code = call(folder, "run")
    shown, warnings = capsys.readouterr()
    measured, planned = call(folder, "measure"), call(folder, "plan", "--effect", "0.02")
    effects = capsys.readouterr().out

    assert refused != 0
    assert "label" in why_refused
    assert code in (0, 15), warnings
    assert "customers could have the event referral" in shown
    scores = pq.read_table(folder / "output" / SCORES.format(NIGHT))
    probability = scores["event_probability"].drop_null().to_pylist()
    assert len(probability) > 100
    assert scores["health"].null_count == len(scores)
    lines = list(
        csv.DictReader((folder / "output" / CALLS.format(NIGHT)).read_text("utf-8-sig").splitlines())
    )
    listed = [float(line["event_probability"].rstrip("%")) for line in lines]
    assert listed == sorted(listed, reverse=True)
    metrics = json.loads((folder / "output" / "evaluate" / "metrics.json").read_text())
    assert metrics["event"] == "referral"
    assert metrics["value"] is None
    for page in ("report/index.html", "evaluate/report.html", "evaluate/card.md"):
        wrong = r"\b(churners?|stayers?|leaves|leaving)\b"
        assert not re.findall(wrong, words_of(folder / "output" / page), re.IGNORECASE), page
    assert (measured, planned) == (0, 0)
    assert "the rate of referral is predicted, and an effect is a gain in it" in effects
    assert "2.00 points more" in effects
    assert not re.search("churn (is|control|without)|saved", effects)
    kpis = read_kpis(folder / "output")
    assert {figure.value is None for figure in kpis.figures if figure.name == "event_rate"} == {False}
