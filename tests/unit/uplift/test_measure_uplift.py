"""From a sample to a verdict, and to a model that is kept as plain data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from churn.data.own_files import read_own_json
from churn.model.scorer import CorruptError, Scorer
from churn.reporting.uplift_lines import uplift_lines, uplift_metrics
from churn.snapshots.dataset import scorer_columns
from churn.training.fitted_model import FittedModel
from churn.uplift.files import model_path, result_path, write_model, write_result
from churn.uplift.measure import SampleFacts, UpliftTerms, measure_uplift
from churn.uplift.result import FORMAT, MeasuredUplift, UpliftReason, UpliftResult, UpliftVerdict
from churn.uplift.sample import make_sample
from tests.unit.uplift.drawn_samples import drawn_sample

TERMS = UpliftTerms(contact_share=0.5, seed=7, threads=1)
FACTS = SampleFacts("calls", "left", "none", "call", "outcomes", {})


@pytest.fixture(scope="module")
def accepted_experiment() -> tuple[MeasuredUplift, FittedModel]:
    measured, model = measure_uplift(drawn_sample(1)[0], FACTS, TERMS)
    assert model is not None
    return measured, model


def result_of(*experiments: MeasuredUplift) -> UpliftResult:
    return UpliftResult(format=FORMAT, as_of=None, label_id="l", experiments=experiments)


def test_a_proved_effect_is_accepted_in_words(
    accepted_experiment: tuple[MeasuredUplift, FittedModel],
) -> None:
    measured, _ = accepted_experiment

    lines = [" ".join(line.split()) for line in uplift_lines(result_of(measured))]

    assert (measured.verdict, measured.reason) == (UpliftVerdict.ACCEPT, UpliftReason.BETTER)
    assert "calls: call against none" in lines
    assert any(line.startswith("ACCEPTED with as many contacts, the effect chooses better") for line in lines)
    assert any(line.startswith("effect against risk +") for line in lines)
    assert uplift_metrics(result_of(measured))["uplift/calls/call.accepted"] == 1


def test_the_model_is_plain_data_and_predicts_the_same_effect(
    accepted_experiment: tuple[MeasuredUplift, FittedModel], tmp_path: Path
) -> None:
    _, model = accepted_experiment
    fresh = drawn_sample(9, n=200)[0].rows

    digest = write_model(tmp_path, model, {"experiment": "calls"})
    folder = model_path(tmp_path, digest)
    scorer = Scorer.load(folder)

    assert {path.suffix for path in folder.iterdir()} == {".json", ".txt"}
    assert json.loads((folder / "spec.json").read_text(encoding="utf-8"))["kind"] == "effect"
    effect = scorer.logits(scorer.matrix(scorer_columns(fresh)))
    assert effect == pytest.approx(model.logits(fresh, 1), abs=1e-12)
    assert write_model(tmp_path, model, {"experiment": "calls"}) == digest


def test_a_changed_byte_of_the_model_is_found(
    accepted_experiment: tuple[MeasuredUplift, FittedModel], tmp_path: Path
) -> None:
    folder = model_path(tmp_path, write_model(tmp_path, accepted_experiment[1], {}))
    booster = folder / "booster_0.txt"
    booster.write_bytes(booster.read_bytes().replace(b"leaf_value=", b"leaf_value=1", 1))

    with pytest.raises(CorruptError):
        Scorer.load(folder)


def test_a_result_reads_back_as_it_was_written(
    accepted_experiment: tuple[MeasuredUplift, FittedModel], tmp_path: Path
) -> None:
    result = result_of(accepted_experiment[0])

    write_result(tmp_path, result)

    assert read_own_json(result_path(tmp_path), UpliftResult, way_out="") == result


def test_with_too_few_leavers_no_model_is_fitted_and_the_reason_is_said() -> None:
    sample, _ = drawn_sample(2, n=400, propensity=0.9)

    measured, model = measure_uplift(sample, FACTS, TERMS)

    assert model is None
    assert measured.reason == UpliftReason.FEW_EVENTS
    assert (measured.comparison, measured.groups) == (None, ())
    assert "REFUSED" in " ".join(uplift_lines(result_of(measured)))


@pytest.mark.parametrize("n_accounts", [1, 6, 30])
def test_units_of_few_accounts_are_too_few_however_many_they_are(n_accounts: int) -> None:
    drawn = drawn_sample(1)[0]
    account = np.arange(len(drawn)) % n_accounts
    rows = replace(drawn.rows, customer=account)
    names = [f"account {number}" for number in account]
    sample = make_sample(rows, names, drawn.in_treatment, drawn.propensity, is_wanted=False)

    measured, model = measure_uplift(sample, FACTS, TERMS)

    assert model is None
    assert measured.reason == UpliftReason.FEW_EVENTS


@pytest.mark.parametrize("reason", [UpliftReason.UNEQUAL_ARMS, UpliftReason.NO_DESIGN])
def test_an_obstacle_forbids_a_model_also_where_it_would_be_accepted(reason: UpliftReason) -> None:
    facts = replace(FACTS, obstacle=reason, unequal_covariates=("spend",))

    measured, model = measure_uplift(drawn_sample(1)[0], facts, TERMS)

    assert (model, measured.verdict, measured.reason) == (None, UpliftVerdict.REFUSE, reason)


def test_customers_whom_contacts_drive_away_are_counted_and_have_a_limit() -> None:
    sample, effect = drawn_sample(3, n=4000, effect=0.25, drives_away=0.25)

    measured, model = measure_uplift(sample, FACTS, TERMS)

    assert model is not None
    assert measured.do_not_disturb == pytest.approx(1600, abs=900)
    assert measured.do_not_disturb_up_to is not None
    is_left_alone = model.logits(sample.rows, 1) <= measured.do_not_disturb_up_to
    assert effect[is_left_alone].mean() < -0.2
    assert np.mean(is_left_alone) > 0.15
