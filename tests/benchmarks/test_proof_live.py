from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from benchmarks.proof.live import left_units, policy_rows
from benchmarks.proof.live_policies import (
    Candidates,
    PolicyProfit,
    allowed_channel,
    control_customers,
    rank_by_truth,
    rank_the_unhealthy,
    rank_those_with_a_play,
)
from benchmarks.proof.live_size import DrivenAway
from churn.contact.acts import Permissions
from churn.contact.consent import Consents
from churn.demo.contact_effects import DRIVEN_AWAY, HELP
from churn.demo.live_company import LiveCompany
from churn.demo.troubles import trouble_index
from churn.experiments.assignment import UNIVERSAL, hash_to_unit_interval
from churn.experiments.ledger import empty_ledger
from churn.experiments.power import units_needed
from churn.experiments.units import Units
from churn.params import ControlParams, ExperimentsParams

NIGHT = date(2025, 10, 1)


@pytest.mark.parametrize(
    ("spells", "left"),
    [
        ([("2024-05-01", None)], False),
        ([("2024-05-01", "2025-10-01")], True),
        ([("2024-05-01", "2025-10-31")], True),
        ([("2024-05-01", "2025-11-01")], False),
        ([("2024-05-01", "2025-10-10"), ("2025-11-09", None)], False),
        ([("2024-05-01", "2025-10-10"), ("2025-11-10", None)], True),
        ([("2024-05-01", "2025-09-30")], False),
    ],
    ids=[
        "stays",
        "first day",
        "last day",
        "a day later",
        "back in the grace",
        "back too late",
        "a day earlier",
    ],
)
def test_a_unit_left_if_a_contract_ended_for_good_in_the_window(
    spells: list[tuple[str, str | None]], left: bool
) -> None:
    rows = pd.DataFrame(
        [("C1", *spell) for spell in spells], columns=["customer_id", "started_on", "ended_on"]
    )
    units = pd.DataFrame({"customers": [["C0", "C1"]], "assigned_on": [NIGHT]})

    assert left_units(units, rows).tolist() == [left]


def test_the_oracle_contacts_customers_in_trouble_whom_a_contact_helps_and_nobody_else() -> None:
    chunk = LiveCompany(40, 7).chunks[0]
    life = chunk.lived_world.life
    life.phase[:] = 0
    life.phase[trouble_index("mail_fatigue"), :3] = 3
    life.start[:] = chunk.day - 100
    for effects in chunk.effects.effects.values():
        effects[:] = [HELP, HELP, DRIVEN_AWAY, *[HELP] * (len(effects) - 3)]
    play = np.array(["mails-unopened", "payment-overdue", "mails-unopened", "mails-unopened"], dtype=object)
    email, blank = np.array(["email"] * 4, dtype=object), np.zeros(4)
    candidates = Candidates(
        NIGHT,
        np.array(list("abcd"), dtype=object),
        np.arange(4),
        play,
        email,
        blank,
        blank,
        blank,
        np.ones(4, dtype=bool),
    )

    gain = rank_by_truth(candidates, chunk)

    assert gain[0] > 0
    assert np.isnan(gain[1:]).all()


def test_a_policy_with_the_rules_of_the_call_list_leaves_out_the_healthy_or_those_without_a_play() -> None:
    chunk = LiveCompany(40, 7).chunks[0]
    text = np.array(["x", "x", "x"], dtype=object)
    value, health = np.array([5.0, 7.0, 9.0]), np.array([3.0, 4.0, 1.0])
    candidates = Candidates(
        NIGHT, text, np.arange(3), text, text, value, value, health, np.array([True, True, False])
    )

    of_health, with_play = (
        rank(candidates, chunk).tolist() for rank in (rank_the_unhealthy, rank_those_with_a_play)
    )

    assert of_health == pytest.approx([5.0, np.nan, 9.0], nan_ok=True)
    assert with_play == pytest.approx([5.0, 7.0, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("customer", "channels", "channel"),
    [
        ("agreed", ("phone", "email"), "phone"),
        ("silent", ("phone", "email"), "email"),
        ("silent", ("Phone ",), None),
        ("objected", ("email",), None),
        ("suppressed", ("email",), None),
    ],
)
def test_a_policy_contacts_nobody_whom_the_call_list_may_not_contact(
    customer: str, channels: tuple[str, ...], channel: str | None
) -> None:
    permissions = Permissions(
        consents=Consents({"phone": frozenset({"agreed", "objected"})}),
        suppressed_ids=frozenset({"suppressed"}),
        objected_ids=frozenset({"objected"}),
        customer_ids=frozenset(),
        warnings=(),
    )

    assert allowed_channel(channels, customer, permissions, ("phone",)) == channel


def test_customers_whom_the_run_never_drew_have_a_control_group_of_the_same_share() -> None:
    names = [f"c{number}" for number in range(400)]
    drawn = pd.DataFrame(
        {
            "experiment": [UNIVERSAL, UNIVERSAL, "a play"],
            "unit": ["c0", "c1", "c2"],
            "arm": ["control", "treated", "control"],
            "customers": [["c0", "c0 again"], ["c1"], ["c2"]],
        }
    )
    ledger = replace(empty_ledger(), assignments=drawn)
    units = Units({name: name for name in names} | {"c0 again": "c0"}, 0, {})
    experiments = ExperimentsParams(control=ControlParams(share=0.3), salt="salt")

    controls = control_customers(ledger, units, experiments)

    others = names[2:]
    assert {"c0", "c0 again"} <= controls
    assert "c1" not in controls
    assert [name in controls for name in others] == [
        hash_to_unit_interval("salt", UNIVERSAL, name) < 0.3 for name in others
    ]
    assert 90 < len(controls) < 150


def test_the_profit_of_a_policy_stands_beside_ours_over_all_runs() -> None:
    runs = [
        {"ours": PolicyProfit(np.array([1.0, 2.0]), 3, 1), "random": PolicyProfit(np.array([0.0, 1.0]), 3)},
        {"ours": PolicyProfit(np.array([5.0, 4.0]), 2, 1), "random": PolicyProfit(np.array([4.0, 3.0]), 1)},
    ]

    lines = list(policy_rows(runs))

    assert lines[0].startswith("| ours | 5 | 2 | 12 [")
    assert lines[1].startswith("| random | 4 | 0 | 8 [")
    assert lines[1].endswith("| -4 [-4, -4] |")


def test_harm_is_proved_by_more_units_than_a_model_is_fitted_with_and_no_harm_by_none() -> None:
    truth = DrivenAway(
        customers=6000,
        days=364,
        units=2000,
        share=0.1,
        leave=0.1,
        leave_untouched=0.1,
        leave_as_lived=0.3,
    )

    assert truth.units_to_fit == 3334  # 100 leavers of a control group of 30 %, of whom a tenth leaves
    assert truth.customers_for(truth.units_to_fit) == 10002
    # half of the lowest fifth is driven away: 20 % of the group leave in the place of 10 %
    assert truth.units_to_prove == 5 * units_needed(0.1, 0.2, control_share=0.3, alpha=0.01).n
    assert replace(truth, leave_as_lived=0.1).units_to_prove is None
