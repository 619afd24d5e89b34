"""The functions beside the view: arithmetic, and what needs the whole cohort."""

from __future__ import annotations

from math import log, sqrt

from tests.spec.verbs.example import MISSING, Example

LOGINS = """
    customer | happened_at
    ana      | 2024-06-10 09:00
    ana      | 2024-06-20 09:00
    ana      | 2024-06-25 09:00
    ana      | 2024-05-10 09:00
    ben      | 2024-05-10 09:00
    none     | 2024-01-01 09:00
    new      | 2024-06-30 09:00
"""
"""In the last 28 days and the 28 before: ana 3 and 1, ben 0 and 1, none 0 and 0; new was not there."""

SIGNED_UP = """
    customer | signed_up_at
    ana      | 2020-01-01
    ben      | 2020-01-01
    none     | 2020-01-01
    new      | 2024-06-10
"""

RECENT, BEFORE = "logins.last(days=28).count()", "logins.last(days=56, skip=28).count()"


def _of_change(verb: str, given: str, expected: dict[str, float | None], because: str) -> Example:
    expression = f"{verb}({RECENT}, {BEFORE}{given})"
    return Example(verb, "logins", expression, LOGINS, expected, because, SIGNED_UP)


ARITHMETIC = (
    _of_change(
        "ratio",
        ", prior=1",
        {"ana": 2, "ben": 0.5, "none": 1, "new": MISSING},
        (
            "With `prior=1`, Ana's value is (3 + 1) / (1 + 1), and Ben's value is (0 + 1) / (1 + 1). The "
            "value of customer `none`, who has no rows in the two windows, is (0 + 1) / (0 + 1)."
        ),
    ),
    _of_change(
        "ratio",
        "",
        {"ana": 3, "ben": 0, "none": MISSING, "new": MISSING},
        "0 over 0 is missing.",
    ),
    _of_change(
        "log_ratio",
        "",
        {"ana": log(2), "ben": -log(2), "none": 0, "new": MISSING},
        ("For Ana, Ben and `none`, the values are ln (4 / 2), ln (1 / 2) and ln (1 / 1)."),
    ),
    _of_change(
        "drop_score",
        "",
        {"ana": 2 / sqrt(2), "ben": -1 / sqrt(2), "none": 0, "new": MISSING},
        (
            "Ana's value is (3 - 1) / sqrt(1 + 1), and Ben's value is (0 - 1) / sqrt(1 + 1). The value of "
            "customer `none`, who has no rows in the two windows, is (0 - 0) / sqrt(0 + 1)."
        ),
    ),
)

PEERS = "\n".join(
    ["customer | happened_at"]
    + [f"p{n:02} | 2024-06-{day:02} 09:00" for n in range(20) for day in range(10, 10 + (0 if n < 2 else n))]
    + ["p00 | 2024-01-01 09:00", "p01 | 2024-01-01 09:00", "new | 2024-06-20 09:00"]
)
"""Twenty customers of long standing, with 0 0 2 3 4 … 19 logins in June; one who is new."""

COHORT = (
    Example(
        "shrunk",
        "emails",
        "shrunk(emails.having('opened_at').count(), emails.count())",
        """
        customer | sent_at          | opened_at
        lucky    | 2024-06-10 10:00 | 2024-06-10 11:00
        often    | 2024-06-10 10:00 | 2024-06-10 11:00
        often    | 2024-06-11 10:00 | 2024-06-11 11:00
        often    | 2024-06-12 10:00 |
        often    | 2024-06-13 10:00 | 2024-07-01 00:00
        none     | 2024-07-01 10:00 |
        """,
        {"lucky": (1 + 4 * 3 / 5) / (1 + 4), "often": (2 + 4 * 3 / 5) / (4 + 4), "none": MISSING},
        (
            "All customers together opened 3 of 5 mails. With `strength=4`, the verb adds 4 mails with this "
            "rate to the mails of each customer."
        ),
    ),
    Example(
        "among_peers",
        "logins",
        "among_peers(logins.last(days=28).count())",
        PEERS,
        {
            **{f"p{n:02}": (n + 0.5) / 20 for n in range(2, 20)},
            "p00": 1 / 20,
            "p01": 1 / 20,
            "new": MISSING,
        },
        (
            "In the example there are twenty peers, and each customer also counts as a peer of itself. "
            "Customers p00 and p01, who have no login in the 28 days, have the lowest count. "
            "No peer has a lower count than p00. Two peers have the same count as p00: p00 itself and p01. "
            "A peer with an equal count counts half, so the value of p00 is (0 + 2 / 2) / 20. The value of "
            "p01 is the same. Every other customer has n peers with a lower count. The only peer with an "
            "equal count is the customer itself, so the value is (n + 1 / 2) / 20. Customer `new`, who is "
            "not in the tables above, signed up only on 1 June 2024. Nobody else has a similar tenure, so "
            "customer `new` has too few peers for a rank."
        ),
        customers="\n".join(
            ["customer | signed_up_at", *(f"p{n:02} | 2020-01-01" for n in range(20)), "new | 2024-06-01"]
        ),
    ),
    Example(
        "beyond_population",
        "logins",
        f"beyond_population({RECENT}, {BEFORE})",
        LOGINS,
        {
            "ana": log(4 / 2) - log(3 / 2),
            "ben": log(1 / 2) - log(3 / 2),
            "none": 0 - log(3 / 2),
            "new": MISSING,
        },
        (
            "Customer `new` signed up after the earlier window, so this customer has no value and does not "
            "count. Customers `ana`, `ben` and `none` together have 2 rows in the earlier window and 3 "
            "rows in the recent window, a factor of 3/2. Ana has 1 row in the earlier window and 3 rows in "
            "the recent window. The verb adds `prior` (here 1) to the two numbers of one customer, but not "
            "to the sums over all customers. So Ana's factor is (3 + 1) / (1 + 1) = 4/2, and her value is "
            "ln (4 / 2) - ln (3 / 2)."
        ),
        SIGNED_UP,
    ),
)
LIFETIME = tuple(
    Example(
        verb,
        "orders",
        f"orders.{verb}(days=28)",
        """
        customer | ordered_at       | amount
        ana      | 2024-06-01 10:00 | 10
        ana      | 2024-06-20 10:00 | 10
        none     | 2024-07-01 00:00 | 10
        """,
        {"ana": MISSING, "none": MISSING},
        (
            "The BG/NBD model needs at least 100 customers. The company in the example has fewer, "
            "so the value is missing."
        ),
    )
    for verb in ("p_none_next", "expected_next")
)

EXAMPLES = (*ARITHMETIC, *COHORT, *LIFETIME)
