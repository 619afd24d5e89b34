"""Figures of retention, drawn by a test: a few months, with every kind of part that the page shows."""

from __future__ import annotations

from datetime import date

from churn.kpis.alarms import Alarm, AlarmsResult
from churn.kpis.audit import AuditResult, Practice
from churn.kpis.cohorts import CohortsResult
from churn.kpis.figure import Figure, Period
from churn.kpis.groups import GroupsResult
from churn.kpis.growth import Flow, GrowthMonth
from churn.kpis.journey import StagesResult
from churn.kpis.recurring import RecurringResult
from churn.kpis.retention import RetentionResult
from churn.kpis.sections import Kpis
from churn.kpis.stages import Leak, StageMonth, Transition
from churn.kpis.survival import Survival, SurvivalPoint, SurvivalTable
from churn.kpis.triangle import Triangle, TriangleCell, TriangleRow
from tests.filled import filled

MONTHS = tuple(
    Period(kind="month", start=date(2023, number, 1), end=date(2023, number + 1, 1)) for number in (9, 10, 11)
)
NOT_CERTAIN = "who was active on 2023-12-01 is certain only on 2023-12-31"


def kpis_of(cutoff: date, label_id: str = "label") -> Kpis:
    """Return the figures of a small company as of a day."""
    return Kpis(
        cutoff=cutoff,
        timezone="UTC",
        label_id=label_id,
        definitions={},
        sections={
            "retention": RetentionResult(figures=(*_churn(), *_customers(), _silence())),
            "recurring": RecurringResult(figures=tuple(_revenue())),
            "cohorts": _cohorts(),
            "stages": _stages(),
            "audit": _audit(),
            "groups": _groups(),
            "alarms": AlarmsResult(alarms=(_alarm(),), n_watched=17, n_too_short=2),
        },
    )


def _churn() -> list[Figure]:
    values = [(6.25, 5.1, 7.6), (4.5, 3.6, 5.6)]
    known = [
        Figure(name="customer_churn", period=period, value=value, low=low, high=high, n=1640)
        for period, (value, low, high) in zip(MONTHS, values, strict=False)
    ]
    return [*known, Figure(name="customer_churn", period=MONTHS[2], reason=NOT_CERTAIN)]


def _customers() -> list[Figure]:
    return [
        Figure(name="customers_at_start", period=period, value=value, n=value)
        for period, value in zip(MONTHS, (1640, 1702, 1731), strict=True)
    ]


def _silence() -> Figure:
    return Figure(name="silent_leavers", period=MONTHS[2], reason="no contacts: map tables.contacts")


def _revenue() -> list[Figure]:
    movements = {
        "mrr_at_start": (41000.5, 42500.25),
        "mrr_new": (3000.0, 2750.5),
        "mrr_churned": (1500.25, 1900.75),
        "mrr_at_end": (42500.25, 43350.0),
    }
    return [
        Figure(name=name, period=period, value=value, n=900)
        for name, values in movements.items()
        for period, value in zip(MONTHS, values, strict=False)
    ]


def _alarm() -> Alarm:
    return Alarm(
        name="customer_churn",
        period=MONTHS[1],
        value=9.5,
        usual=4.75,
        limit=7.25,
        n_history=24,
        season=False,
        text="customer churn rate rose to 9.5%",
    )


