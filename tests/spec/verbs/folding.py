"""Verbs that fold."""

from __future__ import annotations

from tests.spec.verbs.example import MISSING, Example

ORDERS = """
    customer | ordered_at       | amount | discount
    ana      | 2024-06-03 10:00 | 30     | 1.5
    ana      | 2024-06-03 10:00 | 10     |
    ana      | 2024-06-20 00:00 | 20.10  | 0.5
    ana      | 2024-07-01 00:00 | 1000   | 9
    ben      | 2024-06-10 10:00 | 5      |
    none     | 2024-01-10 10:00 | 7      | 7
"""

TICKETS = """
    customer | opened_at        | first_reply_at
    ana      | 2024-06-10 10:00 | 2024-06-10 12:00
    ana      | 2024-06-11 10:00 | 2024-06-12 14:00
    ana      | 2024-06-12 10:00 |
    ben      | 2024-06-30 22:00 | 2024-07-01 00:00
"""

DAYS = """
    customer | happened_at
    ana      | 2024-06-02 23:59
    ana      | 2024-06-03 00:00
    ana      | 2024-06-03 23:59
    ana      | 2024-06-11 09:00
    ana      | 2024-06-27 09:00
    ben      | 2024-06-30 09:00
    none     | 2024-01-01 09:00
"""

BILLS = """
    customer | due_at     | amount | card_expires_at
    ana      | 2024-05-01 | 10     | 2024-12-31
    ana      | 2024-06-01 | 10     | 2024-07-11
    ana      | 2024-06-15 | 10     |
    ben      | 2024-06-01 | 10     | 2024-06-30
    none     | 2024-06-01 | 10     |
"""

