from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace

import pytest

from churn.model.bundle import load_champion
from churn.params import TrainParams
from churn.snapshots.read import read_snapshots
from pipelines import report, run, score, snapshot

pytestmark = pytest.mark.slow


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[date | None]:
    """Keep `run` from reading a source and scoring; collect the nights it would have scored."""
    nights: list[date | None] = []
    store = SimpleNamespace(cutoff_or_tonight=lambda cutoff: cutoff or date(2024, 8, 12), tables={})
    monkeypatch.setattr(run, "ensure_store", lambda *_: store)
    monkeypatch.setattr(snapshot, "run", lambda *_, **__: None)
    monkeypatch.setattr(report, "run", lambda *_, **__: None)
    monkeypatch.setattr(run, "_compute_figures", lambda *_: None)
    monkeypatch.setattr(score, "run", lambda _, *, cutoff, **__: nights.append(cutoff))
    sources = SimpleNamespace(known_kpis=SimpleNamespace(kpis=None))
    monkeypatch.setattr(run, "read_report_sources", lambda *_: sources)
    monkeypatch.setattr(run, "night_line", lambda *_: None)
    monkeypatch.setattr(run, "result_sentences", lambda _: ())
    return nights


def test_a_night_in_the_past_learns_from_nothing_after_it(make_params, write_world, echo, scored) -> None:
    params = make_params(train=TrainParams(candidates=("logistic",), calibration="none"))
    write_world(params, customers=600, cutoffs=8)
    night = read_snapshots(params).cutoffs[6]

    run.run(params, cutoff=night, echo=echo)

    spec = load_champion(params.champion).scorer.spec
    evaluated = json.loads((params.output / "evaluate" / "metrics.json").read_text())
    assert scored == [night]
    assert date.fromisoformat(spec["mature_on"]) <= night
    assert max(spec["trained_cutoffs"]) < str(night)
    assert max(evaluated["cutoffs"]) < str(night)
