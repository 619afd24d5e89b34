from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from churn.drift.untreated_weights import weigh_untreated
from churn.experiments.ledger import Ledger, empty_ledger
from tests.drawn_ledger import FIRST, assigned, planned

BEFORE, AFTER = date(2025, 2, 1), date(2025, 4, 1)


def ledger_of(assignments: list[dict[str, object]], tasks: list[dict[str, object]]) -> Ledger:
    return replace(empty_ledger(), assignments=pd.DataFrame(assignments), tasks=pd.DataFrame(tasks))


def drawn_ledger(share: float = 0.1) -> Ledger:
    return ledger_of(
        [assigned("ana", "treated", share=share), assigned("ben", "control", share=share)],
        [planned("ana", "treated", "call"), planned("ben", "control", "call")],
    )


def test_a_contacted_customer_does_not_count_and_a_control_stands_for_the_contacted() -> None:
    untreated = weigh_untreated(drawn_ledger(), ["ana", "ben", "cem"], BEFORE, AFTER)

    assert untreated.weights.tolist() == pytest.approx([0, 10, 1])
    assert (untreated.n_treated, untreated.n_controls, untreated.note) == (1, 1, None)


def test_contacts_outside_the_period_do_not_count() -> None:
    untreated = weigh_untreated(drawn_ledger(), ["ana", "ben"], BEFORE, FIRST)

    assert untreated.weights.tolist() == [1, 1]


def test_a_play_with_a_control_group_of_its_own_leaves_more_customers_alone() -> None:
    ledger = ledger_of(
        [
            assigned("ana", "treated"),
            assigned("ben", "treated"),
            assigned("ana", "treated", experiment="call", share=0.5),
            assigned("ben", "control", experiment="call", share=0.5),
        ],
        [planned("ana", "treated", "call"), planned("ben", "control", "call", control_of="call")],
    )

    untreated = weigh_untreated(ledger, ["ana", "ben"], BEFORE, AFTER)

    assert untreated.weights.tolist() == pytest.approx([0, 1 / (1 - 0.9 * 0.5)])


def test_all_ids_of_a_contacted_person_are_left_out() -> None:
    ledger = ledger_of(
        [assigned("ana", "treated", customers=["ana", "ana-2"]), assigned("ben", "control")],
        [planned("ana", "treated", "call"), planned("ben", "control", "call")],
    )

    assert weigh_untreated(ledger, ["ana-2", "ben"], BEFORE, AFTER).weights.tolist() == pytest.approx([0, 10])


def test_without_controls_everybody_counts_and_a_note_says_so() -> None:
    ledger = ledger_of([assigned("ana", "treated", share=0.0)], [planned("ana", "treated", "call")])

    untreated = weigh_untreated(ledger, ["ana", "cem"], BEFORE, AFTER)

    assert untreated.weights.tolist() == [1, 1]
    assert "no control group" in (untreated.note or "")


def test_before_the_first_contact_everybody_counts_and_nothing_is_noted() -> None:
    untreated = weigh_untreated(empty_ledger(), ["ana"], BEFORE, AFTER)

    assert (untreated.weights.tolist(), untreated.note) == ([1], None)
