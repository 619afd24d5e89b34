"""The section "Did it help?" of a night's report."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.data.own_files import write_own_json
from churn.experiments.design import DesignTerms, design_experiments
from churn.experiments.experiment_units import Maturity
from churn.experiments.result import Effects
from churn.reporting.effects_section import (
    ExperimentCard,
    effects_path,
    experiment_cards,
    read_known_effects,
    total_in_words,
)
from churn.reporting.page.sources import read_report_sources
from churn.reporting.report import render_report
from tests.drawn_ledger import (
    FIRST,
    LATE,
    WATERMARK,
    assigned,
    crowd,
    drawn,
    measured,
    names,
    outcomes_of,
    planned,
)
from tests.unit.reporting.conftest import NIGHT


def write(output: Path, effects: Effects) -> None:
    write_own_json(effects_path(output), effects.as_json())


def card_of(effects: Effects) -> ExperimentCard:
    return experiment_cards(effects)[0]


@pytest.mark.parametrize(
    ("n_left", "verdict", "mood"),
    [
        (90, "It helped: fewer customers left than in the control group.", "good"),
        (450, "It harmed: more customers left than in the control group.", "bad"),
        (270, "No effect is shown.", ""),
        (180, "Not shown yet: at a single look it would be, but this page is read every night.", ""),
    ],
)
def test_the_verdict_comes_first_in_words_and_is_that_of_the_nightly_interval(
    n_left: int, verdict: str, mood: str
) -> None:
    # 30 % of the 100 controls left.
    card = card_of(measured(drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", n_left))))

    assert (card.verdict, card.mood, card.alarm) == (verdict, mood, "")
    assert [(arm.n, arm.churners) for arm in card.arms] == [(100, 30), (900, n_left)]


def test_saved_customers_are_called_not_shown_until_the_nightly_interval_shows_them() -> None:
    shown, hidden = (
        dict(card_of(measured(drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", n)))).facts)
        for n in (90, 180)
    )

    assert re.fullmatch(r"180\.0 \[.*\]", shown["Customers saved"])
    assert hidden["Customers saved"].endswith(", not shown")
    assert hidden["Money saved"].endswith(", not shown")
    assert set(shown) >= {
        "Fewer left: one look",
        "… adjusted by the score",
        "… read every night",
    }


def test_too_few_churners_say_what_can_be_found_and_when_an_answer_comes() -> None:
    ledger = drawn(crowd(40, 360))
    designs = design_experiments(
        ledger,
        {"universal": DesignTerms(0.1, 0.3)},
        effect=0.01,
        days=90,
        maturity=Maturity(lambda night: night + timedelta(days=28), WATERMARK),
        maturity_days=28,
    )
    effects = measured(ledger, outcomes_of({"c0", "t0"})).model_copy(update={"designs": tuple(designs)})

    card = card_of(effects)

    assert card.verdict == "Too early to tell: fewer than 20 churners in an arm."
    notes = " ".join(card.notes)
    assert "can be detected with n = 400" in notes
    assert "To find an effect of 1.00 points, as assumed," in notes
    assert "400 are there so far. Answer: never at this rate: no new units come." in notes


def test_without_a_verdict_no_saved_customers_are_shown() -> None:
    card = card_of(measured(drawn(crowd(40, 360)), outcomes_of({"c0", "t0"})))

    assert [arm.churners for arm in card.arms] == [1, 1]
    assert "Customers saved" not in dict(card.facts)


def test_without_a_control_group_no_share_of_the_treated_is_shown() -> None:
    effects = measured(drawn(crowd(0, 30), shares={FIRST: 0.0}), outcomes_of(names("t", 3)))

    card = card_of(effects)

    assert card.verdict == "Nobody can tell: there is no control group."
    assert (card.arms, card.facts) == ((), ())


def test_before_the_first_outcome_the_card_says_when_it_comes() -> None:
    card = card_of(measured(drawn(crowd(2, 3, LATE)), outcomes_of(set())))

    assert card.verdict == "No outcome is known yet."
    assert "The first outcomes are known on 2025-05-29." in card.notes
    assert (card.arms, card.facts) == ((), ())


def test_arms_of_the_wrong_size_take_the_place_of_the_verdict() -> None:
    card = card_of(measured(drawn(crowd(50, 900)), outcomes_of(names("c", 25) | names("t", 90))))

    assert card.verdict == "Something is wrong with the arms."
    assert "50 of 950 are in the control group; by design it would be 10 %" in card.alarm


def test_the_total_stands_beside_the_sum_of_the_plays() -> None:
    rows = [assigned(f"{arm}{i}", arm) for arm in ("control", "treated") for i in range(4)]
    tasks = [planned(f"{arm}{i}", arm, "call") for arm in ("control", "treated") for i in range(4)]

    words = total_in_words(measured(drawn(rows, tasks), outcomes_of(names("control", 2))))

    assert words.startswith("All contacts together saved 2.0 [")
    assert "The plays one by one add up to 2.0" in words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"watermark": NIGHT + timedelta(days=1)}, "outcomes up to 2024-02-01, which is after this night"),
        ({"watermark": NIGHT, "label_id": "other"}, "another definition of leaving"),
        ({"watermark": None}, "No night of the ledger was measured"),
    ],
)
def test_what_a_night_may_not_know_or_is_about_something_else_is_left_out_in_words(
    output: Path, changes: dict[str, object], words: str
) -> None:
    effects = measured(drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", 90)))
    write(output, effects.model_copy(update=changes))

    known = read_known_effects(output, NIGHT, "label")
    page = render_report(read_report_sources(output))

    assert known.effects is None
    assert words in known.reason
    assert words in page.replace("<code>", "`").replace("</code>", "`")
    assert "It helped" not in page


def test_the_page_shows_what_was_known_on_the_night(output: Path) -> None:
    effects = measured(drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", 90)))
    write(output, effects.model_copy(update={"watermark": NIGHT}))

    page = render_report(read_report_sources(output))

    assert "It helped: fewer customers left than in the control group." in page
    assert 'control group</td><td class="n">100' in page
    assert "This page does not show whether the calls help" not in page


def test_a_page_without_measurement_names_the_verb(output: Path) -> None:
    page = render_report(read_report_sources(output))

    assert "measured yet. Run <code>churn measure</code>, then <code>churn report</code>." in page
    assert "This page does not show whether the calls help" in page


def test_a_damaged_file_is_left_out_with_a_warning(output: Path) -> None:
    path = effects_path(output)
    path.parent.mkdir()
    path.write_text("{}", encoding="utf-8")

    sources = read_report_sources(output)

    assert sources.known_effects.effects is None
    assert any("effects.json" in warning for warning in sources.warnings)


def test_names_of_plays_and_reasons_cannot_bring_html(output: Path) -> None:
    nasty = "<script>alert(1)</script>"
    rows = [assigned(f"{arm}{i}", arm) for arm in ("control", "treated") for i in range(4)]
    tasks = [planned(f"{arm}{i}", arm, nasty) for arm in ("control", "treated") for i in range(4)]
    effects = measured(drawn(rows, tasks), outcomes_of(names("control", 2)))
    write(output, effects.model_copy(update={"watermark": date(2024, 1, 1), "no_control_because": (nasty,)}))

    assert nasty not in render_report(read_report_sources(output))
