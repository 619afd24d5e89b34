"""The sentence below the chart of the profit where no number of calls earns more than it costs."""

from __future__ import annotations

import pytest

from churn.evaluation.result import EvaluationResult
from churn.reporting.page.model_charts import profit_chart
from churn.reporting.page.words import Language, Words
from tests.filled import filled
from tests.unit.reporting.conftest import METRICS

NONE = {
    "en": "No number of calls earns more than it costs under these assumptions.",
    "de": "Unter diesen Annahmen bringt keine Zahl von Kontakten mehr ein, als sie kostet.",
}
NOT_SHOWN = {
    "en": "Under these assumptions, it is not shown that any number of calls earns more than it costs.",
    "de": "Unter diesen Annahmen ist von keiner Zahl von Kontakten gezeigt, dass sie mehr einbringt, als sie",
}


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("best", "low", "sentence"),
    [
        (-0.01, -0.5, NONE),
        (0.0, 0.0, NONE),
        (0.02, -0.01, NOT_SHOWN),
        (0.02, 0.01, None),
        (0.02, None, None),
    ],
)
def test_the_page_says_so_where_no_number_of_calls_is_shown_to_earn_more_than_it_costs(
    language: Language, best: float, low: float | None, sentence: dict[str, str] | None
) -> None:
    curve = [
        {"share": 0.0, "value": 0.0, "low": 0.0, "high": 0.0, "ceiling": 0.0},
        {"share": 0.05, "value": best, "low": low, "high": 0.5, "ceiling": 4.0},
        {"share": 1.0, "value": -3.75, "low": -5.5, "high": -1.25, "ceiling": 6.0},
    ]
    terms = {"contact_cost": 2.5, "incentive_cost": 10.0, "accept_share": 0.3}
    result = filled(EvaluationResult, METRICS | {"profit_curve": curve, "value": {"profit": terms}})

    chart = profit_chart(Words(language), result).striptags()

    assert [each[language] in chart for each in (NONE, NOT_SHOWN)] == [
        each is sentence for each in (NONE, NOT_SHOWN)
    ]
