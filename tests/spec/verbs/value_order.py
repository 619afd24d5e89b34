"""Verbs on values in the order of the rows."""

from __future__ import annotations

from tests.spec.verbs.example import MISSING, Example

ORDERS = """
    customer | ordered_at       | amount | units
    ana      | 2024-06-01 00:00 | 40     | 1
    ana      | 2024-06-11 10:00 | 10     |
    ana      | 2024-06-11 10:00 | 20     | 2
    ana      | 2024-06-21 23:59 | 30     | 4
    ana      | 2024-07-01 00:00 | 99     | 9
    ben      | 2024-06-21 10:00 | 7      |
    none     | 2024-07-01 00:00 | 7      |
"""

MAILS = """
    customer | sent_at          | opened_at
    ana      | 2024-06-01 10:00 | 2024-06-28 10:00
    ana      | 2024-06-10 10:00 | 2024-06-10 11:00
    ana      | 2024-06-20 10:00 |
    ana      | 2024-06-25 10:00 | 2024-07-01 00:00
    never    | 2024-06-01 10:00 |
    never    | 2024-06-02 10:00 |
    opens    | 2024-06-01 10:00 | 2024-06-01 10:00
    none     | 2024-07-01 00:00 |
"""

EXAMPLES = (
    Example(
        "previous",
        "orders",
        "orders.previous('amount')",
        ORDERS,
        {"ana": 20, "ben": MISSING, "none": MISSING},
        (
            "Ana's amounts in the order of time are 40, 10, 20 and 30. The amounts 10 and 20 have the same "
            "minute, so they are ordered by value. The amount before the last amount is 20."
        ),
        more={"orders.previous('units')": {"ana": 2, "ben": MISSING, "none": MISSING}},
    ),
    Example(
        "run_lacking",
        "emails",
        "emails.run_lacking('opened_at')",
        MAILS,
        {"ana": 2, "never": 2, "opens": 0, "none": MISSING},
        (
            "Ana opened the mail of 25 June exactly at the midnight of the cutoff, so this opening is not "
            "known yet. Ana opened two other mails, those of 1 June and 10 June. Of these two mails, the "
            "verb takes the one that was sent last, on 10 June. After 10 June, two mails were sent, so the "
            "value is 2. It does not matter that Ana opened the mail of 1 June later, on 28 June."
        ),
    ),
    Example(
        "quantile",
        "orders",
        "orders.quantile('amount', 0.5)",
        ORDERS,
        {"ana": 20, "ben": 7, "none": MISSING},
        (
            "Ana's amounts are 10, 20, 30 and 40. Half of the amounts are 20 or less. Only a quarter of the "
            "amounts are 10 or less, so the quantile is not 10 but 20."
        ),
        more={
            "orders.quantile('amount', 0.51)": {"ana": 30, "ben": 7, "none": MISSING},
            "orders.quantile('amount', 1.0)": {"ana": 40, "ben": 7, "none": MISSING},
            "orders.quantile('amount', 0.0)": {"ana": 10, "ben": 7, "none": MISSING},
        },
    ),
    Example(
        "count_at_most",
        "orders",
        "orders.count_at_most('amount', 20)",
        ORDERS,
        {"ana": 2, "ben": 1, "none": 0},
        "With a bound of 20, the amounts 10 and 20 count, because the bound itself counts.",
        more={"orders.count_at_most('units', 0)": {"ana": 0, "ben": 0, "none": 0}},
    ),
    Example(
        "count_slower",
        "tickets",
        "tickets.count_slower('first_reply_at', days=2)",
        """
        customer | opened_at        | first_reply_at
        ana      | 2024-06-11 10:00 | 2024-06-13 10:00
        ana      | 2024-06-12 10:00 | 2024-06-14 10:01
        ana      | 2024-06-13 10:00 |
        none     | 2024-06-22 10:00 | 2024-07-01 00:00
        """,
        {"ana": 1, "none": 0},
        (
            "A reply after exactly two days is not slower than two days, so it does not count. A reply that "
            "comes exactly at the cutoff is not known yet."
        ),
    ),
    Example(
        "trend",
        "orders",
        "orders.trend('units')",
        """
        customer | ordered_at       | amount | units
        rises    | 2024-06-01 10:00 | 1      | 1
        rises    | 2024-06-11 10:00 | 1      | 2
        rises    | 2024-06-21 10:00 | 1      | 3
        one_day  | 2024-06-21 10:00 | 1      | 3
        one_day  | 2024-06-21 11:00 | 1      | 4
        one_day  | 2024-06-21 12:00 | 1      | 5
        two      | 2024-06-01 10:00 | 1      | 3
        two      | 2024-06-21 10:00 | 1      | 5
        """,
        {"rises": 4, "one_day": MISSING, "two": MISSING},
        (
            "The values 1, 2 and 3 are ten days apart. The verb fits a straight line to them. At the cutoff, "
            "ten days after the last value, this line reaches 4. Two values are too few for a line."
        ),
    ),
    Example(
        "decayed_mean",
        "orders",
        "orders.decayed_mean('units', half_life_days=10)",
        ORDERS,
        {"ana": (1 / 8 + 2 / 4 + 4 / 2) / (1 / 8 + 1 / 4 + 1 / 2), "ben": MISSING, "none": MISSING},
        "The values 1, 2 and 4 are 30, 20 and 10 days old. So the values have the weights 1/8, 1/4 and 1/2.",
    ),
    Example(
        "decayed_hours_to",
        "tickets",
        "tickets.decayed_hours_to('first_reply_at', half_life_days=10)",
        """
        customer | opened_at        | first_reply_at
        ana      | 2024-06-11 10:00 | 2024-06-11 16:00
        ana      | 2024-06-21 10:00 | 2024-06-22 10:00
        ana      | 2024-06-22 10:00 |
        none     | 2024-06-22 10:00 | 2024-07-01 00:00
        """,
        {"ana": (6 / 4 + 24 / 2) / (1 / 4 + 1 / 2), "none": MISSING},
        (
            "Ana's ticket with a reply after 6 hours is 20 days old at the cutoff, so its weight is 1/4. Her "
            "ticket with a reply after 24 hours is 10 days old, so its weight is 1/2. A ticket without a "
            "known reply does not count."
        ),
    ),
    Example(
        "count_late",
        "tickets",
        "tickets.count_late('first_reply_at', 'due_at')",
        """
        customer | opened_at        | first_reply_at   | due_at
        late     | 2024-06-11 10:00 | 2024-06-13 00:00 | 2024-06-12 10:00
        in_time  | 2024-06-11 10:00 | 2024-06-12 23:59 | 2024-06-12 10:00
        waits    | 2024-06-11 10:00 |                  | 2024-06-30 23:59
        may_wait | 2024-06-11 10:00 |                  | 2024-07-01 00:00
        told     | 2024-06-11 10:00 | 2024-07-01 00:00 | 2024-06-29 10:00
        no_word  | 2024-06-11 10:00 | 2024-06-20 10:00 |
        two      | 2024-06-11 10:00 | 2024-06-13 10:00 | 2024-06-12 10:00
        two      | 2024-06-12 10:00 | 2024-06-13 10:00 | 2024-06-12 10:00
        """,
        {"late": 1, "in_time": 0, "waits": 1, "may_wait": 0, "told": 1, "no_word": 0, "two": 2},
        (
            "The reply to customer `late` came one day after the promised day, so the ticket "
            "counts as late. The reply to customer `in_time` came after the promised hour, but on the "
            "promised day, so the ticket does not count. The ticket of customer `waits` counts: it has no "
            "reply, and the promised day is over. The ticket of customer "
            "`may_wait` does not count, because the promised day is not over. The ticket of customer `told` "
            "counts too: the promised day is over, and the reply is not known, because it came only at the "
            "cutoff itself (1 July 00:00). The ticket of customer `no_word` does not count, because no "
            "reply was promised."
        ),
    ),
    Example(
        "days_until_next",
        "loyalty",
        "loyalty.days_until_next('expires_at', 'points', loyalty.latest('balance'))",
        """
        customer | happened_at      | kind | points | expires_at | balance
        all      | 2024-06-01 10:00 | earn | 10     | 2024-07-11 | 10
        all      | 2024-06-02 10:00 | earn | 10     | 2024-07-21 | 20
        some     | 2024-06-01 10:00 | earn | 10     | 2024-07-21 | 10
        some     | 2024-06-02 10:00 | earn | 10     | 2024-07-11 | 10
        today    | 2024-06-01 10:00 | earn | 10     | 2024-07-01 | 10
        late     | 2024-06-01 10:00 | earn | 10     | 2024-06-30 | 10
        none     | 2024-06-01 10:00 | earn | 10     | 2024-07-11 | 0
        silent   | 2024-06-01 10:00 | earn | 10     | 2024-07-11 |
        forever  | 2024-06-01 10:00 | earn | 10     |            | 10
        forever  | 2024-06-02 10:00 | earn | 10     | 2024-07-11 | 10
        both     | 2024-06-01 10:00 | earn | 10     |            | 10
        both     | 2024-06-02 10:00 | earn | 10     | 2024-07-11 | 20
        """,
        {
            "all": 10,
            "some": 20,
            "today": 0,
            "late": MISSING,
            "none": MISSING,
            "silent": MISSING,
            "forever": MISSING,
            "both": 10,
        },
        (
            "The customer named `all` has used none of the 20 points, and the first 10 points expire on "
            "11 July. "
            "Customer `some` has 10 points left: the points that expire first are used first, whatever the "
            "order of the rows. The points of customer `late` have expired. Customer `none` has no points "
            "left, and the balance of customer `silent` is not known. Customer `forever` has 10 points "
            "left, which never expire. Customer `both` has 10 points that never expire and 10 points that "
            "expire on 11 July."
        ),
    ),
)
