from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from benchmarks.leaks.clean_snapshots import clean_snapshots, cutoff, label_params
from churn.evaluation.measures import LeadTime
from churn.evaluation.result import BandOutcome, EvaluationResult
from churn.finding import Finding, GuardReport
from churn.guards.model import outcomes
from churn.guards.model.columns import check_columns
from churn.guards.model.drift import drift
from churn.guards.model.label_maturity import label_maturity
from churn.guards.model.refit_invariance import (
    CutoffFit,
    fold_at,
    refit_with_other_future,
    refit_with_shuffled_labels,
    rolling_origin,
    sample_customers,
)
from churn.guards.model.run import check_training, training_report
from churn.guards.model.split_overlap import copied_rows, disjoint
from churn.guards.sign_off import SignOffs, finding_lines
from churn.guards.single_signal import tenure_auc
from churn.metrics.interval import Interval
from churn.params import EvaluateParams, LabelParams, TrainParams
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from churn.training.recipe import Recipe
from churn.training.split import plan_cutoffs
from tests.filled import filled

LAST = cutoff(5)
MATURE_ON = {cutoff(step): cutoff(step + 1) for step in range(6)}
RECIPE = Recipe.start(TrainParams(learning_rate=0.1)).with_rounds(30)

Change = Callable[[LabelledRows, np.random.Generator], LabelledRows]


def with_rows(snapshots: Snapshots, **arrays: Any) -> Snapshots:
    return replace(snapshots, rows=replace(snapshots.rows, **arrays))


def with_column(snapshots: Snapshots, values: np.ndarray, name: str = "amount") -> Snapshots:
    matrix = snapshots.rows.matrix.copy()
    matrix[:, snapshots.rows.names.index(name)] = values
    return with_rows(snapshots, matrix=matrix)


# --- clean snapshots


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_said_of_clean_snapshots(seed: int) -> None:
    snapshots, params = clean_snapshots(seed=seed), label_params()
    method = rolling_origin(RECIPE, 1)

    found = check_training(
        snapshots,
        plan_cutoffs(snapshots.rows, snapshots.mature_on),
        label=params.label,
        late_days=params.snapshot.late_days,
        attributes=(),
        seed=params.train.seed,
    )
    found += [
        *refit_with_other_future(method, snapshots, LAST, seed),
        *refit_with_shuffled_labels(method, snapshots, LAST, seed),
    ]
    earlier = snapshots.rows.where(snapshots.rows.cutoff < snapshots.rows.cutoff[-1])
    found += drift(earlier, snapshots.rows.at([LAST]), seed)

    assert found == []


# --- 4: ripe labels


def test_a_label_counted_before_its_window_was_over_is_a_stop() -> None:
    snapshots = clean_snapshots()
    early = dict(snapshots.mature_on) | {LAST: LAST + timedelta(days=27)}

    found = list(label_maturity(replace(snapshots, mature_on=early), MATURE_ON))

    assert [(one.place, one.severity) for one in found] == [(f"cutoff {LAST}", "stop")]


def test_data_that_end_before_the_watermark_are_a_stop() -> None:
    snapshots = replace(clean_snapshots(), watermark=str(cutoff(5)))

    found = list(label_maturity(snapshots, MATURE_ON))

    assert [(one.place, one.severity) for one in found] == [(f"cutoff {LAST}", "stop")]


@pytest.mark.parametrize(
    ("share", "severities"), [(0.0, ["stop"]), (1.0, ["stop"]), (0.12, ["warn"]), (0.25, [])]
)
def test_a_newest_cutoff_that_loses_nobody_or_everybody_looks_unripe(
    share: float, severities: list[str]
) -> None:
    snapshots = clean_snapshots(customers=1000)
    here = snapshots.rows.cutoff == snapshots.rows.cutoff[-1]
    left = snapshots.rows.left.copy()
    left[here] = np.arange(1000) < share * 1000

    found = list(label_maturity(with_rows(snapshots, left=left), MATURE_ON))

    assert [one.severity for one in found] == severities


# --- 5 and 11: sets apart


def test_a_test_row_that_was_learnt_from_is_a_stop() -> None:
    fold = fold_at(clean_snapshots(), LAST)
    mixed = CutoffFit(LAST, fold.test, fold.test, fold.logits)

    found = list(disjoint(mixed, {LAST: LAST}))

    assert [one.severity for one in found] == ["stop"]
    assert "400 of the 400 test rows" in found[0].found


