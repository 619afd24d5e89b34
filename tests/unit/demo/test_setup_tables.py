"""The steps of setting up, and the planted activation event."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from churn.data.ingest.ingest import ingest
from churn.demo import WATERMARK, contract_tables
from churn.demo.columns import Chunk
from churn.demo.setup_tables import ACTIVATION_EVENT, STEP_DAYS, STEPS, hidden_risk, setup_steps
from churn.demo.write import make_chunk
from churn.kpis.activation_rows import activation_section
from churn.kpis.company import Company
from churn.params import Params

CUSTOMERS = 3_000


@pytest.fixture(scope="module")
def chunk() -> Chunk:
    return make_chunk(0, 0, CUSTOMERS, CUSTOMERS, seed=9)[0]


def test_each_step_is_taken_at_most_once_in_its_days_by_customers_of_the_history(chunk: Chunk) -> None:
    steps = setup_steps(chunk).to_pandas()
    customers = contract_tables.customers(chunk).to_pandas().set_index("customer_id")
    signed_up = steps["customer_id"].map(customers["signed_up_at"]).dt.normalize()

    age = (steps["happened_at"].dt.normalize() - signed_up).dt.days
    assert not steps.duplicated(["customer_id", "kind"]).any()
    assert (steps["happened_at"].dt.date < WATERMARK).all()
    assert {
        kind: (int(own.min()), int(own.max())) for kind, own in age.groupby(steps["kind"].astype(str))
    } == dict(zip(STEPS, STEP_DAYS, strict=True))


def test_an_import_goes_with_a_low_risk_and_the_other_steps_do_not(chunk: Chunk) -> None:
    steps, ids = setup_steps(chunk), np.array(chunk.ids.to_pylist())
    is_joiner = (chunk.people.first_start >= 0) & (chunk.people.first_start < chunk.end_day - 28)
    risk = hidden_risk(chunk.people)
    is_low = risk < np.median(risk[is_joiner])

    def share_of(step: str, mask: np.ndarray) -> float:
        own = set(steps.filter(pc.equal(steps["kind"].cast("string"), step))["customer_id"].to_pylist())
        return float(np.isin(ids[mask & is_joiner], list(own)).mean())

    assert share_of("import", is_low) > 3 * share_of("import", ~is_low)
    assert share_of("invite", is_low) == pytest.approx(share_of("invite", ~is_low), abs=0.06)
    assert share_of("connect", is_low) == pytest.approx(share_of("connect", ~is_low), abs=0.06)


@pytest.mark.slow
def test_the_planted_event_is_found_on_a_small_company(chunk: Chunk, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for name, make in (
        ("customers", contract_tables.customers),
        ("subscriptions", contract_tables.subscriptions),
        ("setup_steps", setup_steps),
    ):
        rows = make(chunk).unify_dictionaries()
        pq.write_table(rows, tmp_path / "source" / f"{name}.parquet", store_schema=False)
    params = Params.model_validate(
        {
            "source": str(tmp_path / "source"),
            "timezone": "Europe/Berlin",
            "tables": {"customers": {}, "subscriptions": {}},
            "events": {"setup_steps": {}},
            "label": {"kind": "contract", "horizon_days": 31, "grace_days": 30},
            "snapshot": {"watermark": str(WATERMARK)},
            "output": str(tmp_path / "output"),
            "models": str(tmp_path / "models"),
        }
    )

    result = activation_section(Company(ingest(params, lambda _: None), WATERMARK))

    assert result.activation is not None, result.reason
    assert (result.activation.event, result.activation.at_least) == (ACTIVATION_EVENT, 1)
    assert result.activation.low > 0
    assert result.joined_from is not None
    assert result.joined_from > date(2024, 3, 1)
