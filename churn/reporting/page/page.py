"""The page of a night: its head, its sections and its script, joined into one file."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from markupsafe import Markup

from churn.reporting.page.audit import audit_section
from churn.reporting.page.calls import calls_section
from churn.reporting.page.data import data_section
from churn.reporting.page.effects import effects_section
from churn.reporting.page.event_figures import figures_section
from churn.reporting.page.model import model_section
from churn.reporting.page.reading import reading_section
from churn.reporting.page.section import Section
from churn.reporting.page.sources import NightFacts, ReportSources
from churn.reporting.page.tonight import tonight_section
from churn.reporting.page.words import Words

SECTIONS = (
    tonight_section,
    calls_section,
    figures_section,
    effects_section,
    model_section,
    data_section,
    audit_section,
    reading_section,
)
"""The functions that make the sections, in the order of the page; each gets the night and the words of the
page.
"""


def render_page(night: ReportSources, words: Words) -> str:
    """Return the page of a night as HTML that needs no other file."""
    return join_sections(night, words, tuple(section(night, words) for section in SECTIONS))


def join_sections(night: ReportSources, words: Words, sections: tuple[Section, ...]) -> str:
    """Return sections as one page with a head, a navigation, a style sheet and a script."""
    facts, day = night.facts, words.date(night.cutoff)
    if words.is_event:
        title = words("Report on the event “%(event)s”, night of %(day)s", day=day)
        heading = words("Who is likely to have the event “%(event)s”, and what to do about it")
    else:
        title = words("Churn report, night of %(day)s", day=day)
        heading = words("Who may leave, and what to do about it")
    page = words.render(
        "page.html",
        title=title,
        heading=heading,
        subtitle=f"{_night_sentence(day, facts, words)} {_label_sentence(facts, words)}",
        facts=facts,
        sections=sections,
        script=Markup(script()),
        script_digest=script_digest(),
    )
    return str(page)  # a plain text, because a caller who changes the page as text must not get escaped text


def _night_sentence(day: str, facts: NightFacts, words: Words) -> str:
    return words(
        "Night of %(day)s (%(zone)s): computed from what was known when this day began.",
        day=day,
        zone=facts.timezone,
    )


def _label_sentence(facts: NightFacts, words: Words) -> str:
    """Return one or two sentences that say which event is predicted, or what counts as leaving."""
    label = facts.label
    days, gap = words.count(label["horizon_days"]), int(label["gap_days"])
    begins = words(", counted from %(n)s days after the night", n=words.count(gap)) if gap else ""
    if words.is_event:
        row = words("a row in %(table)s", table=label["table"])
        if label.get("where"):
            row = words("a row in %(table)s that meets %(rule)s", table=label["table"], rule=label["where"])
        event = words(
            "The event to predict: in the next %(n)s days%(begins)s, there is %(row)s.",
            row=row,
            n=days,
            begins=begins,
        )
        return f"{event} {_cohort_sentence(label['among'], label['active_in'], words)}"
    leaving = label.get("leaving", "any")
    if label["kind"] != "contract":
        return words(
            "Leaving means: no %(table)s in the next %(n)s days%(begins)s.",
            table=label["table"],
            n=days,
            begins=begins,
        )
    if leaving == "any":
        return words(
            "Leaving means: the contract ends in the next %(n)s days%(begins)s.", n=days, begins=begins
        )
    if leaving == "voluntary":
        contract_end = words(
            "Leaving means: the contract ends in the next %(n)s days%(begins)s, and no missed payment is "
            "known as the reason.",
            n=days,
            begins=begins,
        )
    else:
        contract_end = words(
            "Leaving means: the contract ends in the next %(n)s days%(begins)s, because a due payment "
            "was never made.",
            n=days,
            begins=begins,
        )
    other = words("A customer who leaves in another way does not count as a churner here.")
    return f"{contract_end} {other}"


def _cohort_sentence(among: str, table: str, words: Words) -> str:
    if among == "active":
        return words("Customers in the cohort: those who are active, as %(table)s shows.", table=table)
    if among == "gone":
        return words(
            "Customers in the cohort: those who were active earlier and are no longer active, as %(table)s "
            "shows.",
            table=table,
        )
    return words("Customers in the cohort: everybody.")


@cache
def script() -> str:
    """Return the JavaScript of the page of a night."""
    return (
        resources.files("churn.reporting.page")
        .joinpath("templates", "morning.js")
        .read_text(encoding="utf-8")
    )


@cache
def script_digest() -> str:
    """Return the digest of the script; the page names it, so that the browser runs no other script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
