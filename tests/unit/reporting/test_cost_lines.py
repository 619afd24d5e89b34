"""What `churn measure` and the page say about the costs of contacts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from churn.reporting.cost_lines import cost_lines, cost_metrics
from churn.reporting.page.contact_costs import costs_table
from churn.reporting.page.effects import effects_section
from churn.reporting.page.provenance import Source
from churn.reporting.page.sources import read_report_sources
from churn.reporting.page.words import Language, Words
from tests.unit.reporting.conftest import COSTS


def test_a_mean_never_stands_without_the_number_of_contacts_that_have_a_cost() -> None:
    assert [" ".join(line.split()) for line in cost_lines(COSTS)] == [
        "cost of a contact, in your currency:",
        "all contacts 1.60 [1.20, 2.00], recorded for 80 of 93 contacts (86%); not used: less than 90% of "
        "the contacts have a recorded cost",
        "play call 4.25 [4.00, 4.50], recorded for 30 of 40 contacts (75%); not used: less than 90% of "
        "the contacts have a recorded cost",
        "play mail 0.0042 [0.0040, 0.0044], recorded for 50 of 50 contacts (100%)",
        "play visit unknown: recorded for 0 of 3 contacts",
        "7 rows of `contacts` belong to no play of the ledger and do not count",
    ]


def test_without_costs_nothing_is_said_and_logged() -> None:
    assert list(cost_lines(None)) == []
    assert cost_metrics(None) == {}
    assert costs_table(Words("en"), None, Source("effects.json")) == ""
    no_contact = COSTS.model_copy(update={"plays": (), "other_rows": 0})
    assert costs_table(Words("en"), no_contact, Source("effects.json")) == ""


def test_the_metrics_hold_the_mean_with_its_numbers_of_contacts() -> None:
    metrics = cost_metrics(COSTS)

    assert metrics["call.contact_cost"] == 4.25
    assert (metrics["call.contacts_with_cost"], metrics["call.contacts"]) == (30, 40)
    assert "visit.contact_cost" not in metrics


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("What contacts cost", "0.0042 [0.0040, 0.0044]", "yes", "no: too many"),
        ),
        ("de", ("Was Kontakte kosten", "0,0042 [0,0040; 0,0044]", "ja", "nein: Zu viele")),
    ],
)
def test_the_page_shows_costs_beside_the_number_of_contacts(
    language: Language, words: tuple[str, ...]
) -> None:
    html = costs_table(Words(language), COSTS, Source("effects.json").at("costs"))

    text = " ".join(html.striptags().split())
    assert [word for word in words if word not in text] == []
    assert 'effects.json#/costs/plays/0/with_cost">30</data>' in html


@pytest.mark.parametrize(
    ("language", "is_measured", "words"),
    [
        ("en", False, ["What a contact costs is assumed (evaluate.profit.contact_cost and the playbook)."]),
        (
            "en",
            True,
            [
                "mail: a contact costs 0.0042 [0.0040, 0.0044]. This is measured: the mean of 48 contacts "
                "with a recorded cost, out of 50 contacts known before",
                "a cost in the playbook, a contact costs 2.12 [1.75, 2.50]. This is the mean over all "
                "plays: 111 contacts with a recorded cost, out of 120 contacts known before",
                "All other costs, and what an offer gives away, are assumed.",
            ],
        ),
        ("de", False, ["Was ein Kontakt kostet, ist angenommen"]),
        ("de", True, ["mail: Ein Kontakt kostet 0,0042 [0,0040; 0,0044], gemessen an 48 von 50 Kontakten"]),
    ],
)
def test_the_page_says_which_cost_the_call_list_uses(
    output: Path, language: Language, is_measured: bool, words: list[str]
) -> None:
    night = read_report_sources(output)
    facts = night.facts if is_measured else night.facts.model_copy(update={"measured_costs": None})

    html = effects_section(replace(night, facts=facts), Words(language)).html

    text = " ".join(html.striptags().split())
    assert [sentence for sentence in words if sentence not in text] == []
    assert ("This is measured" in text or "gemessen an" in text) is is_measured
