from __future__ import annotations

import pytest

from churn.finding import Finding
from churn.guards.sign_off import group_findings, group_sentence, sign_off_hint


def alone(place: str, auc: float, way_out: str = "Leave it out.", severity: str = "warn") -> Finding:
    figure = f"AUC {auc:.3f}"
    return Finding(place, f"it reaches {figure}.", way_out, severity, "alone", figure)  # type: ignore[arg-type]


def test_a_group_has_guard_way_out_and_severity_in_common() -> None:
    late = Finding("orders", "rows are late.", "Map it.", guard="late_rows")
    found = [
        alone("a", 0.91),
        late,
        alone("b", 0.92),
        alone("c", 0.99, severity="stop"),
        alone("d", 0.93, "Mend it."),
    ]

    groups = group_findings(found)

    assert [[one.place for one in group] for group in groups] == [["a", "b"], ["orders"], ["c"], ["d"]]


def test_what_is_asked_besides_keeps_groups_apart() -> None:
    found = [alone("a", 0.91), alone("b", 0.92), alone("c", 0.93)]

    groups = group_findings(found, {found[0]: "seen", found[1]: "known", found[2]: "seen"}.__getitem__)

    assert [[one.place for one in group] for group in groups] == [["a", "c"], ["b"]]


@pytest.mark.parametrize(
    ("places", "likewise"),
    [
        ("a", ""),
        ("ab", " Likewise b (AUC 0.920)."),
        ("abcd", " Likewise b (AUC 0.920), c (AUC 0.920), d (AUC 0.920)."),
        ("abcdefg", " Likewise b (AUC 0.920), c (AUC 0.920), d (AUC 0.920) and 3 more."),
    ],
)
def test_a_group_is_one_line_that_names_a_few_places_and_counts_the_rest(places: str, likewise: str) -> None:
    (group,) = group_findings([alone(place, 0.92) for place in places])

    assert group_sentence(group) == f"alone: a: it reaches AUC 0.920.{likewise} Leave it out."


def test_a_group_may_be_signed_off_as_a_whole_or_by_place() -> None:
    (several,) = group_findings([alone("a", 0.92), alone("b", 0.92)])

    hint = sign_off_hint(several, "evaluate.accept")
    assert hint == (
        "To sign off all 2 findings, give a reason in evaluate.accept under 'alone'. To sign off only one of "
        "them, give the reason under its own key, such as 'a'."
    )
