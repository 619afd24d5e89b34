"""Which measured effects a night uses: those of earlier days that are proved, and no other."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.errors import SourceError
from churn.evaluation.result import EvaluationResult
from churn.experiments.contact_costs import ContactCost, ContactCosts
from churn.experiments.effect import rate_difference
from churn.experiments.measured_effects import kept_share_of, read_measured_effects, write_effects
from churn.experiments.result import Effects, MeasuredExperiment, no_effects
from churn.experiments.sequence import sample_ratio
from churn.metrics.interval import Interval
from churn.metrics.profit import empc_from_sums
from churn.params import ProfitParams
from churn.scoring.play import Play
from tests.filled import filled

WATERMARK, NIGHT = date(2025, 5, 2), date(2025, 5, 3)
COUNTS = (
    *("immature", "without_label", "without_value", "arm_changed", "merged_count", "other_share"),
    *("without_control", "after_other_play"),
)
NOTHING = (
    *("variant", "first_night", "last_night", "next_outcome_on", "adjusted_difference", "nightly", "savings"),
    *("detectable", "success"),
)


def effects_with(
    left_control: int, left_treated: int, n_control: int = 200, n_treated: int = 1800
) -> Effects:
    """Return what is measured about the play `call` if so many units of each arm leave."""
    empty = no_effects("label")
    play = MeasuredExperiment(
        **dict.fromkeys(COUNTS, 0),
        **dict.fromkeys(NOTHING),
        name="call",
        play="call",
        control_share=0.1,
        ratio=sample_ratio(n_control, n_treated, 0.1),
        difference=rate_difference(left_control, n_control, left_treated, n_treated),
        drives_away=(),
        guards=(),
    )
    return empty.model_copy(update={"plays": (play,), "watermark": WATERMARK})


def test_a_proved_effect_takes_the_place_of_the_assumption(tmp_path: Path) -> None:
    write_effects(tmp_path, effects_with(60, 270))

    known = read_measured_effects(tmp_path, NIGHT, "label")

    assert known.as_of == WATERMARK
    assert known.accept_shares == {"call": pytest.approx(0.5)}
    effect = known.plays["call"]
    assert (effect.is_used, effect.reason) == (True, "fewer leave")
    assert known.reads != {}


def test_a_play_that_drives_customers_away_is_expected_to_keep_nobody(tmp_path: Path) -> None:
    write_effects(tmp_path, effects_with(30, 600))

    known = read_measured_effects(tmp_path, NIGHT, "label")

    assert known.accept_shares == {"call": 0.0}
    assert known.plays["call"].kept_share.value == pytest.approx(-600 / 1800 / 0.15 + 1)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ((30, 260), "not shown"),
        ((19, 20), "fewer than 20 churners"),
        ((60, 300, 600, 1800), "sizes of the arms"),
        ((32, 398), "not shown: the interval holds 0"),  # the difference excludes 0, the share does not
    ],
)
def test_what_is_not_proved_leaves_the_assumption_and_says_why(
    tmp_path: Path, counts: tuple[int, ...], reason: str
) -> None:
    write_effects(tmp_path, effects_with(*counts))

    known = read_measured_effects(tmp_path, NIGHT, "label")

    assert known.accept_shares == {}
    assert known.reads == {}
    assert reason in known.plays["call"].reason


def test_a_night_does_not_read_what_was_measured_on_its_day_or_later(tmp_path: Path) -> None:
    effects = effects_with(60, 270)
    write_effects(tmp_path, effects)
    write_effects(tmp_path, effects_with(30, 600).model_copy(update={"watermark": date(2025, 6, 1)}))

    assert read_measured_effects(tmp_path, WATERMARK, "label").as_of is None
    assert read_measured_effects(tmp_path, NIGHT, "label").accept_shares == {"call": pytest.approx(0.5)}
    assert read_measured_effects(tmp_path, date(2025, 6, 1), "label").as_of == WATERMARK
    assert read_measured_effects(tmp_path, None, "label").accept_shares == {"call": 0.0}


def test_an_effect_on_another_label_is_not_used(tmp_path: Path) -> None:
    write_effects(tmp_path, effects_with(60, 270))

    known = read_measured_effects(tmp_path, NIGHT, "other")

    assert known.accept_shares == {}
    assert "another label" in known.reason


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    write_effects(tmp_path, effects_with(60, 270))
    path = tmp_path / "measure" / f"as_of={WATERMARK}.json"
    path.write_text(path.read_text(encoding="utf-8").replace("270", "271", 1), encoding="utf-8")

    with pytest.raises(SourceError, match="Run `churn measure` again"):
        read_measured_effects(tmp_path, NIGHT, "label")


def test_the_share_is_one_minus_the_ratio_with_the_interval_of_katz() -> None:
    share = kept_share_of(rate_difference(60, 200, 270, 1800))

    half = 1.959964 * (1 / 270 - 1 / 1800 + 1 / 60 - 1 / 200) ** 0.5
    assert share.value == pytest.approx(0.5)
    assert share.low == pytest.approx(1 - 0.5 * 2.718281828**half)
    assert share.high == pytest.approx(1 - 0.5 * 2.718281828**-half)


@pytest.mark.parametrize("counts", [(0, 200, 5, 1800), (5, 200, 0, 1800), (0, 0, 5, 1800)])
def test_without_churners_in_an_arm_there_is_no_share(counts: tuple[int, int, int, int]) -> None:
    assert kept_share_of(rate_difference(*counts)).value is None


def of_all_contacts(effects: Effects) -> Effects:
    """Return effects whose play is all contacts against the universal control group."""
    return effects.model_copy(
        update={
            "plays": (),
            "universal": effects.plays[0].model_copy(update={"name": "universal", "play": None}),
        }
    )


@pytest.mark.parametrize(
    ("left", "is_used", "share"),
    [((60, 270), True, 0.5), ((30, 600), True, 0.0), ((30, 250), False, 0.3)],
)
def test_the_profit_of_an_evaluation_uses_the_share_of_all_contacts_once_it_is_proved(
    tmp_path: Path, left: tuple[int, int], is_used: bool, share: float
) -> None:
    write_effects(tmp_path, of_all_contacts(effects_with(*left)))
    known = read_measured_effects(tmp_path, None, "label")

    terms = known.profit_terms(ProfitParams())
    result = known.state_in(filled(EvaluationResult, {"value": {}}))

    assert terms.accept_share == pytest.approx(share)
    assert terms.contact_cost == ProfitParams().contact_cost
    assert result.value is not None
    assert result.value.measured_share is not None
    assert (result.value.measured_share.is_used, result.value.measured_share.as_of) == (is_used, WATERMARK)


def test_an_evaluation_without_a_measured_share_is_as_before(tmp_path: Path) -> None:
    known = read_measured_effects(tmp_path, None, "label")
    result = filled(EvaluationResult, {"value": {}})

    assert known.profit_terms(ProfitParams()) == ProfitParams()
    assert known.state_in(result) is result
    assert "measured_share" not in str(result.as_json())


def costs_of(
    calls: int = 40, calls_with_cost: int = 40, all_contacts: int = 100, all_with_cost: int = 95
) -> ContactCosts:
    """Return costs of 4 for a call and of 2 for all contacts."""
    call = Interval(value=4.0, low=3.5, high=4.5)
    everybody = Interval(value=2.0, low=1.8, high=2.2)
    return ContactCosts(
        all_contacts=ContactCost(play=None, contacts=all_contacts, with_cost=all_with_cost, cost=everybody),
        plays=(ContactCost(play="call", contacts=calls, with_cost=calls_with_cost, cost=call),),
        other_rows=0,
    )


def play_named(name: str, cost: float | None = None) -> Play:
    return Play(
        name=name, when={}, action="Call", owner="us", channel="phone", due_in_days=1, success="s", cost=cost
    )


@pytest.mark.parametrize(
    ("costs", "play", "expected"),
    [
        (costs_of(), play_named("call"), 4.0),
        (costs_of(), play_named("call", 7.0), 4.0),  # what the play cost wins over what it states
        (costs_of(), play_named("visit", 7.0), 7.0),  # the play's own word wins over other plays
        (costs_of(), play_named("mail"), 2.0),
        (costs_of(calls_with_cost=35), play_named("call", 7.0), 7.0),  # 35 of 40 are less than 90 %
        (costs_of(calls_with_cost=35), play_named("call"), 2.0),
        (costs_of(29, 29, 29, 29), play_named("call"), 1.0),
        (None, play_named("call"), 1.0),
    ],
)
def test_the_cost_of_a_play_is_measured_if_enough_costs_are_recorded(
    tmp_path: Path, costs: ContactCosts | None, play: Play, expected: float
) -> None:
    write_effects(tmp_path, effects_with(30, 260).model_copy(update={"costs": costs} if costs else {}))

    known = read_measured_effects(tmp_path, NIGHT, "label")

    terms = known.terms_of(play, ProfitParams(contact_cost=1.0, incentive_cost=3.0))
    assert (terms.contact_cost, terms.incentive_cost) == (expected, 3.0)
    assert terms.accept_share == ProfitParams().accept_share


def test_a_night_does_not_read_costs_of_its_day_or_later_and_costs_of_any_label(tmp_path: Path) -> None:
    write_effects(tmp_path, effects_with(30, 260).model_copy(update={"costs": costs_of()}))

    assert read_measured_effects(tmp_path, WATERMARK, "label").contact_costs == {}
    known = read_measured_effects(tmp_path, NIGHT, "other")
    assert known.contact_costs == {None: 2.0, "call": 4.0}
    assert known.reads == {"costs": "2025-05-02 {None: 2.0, 'call': 4.0}"}


@pytest.mark.parametrize(("all_with_cost", "cost"), [(95, 2.0), (89, 1.0)])
def test_the_profit_of_an_evaluation_uses_the_cost_of_all_contacts_once_enough_is_recorded(
    tmp_path: Path, all_with_cost: int, cost: float
) -> None:
    costs = costs_of(all_with_cost=all_with_cost)
    write_effects(tmp_path, effects_with(30, 260).model_copy(update={"costs": costs}))
    known = read_measured_effects(tmp_path, None, "label")

    result = known.state_in(filled(EvaluationResult, {"value": {}}))

    assert known.profit_terms(ProfitParams()) == ProfitParams(contact_cost=cost)
    assert result.value is not None
    assert result.value.measured_share is None
    assert result.value.measured_cost is not None
    assert result.value.measured_cost.is_used is (cost == 2.0)
    assert (result.value.measured_cost.with_cost, result.value.measured_cost.contacts) == (all_with_cost, 100)


def test_contacts_that_keep_nobody_have_no_best_budget() -> None:
    terms = ProfitParams().model_copy(update={"accept_share": 0.0})

    assert empc_from_sums(np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0, 9.0]), 100.0, terms) == (0.0, 0.0)


def test_the_gain_of_an_event_is_no_share_of_churners_that_a_night_could_use(tmp_path: Path) -> None:
    write_effects(tmp_path, effects_with(60, 270).model_copy(update={"event": "upgrade"}))

    known = read_measured_effects(tmp_path, NIGHT, "label")

    assert (known.accept_shares, known.reads) == ({}, {})
