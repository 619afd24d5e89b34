"""The four numbers as a person reads them, in the terminal and in the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churn.metrics.wording import span

BASELINES = {"rfm": "RFM", "bg_nbd": "BG/NBD", "rule": "own rule", "base_rate": "base rate"}


def four_lines(evaluated: Mapping[str, Any]) -> list[str]:
    """Return a line per number: what it is, AUC and log loss."""
    rows = _rows(evaluated["four_numbers"])
    wide = max(len(name) for _, name, _ in rows)
    return [
        f"{letter:1} {name:<{wide}}  AUC {span(numbers['auc'])}, log loss {span(numbers['log_loss'])}"
        for letter, name, numbers in rows
    ]


def four_table(evaluated: Mapping[str, Any]) -> list[str]:
    """Return the numbers as a Markdown table."""
    return [
        "| | | rows | churners | AUC | log loss |",
        "|---|---|---|---|---|---|",
        *(
            f"| {letter} | {name} | {numbers['rows']:,} | {numbers['churners']:,} | {span(numbers['auc'])} "
            f"| {span(numbers['log_loss'])} |"
            for letter, name, numbers in _rows(evaluated["four_numbers"])
        ),
    ]


def _rows(four: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    rows = [("a", "later time", four["out_of_time"])]
    if other := four.get("out_of_time_and_customer"):
        rows.append(("b", "later time, other customers", other))
        rows.append(("", "the same, if seen in training", other["same_customers_in_training"]))
    if naive := four.get("naive_split"):
        rows.append(("c", f"naive random split, {naive['label']}", naive))
    return rows + [("d", BASELINES.get(name, name), each) for name, each in four["baselines"].items()]
