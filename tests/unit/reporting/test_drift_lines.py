from __future__ import annotations

import pytest

from churn.drift.result import Performance, Population
from churn.reporting.drift_lines import detail_lines, drift_lines, drift_metrics, drift_warnings, headline
from tests.drawn_drift import AGE, STOPPED, drift_of, realised_of


def test_a_quiet_night_says_what_was_compared() -> None:
    lines = list(drift_lines(drift_of()))

    assert lines == [
        "drift: Nothing has changed unusually: 1 table, 1 signal and the probabilities were compared with "
        "earlier data and with the training rows."
    ]
    assert drift_warnings(drift_of().alarms) == []


def test_an_alarm_is_a_warning_with_place_measurement_and_way_out() -> None:
    assert headline(drift_of(alarms=(STOPPED,))).startswith("One thing has changed unusually.")
    assert drift_warnings((STOPPED,)) == ["drift: logins: no row for a day. Check it."]


def test_many_alarms_are_counted() -> None:
    warnings = drift_warnings((STOPPED,) * 20)

    assert len(warnings) == 13
    assert warnings[-1] == "drift: 8 more alarms are in drift.json."


def test_a_reason_to_train_again_is_a_line() -> None:
    lines = list(drift_lines(drift_of(triggers=(AGE,))))

    assert lines[1:] == ["  train again: the newest cutoff is 200 days old; the limit is 184."]


def test_without_a_reference_the_line_says_why_signals_are_not_compared() -> None:
    lines = list(drift_lines(drift_of(signals=None, score=None, no_reference_because="there is none")))

    assert "1 table was compared" in lines[0]
    assert lines[1] == "  signals and probabilities are not compared with the training rows: there is none."


def test_unknown_figures_are_words_and_never_numbers() -> None:
    details = "\n".join(detail_lines(drift_of()))

    assert "logins: 2025-09-29, 0 (not known), 1,200 (not known)" in details
    assert "told apart from the training rows: there are too few customers" in details
    assert "Performance, realised: no night of this model is known." in details


@pytest.mark.parametrize(
    ("auc", "words"), [(0.81, "lie within what chance brings"), (0.7, "the realised AUC lies outside")]
)
def test_the_realised_performance_stands_beside_the_estimated(auc: float, words: str) -> None:
    details = "\n".join(detail_lines(drift_of(performance=Performance(realised_nights=(realised_of(auc),)))))

    assert "12 of 100 left; 7 contacted customers are left out" in details
    assert words in details


def test_contacted_customers_that_no_control_stands_for_are_not_called_left_out() -> None:
    night = realised_of(0.81).model_copy(update={"note": "there is no control group"})

    details = "\n".join(detail_lines(drift_of(performance=Performance(realised_nights=(night,)))))

    assert "12 of 100 left; 7 contacted customers count too, because no control stands for them" in details
    assert "left out" not in details


def test_contacted_customers_that_are_left_out_are_counted() -> None:
    population = Population(customers=100, n_treated=20, n_controls=2)

    assert "without the 20 customers who were contacted" in next(
        iter(detail_lines(drift_of(population=population)))
    )


def test_missing_figures_are_left_out_of_mlflow() -> None:
    metrics = drift_metrics(drift_of(score=None, performance=Performance()))

    assert metrics == {"drift/alarms": 0, "drift/signals_moved": 0, "drift/retrain": 0}
    assert drift_metrics(drift_of())["drift/estimated_auc"] == 0.8
