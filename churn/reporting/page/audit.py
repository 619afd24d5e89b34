"""The section about the audit: the practices of retention, the lowest score first, and what would raise each
score.
"""

from __future__ import annotations

from markupsafe import Markup

from churn.kpis.audit import AuditResult, Practice
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    first_upper,
    fold,
    heading,
    join_parts,
    paragraph,
    table,
)
from churn.reporting.page.known_kpis import FILE
from churn.reporting.page.provenance import Source, quote_in_language, show_number
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands

BEST = 5
"""The highest score of a practice."""


def audit_section(night: ReportSources, words: Words) -> Section:
    """Return the section."""
    title, known = words("The audit"), night.known_kpis
    audit = known.section("audit")
    if words.is_event or not isinstance(audit, AuditResult):
        lead = (
            words.html(
                "There is no audit: an audit is about keeping customers, but this model predicts another "
                "event."
            )
            if words.is_event
            else mark_commands(words.value(known.reason))
        )
        return Section("audit", title, lead, EMPTY)
    source = FILE.at("sections", "audit", "practices")
    placed = [(practice, source.at(number)) for number, practice in enumerate(audit.practices)]
    practices_with_score = [entry for entry in placed if entry[0].score is not None]
    practices_without_score = [
        entry for entry in placed if entry[0].score is None and entry[0].limits is not None
    ]
    unmeasurable = [entry for entry in placed if entry[0].limits is None]
    parts = [
        _score_table(words, practices_with_score),
        _reason_table(words, practices_without_score),
        _question_table(words, unmeasurable),
    ]
    return Section(
        "audit", title, _lead(words, practices_with_score), join_parts([part for part in parts if part])
    )


def _lead(words: Words, practices_with_score: list[tuple[Practice, Source]]) -> Markup:
    if not practices_with_score or practices_with_score[0][0].score == BEST:
        return words.html(
            "Ask your team the questions at the end of this section: tables cannot answer these questions."
        )
    return words.html(
        "Begin with the lowest score: %(step)s",
        step=mark_commands(words.value(practices_with_score[0][0].next_step)),
    )


def _score_table(words: Words, practices: list[tuple[Practice, Source]]) -> Markup:
    rows = []
    for practice, source in practices:
        score = practice.score or 0
        limits = practice.limits or ()
        value = Markup('{}<div class="id">{}</div>').format(
            show_number(words, practice.value, source.at("value"), 1),
            quote_in_language(words, practice.unit, source.at("unit")),
        )
        target = (
            show_number(words, limits[score - 1], source.at("limits", score - 1), 1)
            if score < BEST and limits
            else EMPTY
        )
        step = mark_commands(words.value(practice.next_step)) if score < BEST else EMPTY
        rows.append(
            [
                first_upper(words.value(practice.title)),
                Markup('<span class="health h{}">{}</span>').format(
                    score, show_number(words, score, source.at("score"))
                ),
                value,
                show_number(words, practice.n, source.at("n")),
                target,
                step,
            ]
        )
    if not rows:
        return EMPTY
    headings = [
        Heading(words("Practice"), is_number=False),
        Heading(words("Score, 1 to 5")),
        Heading(words("Measured"), is_number=False),
        Heading(words("Cases")),
        Heading(words("Next score from")),
        Heading(words("What would raise it"), is_number=False),
    ]
    return join_parts(
        [
            table(words("The practices of retention and their scores"), headings, rows),
            paragraph(
                words("This program sets the limits between the scores; they do not come from a survey."),
                "soft small",
            ),
        ]
    )


def _reason_table(words: Words, practices: list[tuple[Practice, Source]]) -> Markup:
    rows = [
        [
            first_upper(words.value(practice.title)),
            quote_in_language(words, practice.reason or "", source.at("reason")),
        ]
        for practice, source in practices
    ]
    if not rows:
        return EMPTY
    title = words("Not measured, and why")
    headings = [Heading(words("Practice"), is_number=False), Heading(words("Reason"), is_number=False)]
    return join_parts([heading(title), table(title, headings, rows)])


def _question_table(words: Words, practices: list[tuple[Practice, Source]]) -> Markup:
    rows = [
        [first_upper(words.value(practice.title)), words.value(practice.next_step)]
        for practice, _ in practices
    ]
    if not rows:
        return EMPTY
    title = words("Practices that leave no trace in tables: ask your team")
    headings = [Heading(words("Practice"), is_number=False), Heading(words("Question"), is_number=False)]
    return fold(title, table(title, headings, rows))
