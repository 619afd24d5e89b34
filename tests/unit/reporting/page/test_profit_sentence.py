"""The sentences below the chart of the profit: costs, effect, and whether any number of calls pays."""

from __future__ import annotations

import pytest

from churn.evaluation.result import EvaluationResult
from churn.reporting.page.model_charts import profit_chart
from churn.reporting.page.words import Language, Words
from tests.filled import filled
from tests.unit.reporting.conftest import METRICS

NONE = {
    "en": "Under these assumptions, calls make no profit, whatever their number.",
    "de": "Unter diesen Annahmen bringt keine Zahl von Kontakten mehr ein, als sie kostet.",
}
NOT_SHOWN = {
    "en": "Under these assumptions, a profit from calls is not certain, whatever their number.",
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


COST = {
    "value": 2.5,
    "low": 2.0,
    "high": 3.0,
    "contacts": 120,
    "with_cost": 111,
    "as_of": "2025-05-02",
    "is_used": True,
    "reason": "",
}
SHARE = {"value": 0.42, "low": 0.2, "high": 0.6, "as_of": "2025-05-02", "is_used": True, "reason": "proved"}


@pytest.mark.parametrize(
    ("language", "measured", "note"),
    [
        ("en", {}, "Assumed: a contact costs 2.50, an offer 10.00, and 30% of the churners"),
        (
            "en",
            {"measured_share": SHARE},
            "Assumed: a contact costs 2.50, an offer 10.00. Measured against the control group, with "
            "outcomes up to 2 May 2025: 42 [20, 60]% of the churners who are contacted stay.",
        ),
        (
            "en",
            {"measured_share": SHARE, "measured_cost": COST},
            "Measured on 111 contacts with a recorded cost, out of 120 contacts known before 2 May 2025: "
            "a contact costs 2.50 [2.00, 3.00]. Assumed: an offer costs 10.00. Measured against the "
            "control group, with outcomes up to 2 May 2025",
        ),
        (
            "de",
            {"measured_cost": COST},
            "Gemessen an 111 von 120 Kontakten, die vor dem 2. Mai 2025 bekannt waren: Ein Kontakt kostet "
            "2,50 [2,00; 3,00]. Angenommen: Ein Angebot kostet 10,00. Auch angenommen: 30 % der",
        ),
        (
            "en",
            {"measured_cost": COST | {"is_used": False}},
            "Assumed: a contact costs 2.50, an offer",
        ),
    ],
)
def test_the_note_says_which_costs_and_which_effect_are_measured(
    language: Language, measured: dict[str, object], note: str
) -> None:
    curve = [{"share": share, "value": 1.0, "low": 0.5, "high": 1.5, "ceiling": 4.0} for share in (0.05, 1.0)]
    terms = {"contact_cost": 2.5, "incentive_cost": 10.0, "accept_share": 0.3}
    value = {"profit": terms} | measured
    result = filled(EvaluationResult, METRICS | {"profit_curve": curve, "value": value})

    chart = " ".join(profit_chart(Words(language), result).striptags().split())

    assert note in chart.replace("\u00a0", " ")
