"""The four numbers as a person reads them, in the terminal and in the model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churn.training.span import span

NAMES = {
    "out_of_time": "later time",
    "out_of_time_and_customer": "later time, other customers",
    "same_customers_in_training": "the same customers, seen in training",
    "naive_split": "naive random split",
}


def four_lines(evaluated: Mapping[str, Any]) -> list[str]:
    """Return a line per number: what it is, AUC and log loss."""
    rows = _rows(evaluated["four_numbers"])
    wide = max(len(name) for name, _ in rows)
    return [
        f"{name:<{wide}}  AUC {span(numbers['auc'])}, log loss {span(numbers['log_loss'])}"
        for name, numbers in rows
    ]


def four_table(evaluated: Mapping[str, Any]) -> list[str]:
    """Return the numbers as a Markdown table."""
    return [
        "| | rows | churners | AUC | log loss |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {numbers['rows']:,} | {numbers['churners']:,} | {span(numbers['auc'])} "
            f"| {span(numbers['log_loss'])} |"
            for name, numbers in _rows(evaluated["four_numbers"])
        ),
    ]


def _rows(four: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    rows = [("a  " + NAMES["out_of_time"], four["out_of_time"])]
    if other := four.get("out_of_time_and_customer"):
        rows.append(("b  " + NAMES["out_of_time_and_customer"], other))
        same = "same_customers_in_training"
        rows.append(("   " + NAMES[same], other[same]))
    if naive := four.get("naive_split"):
        rows.append((f"c  {NAMES['naive_split']}, {naive['label']}", naive))
    return rows + [(f"d  {name.replace('_', ' ')}", each) for name, each in four["baselines"].items()]
