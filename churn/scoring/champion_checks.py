"""Check that the champion can score a night: it must have learnt the label and the signals of this night.

There is a warning if the champion was trained with outcomes that became known only after the night's cutoff,
or if tonight's mean probability is unusual.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.errors import ModelError, did_you_mean
from churn.features.definition import is_comparable
from churn.params import Params

Floats = npt.NDArray[np.float64]

UNUSUAL = 1.5
STANDARD_ERRORS = 3.0


def check_fit(
    spec: Mapping[str, Any],
    params: Params,
    definitions: Mapping[str, str],
    columns: Sequence[str] | None = None,
) -> None:
    """Raise an error if the champion cannot score the night; the arguments are the same as for
    `fit_problems`.

    Raises:
        ModelError: The champion cannot score the night. The error lists all reasons, each with a way out.
    """
    if problems := fit_problems(spec, params, definitions, columns):
        raise ModelError(*problems)


def fit_problems(
    spec: Mapping[str, Any],
    params: Params,
    definitions: Mapping[str, str],
    columns: Sequence[str] | None = None,
) -> list[str]:
    """Return the reasons why a champion cannot score a night: another label, or signals that are absent or
    have another definition.

    Args:
        spec: The specification of the champion.
        params: The parameters with which the night is scored.
        definitions: The digest of each known signal's definition, by name.
        columns: The names of the night's signals; None before they are known.

    Returns:
        A list of all reasons, each with a way out.
    """
    problems = []
    if spec["label_id"] != params.label_id:
        problems.append(
            f"{params.champion}: the champion learnt label {spec['label_id']}, but {params.file} now defines "
            f"label {params.label_id}. Restore label, timezone and the mapping of "
            f"{' and '.join(params.label.source_tables)}, or train and promote a new model."
        )
    digests = {e["name"]: e.get("definition") for e in spec["signals"] if e["name"] in definitions}
    if old := [name for name, digest in digests.items() if not is_comparable(digest)]:
        problems.append(
            f"{params.champion}: the champion was trained by another version of this program. The champion "
            f"holds the definitions of {len(old)} signals in the format of that version (for example "
            f"{old[0]}: '{digests[old[0]]}'). So churn cannot check whether these signals have changed since "
            "the training. Train and promote a new model (`churn run`), or use the version of this program "
            "that trained the champion."
        )
    elif changes := [name for name, digest in digests.items() if digest != definitions[name]]:
        problems.append(
            f"{params.champion}: the champion was trained with other definitions of these signals: "
            f"{', '.join(changes)}. Train and promote a new model (`churn run`), or use the version of this "
            "program that trained the champion."
        )
    if columns is not None:
        problems += [
            f"{params.champion}: the champion needs the signal '{entry['name']}', which is not computed "
            f"here.{did_you_mean(entry['name'], columns)} Restore its source table, or retrain with "
            "`churn run`."
            for entry in spec["signals"]
            if entry["name"] not in columns
        ]
    return problems


def unusual_level_warning(spec: Mapping[str, Any], probability: Floats) -> str:
    """Return a warning if tonight's mean probability is far from the share of churners in training, else "".

    The mean of calibrated probabilities should be near the share of churners. The function warns only if the
    following two conditions are true. First, the mean is above 1.5 times the share in training, or below two
    thirds of this share. Second, the mean differs from the share by more than three standard errors of the
    mean. Because of the second condition, chance alone seldom causes a warning, even with only a few
    customers.

    Args:
        spec: The specification of the champion.
        probability: Tonight's probabilities, shape `[customers]`.
    """
    base_rate = float(spec["base_rate"])
    if not len(probability):
        return ""
    mean = float(probability.mean())
    error = float(probability.std()) / len(probability) ** 0.5
    if base_rate / UNUSUAL <= mean <= base_rate * UNUSUAL or abs(mean - base_rate) <= STANDARD_ERRORS * error:
        return ""
    return (
        f"the mean probability tonight is {mean:.1%}, {mean / base_rate:.2f} times the share of churners "
        f"in the training data ({base_rate:.1%}): tonight's customers differ from the training data. Check "
        "the data for gaps before you use the call list; the order of the list may still be right."
    )


def late_outcomes_warning(spec: Mapping[str, Any], cutoff: date) -> str:
    """Return a warning if the champion was trained with outcomes that became known only after the cutoff; ""
    if not.

    You may still score a past night with such a champion to replace missing files of that night. Do not use
    such a night to evaluate the model.

    Args:
        spec: The specification of the champion.
        cutoff: The cutoff of the night.
    """
    mature_on = date.fromisoformat(str(spec["mature_on"]))
    if mature_on <= cutoff:
        return ""
    return (
        f"the champion was trained with outcomes that became known only on {mature_on}, after {cutoff}: this "
        "champion did not exist on this night. To evaluate the model, use `churn evaluate`, not this night."
    )
