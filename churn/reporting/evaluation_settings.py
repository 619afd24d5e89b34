"""By what a run was judged: what its figures depend on, and their units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churn.model.about import UNITS
from churn.params import Params


def judged_by(evaluated: Mapping[str, Any], params: Params) -> dict[str, Any]:
    """Return as parameters of a run what `judged/`, `rest/` and `paired/` depend on.

    Args:
        evaluated: The content of metrics.json, for the test cutoffs that were taken.
        params: The parameters.
    """
    asked = params.evaluate
    return {
        "evaluate.test_cutoffs": ", ".join(evaluated["cutoffs"]),
        "evaluate.contact_share": asked.contact_share,
        "evaluate.contact_cost_in_currency": asked.profit.contact_cost,
        "evaluate.incentive_cost_in_currency": asked.profit.incentive_cost,
        "evaluate.accept_share": asked.profit.accept_share,
        "evaluate.bootstrap_draws": asked.bootstrap,
        "evaluate.bootstrap_seed": asked.seed,
    }


def judged_in_words(judged: Mapping[str, Any]) -> str:
    """Return the same as sentences for the note of a run, with the units.

    Args:
        judged: What `judged_by` gives.
    """
    return (
        f"Judged on {judged['evaluate.test_cutoffs']}; lift, precision and profit at a contact share of "
        f"{judged['evaluate.contact_share']:.0%}, where a contact costs "
        f"{judged['evaluate.contact_cost_in_currency']:g}, an incentive "
        f"{judged['evaluate.incentive_cost_in_currency']:g}, and {judged['evaluate.accept_share']:.0%} of "
        f"the leavers accept it. {UNITS}"
    )
