"""Which rows count, and in which window."""

from __future__ import annotations

from tests.spec.verbs.example import MISSING, Example

EDGES = """
    customer | happened_at
    edges    | 2024-06-23 23:59
    edges    | 2024-06-24 00:00
    edges    | 2024-06-30 23:59
    edges    | 2024-07-01 00:00
"""

MAILS = """
    customer | sent_at          | opened_at        | clicked_at
    ana      | 2024-06-20 10:00 | 2024-06-20 12:00 |
    ana      | 2024-06-27 10:00 | 2024-06-29 09:00 | 2024-06-29 09:01
    ben      | 2024-06-20 10:00 | 2024-06-30 23:59 | 2024-07-01 00:00
    ben      | 2024-06-27 10:00 | 2024-07-01 00:00 |
"""

LOYALTY = """
    customer | happened_at      | kind   | points | expires_at
    ana      | 2024-06-03 10:00 | earn   | 30     | 2024-12-03
    ana      | 2024-06-10 10:00 | redeem | 20     |
    ana      | 2024-06-12 10:00 | earn   | 5      | 2024-12-12
    ben      | 2024-06-20 10:00 | tier   |        | 2024-12-31
    ben      | 2024-07-01 00:00 | earn   | 7      | 2025-01-01
"""

EXAMPLES = (
    Example(
        "last",
        "logins",
        "logins.last(days=7).count()",
        EDGES,
        {"edges": 2},
        (
            "The first midnight of the window is in the window; the midnight of the cutoff is not. In the "
            "first example, the rows of 24 and 30 June count."
        ),
        more={"logins.last(days=8, skip=7).count()": {"edges": 1}},
    ),
    Example(
        "week",
        "logins",
        "logins.week(2).count()",
        EDGES,
        {"edges": 1},
        "Week 1 is 24 to 30 June, week 2 is 17 to 23 June. In week 2, only the row of 23 June counts.",
        more={"logins.week(1).count()": {"edges": 2}},
    ),
    Example(
        "by",
        "emails",
        "emails.by('opened_at').last(days=3).count()",
        MAILS,
        {"ana": 1, "ben": 1},
        (
            "The window `last(days=3)` holds 28, 29 and 30 June. Ana opened a mail on 29 June, and Ben "
            "opened a mail at the last minute of 30 June. Ben opened another mail at the cutoff itself (1 "
            "July 00:00), so this opening is not known."
        ),
        more={"emails.by('opened_at').days_since_last()": {"ana": 2, "ben": 1}},
    ),
    Example(
        "having",
        "emails",
        "emails.having('opened_at').count()",
        MAILS,
        {"ana": 2, "ben": 1},
        "Ben opened his second mail at the cutoff itself (1 July 00:00), so this opening is not known.",
        more={"emails.having('opened_at').having('clicked_at').count()": {"ana": 1, "ben": 0}},
    ),
    Example(
        "lacking",
        "emails",
        "emails.lacking('opened_at').count()",
        MAILS,
        {"ana": 0, "ben": 1},
        "`lacking` keeps exactly the rows that `having` leaves out. Ben's second mail counts as unopened.",
        more={"emails.having('opened_at').lacking('clicked_at').count()": {"ana": 1, "ben": 1}},
    ),
    Example(
        "only",
        "loyalty",
        "loyalty.only('kind', 'earn').total('points')",
        LOYALTY,
        {"ana": 35, "ben": 0},
        (
            "Ana earned 30 and 5 points; the 20 points that she redeemed do not count. Ben earned points at "
            "the cutoff itself (1 July 00:00), so this row is not known. `only` accepts a column only if the "
            "data contract of the table lists the column's possible names, such as `earn` and `redeem`."
        ),
        more={
            "loyalty.only('kind', 'redeem').days_since_last()": {"ana": 21, "ben": MISSING},
            "loyalty.only('kind', 'tier').days_until('expires_at')": {"ana": MISSING, "ben": 183},
            "loyalty.only('kind', 'expire').count()": {"ana": 0, "ben": 0},
        },
    ),
)
