"""The call list of a drawn night: its rows, its filters and what unfolds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from churn.reporting.page.call import ContactBefore, CustomerNotes
from churn.reporting.page.call_data import (
    CODES,
    MANY_CALLS,
    MOST_USES,
    NAME_MARK,
    OWN_LINE,
    call_data,
    compact,
    pack,
)
from churn.reporting.page.calls import calls_of, calls_section, plays_of
from churn.reporting.page.sources import ReportSources, read_report_sources
from churn.reporting.page.words import Words
from tests.drawn_night import DrawnCall, write_drawn_night

NIGHT, BEFORE = date(2024, 1, 31), date(2024, 1, 30)
CALLS = (
    DrawnCall("ann", 0.5, 1, 100.4, name="Ann", owner="success", play="quiet", status="overdue"),
    DrawnCall("bob", 0.25, 2, None, owner="sales", play="late", channel="email", reasons=()),
    DrawnCall("cem", 0.125, 3, 50.6, owner="success", play="quiet", reasons=("a", "b", "c")),
)


@pytest.fixture
def night(tmp_path: Path) -> ReportSources:
    write_drawn_night(tmp_path, BEFORE, CALLS[:1])
    write_drawn_night(tmp_path, NIGHT, CALLS)
    return read_report_sources(tmp_path)


def data_of(night: ReportSources, language: str = "en") -> dict[str, Any]:
    words = Words(language)  # type: ignore[arg-type]
    return call_data(calls_of(night, "churn_probability"), night.history, night.contacts_before, words)


def test_the_keys_of_sorting_and_filtering_are_numbers_of_texts(night: ReportSources) -> None:
    data = data_of(night)

    assert data["probability"] == [5000, 2500, 1250]
    assert data["value"] == [100, None, 51]
    assert (data["health"], data["due"]) == ([1, 2, 3], [0, 0, 0])
    assert [data["names"]["owner"][number] for number in data["owner"]] == ["success", "sales", "success"]
    assert [data["names"]["status"][number] for number in data["status"]] == ["overdue", "new", "new"]
    assert data["names"]["status"] == ["new", "open", "overdue"]


def test_the_list_is_filtered_by_the_stage_of_the_playbook(night: ReportSources) -> None:
    lapsing = CustomerNotes(stage="lapsing")

    staged = replace(night, notes=night.notes | {"ann": lapsing})

    data, none = data_of(staged), data_of(night)
    assert [data["names"]["stage"][number] for number in data["stage"]] == ["lapsing", "no stage", "no stage"]
    assert none["stage"] == [-1, -1, -1]
    assert '<select name="stage">' in str(calls_section(staged, Words("de")).html)
    assert '<select name="stage">' not in str(calls_section(night, Words("de")).html)


def test_what_unfolds_is_packed(night: ReportSources) -> None:
    notes = CustomerNotes(
        ("activity",), ("4",), "Hello Ann", "Dear Ann,\n\nBye", None, {"logins": 3, "orders": 40}
    )
    contact = ContactBefore(BEFORE, "quiet", "email")
    night = replace(night, notes=night.notes | {"ann": notes}, contacts_before={"ann": (contact,)})

    data = data_of(night)

    assert data["nights"] == ["30 Jan", "31 Jan"]
    assert data["history"] == ["dwdw", "..6y", "..3h"]
    assert [data["levels"][number] for number in data["usual"][0]] == ["4"]
    assert data["tables"] == ["logins", "orders"]
    assert data["seen"] == ["0314", "....", "...."]
    lines = ["" if number < 0 else data["lines"][number] for number in data["message"][0]]
    assert lines == [f"Hello {NAME_MARK}", f"Dear {NAME_MARK},", "", "Bye"]
    assert data["before"][0] == [["30 Jan 2024", data["play"][0], data["channel"][1]]]
    assert data["before"][1:] == [[], []]


def test_the_data_are_written_in_a_shorter_form() -> None:
    codes = {key: [0, 35, -1] for key in CODES}
    common = [0] * (MOST_USES + 1)
    messages = [[-1, *common], [1, *common], []]
    before = [[["1 Oct 2025", 0, 1]], [["1 Oct 2025", 0, 1], ["2 Oct 2025", 0, 1]], []]

    short = compact({**codes, "message": messages, "before": before})

    assert [short[key] for key in CODES] == ["0z."] * len(CODES)
    assert short["message"] == [[0], [1, 1], []]
    assert short["shapes"] == [(-1, *common), (OWN_LINE, *common)]
    assert (short["before"], short["contacts"]) == (
        [[0], [0, 1], []],
        [("1 Oct 2025", 0, 1), ("2 Oct 2025", 0, 1)],
    )


def test_codes_of_more_names_than_digits_stay_numbers() -> None:
    many = {**{key: [0] for key in CODES}, "owner": [36], "message": [], "before": []}

    assert (compact(many)["owner"], compact(many)["play"]) == ([36], "0")


def test_a_template_that_cannot_be_filled_says_why(night: ReportSources) -> None:
    night = replace(night, notes=night.notes | {"ann": CustomerNotes(message_problem="a value is missing")})

    data = data_of(night)

    assert data["lines"][data["message"][0][1]] == "The template cannot be filled: a value is missing"


def test_numbers_are_packed_in_two_digits() -> None:
    assert pack([0, 1000, None, 99_999]) == "00rs..zz"


def test_a_long_list_shows_the_main_reason_and_unfolds_the_others(tmp_path: Path) -> None:
    calls = [
        DrawnCall(f"c{number}", 0.5, reasons=("main", f"next {number % 2}")) for number in range(MANY_CALLS)
    ]
    write_drawn_night(tmp_path, NIGHT, calls)
    night = read_report_sources(tmp_path)

    html, data = str(calls_section(night, Words("en")).html), data_of(night)

    table = html[html.index('id="call-table"') : html.index("</table>", html.index('id="call-table"'))]
    assert table.count("main") == MANY_CALLS
    assert "next" not in table
    assert data["reasons"] == ["next 0", "next 1"]
    assert data["more"][:3] == [[0], [1], [0]]


def test_every_call_is_a_row_and_the_plays_are_counted(night: ReportSources) -> None:
    html = str(calls_section(night, Words("de")).html)

    rows = re.findall(r"^<tr><td>\d", html, re.MULTILINE)
    plays = plays_of(calls_of(night, "churn_probability"))
    assert len(rows) == 3
    assert [(play.name, play.n_calls) for play in plays] == [("quiet", 2), ("late", 1)]
    assert "kein einzelner Grund" in html
    assert "überfällig" in html


def test_a_filter_with_one_choice_is_left_out(tmp_path: Path) -> None:
    write_drawn_night(tmp_path, NIGHT, [DrawnCall("ann", 0.5, 1), DrawnCall("bob", 0.4, 2)])

    html = str(calls_section(read_report_sources(tmp_path), Words("en")).html)

    assert '<select name="health">' in html
    assert '<select name="owner">' not in html


def test_data_cannot_end_their_script(tmp_path: Path) -> None:
    name = "</script><b>\u2028"
    write_drawn_night(tmp_path, NIGHT, [DrawnCall("ann", 0.5, owner=name)])

    html = str(calls_section(read_report_sources(tmp_path), Words("en")).html)

    blob = html.split('id="call-data">')[1].split("</script>")[0]
    assert json.loads(blob)["names"]["owner"] == [name]
    assert "\u2028" not in blob
