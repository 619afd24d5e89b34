from __future__ import annotations

from typing import Any

import pytest

from churn.evaluation.result import EvaluationResult
from churn.guards.verdict import Gate, Verdict
from churn.model.registry import DESCRIPTION_LENGTH
from churn.reporting.model_card import summarize_card
from tests.unit.reporting.test_model_card import SPEC, evaluated, headings, number

ALL = ["Label", "Cohort", "Results", "Segments", "Guards", "Promotion", "Limits"]
WHERE = "The whole card is `evaluate/card.md` in the artefacts of the run `r1`."


def group(level: str, *, off: bool) -> dict[str, Any]:
    return {"level": level, "judged": True, "off": off, "observed_expected": number(1.2)}


def finding(place: str, found: str) -> dict[str, Any]:
    return {"guard": "alone", "place": place, "found": found, "way_out": place, "severity": "stop"}


def gate(name: str, passed: bool, words: str) -> Gate:
    return Gate(name, passed, 0.7, 0.69, 0.71, "a rule", words)


def full(lines: int, words: str) -> tuple[EvaluationResult, Verdict]:
    """Return an evaluation with so many groups, findings and notes, and a verdict with so many refusals."""
    groups = [group(f"{words} {n}", off=True) for n in range(lines)]
    content = evaluated(
        model={"version": "3", "run_id": "r1"},
        signal={"found": "signal", "words": "signal: AUC 0.7."},
        calibration_by_segment={
            "all": {"observed_expected": number(0.98)},
            "groups": {"plan": [*groups, group("basic", off=False)]},
        },
        guards={"looked": ["alone"], "found": [finding(f"p{n}", f"{words} {n}") for n in range(lines)]},
        notes={f"note {n}": f"{words} {n}" for n in range(lines)},
        cohort={"cutoff": "2024-01-29", "rows": 500, "excluded": {"inactive": 12}},
    )
    gates = [gate("signal", True, "it is there"), *(gate("g", False, f"{words} {n}") for n in range(lines))]
    return content, Verdict(tuple(gates), ())


@pytest.mark.parametrize("lines", [1, 40])
@pytest.mark.parametrize("words", ["short", "long " * 60, "endless " * 900], ids=["short", "long", "endless"])
def test_whatever_there_is_to_tell_it_fits_with_every_part_and_says_where_the_whole_card_is(
    lines: int, words: str
) -> None:
    content, verdict = full(lines, words)

    text = summarize_card(content, SPEC, verdict)

    assert len(text) <= DESCRIPTION_LENGTH
    assert headings(text) == ALL
    assert WHERE in text
    assert "| AUC | 0.700 [0.690, 0.710] |" in text
    assert "Refused" in text


def test_what_there_is_no_room_for_is_counted_and_each_part_has_its_share() -> None:
    content, verdict = full(40, "long " * 30)

    text = summarize_card(content, SPEC, verdict)

    told = {part.split("\n")[0]: part for part in text.split("\n## ")}
    for name in ("Segments", "Guards", "Promotion", "Limits"):
        shown = sum("long long" in line for line in told[name].split("\n"))
        assert shown >= 2
        assert f"- … and {40 - shown} more, see the whole card" in told[name]


def test_it_tells_label_cohort_figures_what_is_off_the_guards_the_verdict_and_the_limits() -> None:
    content, verdict = full(1, "told")

    text = summarize_card(content, SPEC, verdict)

    for words in (
        "# Summary of the model card: churn, version 3",
        "in the 28 days that begin 7 days after the cutoff, there is no row in `orders`",
        "At 2024-01-29 500 customers were at risk",
        "500 rows, 50 churners (10.0%)",
        "- the model minus the base rate for everybody: -0.0500 [-0.0600, -0.0400]",
        "in 1 of them the probabilities are too high or too low, compared with all customers. "
        "Observed/expected is 0.98",
        "- plan told 0: 1.20 [1.19, 1.21]",
        "1 guards ran; their findings:\n\n- stop: alone: p0: told 0",
        "Refused: 1 of 2 gates passed.\n\n- refused: told 0",
        "- The model says nothing about customers outside the cohort",
        "- told 0",
    ):
        assert words in text
    assert "plan basic" not in text
    assert "more, see the whole card" not in text


def test_nothing_off_nothing_found_and_all_passed_is_said() -> None:
    content = evaluated(
        model={"version": "3", "run_id": "r1"},
        calibration_by_segment={"groups": {"plan": [group("basic", off=False)]}},
        guards={"looked": ["alone", "copies"], "found": []},
    )

    text = summarize_card(content, SPEC, Verdict((gate("signal", True, "it is there"),), ()))

    assert (
        "1 segments were tested; in no segment are the probabilities proved to be too high or too low."
        in text
    )
    assert "2 guards ran; they found nothing." in text
    assert "Accepted: 1 of 1 gates passed." in text


def test_the_kinds_that_are_off_are_not_told_a_second_time_as_limits() -> None:
    content, _ = full(1, "told")
    notes = {"calibration of plan told 0": "the long story", "bg_nbd": "BG/NBD is not judged."}
    content = content.model_copy(update={"notes": notes})

    text = summarize_card(content, SPEC)

    assert "the long story" not in text
    assert "- BG/NBD is not judged." in text


def test_a_card_of_little_holds_no_empty_part() -> None:
    assert headings(summarize_card(evaluated(), SPEC)) == ["Label", "Cohort", "Results", "Limits"]
