from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from churn.evaluation.partial_dependence import partial_dependence
from churn.snapshots.dataset import LabelledRows


class Linear:
    """A scorer whose log-odds are 2 * silence, and 1 more on plan `plus`."""

    names = ("plan", "silence")
    spec: dict[str, Any] = {  # noqa: RUF012 (as the scorer has it)
        "signals": [
            {"name": "plan", "kind": "level", "unit": "name", "levels": ["basic", "plus"]},
            {"name": "silence", "kind": "number", "unit": "days"},
        ]
    }

    def matrix(self, columns: Any) -> np.ndarray:
        plan = [{"basic": 0.0, "plus": 1.0}.get(word, np.nan) for word in columns["plan"]]
        return np.column_stack([plan, columns["silence"]])

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        return 2 * matrix[:, 1] + np.nan_to_num(matrix[:, 0])

    def probability(self, logits: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-logits))


def rows(silence: list[float]) -> LabelledRows:
    plan = np.resize([0.0, 1.0, np.nan], len(silence))
    return LabelledRows(
        names=("plan", "silence"),
        levels={"plan": ("basic", "plus")},
        matrix=np.column_stack([plan, silence]),
        left=np.zeros(len(silence)),
        customer=np.arange(len(silence)),
        cutoff=np.zeros(len(silence), dtype=np.int64),
    )


def sigmoid(value: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(value, dtype=float)))


def test_a_signal_is_put_at_each_value_while_the_others_stay() -> None:
    world = rows([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])

    (silence,) = partial_dependence(Linear(), world, ["silence"])  # type: ignore[arg-type]

    steps = np.array([0.0, 1.0, 2.0])
    assert silence["values"] == steps.tolist()
    assert silence["probabilities"] == pytest.approx(
        (2 * sigmoid(2 * steps) + sigmoid(2 * steps + 1)) / 3  # one row in three is on plan plus
    )
    assert (silence["unit"], silence["missing_share"]) == ("days", 0.0)
    assert silence["missing_probability"] is None


def test_levels_are_named_and_missing_ones_counted() -> None:
    (plan,) = partial_dependence(Linear(), rows([0.0, 0.0, 0.0]), ["plan"])  # type: ignore[arg-type]

    assert plan["levels"] == ["basic", "plus"]
    assert plan["probabilities"] == pytest.approx([0.5, sigmoid(1)])
    assert plan["missing_share"] == pytest.approx(1 / 3)
    assert plan["missing_probability"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("others", "end"),
    [
        (20, 1.0),  # the common values 0 and 1 are nearly all
        (200, 380.0),  # they are not, so that the others are drawn too
    ],
)
def test_common_values_stand_for_a_signal_only_where_they_are_nearly_all(others: int, end: float) -> None:
    silence = [*np.resize([0.0, 1.0], 1000), *np.linspace(2, 400, others)]

    (found,) = partial_dependence(Linear(), rows(silence), ["silence"])  # type: ignore[arg-type]

    assert found["values"][0] == 0.0
    assert found["values"][-1] == pytest.approx(end, abs=10)


def test_a_signal_nobody_has_is_left_out_and_large_snapshots_are_sampled() -> None:
    many = rows(np.linspace(0, 1, 12_000).tolist())

    assert partial_dependence(Linear(), rows([np.nan] * 3), ["silence"]) == []  # type: ignore[arg-type]
    (silence,) = partial_dependence(Linear(), many, ["silence"])  # type: ignore[arg-type]
    assert len(silence["values"]) == 13
