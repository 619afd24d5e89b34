"""The section on tonight: who is at risk, who is expected to leave, and how much money is at stake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

from churn.reporting.page.bands import band_titles
from churn.reporting.page.bars import bars_of, draw_bars, longest_first
from churn.reporting.page.history import RISKY_BAND
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.svg import sparkline
from churn.reporting.page.totals import expected_total
from churn.reporting.page.words import Words

Floats = npt.NDArray[np.float64]

NO_CHART = Markup("")

PROBABILITY_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""The bounds of the groups of customers by their probability, `[edge, next edge)`; 1 is in the last one."""


@dataclass(frozen=True)
class Card:
    """One headline figure.

    Attributes:
        title: The title.
        value: The value.
        lines: Sentences that explain it.
        since: The change since the night before, in words; empty without one.
        chart: The figure over the nights; empty with fewer than two nights.
    """

    title: str
    value: str
    lines: tuple[str, ...]
    since: str = ""
    chart: Markup = NO_CHART


@dataclass(frozen=True)
class OffList:
    """A customer who was on the call list of the night before and is not any more: id, name and why."""

    customer: str
    name: str
    reason: str


def tonight_section(night: ReportSources, words: Words) -> Section:
    """Return the section on tonight."""
    facts = night.facts
    cohort = night.scores[night.scores["excluded_because"].isna()]
    probability = cohort[words.label.probability].to_numpy(dtype=np.float64)
    value = cohort["value_at_risk"].to_numpy(dtype=np.float64, na_value=np.nan)
    bands = cohort["health"].to_numpy(dtype=np.float64, na_value=np.nan)
    cards: tuple[Card, ...]
    if words.is_event:
        cards = (_cohort_card(night, words), _events_card(night, probability, words))
    else:
        cards = (
            _risk_card(night, words),
            _leaving_card(night, probability, bands, words),
            _value_card(night, probability, value, bands, words),
        )
    off_list = off_the_list(night, words)
    return Section(
        id="tonight",
        title=words("Tonight"),
        lead=_lead(night, words),
        html=words.render(
            "tonight.html",
            trial=facts.trial,
            version=facts.model_version,
            cards=(*cards, _list_card(night, words)),
            history=night.history,
            n_new=facts.tasks.get("new", facts.n_contacts),
            off_list=off_list,
            off_reasons=longest_first(Counter(entry.reason for entry in off_list).items()),
            answers_are_assumed=facts.answers_are_assumed,
            no_control_because=facts.no_control_because,
            switched_off=facts.switched_off,
            horizon=facts.label["horizon_days"],
            histogram=bars_of(_probability_groups(probability, words), words) if len(cohort) else (),
            bands=bars_of(_band_counts(bands, words), words, "band%d"),
            bars=lambda bars: draw_bars(bars, words),
            thin=facts.thin,
            excluded=bars_of(
                [(words.value(name), n) for name, n in longest_first(facts.excluded.items())], words
            ),
            customers=facts.customers,
            families=bars_of(
                [(words.value(name), n) for name, n in longest_first(facts.first_reasons.items())], words
            ),
        ),
    )


def _lead(night: ReportSources, words: Words) -> str:
    facts = night.facts
    if facts.trial is not None:
        return words("Do not work from this list: the night is a trial.")
    if not facts.n_contacts:
        return words("Nobody is to be contacted tonight.")
    n_new = facts.tasks.get("new", facts.n_contacts)
    first = words.plural(
        "Contact the customer on the call list",
        "Contact the %(n)s customers on the call list",
        facts.n_contacts,
    )
    overdue = facts.tasks.get("overdue", 0)
    if n_new == facts.n_contacts:
        return words.plural(
            "Contact the customer on the call list, who is new tonight.",
            "Contact the %(n)s customers on the call list; all of them are new tonight.",
            facts.n_contacts,
        )
    if overdue:
        return words.plural(
            "%(first)s, and begin with the one that is overdue; %(new)s of the contacts are new tonight.",
            "%(first)s, and begin with the %(n)s that are overdue; %(new)s of the contacts are new tonight.",
            overdue,
            first=first,
            new=words.count(n_new),
        )
    return words("%(first)s; %(new)s of the contacts are new tonight.", first=first, new=words.count(n_new))


