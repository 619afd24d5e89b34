"""What a night knows of a model of the effect: the latest of earlier days, if it is accepted."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.errors import ModelError
from churn.training.fitted_model import FittedModel
from churn.uplift.covariates import covariate_rows
from churn.uplift.files import model_path, write_model, write_result
from churn.uplift.learner import fit_uplift
from churn.uplift.ledger_sample import task_covariates
from churn.uplift.night import KnownUplift, read_known_uplift
from churn.uplift.sample import make_sample
from tests.unit.uplift.drawn_samples import drawn_result

DAY, NIGHT = date(2025, 3, 1), date(2025, 3, 2)
N = 1500


def company(n: int = N) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"customer_id": [f"c{row}" for row in range(n)], "logins": rng.random(n)})
    plays = np.array(["call", "mail"], dtype=object)[rng.integers(0, 2, n)]
    return frame, plays, np.full(n, "phone", dtype=object), np.full(n, 0.4)


@pytest.fixture(scope="module")
def model() -> FittedModel:
    """A contact helps by .3 where the logins are above .5, whatever the play."""
    frame, plays, channels, probability = company()
    rng = np.random.default_rng(2)
    in_treatment = rng.random(N) < 0.5
    left = rng.random(N) < 0.4 - 0.3 * in_treatment * (frame["logins"] > 0.5)
    names = frame["customer_id"].tolist()
    rows = covariate_rows(task_covariates(frame, plays, channels, probability), left.to_numpy(), names)
    sample = make_sample(rows, names, in_treatment, np.full(N, 0.5), is_wanted=False)
    return fit_uplift(sample, seed=7, threads=1).effect


def store(output: Path, day: date, digest: str | None, up_to: float | None = None) -> None:
    write_result(output, drawn_result(day, digest, "l", up_to))


def read(output: Path, night: date = NIGHT, label_id: str = "l", **definitions: str) -> KnownUplift:
    return read_known_uplift(output, night, label_id=label_id, definitions=definitions)


def test_without_a_result_a_night_goes_by_the_risk_in_silence(tmp_path: Path) -> None:
    assert read(tmp_path) == KnownUplift(None)
    assert read(tmp_path).reads == {}


def test_an_accepted_model_of_an_earlier_day_is_used(tmp_path: Path, model: FittedModel) -> None:
    store(tmp_path, DAY, write_model(tmp_path, model, {}), 0.05)

    known = read(tmp_path)

    assert known.model is not None
    assert (known.model.as_of, known.model.up_to, known.reason) == (DAY, 0.05, "")
    frame, plays, channels, probability = company(400)
    plays[0], channels[1], probability[2] = None, None, 0.01
    effect = known.model.predict(frame, plays, channels, probability)
    assert np.isnan(effect[:2]).all()
    assert effect[2] <= 0.01
    helped = frame["logins"].to_numpy() > 0.5
    assert effect[3:][helped[3:]].mean() - effect[3:][~helped[3:]].mean() > 0.2


def test_a_night_does_not_read_what_was_measured_on_its_day_or_later(
    tmp_path: Path, model: FittedModel
) -> None:
    store(tmp_path, DAY, None)
    store(tmp_path, NIGHT, write_model(tmp_path, model, {}))

    known = read(tmp_path)

    assert known.model is None
    assert "not shown" in known.reason
    assert str(DAY) in known.reason
    assert read(tmp_path, date(2025, 3, 3)).model is not None
    assert read(tmp_path, DAY) == KnownUplift(None)


def test_a_model_about_another_label_is_not_used(tmp_path: Path, model: FittedModel) -> None:
    store(tmp_path, DAY, write_model(tmp_path, model, {}))

    known = read(tmp_path, label_id="other")

    assert known.model is None
    assert "another label" in known.reason


def test_signals_that_have_changed_since_then_are_an_error(tmp_path: Path, model: FittedModel) -> None:
    store(tmp_path, DAY, write_model(tmp_path, model, {"definitions": {"logins": "v1"}}))

    assert read(tmp_path, logins="v1").model is not None
    with pytest.raises(ModelError, match="other definitions of these signals: logins"):
        read(tmp_path, logins="v2")


def test_a_damaged_or_missing_model_is_an_error(tmp_path: Path, model: FittedModel) -> None:
    digest = write_model(tmp_path, model, {})
    store(tmp_path, DAY, digest)
    spec = model_path(tmp_path, digest) / "spec.json"
    spec.write_bytes(spec.read_bytes() + b" ")

    with pytest.raises(ModelError, match="Run `churn uplift` again"):
        read(tmp_path)

    spec.unlink()
    with pytest.raises(ModelError, match="Run `churn uplift` again"):
        read(tmp_path)


def test_signals_that_are_not_there_are_an_error(tmp_path: Path, model: FittedModel) -> None:
    store(tmp_path, DAY, write_model(tmp_path, model, {}))
    known = read(tmp_path)
    assert known.model is not None
    frame, plays, channels, probability = company(5)

    with pytest.raises(ModelError, match="'logins' is missing"):
        known.model.predict(frame.drop(columns="logins"), plays, channels, probability)
