from __future__ import annotations

from pathlib import Path

import numpy as np

from churn.evaluation.comparison import compare_candidates
from churn.metrics.catalog import COUNTS, METRICS, metrics_table
from churn.metrics.profit import CustomerValues
from churn.params import ProfitParams
from churn.snapshots.dataset import LabelledRows
from tests.small_snapshots import draws_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_every_metric_of_an_evaluation_is_told_and_none_that_is_not_there() -> None:
    rng = np.random.default_rng(0)
    left = (rng.random(200) < 0.3).astype(float)
    rows = LabelledRows((), {}, np.zeros((200, 0)), left, np.arange(200), np.full(200, 19_000))
    worth = CustomerValues(rng.gamma(2, 60, 200), ProfitParams())

    comparison = compare_candidates(
        rows, {"challenger": rng.random(200)}, draws_of(rows), share=0.1, values=worth
    )

    assert comparison.candidates["challenger"].as_json().keys() == METRICS.keys() | COUNTS.keys()


def test_a_metric_with_a_ceiling_says_which() -> None:
    rng = np.random.default_rng(0)
    left = (rng.random(200) < 0.3).astype(float)
    rows = LabelledRows((), {}, np.zeros((200, 0)), left, np.arange(200), np.full(200, 19_000))
    worth = CustomerValues(rng.gamma(2, 60, 200), ProfitParams())

    comparison = compare_candidates(rows, {"challenger": left * 0.9}, draws_of(rows), share=0.1, values=worth)

    measures = comparison.candidates["challenger"].metrics
    bounded = {name: measure for name, measure in measures.items() if measure.ceiling is not None}
    assert set(bounded) == {name for name, one in METRICS.items() if one.ceiling} - {"brier_resolution"}
    for numbers in bounded.values():
        assert abs(numbers.value - numbers.ceiling) < 1e-9


def test_the_document_holds_the_table_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert metrics_table() in text
    assert all(f"`{name}` ({words})" in text for name, words in COUNTS.items())
