"""The section about the data: whether the tables are fresh, which rows were rejected, and which customers
were left out and why.
"""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from churn.drift.result import Drift, TableFreshness
from churn.reporting.page.charts import length_bar
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    bullet_list,
    fold,
    heading,
    join_parts,
    paragraph,
    table,
)
from churn.reporting.page.model_drift import DRIFT_FILE
from churn.reporting.page.night_numbers import NIGHT_FILE
from churn.reporting.page.provenance import DASH, Source, free, show_number, show_sentence, sum_of
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands

STORE_FILE = Source("manifest.json")
MANY_REJECTS = 0.05
"""The share of rejected rows from which on the page says that a person should look at them."""


def data_section(night: ReportSources, words: Words) -> Section:
    """Return the section."""
    parts = [
        _alarms(words, night.drift),
        _freshness(words, night),
        _rejects(words, night),
        _exclusions(words, night.facts.excluded),
    ]
    return Section(
        "data", words("The data"), _lead(night, words), join_parts([part for part in parts if part])
    )


def _lead(night: ReportSources, words: Words) -> Markup:
    if night.drift is None:
        return mark_commands(
            words("Check whether the tables are fresh: run `churn drift`, then `churn report`.")
        )
    if tables := sorted({alarm.table for alarm in night.drift.alarms if alarm.table}):
        return words.html(
            "Repair these tables first, before you trust tonight's numbers: %(tables)s.",
            tables=Markup(", ").join(free(table) for table in tables),
        )
    if night.drift.alarms:
        return words.html("Look at the alarms below before you trust tonight's numbers.")
    if rejected := _tables_with_many_rejects(night):
        return words.html(
            "The tables are fresh. Find out why so many rows are rejected: %(tables)s.",
            tables=Markup(", ").join(free(table) for table in rejected),
        )
    return words.html("Nothing to do: the tables are fresh, and few rows are rejected.")


def _tables_with_many_rejects(night: ReportSources) -> tuple[str, ...]:
    tables = night.store.tables if night.store else {}
    return tuple(
        name
        for name, facts in tables.items()
        if facts.rows_read and sum(facts.rejects.values()) > MANY_REJECTS * facts.rows_read
    )


def _alarms(words: Words, drift: Drift | None) -> Markup:
    if drift is None or not drift.alarms:
        return EMPTY
    source = DRIFT_FILE.at("alarms")
    items = [
        Markup("<strong>{}</strong>: {} {}").format(
            free(alarm.subject),
            show_sentence(words, alarm.text, source.at(number, "text")),
            show_sentence(words, alarm.way_out, source.at(number, "way_out")),
        )
        for number, alarm in enumerate(drift.alarms)
    ]
    title = words.html("Alarms: %(n)s", n=show_number(words, len(drift.alarms), f"len:{source}"))
    return Markup('<div class="note"><p><strong>{}</strong></p>{}</div>').format(title, bullet_list(items))


def _freshness(words: Words, night: ReportSources) -> Markup:
    """Show for each table its newest row, the days without rows since then, and its usual rows per day."""
    if night.drift is None:
        return EMPTY
    source = DRIFT_FILE.at("freshness")
    rows = []
    for number, table_facts in enumerate(night.drift.freshness):
        at = source.at(number)
        newest = table_facts.newest_row_on
        rows.append(
            [
                Markup("<code>{}</code>").format(table_facts.table),
                DASH if newest is None else Markup("<time>{}</time>").format(words.date(newest)),
                _age(words, table_facts, at),
                show_number(words, table_facts.longest_gap_days, at.at("longest_gap_days")),
                show_number(words, table_facts.rows_last_day, at.at("rows_last_day")),
                show_number(words, table_facts.usual_rows, at.at("usual_rows")),
            ]
        )
    title = words("How fresh are the tables?")
    headings = [
        Heading(words("Table"), is_number=False),
        Heading(words("Newest row")),
        Heading(words("Days without rows")),
        Heading(words("Longest gap so far")),
        Heading(words("Rows of the last day")),
        Heading(words("Usual")),
    ]
    return join_parts([heading(title), table(title, headings, rows)])


def _age(words: Words, facts: TableFreshness, source: Source) -> Markup:
    """Return the days without rows just before the night, marked as late if no earlier gap was as long."""
    number = show_number(words, facts.age_days, source.at("age_days"))
    if facts.age_days is None or facts.longest_gap_days is None or facts.age_days <= facts.longest_gap_days:
        return number
    return Markup('<strong class="bad-text">{}: {}</strong>').format(words("late"), number)


def _rejects(words: Words, night: ReportSources) -> Markup:
    """Return the number of rows of each table, and how many rows each rule rejected."""
    if night.store is None:
        return EMPTY
    source = STORE_FILE.at("tables")
    rows, rules = [], []
    for name, facts in sorted(night.store.tables.items()):
        at = source.at(name)
        rule_sources = [at.at("rejects", rule) for rule in facts.rejects]
        rejected = sum(facts.rejects.values())
        share = (
            show_number(
                words,
                rejected / facts.rows_read,
                f"{sum_of(rule_sources)} / {at.at('rows_read')}",
                1,
                scale=100,
            )
            if rejected
            else Markup(DASH)
        )
        rows.append(
            [
                Markup("<code>{}</code>").format(name),
                show_number(words, facts.rows_read, at.at("rows_read")),
                show_number(words, rejected, sum_of(rule_sources)) if rejected else Markup(DASH),
                share,
            ]
        )
        rules += [
            [
                Markup("<code>{}</code>").format(name),
                show_sentence(words, rule),
                show_number(words, count, at.at("rejects", rule)),
            ]
            for rule, count in facts.rejects.items()
        ]
    title = words("Which rows were rejected?")
    day = Markup("<time>{}</time>").format(words.date(night.store.watermark))
    note = words.html(
        "The numbers are from the latest reading of the tables; the data are complete up to %(day)s. A "
        "rejected row breaks a rule of its table; it is kept in output/rejects.",
        day=day,
    )
    headings = [
        Heading(words("Table"), is_number=False),
        Heading(words("Rows read")),
        Heading(words("Rejected")),
        Heading(words("Rejected, %%")),
    ]
    by_rule = [
        Heading(words("Table"), is_number=False),
        Heading(words("Rule that is broken"), is_number=False),
        Heading(words("Rejected")),
    ]
    summary = words("Rejected rows by rule")
    return join_parts(
        [
            heading(title),
            fold(words("Rows and rejects of each table"), table(title, headings, rows))
            if not rules
            else table(title, headings, rows),
            fold(summary, table(summary, by_rule, rules)) if rules else EMPTY,
            paragraph(note, "soft small"),
        ]
    )


def _exclusions(words: Words, excluded: Mapping[str, int]) -> Markup:
    """Return how many customers have no probability tonight, and the reasons."""
    if not excluded:
        return EMPTY
    most = max(excluded.values())
    rows = [
        [
            free(words.value(reason)),
            length_bar(count / most, NIGHT_FILE.at("excluded", reason)),
            show_number(words, count, NIGHT_FILE.at("excluded", reason)),
        ]
        for reason, count in sorted(excluded.items(), key=lambda item: (-item[1], item[0]))
    ]
    title = words("Who is not scored tonight, and why?")
    headings = [
        Heading(words("Reason"), is_number=False),
        Heading(Markup('<span class="hidden">{}</span>').format(words("Bar")), is_number=False),
        Heading(words("Customers")),
    ]
    return join_parts([heading(title), table(title, headings, rows)])