def off_the_list(night: ReportSources, words: Words) -> tuple[OffList, ...]:
    """Return who came off the call list since the night before, and why, in the order of that list."""
    before = night.history.last_calls or ()
    listed = {customer for customer, _ in night.contacts}
    gone = [(customer, name) for customer, name in before if customer not in listed]
    scores = night.scores[night.scores["customer_id"].isin({customer for customer, _ in gone})]
    reasons = {
        str(row["customer_id"]): row["excluded_because"]
        if not pd.isna(row["excluded_because"])
        else row["not_contacted_because"]
        for row in scores.to_dict("records")
    }
    return tuple(OffList(customer, name, _why_off(reasons.get(customer), words)) for customer, name in gone)


def _why_off(reason: str | None, words: Words) -> str:
    if reason is None or pd.isna(reason):
        return words("no longer in the data")
    if reason.startswith("rests until "):  # only a task that has ended brings a rest
        day = date.fromisoformat(reason.removeprefix("rests until "))
        return words("the task has ended; the customer rests until %(day)s", day=words.date(day))
    return words.value(reason)


def _trend(
    night: ReportSources,
    values: Sequence[float | None],
    form: Callable[[float], str],
    title: str,
    words: Words,
) -> tuple[str, Markup]:
    """Return the change of a figure since the night before in words, and its chart over the nights.

    Args:
        night: The night.
        values: The figure in each night of the history.
        form: How the figure is written.
        title: The title of the figure.
        words: The words of the page.
    """
    last = night.history.last_night
    if last is None:
        return "", NO_CHART
    now, then = values[-1], values[-2]
    if now is None or then is None:
        since = words("not known on %(day)s", day=words.day(last.night))
    elif form(now) == form(then):
        since = words("the same as on %(day)s", day=words.day(last.night))
    else:
        difference = words.signed(form(abs(now - then)), now - then)
        since = words("%(difference)s since %(day)s", difference=difference, day=words.day(last.night))
    known = [value for value in values if value is not None]
    if not known:
        return since, NO_CHART
    label = words(
        "%(title)s in %(n)s nights from %(first)s: lowest %(low)s, highest %(high)s, tonight %(now)s",
        title=title,
        n=words.count(len(values)),
        first=words.date(night.history.nights[0].night),
        low=form(min(known)),
        high=form(max(known)),
        now=words("unknown") if now is None else form(now),
    )
    return since, sparkline(values, label)


def _risk_card(night: ReportSources, words: Words) -> Card:
    nights, title = night.history.nights, words("At risk")
    since, chart = _trend(night, [figures.at_risk for figures in nights], words.count, title, words)
    return Card(
        title=title,
        value=words.count(nights[-1].at_risk),
        lines=(
            words(
                "of %(n)s customers who can leave: health 1 or 2, the odds of leaving are more than 1.5 "
                "times the usual odds",
                n=words.count(night.facts.cohort),
            ),
        ),
        since=since,
        chart=chart,
    )


def _leaving_card(night: ReportSources, probability: Floats, bands: Floats, words: Words) -> Card:
    """Return the card of the expected churners, with the part of them who are at risk."""
    total = expected_total(probability)
    is_risky = bands <= RISKY_BAND
    title = words("Expected to leave")
    expected = [figures.expected for figures in night.history.nights]
    since, chart = _trend(night, expected, words.count, title, words)
    return Card(
        since=since,
        chart=chart,
        title=title,
        value=words.count(total.value),
        lines=(
            words(
                "within %(days)s days; %(low)s to %(high)s by chance only (95\u00a0%%); usual rate %(rate)s",
                days=words.count(night.facts.label["horizon_days"]),
                low=words.count(total.low),
                high=words.count(total.high),
                rate=words.share(night.facts.base_rate),
            ),
            words(
                "%(risky)s of them are expected among the %(n_risky)s at risk, and %(others)s among the "
                "%(n_others)s others, where each one is unlikely to leave but many small chances add up",
                risky=words.count(probability[is_risky].sum()),
                n_risky=words.count(is_risky.sum()),
                others=words.count(probability[~is_risky].sum()),
                n_others=words.count((~is_risky).sum()),
            ),
        ),
    )