EXAMPLES = (
    Example(
        "count",
        "logins",
        "logins.last(days=28).count()",
        """
        customer | happened_at      | known_at
        late     | 2024-06-03 00:00 | 2024-06-03 00:00
        late     | 2024-06-20 10:00 | 2024-07-01 00:00
        late     | 2024-06-21 10:00 | 2024-06-30 23:59
        twice    | 2024-06-20 10:00 | 2024-06-20 10:00
        twice    | 2024-06-20 10:00 | 2024-06-20 10:00
        new      | 2024-06-20 10:00 | 2024-06-20 10:00
        """,
        {"late": 2, "twice": 2, "new": 1},
        (
            "A row that becomes known at the cutoff does not count. Two rows that are equal count as two. "
            "If a customer signed up inside the window, the rows since then are counted. If a whole window "
            "lies before the sign-up, the count is missing, not 0."
        ),
        customers="""
        customer | signed_up_at
        late     | 2020-01-01
        twice    | 2020-01-01
        new      | 2024-06-15
        """,
        more={
            "logins.last(days=11).count()": {"late": 1, "twice": 2, "new": 1},
            "logins.last(days=28, skip=16).count()": {"late": 1, "twice": 0, "new": MISSING},
        },
    ),
    Example(
        "count",
        "logins",
        "logins.last(days=14).count()",
        """
        customer | happened_at
        first    | 2024-06-17 00:00
        first    | 2024-06-20 10:00
        """,
        {"first": 2},
        (
            "The first row of the table `logins` happened on 17 June, 14 days before the cutoff. So the "
            "table covers a window of 14 days, but not a window of 15 days."
        ),
        data_start_late=True,
        more={"logins.last(days=15).count()": {"first": MISSING}},
    ),
    Example(
        "active_days",
        "logins",
        "logins.last(days=28).active_days()",
        DAYS,
        {"ana": 3, "ben": 1, "none": 0},
        (
            "In the window, Ana has rows on 3 June (two rows, but one day), 11 June and 27 June. Her row of "
            "2 June lies before the window."
        ),
    ),
    Example(
        "total",
        "orders",
        "orders.last(days=28).total('amount')",
        ORDERS,
        {"ana": 60.10, "ben": 5, "none": 0},
        "Ana's total is 30 + 10 + 20.10. Ana's order at the midnight of the cutoff is not known yet.",
        more={"orders.last(days=28).total('discount')": {"ana": 2, "ben": 0, "none": 0}},
    ),
    Example(
        "mean",
        "orders",
        "orders.last(days=28).mean('amount')",
        ORDERS,
        {"ana": 60.10 / 3, "ben": 5, "none": MISSING},
        "Rows without an amount do not count. Ana's mean is 60.10 / 3.",
        more={"orders.last(days=28).mean('discount')": {"ana": 1, "ben": MISSING, "none": MISSING}},
    ),
    Example(
        "highest",
        "orders",
        "orders.last(days=28).highest('amount')",
        ORDERS,
        {"ana": 30, "ben": 5, "none": MISSING},
        "Ana's order with the amount 1000 is not known at the cutoff.",
        more={"orders.last(days=28).highest('discount')": {"ana": 1.5, "ben": MISSING, "none": MISSING}},
    ),
    Example(
        "lowest",
        "orders",
        "orders.last(days=28).lowest('amount')",
        ORDERS,
        {"ana": 10, "ben": 5, "none": MISSING},
        "Only known rows count. A missing discount is not 0.",
        more={"orders.last(days=28).lowest('discount')": {"ana": 0.5, "ben": MISSING, "none": MISSING}},
    ),
    Example(
        "mean_hours_to",
        "tickets",
        "tickets.mean_hours_to('first_reply_at')",
        TICKETS,
        {"ana": 15, "ben": MISSING},
        (
            "Ana waited 2 and 28 hours for the replies to her tickets. Ana's ticket without a reply does "
            "not count. The reply to Ben comes at the midnight of the cutoff, so it is not known."
        ),
    ),
    Example(
        "mean_days_to",
        "tickets",
        "tickets.mean_days_to('first_reply_at')",
        TICKETS,
        {"ana": 0.625, "ben": MISSING},
        "15 hours over 24.",
    ),
    Example(
        "days_since_last",
        "logins",
        "logins.days_since_last()",
        DAYS,
        {"ana": 4, "ben": 1, "none": 182},
        "Ana's latest row is from 27 June, 4 days before the cutoff of 1 July. A row of yesterday gives 1.",
        more={"logins.last(days=28).days_since_last()": {"ana": 4, "ben": 1, "none": MISSING}},
    ),
    Example(
        "days_since_first",
        "logins",
        "logins.last(days=28).days_since_first()",
        DAYS,
        {"ana": 28, "ben": 1, "none": MISSING},
        (
            "Ana's first row in the window is from 3 June, the first day of the window. The days are "
            "counted from 3 June to the cutoff of 1 July."
        ),
    ),
    Example(
        "latest",
        "surveys",
        "surveys.by('answered_at').latest('rating')",
        """
        customer | asked_at         | answered_at      | rating
        order    | 2024-06-01 10:00 | 2024-06-20 09:00 | 3
        order    | 2024-06-10 10:00 | 2024-06-12 09:00 | 8
        tie      | 2024-06-01 10:00 | 2024-06-12 09:00 | 4
        tie      | 2024-06-01 10:00 | 2024-06-12 09:00 | 9
        silent   | 2024-06-01 10:00 | 2024-06-12 09:00 | 5
        silent   | 2024-06-02 10:00 | 2024-06-13 09:00 |
        future   | 2024-06-02 10:00 | 2024-07-01 00:00 | 1
        """,
        {"order": 3, "tie": 9, "silent": 5, "future": MISSING},
        (
            "With `by('answered_at')`, the latest row is the row with the latest answer. If several rows "
            "have the same time, the highest of their values counts. An answer without a rating is ignored. "
            "An answer that comes exactly at the cutoff is not known yet."
        ),
    ),
    Example(
        "latest_level",
        "interactions",
        "interactions.latest_level('kind')",
        """
        customer | happened_at      | kind
        ana      | 2024-06-01 10:00 | view
        ana      | 2024-06-02 10:00 | edit
        ben      | 2024-06-01 10:00 | share
        ben      | 2024-06-02 10:00 |
        none     | 2024-07-01 10:00 | view
        """,
        {"ana": "edit", "ben": "share", "none": MISSING},
        (
            "The verb returns a code: the number under which the store keeps the latest name. "
            "The table above and the snapshots show the name, not the code. A row without a kind is ignored."
        ),
    ),
    Example(
        "days_until",
        "payments",
        "payments.days_until('card_expires_at')",
        BILLS,
        {"ana": 10, "ben": -1, "none": MISSING},
        (
            "Ana's latest bill that shows when her card expires is the bill of 1 June. The expiry date, 11 "
            "July, lies after the cutoff, but the bill already states it before the cutoff."
        ),
    ),
    Example(
        "per",
        "logins",
        "logins.last(days=28).per(days=7)",
        DAYS,
        {"ana": 1, "ben": 0.5, "none": 0},
        (
            "Ana has 4 rows in 28 days, which is 1 row in 7 days. Ben signed up 14 days before the cutoff. "
            "So Ben has 1 row in 14 days, which is 0.5 rows in 7 days. With `quiet_days=14`, 14 days without "
            "a row are added, so Ben has 1 row in 28 days."
        ),
        customers="""
        customer | signed_up_at
        ana      | 2020-01-01
        ben      | 2024-06-17
        none     | 2020-01-01
        """,
        more={
            "logins.last(days=28).per(days=28)": {"ana": 4, "ben": MISSING, "none": 0},
            "logins.last(days=28).per(days=7, quiet_days=14)": {"ana": 4 / 6, "ben": 0.25, "none": 0},
        },
    ),
    Example(
        "slope",
        "logins",
        "logins.last(days=4).slope(per_days=1)",
        """
        customer | happened_at
        rises    | 2024-06-28 09:00
        rises    | 2024-06-29 09:00
        rises    | 2024-06-29 10:00
        rises    | 2024-06-30 09:00
        rises    | 2024-06-30 10:00
        rises    | 2024-06-30 11:00
        even     | 2024-06-01 09:00
        new      | 2024-06-30 09:00
        """,
        {"rises": 1, "even": 0, "new": MISSING},
        (
            "On days 0, 1, 2 and 3 of the window there are 0, 1, 2 and 3 rows, so the count grows by one "
            "row per day."
        ),
        customers="""
        customer | signed_up_at
        rises    | 2020-01-01
        even     | 2020-01-01
        new      | 2024-06-29
        """,
        more={"logins.last(days=4).slope()": {"rises": 28, "even": 0, "new": MISSING}},
    ),
    Example(
        "decayed_count",
        "logins",
        "logins.decayed_count(half_life_days=10)",
        """
        customer | happened_at
        ana      | 2024-06-21 09:00
        ana      | 2024-06-11 09:00
        ana      | 2024-06-11 23:59
        none     | 2024-07-01 00:00
        """,
        {"ana": 1.0, "none": 0},
        (
            "With a half-life of 10 days, a row of 10 days ago has the weight 1/2. Each of the two rows of "
            "20 days ago has the weight 1/4."
        ),
    ),
    Example(
        "mean_gap",
        "logins",
        "logins.last(days=28).mean_gap()",
        DAYS,
        {"ana": 12, "ben": MISSING, "none": MISSING},
        "Ana was active on 3, 11 and 27 June. So her gaps are 8 and 16 days.",
    ),
    Example(
        "tenure_days",
        "logins",
        "logins.tenure_days()",
        """
        customer | happened_at
        new      | 2024-06-20 10:00
        today    | 2024-06-20 10:00
        """,
        {"new": 16, "today": 1},
        "The days are counted from the sign-up (15 June or 30 June) to the cutoff of 1 July.",
        customers="""
        customer | signed_up_at
        new      | 2024-06-15
        today    | 2024-06-30
        """,
    ),
    Example(
        "never",
        "loyalty",
        "loyalty.only('kind', 'redeem').never()",
        """
        customer | happened_at      | kind
        ana      | 2024-06-03 10:00 | redeem
        ben      | 2024-06-03 10:00 | earn
        ben      | 2024-07-01 00:00 | redeem
        old      | 2024-06-03 10:00 | earn
        user     | 2024-06-03 10:00 | redeem
        """,
        {"ana": 0, "ben": 1, "old": MISSING, "user": 0},
        (
            "Ben redeemed points only at the cutoff itself (1 July 00:00), so this row is not known. The "
            "data begin on 3 June: so it is not known whether customer `old`, who signed up earlier, "
            "redeemed points before 3 June. Customer `user` has redeemed points, so the result is 0."
        ),
        customers="""
        customer | signed_up_at
        ana      | 2024-06-03
        ben      | 2024-06-03
        old      | 2024-06-02
        user     | 2024-06-02
        """,
        data_start_late=True,
        more={"loyalty.last(days=28).never()": {"ana": 0, "ben": 0, "old": 0, "user": 0}},
    ),
)