def test_a_training_label_that_was_not_yet_known_is_a_stop() -> None:
    snapshots = clean_snapshots()
    rows = snapshots.rows
    fold = CutoffFit(cutoff(4), rows.at([cutoff(2), cutoff(5)]), rows.at([cutoff(4)]), np.zeros(0))

    found = list(disjoint(fold, snapshots.mature_on))

    assert [one.severity for one in found] == ["stop"]
    assert str(cutoff(5)) in found[0].found
    assert str(cutoff(2)) not in found[0].found


@pytest.mark.parametrize(("copied", "severities"), [(0, []), (1, ["stop"]), (60, ["stop"])])
def test_rows_of_one_customer_and_cutoff_that_occur_twice_are_copies(
    copied: int, severities: list[str]
) -> None:
    fold = fold_at(clean_snapshots(), LAST)
    drawn_rows = np.concatenate([np.arange(len(fold.train)), np.arange(copied)])
    train = replace(
        fold.train,
        matrix=fold.train.matrix[drawn_rows],
        left=fold.train.left[drawn_rows],
        customer=fold.train.customer[drawn_rows],
        cutoff=fold.train.cutoff[drawn_rows],
    )

    found = list(copied_rows(replace(fold, train=train)))

    assert [one.severity for one in found] == severities


def test_different_customers_with_equal_signals_are_no_copies() -> None:
    fold = fold_at(clean_snapshots(), LAST)
    matrix = fold.test.matrix.copy()
    matrix[:60] = fold.train.matrix[:60]

    assert list(copied_rows(replace(fold, test=replace(fold.test, matrix=matrix)))) == []


def test_customers_who_did_nothing_yet_are_alike_and_no_copies() -> None:
    fold = fold_at(clean_snapshots(), LAST)
    train, test = fold.train.matrix.copy(), fold.test.matrix.copy()
    train[::3], test[::3] = 0, 0

    found = list(
        copied_rows(
            replace(fold, train=replace(fold.train, matrix=train), test=replace(fold.test, matrix=test))
        )
    )

    assert found == []


# --- 7 and 11: columns


@pytest.mark.parametrize(
    ("noise", "severity"), [(0.0, ["stop"]), (0.45, ["warn"]), (2.0, [])], ids=["answer", "suspect", "signal"]
)
def test_a_column_that_alone_tells_who_leaves(noise: float, severity: list[str]) -> None:
    snapshots = clean_snapshots(customers=600)
    rng = np.random.default_rng(5)
    told_by = snapshots.rows.left + noise * rng.normal(size=len(snapshots.rows))

    found = list(check_columns(with_column(snapshots, -told_by).rows, label=label_params().label))

    assert [(one.guard, one.severity) for one in found] == [("alone", each) for each in severity]


def test_a_hole_made_after_the_fact_is_told() -> None:
    snapshots = clean_snapshots()
    rng = np.random.default_rng(5)
    hole = (snapshots.rows.left > 0) & (rng.random(len(snapshots.rows)) < 0.5)
    values = np.where(hole, np.nan, rng.normal(size=len(snapshots.rows)))

    found = list(check_columns(with_column(snapshots, values).rows, label=label_params().label))

    assert [(one.guard, one.place) for one in found] == [("missing", "amount")]


