"""Compare our DR learner with econml's on Hillstrom's e-mails: equal folds and pseudo-outcomes."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from churn.data.sources.connections import open_source
from churn.experiments.outside import measure_outside
from churn.experiments.outside_rows import read_outside
from churn.params import load_params
from churn.reporting.outside_table import half_width
from churn.uplift.outside_sample import outside_samples
from churn.uplift.policy import compare_policies, predict_held_out

EXAMPLE = Path(__file__).parents[2] / "examples" / "hillstrom.yaml"
INSIDE = Path(__file__).with_name("econml_inside.py")
TITLES = ("mail", "ours against risk", "econml's against risk", "ours against econml's", "equal")


def table(python: str) -> Iterator[str]:
    if not os.environ.get("CHURN_DATA"):
        raise SystemExit("econml: CHURN_DATA is not set. Set it to the folder that holds hillstrom/.")
    params = load_params(EXAMPLE)
    yield f"| {' | '.join(TITLES)} |"
    yield f"|{'---|' * len(TITLES)}"
    with tempfile.TemporaryDirectory() as folder:
        with open_source(params, Path(folder) / "scratch") as source:
            (units,) = read_outside(source, params.experiments.outside, params.timezone, params.file)
        (experiment,) = params.experiments.outside
        settings = params.experiments.uplift
        for sample, facts in outside_samples(experiment, units, measure_outside(experiment, units)):
            path = Path(folder) / "rows.npz"
            np.savez(
                path,
                matrix=sample.rows.matrix,
                outcome=sample.rows.left,
                in_treatment=sample.in_treatment.astype(int),
                fold=sample.fold,
            )
            subprocess.run([python, str(INSIDE), str(path)], check=True)
            judged_sample, predictions = predict_held_out(sample, seed=settings.seed, threads=1)
            econml = replace(predictions, effect=np.load(path)["effect"][sample.fold > 0])
            against = replace(predictions, risk=econml.effect)  # the policy that ours is compared with
            ours, other, difference = (
                compare_policies(judged_sample, own, settings.contact_share).difference
                for own in (predictions, econml, against)
            )
            is_equal = (
                difference.low is not None
                and difference.high is not None
                and difference.low <= 0 <= difference.high
            )
            cells = (
                facts.treatment,
                *map(half_width, (ours, other, difference)),
                "yes" if is_equal else "NO",
            )
            yield f"| {' | '.join(cells)} |"
