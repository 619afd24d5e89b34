from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from churn.evaluation.result import EvaluationResult
from churn.finding import GuardReport
from churn.guards.sign_off import SignOffs, guard_verdict
from churn.guards.verdict import Gate, SignedOff, Verdict
from churn.reporting.promotion_page import render_promotion
from tests.filled import filled

NASTY = "<script>alert('x')</script>"


def number(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def evaluated(**more: Any) -> EvaluationResult:
    """An evaluation with few parts."""
    ours = {"auc": number(0.7), "log_loss": number(0.3), "rows": 500, "churners": 50, "base_rate": 0.1}
    content = {
        "model": {"name": "churn", "version": "3", "digest": "d"},
        "contact_share": 0.1,
        "cutoffs": ["2023-12-31"],
        "candidates": {"challenger": ours},
        "paired": {},
    }
    return filled(EvaluationResult, content | more)


def verdict_of(*passed: bool, **more: Any) -> Verdict:
    """A verdict with a gate for each argument."""
    gates = [
        Gate(f"gate_{n}", ended, None, None, None, f"rule {n}", f"promote: measured {n} {NASTY}")
        for n, ended in enumerate(passed, 1)
    ]
    return Verdict(tuple(gates), (), **more)


@pytest.mark.parametrize(("passed", "said"), [((True, True), "accepted"), ((True, False), "refused")])
def test_the_page_says_how_it_ended_and_how_each_gate_did(passed: tuple[bool, ...], said: str) -> None:
    page = render_promotion(evaluated(), verdict_of(*passed))

    assert f"churn, version 3: {said}" in page
    assert page.count(">passed<") == sum(passed)
    assert "rule 2" in page
    assert NASTY not in page
    assert "measured 1 &lt;script&gt;" in page


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.02, -0.01, "The model is better than"),
        (-0.02, 0.01, "The model is not shown to differ from"),
        (0.01, 0.02, "The model is worse than"),
    ],
)
def test_a_comparison_reads_as_a_sentence(low: float, high: float, said: str) -> None:
    loss = {"value": (low + high) / 2, "low": low, "high": high}
    result = evaluated(paired={"challenger_minus_rfm": {"log_loss": loss}})

    page = render_promotion(result, verdict_of(True))

    assert f"{said} recency, frequency and value: log loss" in page


def test_the_page_needs_nothing_but_itself() -> None:
    page = render_promotion(evaluated(), verdict_of(True))

    assert not re.findall(r'(?:src|href)="', page)
    assert "--font" in page


def test_guards_bands_and_signatures_are_on_the_page_where_there_are_any() -> None:
    one = {"guard": "alone", "place": "logins", "found": "it tells.", "way_out": "See.", "severity": "warn"}
    content = evaluated(
        guards={"looked": ["alone", "shuffled"], "found": [one]},
        health_bands={
            "outcomes": [{"band": 1, "rows": 40, "churners": 10, "predicted": 0.3, "low": 0.1, "high": 0.4}]
        },
        signal={"found": "signal", "words": "signal: AUC 0.7."},
    )

    page = render_promotion(content, verdict_of(True, signed=("alone: logins Accepted: seen",)))
    bare = render_promotion(evaluated(), verdict_of(True))

    for words in ("2 guards checked: alone, shuffled", "Accepted: seen", "25.0%", "Signal: AUC 0.7."):
        assert words in page
    assert "The guards" not in bare
    assert "How many of each health band" not in bare


def test_the_champions_recipe_has_a_name() -> None:
    pair = {"challenger_minus_champion_recipe": {"log_loss": number(0.2)}}

    page = render_promotion(evaluated(paired=pair), verdict_of(True))

    assert "worse than the champion&#39;s recipe, refitted: log loss" in page
    assert "champion_recipe" not in page


def test_what_a_person_signed_off_is_not_told_as_passed() -> None:
    one = {"guard": "too_good", "place": "AUC", "found": "it is.", "way_out": "Look.", "severity": "warn"}
    reason = "a made-up company"
    judged = verdict_of(
        True,
        True,
        signed=(f"too_good: AUC: it is. Look. Accepted: {reason}",),
        signed_off=(SignedOff("too_good", "AUC", reason),),
    )
    first, second = judged.gates
    judged = replace(judged, gates=(replace(first, signed=True), second))

    page = render_promotion(evaluated(guards={"looked": ["too_good"], "found": [one]}), judged)

    assert page.count(">passed<") == 1
    assert page.count(">signed off<") == 2  # the gate, and the guard's row
    assert ">warn<" not in page
    assert "some gates were passed only because a person signed off a finding" in page


def test_each_finding_of_a_group_that_was_signed_off_is_told_so() -> None:
    found = [
        {"guard": "alone", "place": place, "found": "it tells.", "way_out": "See.", "severity": severity}
        for place, severity in (("logins", "stop"), ("orders", "stop"), ("visits", "warn"))
    ]
    guards = {"looked": ["alone"], "found": found}
    accept = {"logins": "looked at", "orders": "looked at"}
    report = GuardReport.model_validate(guards)
    judged = guard_verdict(report, SignOffs(check={}, evaluate=accept), "params.yaml")

    page = render_promotion(evaluated(guards=guards), judged)

    assert len(judged.signed) == 1
    assert page.count(">signed off<") == 3  # the gate, and two rows of the guard
    assert ">stop<" not in page
    assert page.count(">warn<") == 1


def test_bands_have_their_intervals() -> None:
    band = {"band": 1, "rows": 40, "churners": 10, "low": 0.141, "high": 0.402}

    page = render_promotion(evaluated(health_bands={"outcomes": [band]}), verdict_of(True))

    assert "[14.1%, 40.2%]" in page


def test_figures_of_a_measure_leave_room_for_its_name() -> None:
    page = render_promotion(evaluated(), verdict_of(True))

    table = page.split("The figures beside the baselines")[1]
    assert '<table class="many">' in table
    assert ".many td:first-child:not(.n) { min-width" in page


def test_a_refusal_comes_first_with_its_gates() -> None:
    page = render_promotion(evaluated(), verdict_of(False))

    assert page.index("Do not use this model") < page.index("Why it was refused") < page.index("The tables")
    assert "Why it was refused" not in render_promotion(evaluated(), verdict_of(True))
