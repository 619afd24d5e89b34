"""Names that speak of leaving, and columns that are known to leak."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.guards.names import deny_list, known_leaks, leaving_word, suspicious_names
from tests.guard_companies import churners, draw_contracts, draw_table, findings_of, severities, stayers


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("cancel_reason", "cancel"),
        ("isChurned", "churned"),
        ("Exited", "exited"),
        ("refunds_90d", "refunds"),
        ("account_closed", "closed"),
        ("contractEndDate", "end_date"),
        ("WINBACK_OFFER", "winback"),
        ("win_back", "win_back"),
        ("Kuendigungsgrund", "kuendigungsgrund"),
        ("target", "target"),
        ("targeting_group", None),
        ("weekend_dates", None),
        ("disclosed_income", None),
        ("existing_products", None),
        ("unexciting", None),
        ("country", None),
    ],
)
def test_a_name_speaks_of_leaving_by_its_words_whatever_their_case(name: str, word: str | None) -> None:
    assert leaving_word(name) == word


def customers(column: str, left: list[str], stayed: list[str], values: tuple[object, object]) -> str:
    rows = [(one, "2023-01-01", values[0]) for one in left] + [
        (one, "2023-01-01", values[1]) for one in stayed
    ]
    return draw_table(f"customer | signed_up_at | {column}", rows)


@pytest.mark.parametrize(
    ("values", "severity"),
    [(("yes", "no"), "stop"), (("yes", "yes"), "warn")],
)
def test_a_suspicious_attribute_stops_only_where_leavers_have_other_values(
    tmp_path: Path, values: tuple[str, str], severity: str
) -> None:
    left, stayed = churners(15), stayers(15)

    found = findings_of(
        suspicious_names,
        tmp_path,
        static=["churn_flag"],
        customers=customers("churn_flag", left, stayed, values),
        subscriptions=draw_contracts(left, stayed),
    )

    assert severities(found) == [("customers.churn_flag", severity)]


def test_a_suspicious_name_behind_the_mapping_is_seen(tmp_path: Path) -> None:
    left, stayed = churners(15), stayers(15)

    found = findings_of(
        suspicious_names,
        tmp_path,
        tables={"customers": {"static": ["segment"], "columns": {"segment": "upper(exit_reason)"}}},
        customers=customers("exit_reason", left, stayed, ("price", None)),
        subscriptions=draw_contracts(left, stayed),
    )

    assert severities(found) == [("customers.segment", "stop")]


def test_an_end_mapped_as_the_end_is_as_it_should_be_and_one_mapped_as_a_renewal_is_not(
    tmp_path: Path,
) -> None:
    drawn = draw_table("customer | started_at | end_date", [("ana", "2024-01-01", None)])
    right, wrong = {"ended_at": "end_date"}, {"renews_at": "end_date"}

    found = [
        findings_of(
            suspicious_names,
            tmp_path / str(place),
            tables={"subscriptions": {"columns": columns}},
            customers=draw_table("customer | signed_up_at", [("ana", "2024-01-01")]),
            subscriptions=drawn,
        )
        for place, columns in enumerate((right, wrong))
    ]

    assert [severities(each) for each in found] == [[], [("subscriptions.renews_at", "warn")]]


@pytest.mark.parametrize(
    ("static", "severity"),
    [
        (["CLTV"], "warn"),
        (["CLTV", "Payment Method"], "warn"),
        (["CLTV", "Payment Method", "Tech Support"], "stop"),
        (["Payment Method", "Tech Support"], None),
    ],
)
def test_a_column_known_to_leak_stops_beside_two_of_its_data_set(
    tmp_path: Path, static: list[str], severity: str | None
) -> None:
    head = " | ".join(["customer", "signed_up_at", *static])

    found = findings_of(
        known_leaks,
        tmp_path,
        static=static,
        customers=draw_table(head, [("ana", "2024-01-01", *"xyz"[: len(static)])]),
        subscriptions=draw_contracts([], ["ana"]),
    )

    assert severities(found) == ([("customers.CLTV", severity)] if severity else [])


def test_a_kind_known_to_leak_is_named(tmp_path: Path) -> None:
    found = findings_of(
        known_leaks,
        tmp_path,
        customers=draw_table("customer | signed_up_at", [("ana", "2024-01-01")]),
        subscriptions=draw_contracts([], ["ana"]),
        interactions=draw_table(
            "customer | happened_at | kind",
            [("ana", "2024-02-01", "NextSong"), ("ana", "2024-02-02", "Cancellation Confirmation")],
        ),
    )

    assert severities(found) == [("interactions.kind: Cancellation Confirmation", "warn")]


def test_every_entry_of_the_deny_list_says_what_leaks_and_why() -> None:
    for entry in deny_list():
        assert entry.data
        assert entry.why
        assert entry.columns or entry.kinds
        assert len(entry.beside) != 1
