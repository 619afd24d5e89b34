"""The retention audit: fifteen practices that help to keep customers, the lowest score first. Each score from
1 to 5 comes from evidence in the tables.

The score rises with a measured value, such as the share of low ratings that were answered: by one at each of
four limits. We chose the limits ourselves; no survey stands behind them. Six of the practices leave no trace
in tables, so these six have no score, and a person must judge them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.features.engine.cohort import GONE_REASONS
from churn.features.language.reader import NEVER
from churn.kpis.acts import NEWCOMER_DAYS, ONBOARDING_DAYS, VALUE_TABLES, FirstUses
from churn.kpis.company import Company
from churn.kpis.figure import Finite
from churn.kpis.past_nights import NightReader
from churn.kpis.section import SectionResult
from churn.kpis.spells import ActivitySpells
from churn.kpis.voice_rows import Answers, ContactDays, Tickets
from churn.metrics.interval import Part

Ints = npt.NDArray[np.int64]

AUDIT_DAYS = NEWCOMER_DAYS
"""The number of days before the cutoff from which the evidence is taken."""

MIN_EVIDENCE = 20
"""The least number of cases that a score needs."""

REPLY_DAYS, QUIET_DAYS, WIN_BACK_DAYS = 1, 14, 91
HEALTH_DAYS, REVIEW_DAYS, YEAR_DAYS = 31, 91, 365

UNMEASURABLE = "not measurable from these tables"


@dataclass(frozen=True)
class PracticeRule:
    """How a practice is scored.

    Attributes:
        name: The name of the practice in kpis.json.
        title: The practice in words.
        unit: The unit of the measured value, in words.
        limits: The smallest values that get the scores 2, 3, 4 and 5.
        raise_it: What the company can do to get a higher score.
    """

    name: str
    title: str
    unit: str
    limits: tuple[float, float, float, float]
    raise_it: str


RULES = {
    rule.name: rule
    for rule in (
        PracticeRule(
            "onboarding",
            "new customers get value early",
            f"% of new customers with a first use within {ONBOARDING_DAYS} days",
            (50, 70, 85, 95),
            "Lead new customers to a first order or a first use in their first two weeks.",
        ),
        PracticeRule(
            "segmented_mails",
            "e-mails go to segments",
            "% of e-mails in campaigns that at most half of the customers got",
            (10, 30, 60, 90),
            "Send each campaign only to the customers whom it concerns.",
        ),
        PracticeRule(
            "proactive_contact",
            "customers are contacted before they complain",
            f"% of contacts without a ticket in the {QUIET_DAYS} days before",
            (20, 40, 60, 80),
            "Work through the call list: it names customers before they open a ticket.",
        ),
        PracticeRule(
            "feedback_answered",
            "low ratings are answered",
            "% of ratings below 7 followed by a contact in time",
            (10, 30, 60, 90),
            "After a low rating, contact the customer within `kpis.answer_days` days.",
        ),
        PracticeRule(
            "health_tracked",
            "the health of customers is tracked",
            f"% of active customers scored on the last night of the last {HEALTH_DAYS} days",
            (50, 75, 90, 98),
            "Let a scheduler call `churn score` every night.",
        ),
        PracticeRule(
            "referrals",
            "customers refer others",
            "% of active customers who referred somebody in a year",
            (1, 3, 6, 10),
            "Ask the customers of `advocates.csv` for a referral.",
        ),
        PracticeRule(
            "support_reply",
            "support replies in time",
            f"% of tickets with a first reply by the promised time, or within {REPLY_DAYS} day without one",
            (50, 70, 85, 95),
            "Reply to tickets by the promised time; reply first to the customers with the highest value at "
            "risk.",
        ),
        PracticeRule(
            "win_back",
            "customers who left are won back",
            f"% of customers who left and were contacted within {WIN_BACK_DAYS} days",
            (5, 20, 40, 70),
            "Contact the customers who left: `gone.csv` lists them.",
        ),
        PracticeRule(
            "figures_reviewed",
            "figures are reviewed",
            "scored nights per month",
            (0.3, 1, 4, 20),
            "Let a scheduler call `churn score` every night and `churn kpis` every month.",
        ),
    )
}
"""The practices that tables can show."""

UNMEASURABLE_PRACTICES = (
    (
        "benefits",
        "benefits beyond the transaction",
        "Which benefits does a customer have besides the purchase?",
    ),
    ("community", "a community of customers", "Where do customers meet each other?"),
    ("upselling", "upselling without pressure", "Who decides when a customer is ready to buy more?"),
    ("owner", "somebody owns retention", "Who is responsible for the churn rate?"),
    ("team_knows", "the team knows the figures", "Can everybody name last month's churn rate?"),
    (
        "quarterly_meeting",
        "a quarterly meeting about retention",
        "When was the last quarterly meeting about retention, and what changed after it?",
    ),
)
"""The practices that leave no trace in tables, each with the question for a person."""


@dataclass(frozen=True)
class Evidence:
    """What the tables show about a practice.

    Attributes:
        value: The measured value; None if there is none.
        cases: The number of cases from which the value is computed, such as contacts or customers.
        because: Why there is no value, such as a table that is not mapped.
    """

    value: float | None = None
    cases: int = 0
    because: str | None = None


class Practice(Part):
    """A practice, something that a company can do to keep its customers, and its score.

    Attributes:
        name, title: The name of the practice in kpis.json, and its title.
        score: From 1 (hardly ever) to 5 (nearly always); None if the practice cannot be measured.
        value: The measured value, in `unit`; None if the practice cannot be measured.
        unit: The unit of `value` in words; empty for a practice that leaves no trace in tables.
        n: The number of cases from which the value is computed, such as contacts or customers.
        limits: The smallest values that get the scores 2, 3, 4 and 5.
        next_step: What the company can do to get a higher score, or the question that a person must answer.
        reason: Why there is no score.
    """

    name: str
    title: str
    score: int | None = None
    value: Finite = None
    unit: str = ""
    n: int = 0
    limits: tuple[float, float, float, float] | None = None
    next_step: str
    reason: str | None = None


class AuditResult(SectionResult):
    """The audit: the practices, the lowest score first; practices without a score are at the end."""

    practices: tuple[Practice, ...] = ()


def score_of(value: float, limits: Sequence[float]) -> int:
    """Return the score from 1 to 5: one plus the number of limits that the value reaches.

    >>> score_of(4.9, (5, 20, 40, 70)), score_of(20, (5, 20, 40, 70)), score_of(99, (5, 20, 40, 70))
    (1, 3, 5)
    """
    return 1 + sum(value >= limit for limit in limits)


def audit_result(evidence: dict[str, Evidence]) -> AuditResult:
    """Return the audit, computed from the evidence of each practice; `evidence` is keyed by the name of the
    practice.
    """
    practices = []
    for name, rule in RULES.items():
        own = evidence[name]
        because = own.because
        if because is None and own.cases < MIN_EVIDENCE:
            because = f"too few cases: {own.cases} of the {MIN_EVIDENCE} that a score needs"
        is_measured = because is None and own.value is not None
        practices.append(
            Practice(
                name=name,
                title=rule.title,
                score=score_of(own.value, rule.limits) if is_measured and own.value is not None else None,
                value=own.value if is_measured else None,
                unit=rule.unit,
                n=own.cases,
                limits=rule.limits,
                next_step=rule.raise_it,
                reason=None if is_measured else because,
            )
        )
    practices.sort(key=lambda practice: (practice.score is None, practice.score or 0))
    others = [
        Practice(name=name, title=title, next_step=question, reason=UNMEASURABLE)
        for name, title, question in UNMEASURABLE_PRACTICES
    ]
    return AuditResult(practices=(*practices, *others))


def read_audit(company: Company) -> AuditResult:
    """Read the evidence of each practice, and score it."""
    store, spells, nights, cutoff = company.store, company.spells, company.nights, company.cutoff
    contacts = company.contacts
    has_contacts = "contacts" in store.tables
    if contacts is None and has_contacts:
        contacts = ContactDays(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    return audit_result(
        {
            "onboarding": _onboarding(company.shared_rows.first_uses),
            "segmented_mails": _segmented_mails(store, cutoff),
            "proactive_contact": _proactive_contact(company.tickets, contacts, cutoff),
            "feedback_answered": _feedback_answered(
                company.answers, contacts, store.params.kpis.answer_days, cutoff
            ),
            "health_tracked": _health_tracked(nights, spells, cutoff),
            "referrals": _referrals(store, spells, cutoff),
            "support_reply": _support_reply(company.tickets, cutoff),
            "win_back": _win_back(spells, contacts, cutoff),
            "figures_reviewed": _figures_reviewed(nights, cutoff),
        }
    )


def _share(hits: int, cases: int) -> Evidence:
    return Evidence(100 * hits / cases, cases) if cases else Evidence()


def _onboarding(uses: FirstUses | None) -> Evidence:
    if uses is None:
        return Evidence(because=f"none of the tables {', '.join(VALUE_TABLES)} is mapped")
    return _share(int(uses.has_used.sum()), int(uses.is_newcomer.sum()))


def _segmented_mails(store: Store, cutoff: date) -> Evidence:
    if not store.has("emails") or "campaign" not in store.tables["emails"].columns:
        return Evidence(because="no campaigns are recorded: map tables.emails.columns.campaign")
    with store.connect() as connection:
        cases, hits = connection.execute(
            f"WITH mails AS (SELECT customer, campaign FROM {store.scan('emails')} "
            f"WHERE {store.visible_before('emails', cutoff)} AND day >= {day_number(cutoff) - AUDIT_DAYS}), "
            "reach AS (SELECT campaign, count(*) AS n, count(DISTINCT customer) AS customers FROM mails "
            "WHERE campaign IS NOT NULL GROUP BY 1) "
            "SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (WHERE 2 * customers <= "
            "(SELECT count(DISTINCT customer) FROM mails)), 0) FROM reach"
        ).fetchall()[0]
    return _share(int(hits), int(cases))


NO_CONTACTS = "no contacts are recorded: map tables.contacts"


def _proactive_contact(tickets: Tickets | None, contacts: ContactDays | None, cutoff: date) -> Evidence:
    if contacts is None:
        return Evidence(because=NO_CONTACTS)
    if tickets is None:
        return Evidence(because="no tickets are recorded: map tables.tickets")
    is_new = contacts.day >= day_number(cutoff) - AUDIT_DAYS
    customer, day = contacts.customer[is_new], contacts.day[is_new]
    opened = ContactDays.of_tables((tickets.customer, tickets.day))
    before = opened.count_between(customer, day - QUIET_DAYS, day)
    return _share(int((before == 0).sum()), len(day))


def _feedback_answered(
    answers: Answers | None, contacts: ContactDays | None, days: int, cutoff: date
) -> Evidence:
    if answers is None:
        return Evidence(because="no ratings are recorded: map tables.surveys.columns.rating")
    if contacts is None:
        return Evidence(because=NO_CONTACTS)
    low, end = answers.low, day_number(cutoff) - days
    is_due = (low.day >= end - AUDIT_DAYS) & (low.day < end)
    customer, day = low.customer[is_due], low.day[is_due]
    return _share(int((contacts.count_between(customer, day, day + days) > 0).sum()), len(day))


def _health_tracked(nights: NightReader | None, spells: ActivitySpells, cutoff: date) -> Evidence:
    newest = max((night for night in _nights(nights) if night <= cutoff), default=None)
    if nights is None or newest is None or (cutoff - newest).days > HEALTH_DAYS:
        return _share(0, len(_active_customers(spells, cutoff)))
    scored, excluded = nights.counts(newest)
    active = sum(count for reason, count in excluded.items() if reason not in GONE_REASONS)
    return _share(scored, scored + active)


def _referrals(store: Store, spells: ActivitySpells, cutoff: date) -> Evidence:
    if "referrals" not in store.tables:
        return Evidence(because="no referrals are recorded: map tables.referrals")
    active = _active_customers(spells, cutoff)
    if not store.has("referrals"):
        return _share(0, len(active))
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT DISTINCT customer FROM {store.scan('referrals')} "
            f"WHERE {store.visible_before('referrals', cutoff)} AND day >= {day_number(cutoff) - YEAR_DAYS}"
        ).fetchnumpy()
    return _share(int(np.isin(active, rows["customer"]).sum()), len(active))


def _active_customers(spells: ActivitySpells, cutoff: date) -> Ints:
    """Return the codes of the customers who are active at the cutoff."""
    day = day_number(cutoff)
    return np.unique(spells.customer[(spells.start < day) & (spells.end >= day)])


def _support_reply(tickets: Tickets | None, cutoff: date) -> Evidence:
    if tickets is None or "first_reply_at_day" not in tickets.has:
        return Evidence(because="no replies are recorded: map tables.tickets.columns.first_reply_at")
    end = day_number(cutoff)
    due_on = np.where(tickets.due_on == NEVER, tickets.day + REPLY_DAYS, tickets.due_on)
    is_due = (tickets.day >= end - AUDIT_DAYS) & (due_on < end)
    return _share(int((tickets.replied_on <= due_on)[is_due].sum()), int(is_due.sum()))


def _win_back(spells: ActivitySpells, contacts: ContactDays | None, cutoff: date) -> Evidence:
    if contacts is None:
        return Evidence(because=NO_CONTACTS)
    end = day_number(cutoff) - max(WIN_BACK_DAYS, spells.wait_days)
    has_left = (spells.end < end) & (spells.end >= end - AUDIT_DAYS)
    customer, left_on = spells.customer[has_left], spells.end[has_left]
    contacted = contacts.count_between(customer, left_on, left_on + WIN_BACK_DAYS) > 0
    return _share(int(contacted.sum()), len(customer))


def _figures_reviewed(nights: NightReader | None, cutoff: date) -> Evidence:
    first = cutoff - timedelta(days=REVIEW_DAYS)
    n_nights = sum(first < night <= cutoff for night in _nights(nights))
    return Evidence(n_nights * 365 / 12 / REVIEW_DAYS, REVIEW_DAYS)


def _nights(nights: NightReader | None) -> Iterator[date]:
    yield from nights.nights if nights is not None else ()