def _value_card(
    night: ReportSources, probability: Floats, value: Floats, bands: Floats, words: Words
) -> Card:
    known, title = int((~np.isnan(value)).sum()), words("Value at risk")
    if not known:
        return Card(title, words("unknown"), (words("no table holds the payments of customers"),))
    total = expected_total(probability, value)
    values = [figures.value for figures in night.history.nights]
    since, chart = _trend(night, values, words.money, title, words)
    return Card(
        title=title,
        value=words.money(total.value),
        lines=(
            words(
                "what all expected churners are worth, %(risky)s of it among the customers at risk; %(low)s "
                "to %(high)s by chance only (95\u00a0%%)",
                risky=words.money(np.nansum(value[bands <= RISKY_BAND])),
                low=words.money(total.low),
                high=words.money(total.high),
            ),
            words(
                "money is known for %(known)s of %(n)s; the others count as 0 here",
                known=words.count(known),
                n=words.count(night.facts.cohort),
            ),
        ),
        since=since,
        chart=chart,
    )


def _cohort_card(night: ReportSources, words: Words) -> Card:
    title = words("In the cohort")
    customers = [figures.customers for figures in night.history.nights]
    since, chart = _trend(night, customers, words.count, title, words)
    return Card(
        since=since,
        chart=chart,
        title=title,
        value=words.count(night.facts.cohort),
        lines=(words("of %(n)s customers in the data", n=words.count(night.facts.customers)),),
    )


def _events_card(night: ReportSources, probability: Floats, words: Words) -> Card:
    total, title = expected_total(probability), words("Expected events")
    expected = [figures.expected for figures in night.history.nights]
    since, chart = _trend(night, expected, words.count, title, words)
    return Card(
        since=since,
        chart=chart,
        title=title,
        value=words.count(total.value),
        lines=(
            words(
                "customers with the event within %(days)s days; %(low)s to %(high)s by chance only "
                "(95\u00a0%%); usual rate %(rate)s",
                days=words.count(night.facts.label["horizon_days"]),
                low=words.count(total.low),
                high=words.count(total.high),
                rate=words.share(night.facts.base_rate),
            ),
        ),
    )


def _list_card(night: ReportSources, words: Words) -> Card:
    facts = night.facts
    lines = [
        words(
            "%(new)s new tonight, %(open)s open, %(overdue)s overdue; %(places)s places for new ones",
            new=words.count(facts.tasks.get("new", facts.n_contacts)),
            open=words.count(facts.tasks.get("open", 0)),
            overdue=words.count(facts.tasks.get("overdue", 0)),
            places=words.count(facts.n_places),
        )
    ]
    if facts.controls:
        lines.append(
            words.plural(
                "One more is in the control group: nobody contacts this customer, so that the effect of "
                "contacts can be measured",
                "%(n)s more are in the control group: nobody contacts them, so that the effect of contacts "
                "can be measured",
                facts.controls,
            )
        )
    title = words("On the trial call list") if facts.trial else words("On the call list")
    n_calls = [figures.n_calls for figures in night.history.nights]
    since, chart = _trend(night, n_calls, words.count, title, words)
    return Card(title, words.count(facts.n_contacts), tuple(lines), since, chart)


def _band_counts(bands: Floats, words: Words) -> list[tuple[str, int]]:
    """Return the number of customers of each health band, band 1 first."""
    titles = band_titles(words)
    return [(f"{band} {titles[band]}", int((bands == band).sum())) for band in sorted(titles)]


def _probability_groups(probability: Floats, words: Words) -> list[tuple[str, int]]:
    """Return the number of customers by their probability; the highest probabilities first."""
    edges = PROBABILITY_EDGES
    counts, _ = np.histogram(probability, edges)
    names = [
        words("%(low)s to %(high)s", low=words.share(low, 0), high=words.share(high, 0))
        for low, high in pairwise(edges)
    ]
    return list(zip(names, map(int, counts), strict=True))[::-1]
