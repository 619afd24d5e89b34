"""The section on tonight: who is at risk, who is expected to leave, and how much money is at stake."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from churn.reporting.page.bars import bars_of, draw_bars, longest_first
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.totals import expected_total
from churn.reporting.page.words import Words

Floats = npt.NDArray[np.float64]

RISKY_BAND = 2
"""The best health band that is at risk: the odds of leaving are more than 1.5 times the usual odds."""

PROBABILITY_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""The bounds of the groups of customers by their probability, `[edge, next edge)`; 1 is in the last one."""


@dataclass(frozen=True)
class Card:
    """One headline figure: its title, its value, and sentences that explain it."""

    title: str
    value: str
    lines: tuple[str, ...]


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
            _risk_card(night, bands, words),
            _leaving_card(night, probability, bands, words),
            _value_card(night, probability, value, words),
        )
    return Section(
        id="tonight",
        title=words("Tonight"),
        lead=_lead(night, words),
        html=words.render(
            "tonight.html",
            trial=facts.trial,
            version=facts.model_version,
            cards=(*cards, _list_card(night, words)),
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
    if overdue:
        return words.plural(
            "%(first)s, and begin with the one that is overdue; %(new)s of the contacts are new tonight.",
            "%(first)s, and begin with the %(n)s that are overdue; %(new)s of the contacts are new tonight.",
            overdue,
            first=first,
            new=words.count(n_new),
        )
    return words("%(first)s; %(new)s of the contacts are new tonight.", first=first, new=words.count(n_new))


def _risk_card(night: ReportSources, bands: Floats, words: Words) -> Card:
    return Card(
        title=words("At risk"),
        value=words.count((bands <= RISKY_BAND).sum()),
        lines=(
            words(
                "of %(n)s customers who can leave: health 1 or 2, the odds of leaving are more than 1.5 "
                "times the usual odds",
                n=words.count(night.facts.cohort),
            ),
        ),
    )


def _leaving_card(night: ReportSources, probability: Floats, bands: Floats, words: Words) -> Card:
    """Return the card of the expected churners, with the part of them who are at risk."""
    total = expected_total(probability)
    is_risky = bands <= RISKY_BAND
    return Card(
        title=words("Expected to leave"),
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


def _value_card(night: ReportSources, probability: Floats, value: Floats, words: Words) -> Card:
    known = int((~np.isnan(value)).sum())
    if not known:
        return Card(
            words("Value at risk"), words("unknown"), (words("no table holds the payments of customers"),)
        )
    total = expected_total(probability, value)
    return Card(
        title=words("Value at risk"),
        value=words.money(total.value),
        lines=(
            words(
                "what the expected churners are worth; %(low)s to %(high)s by chance only (95\u00a0%%)",
                low=words.money(total.low),
                high=words.money(total.high),
            ),
            words(
                "money is known for %(known)s of %(n)s; the others count as 0 here",
                known=words.count(known),
                n=words.count(night.facts.cohort),
            ),
        ),
    )


def _cohort_card(night: ReportSources, words: Words) -> Card:
    return Card(
        title=words("In the cohort"),
        value=words.count(night.facts.cohort),
        lines=(words("of %(n)s customers in the data", n=words.count(night.facts.customers)),),
    )


def _events_card(night: ReportSources, probability: Floats, words: Words) -> Card:
    total = expected_total(probability)
    return Card(
        title=words("Expected events"),
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
    return Card(title, words.count(facts.n_contacts), tuple(lines))


def _band_counts(bands: Floats, words: Words) -> list[tuple[str, int]]:
    """Return the number of customers of each health band, band 1 first."""
    titles = band_titles(words)
    return [(f"{band} {titles[band]}", int((bands == band).sum())) for band in sorted(titles)]


def band_titles(words: Words) -> dict[int, str]:
    """Return what each health band means, in the language of the page."""
    return {
        1: words("about to leave"),
        2: words("weak"),
        3: words("as usual"),
        4: words("good"),
        5: words("well"),
    }


def _probability_groups(probability: Floats, words: Words) -> list[tuple[str, int]]:
    """Return the number of customers by their probability; the highest probabilities first."""
    edges = PROBABILITY_EDGES
    counts, _ = np.histogram(probability, edges)
    names = [
        words("%(low)s to %(high)s", low=words.share(low, 0), high=words.share(high, 0))
        for low, high in pairwise(edges)
    ]
    return list(zip(names, map(int, counts), strict=True))[::-1]
