"""The section "Did it help?" of a night's report."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from markupsafe import Markup

from churn.data.own_files import write_own_json
from churn.experiments.design import DesignTerms, design_experiments
from churn.experiments.experiment_units import Maturity
from churn.experiments.measure import measure
from churn.experiments.result import Effects
from churn.metrics.interval import Interval
from churn.params import event_words
from churn.reporting.known_effects import KnownEffects, effects_path, read_known_effects
from churn.reporting.page.effect_details import show_points
from churn.reporting.page.effects import effects_section
from churn.reporting.page.provenance import Source
from churn.reporting.page.sources import UsedEffects, UsedUplift, read_report_sources
from churn.reporting.page.words import Language, Words
from churn.reporting.report import render_report
from churn.reporting.share_differences import points, possible_part
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


def section_of(output: Path, effects: Effects) -> str:
    """Return the text of the section, its lead first."""
    night = replace(read_report_sources(output), known_effects=KnownEffects(effects))
    section = effects_section(night, Words("en"))
    return " ".join(Markup(f"{section.lead} {section.html}").striptags().split())


@pytest.mark.parametrize(
    ("n_left", "lead", "verdict"),
    [
        (90, "Go on with the calls", "It helped."),
        (450, "Stop the play that does harm", "It harmed."),
        (270, "Do not contact the control group", "No effect is proved."),
        (180, "Do not contact the control group", "The effect is not proved yet. The difference"),
    ],
)
def test_the_verdict_comes_first_in_words_and_is_that_of_the_nightly_interval(
    output: Path, n_left: int, lead: str, verdict: str
) -> None:
    # 30 % of the 100 controls left.
    text = section_of(
        output, measured(drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", n_left)))
    )

    assert text.startswith(lead)
    assert verdict in text
    assert "30 of 100" in text
    assert f"{n_left} of 900" in text


@pytest.mark.parametrize(("n_left", "is_shown"), [(90, True), (180, False)])
def test_saved_customers_are_called_not_shown_until_the_nightly_interval_shows_them(
    output: Path, n_left: int, is_shown: bool
) -> None:
    effects = measured(drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", n_left)))

    text = section_of(output, effects)

    saved = effects.experiments[0].savings
    assert saved is not None
    assert f"{saved.customers.value:,.1f} [" in text
    assert ("not shown" in text.split("The intervals of 95%")[0]) is not is_shown


@pytest.mark.parametrize(
    ("interval", "language", "shown"),
    [
        ((0.3, -0.6, 1.2), "en", "+30.00 [−60.00, highest possible]"),
        ((-0.3, -1.2, 0.6), "de", "−30,00 [kleinstmöglich; +60,00]"),
        ((0.3, -0.6, 1.0), "en", "+30.00 [−60.00, +100.00]"),
    ],
)
def test_an_interval_of_points_ends_where_no_difference_can_be(
    interval: tuple[float, float, float], language: Language, shown: str
) -> None:
    value, low, high = interval

    difference = Interval(value=value, low=low, high=high)

    on_page = show_points(Words(language), difference, Source("effects.json")).striptags()

    assert on_page == shown
    if language == "en":  # the lines of `churn measure` have the same ends
        assert points(difference).replace(" points", "").replace("-", "−") == shown


@pytest.mark.parametrize("interval", [(0.3, -1.7, 2.3), (0.0, 0.0, 0.0)])
def test_an_interval_of_all_differences_or_of_no_width_says_nothing(
    interval: tuple[float, float, float],
) -> None:
    value, low, high = interval

    assert possible_part(Interval(value=value, low=low, high=high)) is None


@pytest.mark.parametrize(
    ("n_control", "n_treated", "left", "is_unknown"),
    [(2, 4, {"c0", "t0"}, True), (4, 9, set(), True), (40, 360, {"c0", "t0"}, False)],
)
def test_an_effect_of_which_nothing_is_known_has_no_number_and_no_bar(
    output: Path, n_control: int, n_treated: int, left: set[str], is_unknown: bool
) -> None:
    effects = measured(drawn(crowd(n_control, n_treated)), outcomes_of(left))
    night = replace(read_report_sources(output), known_effects=KnownEffects(effects))

    section = effects_section(night, Words("en")).html

    assert ("cannot be said yet" in section) is is_unknown
    assert ('<svg class="span"' in section) is not is_unknown


def test_too_few_churners_say_what_can_be_found_and_how_many_are_needed(output: Path) -> None:
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

    text = section_of(output, effects)

    assert "Too early to tell: in at least one of the arms, fewer than 20 customers have left." in text
    assert "are too few to detect any effect" in text
    assert "The assumed effect of 1.00 points needs" in text
    assert "customers; so far there are 400." in text


def test_without_a_verdict_no_saved_customers_are_shown(output: Path) -> None:
    effects = measured(drawn(crowd(40, 360)), outcomes_of({"c0", "t0"}))

    text = section_of(output, effects)

    saved = effects.experiments[0].savings
    assert saved is not None
    assert f"{saved.customers.value:,.1f}" not in text


def test_without_a_control_group_no_share_of_the_treated_is_shown(output: Path) -> None:
    effects = measured(drawn(crowd(0, 30), shares={FIRST: 0.0}), outcomes_of(names("t", 3)))

    text = section_of(output, effects)

    assert text.startswith("Switch on a control group")
    assert "3 of 30" not in text
    assert "10.0" not in text


def test_before_the_first_outcome_the_table_says_when_it_comes(output: Path) -> None:
    text = section_of(output, measured(drawn(crowd(2, 3, LATE)), outcomes_of(set())))

    assert text.startswith("Wait, and do not contact the control group")
    assert "No outcome is known yet." in text
    assert "29 May 2025" in text


def test_arms_of_the_wrong_size_take_the_place_of_the_verdict(output: Path) -> None:
    text = section_of(output, measured(drawn(crowd(50, 900)), outcomes_of(names("c", 25) | names("t", 90))))

    assert text.startswith("Do not use these effects yet")
    assert "Something is wrong with the arms." in text
    assert "50 of 950 are in the control group; by design this share should be 10.0%" in text


def test_the_total_stands_beside_the_sum_of_the_plays(output: Path) -> None:
    rows = [assigned(f"{arm}{i}", arm) for arm in ("control", "treated") for i in range(40)]
    tasks = [planned(f"{arm}{i}", arm, "call") for arm in ("control", "treated") for i in range(40)]

    text = section_of(
        output, measured(drawn(rows, tasks), outcomes_of(names("control", 35) | names("treated", 21)))
    )

    assert "All contacts together saved 14.0 [" in text
    assert "The effects of the single plays add up to 14.0" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"watermark": NIGHT + timedelta(days=1)}, "outcomes up to 2024-02-01, which is after this night"),
        ({"watermark": NIGHT, "label_id": "other"}, "another definition of leaving"),
        ({"watermark": None}, "`churn measure` found no nights in the ledger"),
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

    assert "It helped." in page
    assert 'effects.json#/universal/difference/control/n">100</data>' in page
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


# --- what the call list is based on


def test_without_a_proof_the_page_says_that_the_effects_are_assumed(output: Path) -> None:
    html = effects_section(read_report_sources(output), Words("en")).html
    text = " ".join(Markup(html).striptags().split())

    assert "The effect of each play is assumed (evaluate.profit.accept_share): no effect is proved." in text
    assert "Risk and value decide whom to contact" in text


def test_the_page_says_which_measured_effects_the_night_uses(output: Path) -> None:
    night = read_report_sources(output)
    facts = night.facts.model_copy(
        update={
            "measured_effects": UsedEffects.model_validate(
                {
                    "as_of": "2023-12-30",
                    "plays": {"gone-quiet": {"used": 0.0, "value": -0.2, "low": -0.31, "high": -0.1}},
                }
            ),
            "uplift": UsedUplift(as_of=date(2023, 12, 29), do_not_disturb=17),
        }
    )

    html = effects_section(replace(night, facts=facts), Words("en")).html
    text = " ".join(Markup(html).striptags().split())

    keeps = "gone-quiet: by the outcomes known up to 30 Dec 2023, a contact keeps -20.0 [-31.0, -10.0]%"
    assert keeps in text.replace("\u2212", "-")
    assert "The call list uses 0.0%" in text
    assert "The effect of all other plays is assumed" in text
    assert "17 customers are left alone" in text


@pytest.mark.parametrize(
    ("n_treated", "lead", "verdict"),
    [
        (450, "Go on with the calls: the event “upgrade” was more frequent", "It helped."),
        (90, "Stop the play that does harm", "It harmed."),
    ],
)
def test_more_of_a_wanted_event_is_said_to_have_helped(
    output: Path, n_treated: int, lead: str, verdict: str
) -> None:
    effects = measure(
        drawn(crowd(100, 900)), outcomes_of(names("c", 30) | names("t", n_treated)), "label", event="upgrade"
    )
    night = replace(read_report_sources(output), known_effects=KnownEffects(effects))

    section = effects_section(night, Words("en", event_words("upgrade")))

    text = " ".join(Markup(f"{section.lead} {section.html}").striptags().split())
    assert text.startswith(lead)
    assert verdict in text
    assert "Customers gained" in text
    assert not re.search("saved|fewer|churn|Money", text)
    assert "What the call list is based on" not in text  # such a list has no effect and no cost
