from __future__ import annotations

from datetime import date

import numpy as np

from churn.scoring.dry_run import PlannedContact, RuleCount, dry_run_lines, rule_counts
from churn.scoring.playbook import parse_playbook

REST = "action: a, owner: success, channel: phone, due_in_days: 2, success: stays"
TEXT = f"""plays:
  - {{name: bill, when: {{payments_failed: {{at_least: 1}}}}, {REST}}}
  - {{name: worst, when: {{health: {{at_most: 1}}}}, {REST}}}
  - {{name: check-in, when: {{health: {{at_most: 2}}}}, {REST}}}
  - {{name: later, when: {{health: {{at_most: 5}}}}, {REST}, pause: no budget}}
  - {{name: thanks, when: {{health: {{at_least: 5}}}}, {REST}, for: advocates}}
"""


def counts_of(*bands):
    playbook = parse_playbook(TEXT, {"payments_failed": "number"})
    columns = {"health": np.array(bands, dtype=float)}
    n = len(bands)
    return rule_counts(
        playbook,
        playbook.holds(columns, n),
        {
            "at risk": playbook.choose(columns, n),
            "advocates": playbook.choose(columns, n, audience="advocates"),
        },
        np.arange(n) < 2,
        playbook.switched_off({"health"}),
    )


def test_each_rule_is_counted_also_with_zero_customers():
    assert counts_of(2, 2, 2, 5) == (
        RuleCount("bill", "at risk", 0, 0, 0, "there is no payments_failed"),
        RuleCount("worst", "at risk", 0, 0, 0, None),
        RuleCount("check-in", "at risk", 3, 3, 2, None),
        RuleCount("later", "at risk", 0, 0, 0, "no budget"),
        RuleCount("thanks", "advocates", 1, 1, 0, None),
    )


def test_a_customer_counts_for_each_rule_that_holds_and_has_only_the_first():
    worst, check_in = counts_of(1, 2)[1:3]

    assert (worst.n_holding, worst.n_with_play) == (1, 1)
    assert (check_in.n_holding, check_in.n_with_play) == (2, 1)


def test_a_list_that_is_not_made_has_nobody():
    playbook = parse_playbook(TEXT, {"payments_failed": "number"})
    columns = {"health": np.array([5.0])}

    counts = rule_counts(playbook, playbook.holds(columns, 1), {}, np.array([True]), {})

    assert [count.n_with_play for count in counts] == [0] * 5
    assert counts[4].n_holding == 1


def test_the_lines_name_each_rule_and_each_contact():
    contacts = [PlannedContact("c7", "check-in", "success", "phone", date(2024, 3, 5))]

    lines = list(dry_run_lines(counts_of(2, 2, 2, 5), contacts))

    assert lines == [
        "at risk: play        holds   has it  planned",
        "         bill            0        0        0  off: there is no payments_failed",
        "         worst           0        0        0",
        "         check-in        3        3        2",
        "         later           0        0        0  off: no budget",
        "advocates: play        holds   has it  planned",
        "           thanks          1        1        0",
        "contacts that would be planned: 1; the night is not written",
        "1. c7: check-in by phone, success, due 2024-03-05",
    ]
