"""The sections of `churn kpis`, and the file in which their results are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import SerializeAsAny, field_validator

from churn.data.own_files import read_own_json, write_own_json
from churn.kpis.activation_rows import ActivationResult, activation_section
from churn.kpis.alarms import AlarmsResult, alarms_section
from churn.kpis.audit import AuditResult
from churn.kpis.catalog import FIGURES
from churn.kpis.cohorts import CohortsResult, cohorts_section
from churn.kpis.company import Company
from churn.kpis.company_sections import (
    audit_of,
    engagement_of,
    event_of,
    leaving_of,
    orders_of,
    recurring_of,
    retention_of,
    value_of,
    voice_of,
)
from churn.kpis.definitions.definition import FigureDefinition
from churn.kpis.engagement import EngagementResult
from churn.kpis.event import EventResult, no_leaving
from churn.kpis.figure import Figure
from churn.kpis.groups import GroupsResult, groups_section
from churn.kpis.journey import StagesResult, stages_section
from churn.kpis.leaving_reasons import LeavingReasonsResult
from churn.kpis.orders import OrdersResult
from churn.kpis.ratings import RatingsResult, ratings_section
from churn.kpis.recurring import RecurringResult
from churn.kpis.retention import RetentionResult
from churn.kpis.section import SectionResult
from churn.kpis.value import ValueResult
from churn.kpis.voice import VoiceResult
from churn.labels.calendar import months_later
from churn.metrics.interval import Part

VERSION: Literal[2] = 2
"""The version of the format of kpis.json."""

MAX_WEEKS, MAX_PART_MONTHS = 156, 36
"""How many weeks of weekly figures and how many months of segment figures the file keeps: three years."""

NO_EVENT = "the label says who leaves, and counts no event"

WAY_OUT = "Run `churn kpis` again."


@dataclass(frozen=True)
class Section:
    """A section of `churn kpis`.

    Attributes:
        result: The class of the section's result.
        compute: The function that computes the section's result.
        subject: The kind of label that the section needs: one that says who leaves (`leaving`), one that says
            who has an event (`event`), or either of them (`both`).
    """

    result: type[SectionResult]
    compute: Callable[[Company], SectionResult]
    subject: Literal["leaving", "event", "both"] = "both"


@dataclass(frozen=True)
class DerivedSection:
    """A section that also needs the figures of the sections before it."""

    result: type[SectionResult]
    compute: Callable[[Company, Sequence[Figure]], SectionResult]


SECTIONS: Mapping[str, Section] = {
    "event": Section(EventResult, event_of, "event"),
    "retention": Section(RetentionResult, retention_of),
    "recurring": Section(RecurringResult, recurring_of),
    "voice": Section(VoiceResult, voice_of),
    "orders": Section(OrdersResult, orders_of),
    "engagement": Section(EngagementResult, engagement_of),
    "cohorts": Section(CohortsResult, cohorts_section, "leaving"),
    "stages": Section(StagesResult, stages_section, "leaving"),
    "activation": Section(ActivationResult, activation_section, "leaving"),
    "ratings": Section(RatingsResult, ratings_section, "leaving"),
    "leaving": Section(LeavingReasonsResult, leaving_of, "leaving"),
    "audit": Section(AuditResult, audit_of, "leaving"),
    "groups": Section(GroupsResult, groups_section, "leaving"),
}
"""The sections by name, in the order of kpis.json; a further section is one entry."""

DERIVED_SECTIONS: Mapping[str, DerivedSection] = {
    "value": DerivedSection(ValueResult, value_of),
    "alarms": DerivedSection(AlarmsResult, lambda _, figures: alarms_section(figures)),
}
"""The sections that are computed last, in this order, from the figures of all sections before."""

RESULTS: Mapping[str, type[SectionResult]] = {
    **{name: section.result for name, section in SECTIONS.items()},
    **{name: section.result for name, section in DERIVED_SECTIONS.items()},
}
"""The class of each section's result."""