def _cohorts() -> CohortsResult:
    cells = (
        TriangleCell(month=0, at=date(2023, 10, 1), state="known", people=84, share=0.84, low=0.75, high=0.9),
        TriangleCell(month=1, at=date(2023, 11, 1), state="not certain yet"),
    )
    both_known = tuple(
        TriangleCell(month=month, at=at, state="known", people=people, share=people / 90, low=0.7, high=0.97)
        for month, at, people in ((0, date(2023, 9, 1), 81), (1, date(2023, 10, 1), 72))
    )
    open_cell = TriangleCell(month=0, at=date(2023, 12, 1), state="open")
    triangle = Triangle(
        unit="share",
        definition="d",
        population="p",
        rows=(
            TriangleRow(cohort=date(2023, 8, 1), n=90, is_open=False, cells=both_known),
            TriangleRow(cohort=date(2023, 9, 1), n=100, is_open=False, cells=cells),
            TriangleRow(cohort=date(2023, 11, 1), n=12, is_open=True, cells=(open_cell,)),
        ),
        reason=None,
    )
    points = tuple(
        SurvivalPoint(
            age_days=days, share=share, low=share - 0.03, high=min(1.0, share + 0.02), at_risk=at_risk
        )
        for days, share, at_risk in ((0, 0.98, 640), (30, 0.93, 571), (60, 0.81, 402), (90, 0.64, 233))
    )
    curve = Survival(
        slice=None,
        n=640,
        n_left=211,
        n_late=0,
        median_days=None,
        median_reason="more than half stay longer than 90 days",
        points=points,
        reason=None,
    )
    survival = filled(SurvivalTable, {}).model_copy(update={"curves": (curve,)})
    return CohortsResult(triangle=triangle, survival=survival, contracts=None)


def _stages() -> StagesResult:
    def flow(people: int, money: float | None) -> Flow:
        return Flow(people=people, money=money, n_money_unknown=0)

    growth = GrowthMonth(
        start=date(2023, 9, 1),
        end=date(2023, 10, 1),
        active_at_start=flow(1640, 41000.5),
        new_customers=flow(143, 3000.0),
        resurrected_customers=flow(21, 400.0),
        dormant_customers=flow(102, 1500.25),
        retained_customers=flow(1538, 39500.25),
        active_at_end=flow(1702, 42500.25),
    )
    move = Transition(origin="active", target="lapsing", people=37, money=812.5, n_money_unknown=0)
    month = StageMonth(start=date(2023, 9, 1), end=date(2023, 10, 1), at_start=(), transitions=(move,))
    leaks = tuple(
        Leak(
            stage=stage,
            at_start=at_start,
            share=people / at_start,
            low=0.01,
            high=0.3,
            people=people,
            money=money,
            n_money_unknown=0,
        )
        for stage, at_start, people, money in (("lapsing", 310, 65, 1100.0), ("active", 1330, 37, 400.25))
    )
    content = {"growth_reason": None, "reason": None, "money_reason": None}
    return filled(StagesResult, content).model_copy(
        update={"growth": (growth,), "months": (month,), "leaks": leaks}
    )


def _audit() -> AuditResult:
    measured = Practice(
        name="win_back",
        title="customers who left are won back",
        score=2,
        value=7.25,
        unit="% of customers who left and were contacted within 91 days",
        n=850,
        limits=(5, 20, 40, 70),
        next_step="Contact the customers who left: `gone.csv` lists them.",
    )
    few = measured.model_copy(
        update={"name": "referrals", "score": None, "value": None, "n": 3}
        | {"reason": "too few cases: 3 of the 20 that a score needs"}
    )
    other = Practice(
        name="owner",
        title="somebody owns retention",
        next_step="Who is responsible for the churn rate?",
        reason="not measurable from these tables",
    )
    return AuditResult(practices=(measured, few, other))


def _groups() -> GroupsResult:
    cells = [
        {
            "level": f"R{recency} F1",
            "n": n,
            "customers": n,
            "left": left,
            "share": left / n,
            "low": 0.01,
            "high": 0.6,
            "reason": None,
            "recency_class": recency,
            "frequency_class": 1,
            "money": 30.0,
        }
        for recency, n, left in ((1, 40, 16), (2, 20, 1))
    ]
    rfm = {
        "recency": [{"number": 1, "lowest": 11, "highest": 90}, {"number": 2, "lowest": 1, "highest": 10}],
        "frequency": [{"number": 1, "lowest": 1, "highest": 4}],
        "cells": cells,
        "reason": None,
    }
    return filled(GroupsResult, {"rfm": rfm})
