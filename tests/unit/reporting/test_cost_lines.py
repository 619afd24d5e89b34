"""What `churn measure` and the page say about the costs of contacts."""

from __future__ import annotations

import pytest

from churn.experiments.contact_costs import ContactCost, ContactCosts
from churn.metrics.interval import Interval
from churn.reporting.cost_lines import cost_lines, cost_metrics
from churn.reporting.page.contact_costs import costs_table
from churn.reporting.page.provenance import Source
from churn.reporting.page.words import Language, Words

MAIL = ContactCost(
    play="mail", contacts=50, with_cost=50, cost=Interval(value=0.0042, low=0.004, high=0.0044)
)
CALL = ContactCost(play="call", contacts=40, with_cost=30, cost=Interval(value=4.25, low=4, high=4.5))
VISIT = ContactCost(play="visit", contacts=3, with_cost=0, cost=Interval(value=None))
COSTS = ContactCosts(
    all_contacts=ContactCost(
        play=None, contacts=93, with_cost=80, cost=Interval(value=1.6, low=1.2, high=2.0)
    ),
    plays=(CALL, MAIL, VISIT),
    other_rows=7,
)


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
            ("What contacts cost", "0.0042 [0.0040, 0.0044]", "yes, from the next night on", "less than 90%"),
        ),
        ("de", ("Was Kontakte kosten", "0,0042 [0,0040; 0,0044]", "ja, ab der", "Weniger als 90\u00a0%")),
    ],
)
def test_the_page_shows_costs_beside_the_number_of_contacts(
    language: Language, words: tuple[str, ...]
) -> None:
    html = costs_table(Words(language), COSTS, Source("effects.json").at("costs"))

    text = " ".join(html.striptags().split())
    assert [word for word in words if word.replace("\u00a0", " ") not in text.replace("\u00a0", " ")] == []
    assert 'effects.json#/costs/plays/0/with_cost">30</data>' in html
