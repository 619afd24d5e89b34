"""The shape of the predictions, and what the model makes of its signals."""

from __future__ import annotations

from typing import Any

from churn.evaluation.deciles import decile_table, prediction_histogram
from churn.evaluation.partial_dependence import SIGNALS, partial_dependence
from churn.evaluation.test_set import Exam
from churn.model.scorer import Scorer
from churn.training.challenger import training_folder


def shape(exam: Exam) -> dict[str, Any]:
    """Return `decile_table`, `prediction_histogram`, `importance_by_family` and `partial_dependence`.

    The last is that of the challenger itself, on the newest snapshot with known labels.
    """
    ours, left = exam.predictions["challenger"], exam.rows.left
    family = {str(signal["name"]): str(signal["family"]) for signal in exam.snapshots.signals}
    shares: dict[str, float] = {}
    for signal, share in exam.record.importance.items():
        shares[family[signal]] = shares.get(family[signal], 0.0) + share
    top = [name for name, share in list(exam.record.importance.items())[:SIGNALS] if share > 0]
    scorer = Scorer.load(training_folder(exam.params.output) / "bundle", exam.threads)
    newest = exam.snapshots.rows.at(exam.snapshots.cutoffs[-1:])
    return {
        "decile_table": decile_table(left, ours, exam.worth),
        "prediction_histogram": prediction_histogram(left, ours),
        "importance_by_family": [
            {"family": name, "share": shares[name]} for name in sorted(shares, key=lambda n: (-shares[n], n))
        ],
        "partial_dependence": partial_dependence(scorer, newest, top),
    }
