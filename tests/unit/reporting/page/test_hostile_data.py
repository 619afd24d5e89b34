"""Texts of the data stay text: in tables, attributes, pictures and in the data of the script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from churn.reporting.page.call import ContactBefore, CustomerNotes
from churn.reporting.page.page import render_page
from churn.reporting.page.sources import ReportSources, read_report_sources
from churn.reporting.page.words import Language, Words
from churn.reporting.promotion_page import render_promotion
from churn.reporting.report import render_nights
from tests.drawn_night import DrawnCall, write_drawn_night
from tests.unit.reporting.test_promotion_page import evaluated, verdict_of

BEFORE, NIGHT = date(2024, 1, 30), date(2024, 1, 31)

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "</title></style></svg><!--",
    "{{ 7 * 7 }} %(n)s %s {name} \\u003c",
    "a\u2028b\u2029c\x01",
)
"""What a customer may write into a form to harm those who read it."""

ALL = " ".join(HOSTILE)


@dataclass
class Elements(HTMLParser):
    """The elements of a page: their tags, and the names of their attributes."""

    html: str
    tags: list[str] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def night_of(output: Path, text: str) -> ReportSources:
    """Return a night in which each text of the data is the given one."""
    call = DrawnCall(
        "c1" + text,
        0.5,
        name=text,
        owner=text,
        play=text,
        channel=text,
        status="open",
        reasons=(text, text),
        more={"action": text, "success": text},
    )
    other = DrawnCall("c2", 0.2, 2, owner="sales", play="late", channel="email")
    gone = DrawnCall("gone" + text, 0.4, name=text)
    write_drawn_night(output, BEFORE, [call, gone])
    write_drawn_night(output, NIGHT, [call, other])
    night = read_report_sources(output)
    notes = CustomerNotes((text,), (text, text), text, f"Dear {text}\n{text}", None, {text: 3})
    facts = night.facts.model_copy(
        update={
            "excluded": {text: 2},
            "not_contacted": {text: 3},
            "first_reasons": {text: 1},
            "switched_off": {text: (text,)},
            "no_control_because": text,
            "label": {**night.facts.label, "table": text},
            "timezone": text,
            "label_id": text,
        }
    )
    return replace(
        night,
        facts=facts,
        notes={**night.notes, call.customer: notes},
        contacts_before={call.customer: (ContactBefore(BEFORE, text, text),)},
    )


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("text", [*HOSTILE, ALL])
def test_a_text_of_the_data_adds_no_element_and_no_attribute(
    tmp_path: Path, text: str, language: Language
) -> None:
    harmless, hostile = (
        Elements(str(render_page(night_of(tmp_path / name, written), Words(language))))
        for name, written in (("harmless", "plain"), ("hostile", text))
    )

    assert hostile.tags == harmless.tags
    assert hostile.attributes == harmless.attributes
    assert hostile.tags.count("script") == 2
    assert not [name for name in hostile.attributes if name.startswith("on") or name == "src"]


def test_the_script_reads_the_texts_as_they_are(tmp_path: Path) -> None:
    page = str(render_page(night_of(tmp_path, ALL), Words("en")))

    blob = page.split('id="call-data">')[1].split("</script>")[0]
    data = json.loads(blob)
    assert data["names"]["owner"] == [ALL, "sales"]
    assert data["levels"] == [ALL]
    assert ALL in data["tables"]
    assert "<" not in blob
    assert not {"\u2028", "\u2029"} & set(blob)


def policy_of(page: str) -> dict[str, str]:
    (content,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = [rule.strip().partition(" ") for rule in content.split(";")]
    return {name: value for name, _, value in rules}


def test_every_page_lets_a_browser_load_nothing_and_run_its_own_script_alone(tmp_path: Path) -> None:
    night = night_of(tmp_path, "plain")
    page = str(render_page(night, Words("en")))
    nights = render_nights(night, Words("en"))
    promotion = render_promotion(evaluated(), verdict_of(True))
    closed = {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert policy_of(page) == closed | {"script-src": f"'sha256-{digest}'"}
    assert policy_of(nights) == policy_of(promotion) == closed


def test_no_page_names_another_host(tmp_path: Path) -> None:
    night = night_of(tmp_path, "plain")

    page = str(render_page(night, Words("en")))

    assert set(re.findall(r"\w+://[^\s\"'<)]+", page)) <= {"http://www.w3.org/2000/svg"}
