from __future__ import annotations

from typing import Any

import pytest

from churn.evaluation.evaluate import signal_verdict
from churn.evaluation.result import EvaluationResult
from churn.guards.model.outcomes import too_good
from churn.guards.sign_off import SignOffs
from churn.guards.verdict import Verdict
from churn.params import CheckParams, EvaluateParams, PromoteParams
from churn.promotion.gates import apply_gates
from tests.filled import filled


def number(value: float, half: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def evaluated(
    *, recency: float = -0.05, base: float = -0.05, ratio: float = 1.0, auc: float = 0.75, half: float = 0.01
) -> dict[str, Any]:
    """An evaluation with the given differences of log loss, observed/expected and AUC."""
    ours = {"auc": number(auc), "observed_expected": number(ratio, half), "base_rate": 0.2}
    return {
        "model": {},
        "before": [{"cutoff": "2023-12-01", "base_rate": 0.31}],
        "candidates": {"challenger": ours, "recency": {"auc": number(0.65)}},
        "paired": {
            "challenger_minus_recency": {"log_loss": number(recency), "auc": number(auc - 0.65)},
            "challenger_minus_base_rate": {"log_loss": number(base)},
        },
        "by_cutoff": {"2024-01-01": {"challenger": ours, "base_rate": {"observed_expected": number(0.93)}}},
    }


def verdict_on(content: dict[str, Any], params: Any) -> Verdict:
    """The verdict on an evaluation with the given content."""
    result = filled(EvaluationResult, content)
    pair = result.pair("base_rate")
    signal = signal_verdict(result.challenger.auc, pair.log_loss if pair else None)
    result = result.model_copy(update={"signal": signal})
    return apply_gates(result, params.promote, SignOffs.of(params), params.file)


def stopped(content: dict[str, Any], params: Any) -> list[str]:
    return [gate.name for gate in verdict_on(content, params).gates if not gate.passed]


@pytest.mark.parametrize(
    ("changes", "refusing"),
    [
        ({}, []),
        ({"recency": -0.011}, []),
        ({"recency": -0.009}, ["beats_recency"]),
        ({"base": 0.02}, ["beats_base_rate"]),
        ({"recency": 0.0, "base": 0.0}, ["beats_base_rate", "beats_recency"]),
        ({"ratio": 1.105}, []),
        ({"ratio": 1.12}, ["observed_expected"]),
        ({"ratio": 0.88}, ["observed_expected"]),
        ({"ratio": 0.7, "half": 0.25}, []),
        ({"auc": 0.505}, ["signal"]),
        ({"auc": 0.96}, ["not_too_good"]),
        ({"auc": 0.812}, ["not_too_good"]),
        ({"auc": 0.808}, []),
        ({"auc": 0.79}, []),
    ],
)
def test_intervals_decide(make_params, changes: dict[str, float], refusing: list[str]) -> None:
    assert stopped(evaluated(**changes), make_params()) == refusing


def test_a_person_may_sign_off_what_looks_too_good(make_params) -> None:
    params = make_params(evaluate=EvaluateParams(accept={"too_good": "logins stop before they leave"}))

    verdict = verdict_on(evaluated(auc=0.97), params)

    assert verdict.accepted
    assert [gate.name for gate in verdict.gates if gate.outcome == "signed off"] == ["not_too_good"]
    assert any("logins stop before they leave" in gate.words for gate in verdict.gates)


def beside_champion(
    *,
    loss: float = -0.02,
    fresher: bool = True,
    lift: float = 0.0,
    half: float = 0.01,
    profit: float | None = None,
    stands: str = "champion",
) -> dict[str, Any]:
    """An evaluation beside a champion, or what stands for it, with log loss .4 and lift 2."""
    content = evaluated()
    content["candidates"][stands] = {
        "log_loss": number(0.4),
        "lift_at_contact_share": number(2.0),
        "profit_per_customer_at_contact_share": number(5.0),
    }
    pair = {"log_loss": number(loss), "lift_at_contact_share": number(lift, half)}
    if profit is not None:
        pair["profit_per_customer_at_contact_share"] = number(profit, half)
    content["paired"][f"challenger_minus_{stands}"] = pair
    content["freshness"] = {"challenger": "2024-02-01" if fresher else "2024-01-01", "champion": "2024-01-01"}
    return content


@pytest.mark.parametrize(
    ("changes", "refusing"),
    [
        ({"loss": -0.011, "fresher": False}, []),
        ({"loss": -0.009, "fresher": False}, ["champion"]),
        ({"loss": -0.003}, []),
        ({"loss": -0.001}, ["champion"]),
        ({"loss": 0.02}, ["champion"]),
        ({"lift": -0.029}, []),
        ({"lift": -0.031}, ["lift_at_contact_share"]),
        ({"lift": 0.1, "half": 0.15}, ["lift_at_contact_share"]),
        ({"profit": -0.08}, []),
        ({"profit": -0.1}, ["profit_per_customer_at_contact_share"]),
    ],
)
@pytest.mark.parametrize("stands", ["champion", "champion_recipe"])
def test_a_champion_is_followed_by_a_better_one_or_by_a_fresher_one_that_is_no_worse(
    make_params, changes: dict[str, Any], refusing: list[str], stands: str
) -> None:
    content = beside_champion(**changes, stands=stands)

    refused = [stands if name == "champion" else name for name in refusing]
    assert stopped(content, make_params()) == refused


PROFIT = "profit_per_customer_at_contact_share"


@pytest.mark.parametrize(
    ("base", "difference", "half", "surely", "passed"),
    [
        (0.0, 0.0, 0.0, None, True),  # the same recipe
        (0.0, 0.02, 0.01, None, True),
        (0.0, 0.005, 0.01, False, False),
        (0.0, -0.5, 0.01, True, False),
        (-1.0, -0.005, 0.01, None, True),  # 2 % of 1 may be lost
        (-1.0, -0.015, 0.01, False, False),
        (-1.0, -0.5, 0.01, True, False),
        (None, 0.5, 0.01, False, False),
    ],
)
@pytest.mark.parametrize("metric", ["lift_at_contact_share", PROFIT])
def test_what_a_champion_without_profit_may_lose_is_asked_of_the_difference_itself(
    make_params,
    metric: str,
    base: float | None,
    difference: float,
    half: float,
    surely: bool | None,
    passed: bool,
) -> None:
    content = beside_champion()
    content["candidates"]["champion"][metric] = {"value": base, "low": base, "high": base}
    content["paired"]["challenger_minus_champion"][metric] = number(difference, half)

    (gate,) = (one for one in verdict_on(content, make_params()).gates if one.name == metric)

    assert gate.passed is passed
    assert passed or ("worse by more than chance" in gate.words) is surely
    assert "nan" not in gate.words
    assert "%:" not in gate.words  # no difference is told as a share of nothing


def test_a_difference_that_is_not_defined_refuses_and_one_that_is_not_measured_is_not_asked(
    make_params,
) -> None:
    undefined, unmeasured = beside_champion(), beside_champion()
    undefined["paired"]["challenger_minus_champion"][PROFIT] = {"value": None, "low": None, "high": None}

    assert stopped(undefined, make_params()) == [PROFIT]
    assert PROFIT not in {gate.name for gate in verdict_on(unmeasured, make_params()).gates}


@pytest.mark.parametrize(
    ("changes", "surely"),
    [({"loss": 0.02}, True), ({"loss": 0.005}, False), ({"lift": -0.06}, True), ({"lift": -0.04}, False)],
)
def test_what_is_surely_worse_is_not_told_to_gather_data(
    make_params, changes: dict[str, Any], surely: bool
) -> None:
    (refusal,) = verdict_on(beside_champion(**changes), make_params()).refusals

    assert ("worse by more than chance" in refusal) is surely
    assert ("Add test cutoffs or data" in refusal) is not surely


@pytest.mark.parametrize(("fresher", "refusing"), [(True, []), (False, ["champion_recipe"])])
def test_the_champions_own_recipe_is_promoted_once_it_has_learnt_from_later_labels(
    make_params, fresher: bool, refusing: list[str]
) -> None:
    content = beside_champion(fresher=fresher, stands="champion_recipe")
    same = {"value": 0.0, "low": 0.0, "high": 0.0}
    measured = ("log_loss", "lift_at_contact_share", "profit_per_customer_at_contact_share")
    content["paired"]["challenger_minus_champion_recipe"] = dict.fromkeys(measured, same)

    assert stopped(content, make_params()) == refusing


def test_a_champion_that_has_seen_a_part_is_held_by_its_recipe_on_all(make_params) -> None:
    content = beside_champion(loss=0.05, lift=-1.0)
    whole = beside_champion(stands="champion_recipe")
    content["candidates"] |= whole["candidates"]
    content["paired"] |= whole["paired"]

    assert stopped(content, make_params()) == []


@pytest.mark.parametrize(("stands", "said"), [("champion", False), ("champion_recipe", True)])
def test_the_share_that_changes_its_health_band_is_said(make_params, stands: str, said: bool) -> None:
    content = beside_champion(stands=stands)
    content["health_bands"] = {"changed": 0.125}

    (note,) = (note for note in verdict_on(content, make_params()).notes if "health band" in note)

    assert note.startswith("12.5% of the customers")
    assert ("recipe, refitted" in note) is said


@pytest.mark.parametrize(
    ("behind", "candidate", "refusing"),
    [
        (-0.02, "trees", []),
        (-0.003, "trees", []),
        (0.0, "trees", ["matches_logistic"]),
        (0.02, "blend", ["matches_logistic"]),
        (0.02, "logistic", []),
    ],
)
def test_a_logistic_regression_must_be_matched_unless_the_challenger_is_one(
    make_params, behind: float, candidate: str, refusing: list[str]
) -> None:
    content = evaluated()
    content["model"]["candidate"] = candidate
    content["candidates"]["logistic"] = {"log_loss": number(0.4)}
    content["paired"]["challenger_minus_logistic"] = {"log_loss": number(behind)}

    assert stopped(content, make_params()) == refusing


@pytest.mark.parametrize(
    ("tested", "possible", "accepted"),
    [(3, 3, True), (2, 3, False), (2, 2, True), (1, 2, False), (1, None, True)],
)
def test_three_test_cutoffs_are_asked_for_where_the_data_have_them(
    make_params, tested: int, possible: int | None, accepted: bool
) -> None:
    content = evaluated()
    (one,) = content["by_cutoff"].values()
    content["by_cutoff"] = {f"2024-0{month + 1}-01": one for month in range(tested)}
    content["cutoffs_possible"] = possible
    signed = make_params(evaluate=EvaluateParams(accept={"test_cutoffs": "the protocol fixes them"}))

    assert stopped(content, make_params()) == ([] if accepted else ["test_cutoffs"])
    assert stopped(content, signed) == []


def test_the_margin_is_the_share_that_a_fresher_challenger_may_lose(make_params) -> None:
    content = beside_champion(loss=0.005, lift=-0.08)

    assert stopped(content, make_params()) == ["champion", "lift_at_contact_share"]
    assert stopped(content, make_params(promote=PromoteParams(margin=0.05))) == []


@pytest.mark.parametrize("stands", ["champion", "champion_recipe"])
@pytest.mark.parametrize(
    ("churners", "lost", "half", "accepted"),
    [(300, 0.03, 0.01, False), (299, 0.03, 0.01, True), (300, 0.015, 0.01, True), (300, 0.03, 0.04, True)],
)
def test_no_large_segment_may_lose(
    make_params, churners: int, lost: float, half: float, accepted: bool, stands: str
) -> None:
    content, minus = beside_champion(stands=stands), f"challenger_minus_{stands}"
    germany = {"level": "DE", "churners": churners, minus: {"auc": number(-lost, half)}}
    austria = {"level": "AT", "churners": 900, minus: {"auc": number(0.01)}}
    content["segments"] = {"country": [germany, austria, {"level": "CH", "churners": 950}]}

    verdict = verdict_on(content, make_params())

    assert verdict.accepted is accepted
    assert accepted or "country DE" in verdict.refusals[0]


def raised(severity: str) -> dict[str, Any]:
    content = evaluated()
    one = {"guard": "alone", "place": "logins", "found": "it tells.", "way_out": "See.", "severity": severity}
    content["guards"] = {"looked": ["alone", "shuffled"], "found": [one]}
    return content


@pytest.mark.parametrize("section", ["check", "evaluate"])
@pytest.mark.parametrize("key", ["alone", "logins"])
def test_what_a_guard_stops_a_person_may_sign_off_by_guard_or_place(
    make_params, section: str, key: str
) -> None:
    accept = {key: "looked at"}
    signed = (
        {"check": CheckParams(accept=accept)}
        if section == "check"
        else {"evaluate": EvaluateParams(accept=accept)}
    )

    assert stopped(raised("stop"), make_params()) == ["no_guard_raised"]
    verdict = verdict_on(raised("stop"), make_params(**signed))

    assert verdict.accepted
    assert "looked at" in verdict.signed[0]


def test_the_warning_of_a_guard_is_a_note_and_no_refusal(make_params) -> None:
    verdict = verdict_on(raised("warn"), make_params())

    assert verdict.accepted
    assert any(note.startswith("alone: logins") for note in verdict.notes)


@pytest.mark.parametrize(("severity", "signed"), [("stop", True), ("warn", False)])
def test_the_gate_of_the_guards_was_signed_off_only_where_one_said_stop(
    make_params, severity: str, signed: bool
) -> None:
    params = make_params(evaluate=EvaluateParams(accept={"alone": "looked at"}))

    (gate,) = (one for one in verdict_on(raised(severity), params).gates if one.name == "no_guard_raised")

    assert gate.passed
    assert gate.signed is signed


@pytest.mark.parametrize(("cutoffs", "signed"), [(2, True), (3, False)])
def test_fewer_test_cutoffs_are_passed_by_signature(make_params, cutoffs: int, signed: bool) -> None:
    content = evaluated() | {"cutoffs_possible": 3}
    (one,) = content["by_cutoff"].values()
    content["by_cutoff"] = {f"2024-0{month}-01": one for month in range(1, cutoffs + 1)}
    params = make_params(evaluate=EvaluateParams(accept={"test_cutoffs": "a short history"}))

    (gate,) = (one for one in verdict_on(content, params).gates if one.name == "test_cutoffs")

    assert gate.passed
    assert gate.signed is signed


@pytest.mark.parametrize(("cutoffs", "said"), [(1, True), (2, True), (3, False)])
def test_few_test_cutoffs_are_said(make_params, cutoffs: int, said: bool) -> None:
    content = evaluated()
    (one,) = content["by_cutoff"].values()
    content["by_cutoff"] = {f"2024-0{month}-01": one for month in range(1, cutoffs + 1)}

    notes = verdict_on(content, make_params()).notes

    assert any("test cutoff" in note for note in notes) is said


@pytest.mark.parametrize(("ratio", "notes"), [(1.0, 0), (1.05, 1), (0.95, 1)])
def test_a_level_that_is_off_is_explained_by_the_cutoffs(make_params, ratio: float, notes: int) -> None:
    verdict = verdict_on(evaluated(ratio=ratio), make_params())

    assert verdict.accepted
    assert sum("2024-01-01" in note for note in verdict.notes) == notes


# share that left at each cutoff before the test of 2024-01-01, at which 20 % left; what the gate advises
LEVELS = [
    ({"2023-01-01": 0.21, "2023-04-01": 0.10, "2023-07-01": 0.10, "2023-10-01": 0.11}, "season"),
    ({"2023-01-10": 0.16, "2023-04-01": 0.10, "2023-07-01": 0.10, "2023-10-01": 0.10}, "season"),
    ({"2023-01-01": 0.10, "2023-04-01": 0.10, "2023-07-01": 0.10, "2023-10-01": 0.11}, "later"),
    ({"2023-01-01": 0.05, "2023-04-01": 0.10, "2023-07-01": 0.10, "2023-10-01": 0.11}, "later"),
    ({"2023-10-01": 0.31}, "later"),
]


@pytest.mark.parametrize(("before", "remedy"), LEVELS)
@pytest.mark.parametrize("champion", [False, True])
def test_a_level_outside_the_gate_is_refused_with_its_remedy(
    make_params, before: dict[str, float], remedy: str, champion: bool
) -> None:
    rates = [{"cutoff": day, "base_rate": rate} for day, rate in before.items()]
    content = evaluated(ratio=1.5) | {"before": rates}
    if champion:
        content["champion"] = {"version": "1", "digest": "other"}

    (gate,) = (one for one in verdict_on(content, make_params()).gates if one.name == "observed_expected")

    advice = {
        "depends on the season": remedy == "season",
        "churn train --refresh": remedy == "later" and champion,
        "later cutoffs under evaluate.test_cutoffs": remedy == "later" and not champion,
    }
    assert not gate.passed
    assert {words: words in gate.words for words in advice} == advice


@pytest.mark.parametrize(("ratio", "less"), [(1.05, "more"), (0.95, "fewer")])
def test_an_explanation_tells_the_rates_and_how_far_off_the_base_rate_was(
    make_params, ratio: float, less: str
) -> None:
    note = verdict_on(evaluated(ratio=ratio), make_params()).notes[-1]

    assert f"{less} customers left than the model expected" in note
    assert "before the test: 2023-12-01: 31.0%" in note
    assert "2024-01-01: 20.0%" in note
    assert "base rate 0.93 [0.92, 0.94]" in note


def test_without_any_recency_signal_the_base_rate_must_be_beaten(make_params) -> None:
    content = evaluated(base=0.0)
    del content["paired"]["challenger_minus_recency"]
    del content["candidates"]["recency"]

    assert stopped(content, make_params()) == ["beats_base_rate"]


@pytest.mark.parametrize(("auc", "warned"), [(0.79, False), (0.805, True), (0.96, True)])
def test_a_warning_comes_before_the_stop(auc: float, warned: bool) -> None:
    result = filled(EvaluationResult, evaluated(auc=auc))

    assert (
        too_good(result.challenger.auc, ("recency", result.paired["challenger_minus_recency"].auc))
        is not None
    ) is warned


def exposed(**changes: Any) -> dict[str, Any]:
    cutoff = {"cutoff": "2024-01-01", "rows": 900, "treated_rows": 90, "control_rows": 10, "stand_for": 100.0}
    return evaluated() | {"exposure": {"cutoffs": [cutoff], **changes}}


def test_a_verdict_says_who_stands_for_the_treated_rows(make_params) -> None:
    verdict = verdict_on(exposed(), make_params())

    (gate,) = (gate for gate in verdict.gates if gate.name == "controls")
    assert (gate.passed, gate.outcome, gate.value) == (True, "passed", 10)
    assert "90 of 900 rows" in gate.words


def test_a_promotion_without_controls_is_marked_as_signed_off(make_params) -> None:
    verdict = verdict_on(exposed(no_controls_accepted="a pilot"), make_params())

    assert [gate.words for gate in verdict.gates if gate.outcome == "signed off"] == [
        "at one cutoff, 90 of 900 rows (10.0%) were treated in their label window and are left out. "
        "Some of these rows have no control who represents them; accepted: a pilot"
    ]


def test_without_contacts_no_gate_speaks_of_controls(make_params) -> None:
    assert "controls" not in [gate.name for gate in verdict_on(evaluated(), make_params()).gates]