class Kpis(Part):
    """The content of kpis.json.

    Attributes:
        version: The version of the file's format.
        cutoff: Only what happened and was known before this midnight counts.
        timezone: The time zone in which all days of the file begin and end.
        label_id: The id of the label that decides who is active.
        definitions: The definition of each figure in the file, by name.
        sections: The results by section.
        missing_sections: The sections that are not possible with this label, each with the reason.
    """

    version: Literal[2] = VERSION
    cutoff: date
    timezone: str
    label_id: str
    definitions: Mapping[str, FigureDefinition]
    sections: Mapping[str, SerializeAsAny[SectionResult]]
    missing_sections: Mapping[str, str] = {}

    @field_validator("sections", mode="before")
    @classmethod
    def _read_by_type(cls, sections: Mapping[str, Any]) -> Mapping[str, Any]:
        if unknown := sorted(set(sections) - set(RESULTS)):
            raise ValueError(f"there is no section {', '.join(unknown)}")
        return {
            name: section if isinstance(section, SectionResult) else RESULTS[name].model_validate(section)
            for name, section in sections.items()
        }

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Return the figures of all sections."""
        return tuple(figure for section in self.sections.values() for figure in section.figures)


def compute_kpis(company: Company) -> Kpis:
    """Compute all sections that are possible with the kind of label in params.yaml."""
    params = company.store.params
    subjects = ("both", "event" if params.label.is_event else "leaving")
    allowed = {name: section for name, section in SECTIONS.items() if section.subject in subjects}
    sections = {name: section.compute(company) for name, section in allowed.items()}
    for name, derived in DERIVED_SECTIONS.items():
        before = [figure for section in sections.values() for figure in section.figures]
        sections[name] = derived.compute(company, before)
    sections = {name: recent_parts(section, company.cutoff) for name, section in sections.items()}
    names = {figure.name for section in sections.values() for figure in section.figures}
    reason = no_leaving(params.locate("label.kind")) if params.label.is_event else NO_EVENT
    return Kpis(
        version=VERSION,
        cutoff=company.cutoff,
        timezone=params.timezone,
        label_id=params.label_id,
        definitions={name: definition for name, definition in FIGURES.items() if name in names},
        sections=sections,
        missing_sections=dict.fromkeys([name for name in SECTIONS if name not in sections], reason),
    )


def recent_parts(section: SectionResult, cutoff: date) -> SectionResult:
    """Return a section without its oldest weekly figures and its oldest figures of segments.

    Otherwise kpis.json would grow without a limit. The monthly and quarterly figures of all customers
    together are kept.

    Args:
        section: The result of the section.
        cutoff: The end of the data.
    """
    first_week, first_month = cutoff - timedelta(weeks=MAX_WEEKS), months_later(cutoff, -MAX_PART_MONTHS)
    figures = [
        figure
        for figure in section.figures
        if figure.period.kind == "window"
        or figure.period.end > (first_week if figure.period.kind == "week" else first_month)
        or (figure.slice is None and figure.period.kind != "week")
    ]
    if len(figures) == len(section.figures):
        return section
    return section.model_copy(update={"figures": tuple(figures)})


def kpis_file(output: Path) -> Path:
    """Return the path of kpis.json."""
    return output / "kpis" / "kpis.json"


def write_kpis(output: Path, kpis: Kpis) -> Path:
    """Write kpis.json and return its path; equal figures give equal bytes."""
    path = kpis_file(output)
    write_own_json(path, kpis.as_json())
    return path


def read_kpis(output: Path) -> Kpis:
    """Read kpis.json.

    Raises:
        FileNotFoundError: `churn kpis` has not run.
        SourceError: the file is damaged, or another version of the program wrote it.
    """
    return read_own_json(kpis_file(output), Kpis, way_out=WAY_OUT)
