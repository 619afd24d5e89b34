"""The report in a real browser: by mouse, by keyboard, without scripts, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from benchmarks.looks import LANGUAGES, SCHEMES, WIDTHS, Look, open_page
from churn.reporting.page.call import ContactBefore, CustomerNotes
from churn.reporting.page.sources import read_report_sources
from churn.reporting.report import render_report
from tests.drawn_night import DrawnCall, write_drawn_night

N_CALLS = 90
WIDE, PHONE = Look(1280, "light"), Look(390, "dark")


@pytest.fixture
def wide(browser: Any, pages: dict[str, Path]) -> Iterator[Any]:
    with open_page(browser, pages["en"], WIDE) as view:
        view.page.locator("#call-rest").click()
        yield view.page


def customers(page: Any) -> list[str]:
    """Return the ids of the calls that are shown, in order."""
    return [text.strip() for text in page.locator("#call-table tbody tr:visible > th i").all_inner_texts()]


def test_every_look_needs_no_network_and_no_sideways_scrolling(browser: Any, pages: dict[str, Path]) -> None:
    problems = {}
    for language in LANGUAGES:
        with open_page(browser, pages[language], WIDE) as view:
            for width, scheme in product(WIDTHS, SCHEMES):
                view.page.set_viewport_size({"width": width, "height": 900})
                view.page.emulate_media(color_scheme=scheme)
                problems[language, width, scheme] = view.problems(with_axe=False)

    assert {look: found for look, found in problems.items() if found} == {}


@pytest.mark.parametrize(("language", "look"), [("de", PHONE), ("en", WIDE)], ids=["phone", "wide"])
def test_axe_finds_nothing_serious(browser: Any, pages: dict[str, Path], language: str, look: Look) -> None:
    with open_page(browser, pages[language], look) as view:
        view.page.locator(".unfold").first.click()

        assert view.problems() == []


def test_problems_of_a_page_are_found(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "bad.html"
    file.write_text(
        '<html><body style="color:#777;background:#666"><p style="width:3000px">wide</p>'
        '<svg width="200" height="9"><text x="-9">cut</text><text x="9">whole</text></svg>'
        '<img src="picture.png"><script>nothing()</script></body></html>'
    )

    with open_page(browser, file, WIDE) as view:
        problems = " ".join(view.problems())

    for word in (
        "request: ",
        "nothing is not defined",
        "wider than the screen",
        "cut in a chart: cut",
        "color-contrast",
        "image-alt",
    ):
        assert word in problems
    assert "whole" not in problems


def test_a_long_list_begins_folded_so_that_the_sections_below_are_near(
    browser: Any, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages["en"], WIDE) as view:
        page, rest = view.page, view.page.locator("#call-rest")
        first = customers(page)
        page.locator("select[name=owner]").select_option(label="marketing")
        few, is_hidden = customers(page), rest.is_hidden()
        page.locator("#call-reset").click()
        words = rest.inner_text()
        rest.focus()
        page.keyboard.press("Enter")

        assert first == [f"C{number:03d}" for number in range(1, 51)]
        assert (len(few), is_hidden) == (30, True)
        assert words == "Show all 90 calls"
        assert len(customers(page)) == N_CALLS
        assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 51


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_round(wide: Any) -> None:
    heading = wide.get_by_role("columnheader", name="Leaves")
    order = customers(wide)

    heading.get_by_role("button").click()
    falling = customers(wide)
    heading.get_by_role("button").click()

    assert (falling, customers(wide)) == (order, order[::-1])
    assert heading.get_attribute("aria-sort") == "ascending"


def test_unknown_values_sort_last_in_both_directions(wide: Any) -> None:
    heading = wide.get_by_role("columnheader", name="Value at risk").get_by_role("button")

    heading.click()
    falling = customers(wide)
    heading.click()

    unknown = [f"C{number:03d}" for number in range(10, N_CALLS + 1, 10)]
    assert falling[-9:] == customers(wide)[-9:] == unknown
    assert falling[0] == "C001"


def test_the_keyboard_sorts_filters_and_unfolds(wide: Any) -> None:
    wide.locator("#call-form input[name=text]").focus()
    wide.keyboard.type("c04")
    shown = customers(wide)
    wide.get_by_role("columnheader", name="Customer").get_by_role("button").focus()
    wide.keyboard.press("Enter")
    wide.keyboard.press("Space")
    wide.locator("#call-table tbody tr:visible .unfold").first.focus()
    wide.keyboard.press("Enter")

    assert shown == [f"C{number:03d}" for number in range(40, 50)]
    assert customers(wide) == shown[::-1]
    assert wide.locator("tr.more h3").first.inner_text() == "Probability over the nights"
    assert wide.locator("#call-count").inner_text() == "10 of 90 calls, sorted by Customer"


def test_what_unfolds_is_seen_on_a_phone(browser: Any, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["de"], PHONE) as view:
        view.page.locator(".unfold").first.click()

        assert view.page.locator(".unfolded").first.is_visible()


def test_filters_work_together_and_are_taken_back(wide: Any) -> None:
    wide.locator("select[name=owner]").select_option(label="marketing")
    wide.locator("select[name=play]").select_option(label="low-rating")
    both = customers(wide)
    wide.locator("#call-reset").click()

    assert both == [f"C{number:03d}" for number in range(4, N_CALLS + 1, 6)]
    assert len(customers(wide)) == N_CALLS


def test_each_filter_shows_the_calls_with_the_chosen_option(
    browser: Any, company: Path, tmp_path: Path
) -> None:
    night = read_report_sources(company)
    notes = {
        name: replace(note, stage="lapsing" if name.endswith("7") else "settled")
        for name, note in night.notes.items()
    }
    file = tmp_path / "stages.html"
    file.write_text(render_report(replace(night, notes=notes), "en"), encoding="utf-8")

    with open_page(browser, file, WIDE) as view:
        page = view.page
        page.locator("#call-rest").click()
        shown = {}
        for name in page.locator("#call-form select").evaluate_all("all => all.map(one => one.name)"):
            if name != "sort":
                page.locator(f"select[name={name}]").select_option(index=1)
                shown[name] = customers(page)
                page.locator("#call-reset").click()

    assert {"owner", "play", "health", "stage", "status"} <= set(shown)
    assert {name for name, ids in shown.items() if not 0 < len(ids) < N_CALLS} == set()
    assert shown["stage"] == [f"C{number:03d}" for number in range(7, N_CALLS + 1, 10)]


def test_the_link_to_the_new_calls_shows_only_them(wide: Any) -> None:
    wide.get_by_role("link", name="Show the new ones").click()

    assert customers(wide) == [f"C{number:03d}" for number in range(61, N_CALLS + 1)]


def test_a_row_unfolds_to_the_nights_of_the_customer_and_folds_again(wide: Any) -> None:
    button = wide.locator(".unfold").first

    button.click()
    text = wide.locator("tr.more").inner_text()
    button.click()

    assert "31 Jan: 44.8%" in text
    assert "30 Jan: 29.8%" in text
    assert "Call the customer" in text
    assert wide.locator("tr.more").count() == 0
    assert button.get_attribute("aria-expanded") == "false"


def test_what_unfolds_shows_texts_of_the_data_as_they_are(browser: Any, tmp_path: Path) -> None:
    night, text = date(2024, 1, 31), "A$& <img src=x onerror=alert(1)> {day}"
    write_drawn_night(tmp_path, night, [DrawnCall("c1", 0.5, name=text, reasons=(text,))])
    sources = read_report_sources(tmp_path)
    notes = CustomerNotes((text,), (text,), f"To {text}", f"Dear {text}", None, {text: 3})
    before = ContactBefore(date(2024, 1, 2), text, "")
    file = tmp_path / "page.html"
    file.write_text(
        render_report(replace(sources, notes={"c1": notes}, contacts_before={"c1": (before,)})),
        encoding="utf-8",
    )

    with open_page(browser, file, WIDE) as view:
        view.page.locator(".unfold").click()
        shown = view.page.locator("tr.more").inner_text()

        assert view.problems(with_axe=False) == []
        assert view.page.locator("img").count() == 0
        for line in (
            f"Subject: To {text}",
            f"Dear {text}",
            f"{text} (usual: {text})",
            f"{text}: 3 days before",
            f"2 Jan 2024: {text}, –",
        ):
            assert line in shown


def test_hidden_calls_stay_hidden_when_the_list_is_sorted(wide: Any) -> None:
    wide.locator("select[name=owner]").select_option(label="marketing")
    wide.locator("select[name=sort]").select_option("health")

    assert len(customers(wide)) == 30


def test_without_scripts_every_table_is_readable_and_nothing_that_needs_them_is_shown(
    browser: Any, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages["en"], WIDE, scripts=False) as view:
        assert view.page.locator("#call-table tbody tr:visible").count() == N_CALLS
        assert view.page.locator("#call-form").is_hidden()
        assert view.problems(with_axe=False) == []


def test_a_phone_shows_why_what_who_and_by_when_of_a_call(browser: Any, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["en"], PHONE) as view:
        row = view.page.locator("#call-table tbody tr").nth(1)
        cells = row.locator("td:visible")
        labels = cells.evaluate_all("cells => cells.map(cell => getComputedStyle(cell, '::before').content)")

        assert labels == [
            f'"{word}"' for word in ("Leaves", "Value at risk", "Health", "Why", "What to do", "Who", "By")
        ]
        boxes = [cells.nth(index).bounding_box() for index in range(cells.count())]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)


def printed_pages(page: Any, file: Path) -> list[str]:
    from pypdf import PdfReader

    page.pdf(path=file, format="A4")
    return [page.extract_text() for page in PdfReader(file).pages]


def test_on_paper_each_page_of_the_list_begins_with_its_headings(wide: Any, tmp_path: Path) -> None:
    sheets = [text for text in printed_pages(wide, tmp_path / "list.pdf") if "& Söhne" in text]

    assert len(sheets) > 1
    assert all(word in text for text in sheets for word in ("Leaves", "Why", "What to do", "By"))


def test_each_owner_begins_a_new_page_on_paper(wide: Any, tmp_path: Path) -> None:
    wide.evaluate("window.print = () => { window.rows = document.querySelectorAll('tr.cut').length; }")

    wide.locator("#call-print-owners").click()

    assert wide.evaluate("window.rows") == len({"customer success", "marketing", "accounts receivable"}) - 1
    assert wide.locator("tr.cut").count() == 0
    assert customers(wide)[0] == "C001"


def test_the_report_in_german_counts_in_german(browser: Any, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["de"], WIDE) as view:
        view.page.locator("select[name=sort]").select_option("name")

        assert view.page.locator("#call-count").inner_text() == "90 von 90 Anrufen, sortiert nach: Kunde"
        view.page.locator(".unfold").first.click()
        assert "31. Jan.: 44,8\u00a0%" in view.page.locator("tr.more").inner_text()