def test_a_signal_that_few_rows_leave_undefined_says_no_more_than_the_number_of_rows() -> None:
    rng = np.random.default_rng(5)
    snapshots = clean_snapshots(customers=1200)
    label = LabelParams(kind="inactivity", table="orders", horizon_days=28)
    n_orders = np.maximum(rng.poisson(4.0 - 3.0 * snapshots.rows.left), 0).astype(float)
    gap = np.where(n_orders < 3, np.nan, rng.normal(size=len(n_orders)))
    hole = np.where((snapshots.rows.left > 0) & (rng.random(len(n_orders)) < 0.95), np.nan, 1.0)
    names = snapshots.rows.names
    count = tuple("orders_count_182d" if name == "amount" else name for name in names)

    def look(column: np.ndarray, attributes: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        rows = with_column(snapshots, n_orders).rows
        rows = replace(rows, names=(*count, "other"), matrix=np.column_stack([rows.matrix, column]))
        return [(one.guard, one.place) for one in check_columns(rows, attributes, label=label)]

    assert look(gap) == []
    assert look(gap, attributes=("other",)) == [("missing", "customers.other")]
    assert look(hole) == [("missing", "other")]


def test_a_column_that_names_the_customer_is_told() -> None:
    snapshots = clean_snapshots()

    found = list(
        check_columns(with_column(snapshots, 7.0 * snapshots.rows.customer).rows, label=label_params().label)
    )

    assert [(one.guard, one.place) for one in found] == [("id_like", "amount")]


def test_a_column_that_tells_the_date_is_told() -> None:
    snapshots = clean_snapshots()
    rng = np.random.default_rng(5)
    date_like = snapshots.rows.cutoff + rng.integers(0, 5, len(snapshots.rows))

    found = list(
        check_columns(with_column(snapshots, date_like.astype(float)).rows, label=label_params().label)
    )

    assert [(one.guard, one.place) for one in found] == [("calendar_like", "amount")]


def test_a_column_with_one_value_is_nobodys_leak() -> None:
    snapshots = clean_snapshots()

    assert (
        list(
            check_columns(
                with_column(snapshots, np.ones(len(snapshots.rows))).rows, label=label_params().label
            )
        )
        == []
    )


# --- 5 and 6: whatever was fitted


def encoded_on_all_rows(snapshots: Snapshots, day: Any) -> CutoffFit:
    """Fit on the mean label of each customer, taken over all rows: the test's own among them."""
    rows = snapshots.rows
    mean = np.bincount(rows.customer, rows.left) / np.bincount(rows.customer)
    fold = fold_at(snapshots, day)
    return replace(fold, logits=mean[fold.test.customer])


def scaled_on_all_rows(snapshots: Snapshots, day: Any) -> CutoffFit:
    """Predict by a signal scaled with mean and spread of all rows."""
    fold = fold_at(snapshots, day)
    amount = snapshots.rows.matrix[:, 0]
    return replace(fold, logits=(fold.test.matrix[:, 0] - amount.mean()) / amount.std())


@pytest.mark.parametrize(
    ("method", "guards"),
    [
        (encoded_on_all_rows, ["unseen", "shuffled"]),
        (scaled_on_all_rows, ["unseen"]),
        (rolling_origin(RECIPE, 1), []),
    ],
)
def test_what_was_fitted_on_the_test_is_found(method: Any, guards: list[str]) -> None:
    snapshots = clean_snapshots()

    moved = list(refit_with_other_future(method, snapshots, LAST, 1))
    chance = list(refit_with_shuffled_labels(method, snapshots, LAST, 1))

    assert [name for name, found in (("unseen", moved), ("shuffled", chance)) if found] == guards
    assert all(one.severity == "stop" for one in moved + chance)


def test_the_guards_that_fit_take_whole_customers() -> None:
    few = sample_customers(clean_snapshots(), seed=1, max_rows=600)

    kept, times = np.unique(few.rows.customer, return_counts=True)
    assert 60 < len(kept) < 140
    assert set(times.tolist()) == {6}


# --- 10: tonight's customers


@pytest.mark.parametrize(("shift", "said"), [(0.0, False), (0.2, False), (4.0, True)])
def test_a_column_that_moved_as_never_before_is_listed(shift: float, said: bool) -> None:
    rows = clean_snapshots().rows
    here = rows.cutoff == rows.cutoff[-1]
    matrix = rows.matrix[here].copy()
    matrix[:, 1] += shift

    found = list(drift(rows.where(~here), replace(rows.where(here), matrix=matrix), 1))

    assert bool(found) is said
    assert not said or "change (100%)" in found[0].found


def test_a_fingerprint_that_every_date_has_is_no_drift() -> None:
    rows = clean_snapshots().rows
    matrix = rows.matrix.copy()
    matrix[:, 1] = rows.cutoff * 13 % 7
    here = rows.cutoff == rows.cutoff[-1]
    dated = replace(rows, matrix=matrix)

    assert list(drift(dated.where(~here), dated.where(here), 1)) == []


# --- 8, 9, 13: figures


def number(value: float, half: float = 0.02) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def lagged(auc: float, fall: float, half: float) -> list[LeadTime]:
    now = {"days": 0, "auc": auc + fall, "low": 0.7, "high": 0.8, "fall": number(0.0)}
    later = {"days": 28, "auc": auc, "low": auc - 0.05, "high": auc + 0.05, "fall": number(fall, half)}
    return [filled(LeadTime, lead) for lead in (now, later)]


@pytest.mark.parametrize(
    ("gap", "auc", "fall", "half", "said"),
    [
        (28, 0.6, 0.2, 0.02, 1),
        (28, 0.6, 0.09, 0.02, 0),
        (28, 0.6, 0.11, 0.09, 0),
        (0, 0.6, 0.2, 0.02, 0),
        (0, 0.52, 0.2, 0.02, 1),
        (56, 0.52, 0.2, 0.02, 0),
    ],
)
def test_an_auc_that_collapses_within_the_time_to_act_is_told(
    gap: int, auc: float, fall: float, half: float, said: int
) -> None:
    assert len(list(outcomes.lead_time(lagged(auc, fall, half), gap))) == said


def test_without_a_lead_time_nothing_is_told() -> None:
    assert list(outcomes.lead_time([], 0)) == []


@pytest.mark.parametrize(("slope", "said"), [(1.0, 0), (0.79, 0), (0.7, 1), (1.4, 1)])
def test_probabilities_too_extreme_or_too_alike_are_told(slope: float, said: int) -> None:
    assert len(list(outcomes.calibration(number(slope)))) == said


@pytest.mark.parametrize(
    ("churners", "places"), [((60, 30, 10), []), ((60, 30, 40), []), ((60, 10, 40), ["health band 3"])]
)
def test_a_band_that_leaves_more_than_the_worse_one_is_a_stop(
    churners: tuple[int, ...], places: list[str]
) -> None:
    found = outcomes.bands(
        [filled(BandOutcome, {"band": b, "rows": 200, "churners": c}) for b, c in enumerate(churners, 1)]
    )

    assert [(one.place, one.severity) for one in found] == [(place, "stop") for place in places]


def test_a_finding_is_said_with_the_key_that_signs_it_off_or_with_the_reason() -> None:
    snapshots = clean_snapshots()
    found = list(check_columns(with_column(snapshots, snapshots.rows.left).rows, label=label_params().label))
    signed = label_params(evaluate=EvaluateParams(accept={"amount": "known beforehand"}))

    assert "evaluate.accept under 'amount' or 'alone'" in finding_lines(found, SignOffs({}, {})).warnings[0]
    assert "Accepted: known beforehand" in finding_lines(found, SignOffs.of(signed)).signed_off[0]


def at_logins(found: str, severity: str = "warn", guard: str = "alone") -> Finding:
    return Finding("logins", found, "See.", severity, guard)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (at_logins("data"), {"one", "another"}),
        (at_logins("data", "stop"), {"data", "one", "another"}),
        (at_logins("data", guard="missing"), {"data", "one", "another"}),
    ],
)
def test_all_that_the_training_rows_show_is_kept_and_of_the_data_what_is_sterner_or_other(
    data: Finding, told: set[str]
) -> None:
    snapshots = replace(clean_snapshots(), guards=GuardReport.of(["alone"], [data]))

    both = training_report(snapshots, [at_logins("one"), at_logins("another")])

    assert {one.found for one in both.found} == told


