"""Nobody is contacted without consent, after an objection, or from a suppression list."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.contact.consent import (
    Consents,
    consents_at,
    contact_refusals,
    match_suppression,
    read_suppression_lists,
)
from churn.errors import ParamsError, SourceError
from tests.drawn_company import parse

CUTOFF = datetime(2024, 7, 1)


def consents_of(text: str) -> pd.DataFrame:
    frame = pd.DataFrame(parse(text)).replace("", None)
    times = {name: pd.to_datetime(frame[name], format="ISO8601") for name in ("given_at", "withdrawn_at")}
    return frame.assign(**times)


def objects(*values: object) -> np.ndarray:
    return np.array(values, dtype=object)


DRAWN = """
customer  | channel | purpose   | given_at         | withdrawn_at
plain     | phone   | marketing | 2024-06-30 23:59 |
at-cutoff | phone   | marketing | 2024-07-01 00:00 |
withdrawn | phone   | marketing | 2024-01-01       | 2024-06-30
later     | phone   | marketing | 2024-01-01       | 2024-07-01
instant   | phone   | marketing | 2024-01-01       | 2024-01-01
again     | phone   | marketing | 2024-01-01       | 2024-02-01
again     | phone   | marketing | 2024-03-01       |
across    | phone   | marketing | 2024-01-01       | 2024-03-01
across    | phone   | marketing | 2024-02-01       |
tie       | phone   | marketing | 2024-01-01       | 2024-03-01
tie       | phone   | marketing | 2024-03-01       |
by-mail   | email   | marketing | 2024-01-01       |
service   | phone   | service   | 2024-01-01       |
capitals  | Phone   | Marketing | 2024-01-01       |
reversed  | phone   | marketing | 2024-03-01       | 2024-01-01
"""


@pytest.mark.parametrize(
    ("customer", "has_consent"),
    [
        ("plain", True),
        ("at-cutoff", False),  # what happens at the cutoff is not known before it
        ("withdrawn", False),
        ("later", True),  # the withdrawal is not known before the cutoff
        ("instant", False),  # given and withdrawn at one instant
        ("again", True),  # the latest consent counts
        ("across", False),  # a withdrawal also ends an earlier consent in another row
        ("tie", False),  # given at the instant of a withdrawal
        ("by-mail", False),
        ("service", False),
        ("capitals", True),
        ("reversed", False),  # a withdrawn consent, whatever the order of its times
        ("nobody", False),
    ],
)
def test_consent_at_a_cutoff(customer: str, has_consent: bool) -> None:
    consents = consents_at(consents_of(DRAWN), purpose="marketing", channels=["phone"], cutoff=CUTOFF)

    assert consents.holds(objects(customer), objects("phone")).tolist() == [has_consent]
    assert consents.warnings == ()


def test_a_purpose_or_a_channel_that_no_row_has_is_a_warning() -> None:
    consents = consents_at(consents_of(DRAWN), purpose="marketting", channels=["sms"], cutoff=CUTOFF)

    assert consents.customers_by_channel == {}
    assert consents.warnings == (
        "contact.purpose: no row of consents has the purpose 'marketting', so nobody has this "
        "consent. The purposes of the table are 'marketing', 'service'. Did you mean 'marketing'?",
        "contact.consent_channels: no row of consents has the channel 'sms', so nobody has this "
        "consent. The channels of the table are 'email', 'phone'.",
    )


def test_a_company_without_consents_gets_no_warning() -> None:
    empty = consents_of(DRAWN).iloc[:0]

    consents = consents_at(empty, purpose="marketing", channels=["phone"], cutoff=CUTOFF)

    assert consents == Consents({})


def test_each_candidate_has_the_strongest_reason() -> None:
    reasons = contact_refusals(
        objects("yes", "no", "no", "objected", "listed", "both"),
        objects("phone", "phone", "email", "email", "email", "phone"),
        has_objected=np.array([0, 0, 0, 1, 0, 1], dtype=bool),
        is_suppressed=np.array([0, 0, 0, 0, 1, 1], dtype=bool),
        consents=Consents({"phone": frozenset(["yes", "objected", "both"])}),
        consent_channels=["phone"],
    )

    assert reasons.tolist() == [
        None,
        "no consent for phone",
        None,
        "objected to being contacted",
        "on a suppression list",
        "objected to being contacted",
    ]


def test_suppression_lists_name_customers_by_id_and_by_address(tmp_path: Path) -> None:
    by_id, by_email = tmp_path / "ids.csv", tmp_path / "emails.csv"
    by_id.write_text("customer_id,since\n b ,2024-01-01\n\nzz,2024-01-01\n")
    by_email.write_text("name;E-Mail;email\nAnn;x;ANN@x.de\nBo;y;nobody@x.de\n", encoding="utf-16")

    suppression = match_suppression(
        read_suppression_lists([by_id, by_email]),
        objects("a", "b", "c", "d"),
        objects("ann@X.de ", None, "ann@x.de", ""),
    )

    assert suppression.is_suppressed.tolist() == [True, True, True, False]
    assert suppression.n_unmatched == {by_id: 1, by_email: 1}


def test_a_list_whose_lines_all_match_counts_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "both.csv"
    path.write_text("customer_id\temail\na\t\n\tann@x.de\n")

    suppression = match_suppression(
        read_suppression_lists([path]), objects("a", "b"), objects(None, "ann@x.de")
    )

    assert suppression.is_suppressed.all()
    assert suppression.n_unmatched == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"customer,since\na,b\n", r":1: a suppression list has .* are 'customer', 'since'. Did you mean 'c"),
        (b"", r":1: .* the columns of this file are none\."),
        (b"email,customer_id,email\n", r":1: the column 'email' occurs twice"),
        (b"customer_id,since\na,1\n,2\n", r":3: the line has no customer_id; the header has 2 columns"),
        (b"customer_id,email\na,b\n", r":2: the cell in the column email is no e-mail address\. Correct"),
        (b"customer_id\na,b\n", r":2: the line has 2 cells"),
        (b"customer_id\na\xe4\n", r"the file is not text in UTF-8\. Save the file"),
        ("customer_id\na\n".encode("utf-16-le"), r"the file is not text in UTF-8"),
        (b'customer_id\n"a\n', r":2: the line is not CSV .* Check its quotation marks"),
    ],
)
def test_a_file_that_is_no_suppression_list_is_a_mistake(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=message):
        read_suppression_lists([path])


def test_all_absent_files_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ParamsError) as raised:
        read_suppression_lists([tmp_path / "one.csv", tmp_path / "two.csv"])

    assert len(raised.value.problems) == 2
    assert raised.value.problems[0].startswith("contact.suppression: there is no file")
