"""Verbs on the mix of kinds."""

from __future__ import annotations

from math import log, log2, sqrt

from tests.spec.verbs.example import MISSING, Example

KINDS = """
    customer | happened_at      | kind
    ana      | 2024-06-05 10:00 | view
    ana      | 2024-06-10 10:00 | view
    ana      | 2024-06-16 23:59 | edit
    ana      | 2024-06-17 00:00 | view
    ana      | 2024-06-30 23:59 | share
    ana      | 2024-06-30 23:59 |
    ana      | 2024-07-01 00:00 | delete
    ben      | 2024-06-30 10:00 | view
    ben      | 2024-06-30 10:00 | view
    none     | 2024-01-01 10:00 | view
"""


def _example(verb: str, given: str, expected: dict[str, float | None], because: str) -> Example:
    return Example(
        verb, "interactions", f"interactions.last(days=28).{verb}({given})", KINDS, expected, because
    )


EXAMPLES = (
    _example(
        "kinds",
        "",
        {"ana": 3, "ben": 1, "none": 0},
        "The kinds of Ana's rows are `view`, `edit` and `share`. A row without a kind does not count.",
    ),
    _example(
        "kind_entropy",
        "",
        {"ana": -(3 / 5 * log(3 / 5) + 2 * 1 / 5 * log(1 / 5)), "ben": 0, "none": MISSING},
        "Of Ana's five rows with a kind, 3/5 have the kind `view`, 1/5 have `edit` and 1/5 have `share`.",
    ),
    _example(
        "kinds_new",
        "14",
        {"ana": 1, "ben": 1, "none": 0},
        (
            "The last 14 days of the window begin on 17 June. For Ana, the kind `share` is new and the kind "
            "`view` is not new. All of Ben's rows lie in the last 14 days, so his only kind is new."
        ),
    ),
    _example(
        "kind_shift",
        "14",
        {
            "ana": sqrt(
                (
                    (1 / 2 * log2((1 / 2) / (7 / 12)) + 1 / 2 * log2(2))
                    + (2 / 3 * log2((2 / 3) / (7 / 12)) + 1 / 3 * log2(2))
                )
                / 2
            ),
            "ben": MISSING,
            "none": MISSING,
        },
        (
            "In the last 14 days, Ana has one row of the kind `view` and one of the kind `share`. So her "
            "recent mix is 1/2 `view` and 1/2 `share`. Her earlier mix is 2/3 `view` and 1/3 `edit`. The "
            "mean of both mixes has 7/12 `view`."
        ),
    ),
    _example(
        "kind_share",
        "14",
        {"ana": 2 / 3, "ben": 1, "none": MISSING},
        (
            "The kinds of Ana's rows in the window are `view`, `edit` and `share`. The kinds `view` and "
            "`share` occur in the last 14 days."
        ),
    ),
)