def test_a_stop_of_the_training_rows_is_as_stern_as_one_of_the_data() -> None:
    data = at_logins("data", "stop")
    snapshots = replace(clean_snapshots(), guards=GuardReport.of(["alone"], [data]))

    both = training_report(snapshots, [at_logins("one", "stop"), at_logins("another")])

    assert [one.found for one in both.found] == ["one", "another"]


# --- 8: too good to be true


def differences(recency: float, rfm: float) -> EvaluationResult:
    pairs = {"recency": recency, "rfm": rfm}
    interval = {name: {"value": v, "low": v - 0.01, "high": v + 0.01} for name, v in pairs.items()}
    return filled(
        EvaluationResult, {"paired": {f"challenger_minus_{name}": {"auc": i} for name, i in interval.items()}}
    )


@pytest.mark.parametrize(
    ("recency", "rfm", "tenure", "said"),
    [(0.3, 0.2, None, 1), (0.3, 0.1, None, 0), (0.3, 0.2, 0.55, 1), (0.3, 0.2, 0.7, 0)],
    ids=["above all", "RFM explains it", "above tenure too", "tenure explains it"],
)
def test_an_auc_is_too_good_only_above_the_best_simple_model(
    recency: float, rfm: float, tenure: float | None, said: int
) -> None:
    above = outcomes.above_simple_models(differences(recency, rfm))

    found = list(outcomes.too_good_to_be_true(number(0.8), above, tenure))

    assert len(found) == said


def test_tenure_predicts_contracts_that_end_after_a_year() -> None:
    rows = clean_snapshots(customers=600).rows
    tenure = np.random.default_rng(2).integers(0, 700, len(rows)).astype(float)
    left = ((tenure // 31) % 12 == 11).astype(float)
    names = ("tenure_days", *rows.names[1:])
    matrix = np.column_stack([tenure, rows.matrix[:, 1:]])

    ends_of_years = tenure_auc(replace(rows, names=names, matrix=matrix, left=left))

    assert ends_of_years is not None
    assert ends_of_years > 0.95
    assert tenure_auc(rows) is None
