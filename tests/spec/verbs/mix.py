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
        "view, edit, share; a row that does not say its kind is of none.",
    ),
    _example(
        "kind_entropy",
        "",
        {"ana": -(3 / 5 * log(3 / 5) + 2 * 1 / 5 * log(1 / 5)), "ben": 0, "none": MISSING},
        "Ana's five rows are 3/5 view, 1/5 edit, 1/5 share.",
    ),
    _example(
        "kinds_new",
        "14",
        {"ana": 1, "ben": 1, "none": 0},
        "The last 14 days begin on 17 June: share is new, view is not; all of Ben's is.",
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
        "Recently 1/2 view, 1/2 share; before 2/3 view, 1/3 edit; the middle has view at 7/12.",
    ),
    _example(
        "kind_share",
        "14",
        {"ana": 2 / 3, "ben": 1, "none": MISSING},
        "view and share, of view, edit and share.",
    ),
)
