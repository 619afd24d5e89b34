"""The registered model behind MLflow's own model server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn.model.registry import Registry
from churn.model.scorer import Scorer
from churn.model.tracking import signature_of
from churn.params import Params
from tests.servers import running_model_server

FRAME = pd.DataFrame({"days": [1.0, np.nan, 400.0], "logins": [3, 7, 12], "plan": ["basic", None, "plus"]})
UNUSED = [f"an_unused_signal_{number}" for number in range(150)]
"""So many signals that a list of all their names is longer than an answer may be."""


def post(address: str, body: str, content_type: str) -> tuple[int, str]:
    """Post a request to the server; return the status and the text of the answer."""
    request = urllib.request.Request(
        f"{address}/invocations", body.encode(), headers={"Content-Type": content_type}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def post_json(address: str, frame: pd.DataFrame) -> tuple[int, str]:
    return post(
        address,
        json.dumps({"dataframe_split": json.loads(frame.to_json(orient="split"))}),
        "application/json",
    )


@pytest.fixture
def wide_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """A model of the three signals, with missing values in `days`, and of many signals that do not count."""
    curve = {"mean": 0.0, "missing_weight": 0.7}
    terms = [
        {"signal": "days", "knots": [0.0, 400.0], "values": [-1.0, 1.0]} | curve,
        {"signal": "logins", "knots": [0.0, 12.0], "values": [0.5, -0.5]} | curve,
        {"signal": "plan", "weights": [0.3, -0.3]} | curve,
    ]
    first, *others = spec["signals"]
    unused = [{"name": name, "kind": "number"} for name in UNUSED]
    spec["signals"] = [first | {"missing_share": 0.2}, *others, *unused]
    spec["members"] = [{"kind": "linear", "intercept": -1.0, "terms": terms}]
    return spec


@pytest.mark.slow
def test_mlflows_server_scores_json_and_csv_and_refuses_what_does_not_fit_in_words(
    params: Params, wide_spec: dict[str, Any], registered: Callable[[], str], bundle: Path
) -> None:
    Registry(params.tracking, params.models).promote(registered())
    frame = pd.concat([FRAME, pd.DataFrame(0.0, index=FRAME.index, columns=UNUSED)], axis=1)
    scorer = Scorer.load(bundle)
    expected = scorer.predict(frame)

    with running_model_server(params.champion) as server:
        as_json = post_json(server, frame)
        as_csv = post(server, frame.to_csv(index=False), "text/csv")
        without_optional = post_json(server, frame.drop(columns="days"))
        text_for_number = post_json(server, frame.assign(days="long ago"))
        number_for_text = post_json(server, frame.assign(plan=7))
        without_needed = post_json(server, frame[["days"]])

    for status, answer in (as_json, as_csv):
        assert status == 200
        assert np.allclose(json.loads(answer)["predictions"], expected, rtol=0, atol=1e-12)
    assert json.loads(without_optional[1])["predictions"] == pytest.approx(
        list(scorer.predict(frame.assign(days=np.nan)))
    )
    for (status, answer), words in (
        (text_for_number, ("days", "long ago")),
        (number_for_text, ("plan", "must hold text, but row 0 holds 7")),
        (without_needed, ("'logins' is missing", "Problems left out: ")),
    ):
        assert status == 400
        assert len(answer) <= 600
        for word in words:
            assert word in json.loads(answer)["message"]


@pytest.mark.parametrize("dtype", ["int64", "Int64"])
def test_whole_numbers_are_taken_after_the_conversion_that_the_readme_of_the_model_shows(dtype: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.models.utils import _enforce_schema

    inputs = signature_of({"logins": "number", "plan": "level"}).inputs
    frame = pd.DataFrame({"logins": pd.array([3, 7], dtype=dtype), "plan": ["basic", "plus"]})
    numbers = [column.name for column in inputs if column.type.name == "double"]

    converted = _enforce_schema(frame.astype({name: "float64" for name in numbers if name in frame}), inputs)

    assert converted["logins"].tolist() == [3.0, 7.0]
    with pytest.raises(MlflowException, match="logins"):
        _enforce_schema(frame, inputs)  # as long as this holds, the README must show the conversion
