from __future__ import annotations

import pytest

from churn.evaluation.evaluate import cutoff_rates, purging, signal_verdict
from churn.evaluation.measures import Differences
from churn.metrics.interval import Interval
from tests.filled import filled
from tests.unit.evaluation.conftest import draw_snapshots


def test_rates_are_those_of_each_cutoff(snapshots_of) -> None:
    snapshots = snapshots_of(customers=300, cutoffs=3)

    rates = cutoff_rates(snapshots.rows.at(snapshots.cutoffs[:2]))

    assert [rate.cutoff for rate in rates] == list(snapshots.cutoffs[:2])
    assert [rate.rows for rate in rates] == [300, 300]
    assert rates[1].base_rate == snapshots.rows.at(snapshots.cutoffs[1:2]).left.mean()


def test_purged_snapshots_are_counted_per_test_cutoff() -> None:
    snapshots = draw_snapshots(known_after=29)
    days = snapshots.cutoffs

    first, second = purging(snapshots, days[-2:])

    assert (first.cutoff, first.trained_on, first.trained_rows) == (days[6], days[:5], 5 * 400)
    assert (first.purged, first.purged_rows) == (days[5:6], 400)
    assert second.purged == days[6:7]


def test_a_label_known_on_the_test_cutoff_is_not_purged() -> None:
    snapshots = draw_snapshots()

    (last,) = purging(snapshots, snapshots.cutoffs[-1:])

    assert (last.purged, last.purged_rows) == ((), 0)


@pytest.mark.parametrize(
    ("auc", "difference", "verdict"),
    [
        (0.75, -0.05, "signal"),
        (0.505, -0.05, "no signal"),
        (0.505, 0.01, "no signal"),
        (0.75, -0.005, "ranks only"),
        (0.75, None, "ranks only"),
    ],
)
def test_the_verdict_says_in_words_whether_there_is_a_signal(
    auc: float, difference: float | None, verdict: str
) -> None:
    loss = None if difference is None else around(difference)

    signal = signal_verdict(around(auc), loss)

    assert signal.found == verdict
    assert signal.words.startswith({"ranks only": "the model ranks"}.get(verdict, verdict))


@pytest.mark.parametrize(
    ("auc_above", "loss", "verdict"),
    [
        (0.004, -0.005, "no more than RFM"),  # neither better nor higher
        (0.006, -0.005, "signal"),  # a higher AUC
        (0.004, -0.02, "signal"),  # shown to be better
    ],
)
def test_a_model_that_adds_nothing_to_rfm_is_named_in_words(
    auc_above: float, loss: float, verdict: str
) -> None:
    against_rfm = filled(Differences, {"auc": interval_values(auc_above), "log_loss": interval_values(loss)})

    signal = signal_verdict(around(0.7), around(-0.05), against_rfm)

    assert signal.found == verdict
    assert ("RFM" in signal.words) == (verdict != "signal")


def interval_values(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def around(value: float) -> Interval:
    return Interval(value=value, low=value - 0.01, high=value + 0.01)
