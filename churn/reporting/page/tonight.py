"""The section about tonight: who is at risk, how many customers are expected to leave, and how much money is
at stake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from churn.metrics.catalog import CANDIDATE_NAMES
from churn.reporting.page.bands import band_titles
from churn.reporting.page.bars import bars_of, draw_bars, longest_first
from churn.reporting.page.call_data import MANY_CALLS
from churn.reporting.page.history import RISKY_BAND, NightFigures
from churn.reporting.page.night_numbers import NIGHT_FILE, NightNumbers
from churn.reporting.page.off_list import by_reason, count_reasons, off_the_list
from churn.reporting.page.provenance import Source, alt_sources, free, quote, show_sentence
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.svg import sparkline
from churn.reporting.page.totals import expected_total
from churn.reporting.page.words import Words

Floats = npt.NDArray[np.float64]

NO_CHART = Markup("")

PROBABILITY_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""The bounds of the groups of customers by probability, `[edge, next edge)`; a probability of 1 is in the
last group.
"""


@dataclass(frozen=True)
class Card:
    """A card with one headline figure.

    Attributes:
        title: The title of the card.
        value: The value of the figure.
        lines: Sentences that explain the figure.
        since: The change since the night before, in words; empty if there is no night before.
        chart: A chart of the figure over the nights; empty if there are fewer than two nights.
    """

    title: str
    value: str | Markup
    lines: tuple[str | Markup, ...]
    since: str | Markup = ""
    chart: Markup = NO_CHART


def tonight_section(night: ReportSources, words: Words) -> Section:
    """Return the section on tonight."""
    facts = night.facts
    scores = night.scores
    probability, value, bands = scores.probability, scores.value, scores.health
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
    numbers = NightNumbers(words, night.cutoff)
    return Section(
        id="tonight",
        title=words("Tonight"),
        lead=_lead(night, words),
        html=words.render(
            "tonight.html",
            trial=facts.trial,
            trial_reasons=[why_trial(name, words) for name in (facts.trial or {}).get("because", ())],
            trial_requirements=Markup(words("; and if ")).join(
                show_sentence(words, rule) for rule in (facts.trial or {}).get("requirements", ())
            ),
            version=quote(facts.model_version, NIGHT_FILE.at("model_version")),
            numbers=numbers,
            cards=(*cards, _list_card(night, words)),
            history=night.history,
            cells=lambda figures: _history_cells(figures, numbers),
            n_new=_n_new(night),
            n_new_shown=_show_new(night, numbers),
            off_list=off_list,
            off_by_reason=by_reason(off_list),
            is_long=len(off_list) >= MANY_CALLS,
            off_reasons=bars_of(count_reasons(off_list, numbers), words),
            answers_are_assumed=facts.answers_are_assumed,
            no_control_because=facts.no_control_because,
            free=free,
            switched_off=[
                (free(play), len(keys), free(", ".join(keys))) for play, keys in facts.switched_off.items()
            ],
            horizon=numbers.fact(facts.label["horizon_days"], "label", "horizon_days"),
            histogram=bars_of(_probability_groups(probability, numbers), words) if len(probability) else (),
            bands=bars_of(_band_counts(bands, numbers), words, "band%d"),
            bars=lambda bars: draw_bars(bars, words),
            thin=facts.thin,
            excluded=bars_of(_with_sources(facts.excluded, NIGHT_FILE.at("excluded"), words), words),
            customers=numbers.fact(facts.customers, "customers"),
            families=bars_of(
                _with_sources(facts.first_reasons, NIGHT_FILE.at("first_reasons"), words), words
            ),
        ),
    )


def _n_new(night: ReportSources) -> int:
    """Return the number of contacts that are new on the list tonight.

    If an earlier version of the program scored the night, its files lack this number: all contacts count as
    new.
    """
    return night.facts.tasks.get("new", night.facts.n_contacts)


def _show_new(night: ReportSources, numbers: NightNumbers) -> Markup:
    """Return the number of new contacts, as HTML that names the place of the number in `night.json`."""
    steps = ("tasks", "new") if "new" in night.facts.tasks else ("contacted",)
    return numbers.fact(_n_new(night), *steps)


def _show_tasks(night: ReportSources, status: str, numbers: NightNumbers) -> Markup:
    """Return how many tasks have this status, as HTML that names the place of the number in `night.json`.

    Return 0 if `night.json` has no number for this status.
    """
    tasks = night.facts.tasks
    return numbers.fact(tasks[status], "tasks", status) if status in tasks else free("0")


def _lead(night: ReportSources, words: Words) -> str | Markup:
    facts, numbers = night.facts, NightNumbers(words, night.cutoff)
    if facts.trial is not None:
        return words("Do not work from this list: the night is a trial.")
    if not facts.n_contacts:
        return words("Nobody is to be contacted tonight.")
    contacts, new = numbers.fact(facts.n_contacts, "contacted"), _show_new(night, numbers)
    if _n_new(night) == facts.n_contacts:
        return words.plural_html(
            "Contact the customer on the call list; this customer is new on the list tonight.",
            "Contact the %(n)s customers on the call list; all of them are new on the list tonight.",
            facts.n_contacts,
            contacts,
        )
    first = words.plural_html(
        "Contact the customer on the call list",
        "Contact the %(n)s customers on the call list",
        facts.n_contacts,
        contacts,
    )
    if overdue := facts.tasks.get("overdue", 0):
        return words.plural_html(
            "%(first)s, and begin with the contact that is overdue. New on the list tonight: %(new)s.",
            "%(first)s, and begin with the %(n)s contacts that are overdue. New on the list tonight: "
            "%(new)s.",
            overdue,
            _show_tasks(night, "overdue", numbers),
            first=first,
            new=new,
        )
    return words.html("%(first)s. New on the list tonight: %(new)s.", first=first, new=new)


def why_trial(gate: str, words: Words) -> str:
    """Return in plain words why a gate refused tonight's model, which makes the night a trial.

    Args:
        gate: The name of the gate or of the guard; `not_evaluated` if the model was not evaluated.
        words: The words of the page.
    """
    if gate.startswith("beats_"):
        rule = words.value(CANDIDATE_NAMES[gate.removeprefix("beats_")])
        return words("It is not proved that the model predicts better than this: %(rule)s.", rule=rule)
    champion = words("It is not proved that the model is at least as good as the champion.")
    texts = {
        "not_evaluated": words("The model was not evaluated."),
        "signal": words("It is not proved that the model predicts who leaves."),
        "matches_logistic": words("It is not proved that the model is as good as a logistic regression."),
        "observed_expected": words("The probabilities are too high or too low overall."),
        "test_cutoffs": words("The model was tested at too few dates."),
        "not_too_good": words("The model is too good to be true; the usual cause is a leak in the data."),
        "champion": champion,
        "champion_recipe": champion,
        "lift_at_contact_share": words(
            "Compared with the champion's list, the model's list may reach too few churners."
        ),
        "profit_per_customer_at_contact_share": words(
            "Compared with the champion's list, the model's list may earn too little."
        ),
        "no_guard_raised": words("A guard found a leak or a mistake in the data or in the model."),
        "segments": words("The model is worse than the champion in a segment of customers."),
    }
    guard = words("The guard “%(name)s” found a leak or a mistake.", name=gate.replace("_", " "))
    return texts.get(gate, guard)


def _trend(
    night: ReportSources, name: str, values: Sequence[float | None], title: str, words: Words
) -> tuple[str | Markup, Markup]:
    """Return the change of a figure since the night before, in words, and a chart of the figure over the
    nights.

    Args:
        night: The contents of the night's files.
        name: The name of the figure in `NightFigures`.
        values: The value of the figure in each night of the history.
        title: The title of the figure.
        words: The words of the page.
    """
    last = night.history.last_night
    if last is None:
        return "", NO_CHART
    is_money = name == "value"
    form = words.money if is_money else words.count
    now, then = values[-1], values[-2]
    day = Markup("<time>{}</time>").format(words.day(last.night))
    numbers = NightNumbers(words, night.cutoff)
    since: Markup
    if now is None or then is None:
        since = words.html("not known on %(day)s", day=day)
    elif form(now) == form(then):
        since = words.html("the same as on %(day)s", day=day)
    else:
        difference = numbers.change(now - then, name, last.night, is_money=is_money)
        since = words.html("%(difference)s since %(day)s", difference=difference, day=day)
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
    tonight = [] if now is None else [numbers.source(name)]
    sources = [f"nights:{name}/{which}" for which in ("n", "lowest", "highest")]
    return since, sparkline(values, label, alt_sources([*sources, *tonight]))


def _history_cells(figures: NightFigures, numbers: NightNumbers) -> list[str | Markup]:
    """Return the figures of a night as cells for the table of the last nights."""
    at, words = figures.night, numbers.words
    calls = numbers.count(figures.n_calls, "n_calls", at)
    expected = numbers.count(figures.expected, "expected", at)
    if words.is_event:
        return [numbers.count(figures.customers, "customers", at), expected, calls]
    value = words("unknown") if figures.value is None else numbers.money(figures.value, "value", at)
    return [numbers.count(figures.at_risk, "at_risk", at), expected, value, calls]


def _risk_card(night: ReportSources, words: Words) -> Card:
    numbers = NightNumbers(words, night.cutoff)
    nights, title = night.history.nights, words("At risk")
    since, chart = _trend(night, "at_risk", [figures.at_risk for figures in nights], title, words)
    return Card(
        title=title,
        value=numbers.count(nights[-1].at_risk, "at_risk"),
        lines=(
            words.html(
                "of %(n)s customers who can leave: health 1 or 2, the odds of leaving are more than 1.5 "
                "times the usual odds",
                n=numbers.fact(night.facts.cohort, "cohort"),
            ),
        ),
        since=since,
        chart=chart,
    )


def _leaving_card(night: ReportSources, probability: Floats, bands: Floats, words: Words) -> Card:
    """Return the card with the expected number of churners, in total and in the health bands 1 and 2."""
    numbers = NightNumbers(words, night.cutoff)
    total = expected_total(probability)
    is_risky = bands <= RISKY_BAND
    title = words("Expected to leave")
    expected = [figures.expected for figures in night.history.nights]
    since, chart = _trend(night, "expected", expected, title, words)
    return Card(
        since=since,
        chart=chart,
        title=title,
        value=numbers.count(total.value, "expected"),
        lines=(
            words.html(
                "within %(days)s days; %(low)s to %(high)s by chance only (95%%); usual rate %(rate)s",
                days=numbers.fact(night.facts.label["horizon_days"], "label", "horizon_days"),
                low=numbers.count(total.low, "expected-low"),
                high=numbers.count(total.high, "expected-high"),
                rate=numbers.share(night.facts.base_rate, "base_rate"),
            ),
            words.html(
                "%(risky)s of them are expected among the %(n_risky)s at risk, and %(others)s among the "
                "%(n_others)s others, where each one is unlikely to leave but many small chances add up",
                risky=numbers.count(probability[is_risky].sum(), "expected-risky"),
                n_risky=numbers.count(int(is_risky.sum()), "at_risk"),
                others=numbers.count(probability[~is_risky].sum(), "expected-others"),
                n_others=numbers.count(int((~is_risky).sum()), "others"),
            ),
        ),
    )


def _value_card(
    night: ReportSources, probability: Floats, value: Floats, bands: Floats, words: Words
) -> Card:
    numbers = NightNumbers(words, night.cutoff)
    known, title = int((~np.isnan(value)).sum()), words("Value at risk")
    if not known:
        return Card(title, words("unknown"), (words("no table holds the payments of customers"),))
    total = expected_total(probability, value)
    values = [figures.value for figures in night.history.nights]
    since, chart = _trend(night, "value", values, title, words)
    return Card(
        title=title,
        value=numbers.money(total.value, "value"),
        lines=(
            words.html(
                "what all expected churners are worth, %(risky)s of it among the customers at risk; %(low)s "
                "to %(high)s by chance only (95%%)",
                risky=numbers.money(np.nansum(value[bands <= RISKY_BAND]), "value-risky"),
                low=numbers.money(total.low, "value-low"),
                high=numbers.money(total.high, "value-high"),
            ),
            words.html(
                "money is known for %(known)s of %(n)s; the others count as 0 here",
                known=numbers.count(known, "value-known"),
                n=numbers.fact(night.facts.cohort, "cohort"),
            )
            if known < night.facts.cohort
            else words("the money of all of them is known"),
        ),
        since=since,
        chart=chart,
    )


def _cohort_card(night: ReportSources, words: Words) -> Card:
    numbers = NightNumbers(words, night.cutoff)
    title = words("In the cohort")
    customers = [figures.customers for figures in night.history.nights]
    since, chart = _trend(night, "customers", customers, title, words)
    return Card(
        since=since,
        chart=chart,
        title=title,
        value=numbers.fact(night.facts.cohort, "cohort"),
        lines=(
            words.html("of %(n)s customers in the data", n=numbers.fact(night.facts.customers, "customers")),
        ),
    )


def _events_card(night: ReportSources, probability: Floats, words: Words) -> Card:
    numbers = NightNumbers(words, night.cutoff)
    total, title = expected_total(probability), words("Expected events")
    expected = [figures.expected for figures in night.history.nights]
    since, chart = _trend(night, "expected", expected, title, words)
    return Card(
        since=since,
        chart=chart,
        title=title,
        value=numbers.count(total.value, "expected"),
        lines=(
            words.html(
                "customers with the event within %(days)s days; %(low)s to %(high)s by chance only "
                "(95%%); usual rate %(rate)s",
                days=numbers.fact(night.facts.label["horizon_days"], "label", "horizon_days"),
                low=numbers.count(total.low, "expected-low"),
                high=numbers.count(total.high, "expected-high"),
                rate=numbers.share(night.facts.base_rate, "base_rate"),
            ),
        ),
    )


def _list_card(night: ReportSources, words: Words) -> Card:
    numbers = NightNumbers(words, night.cutoff)
    facts = night.facts
    lines = [
        words.html(
            "%(new)s new tonight, %(open)s open, %(overdue)s overdue; %(places)s places for new ones",
            new=_show_new(night, numbers),
            open=_show_tasks(night, "open", numbers),
            overdue=_show_tasks(night, "overdue", numbers),
            places=numbers.fact(facts.n_places, "places"),
        )
    ]
    if facts.controls:
        lines.append(
            words.plural_html(
                "One more is in the control group: nobody contacts this customer, so that the effect of "
                "contacts can be measured",
                "%(n)s more are in the control group: nobody contacts them, so that the effect of contacts "
                "can be measured",
                facts.controls,
                numbers.fact(facts.controls, "controls"),
            )
        )
    title = words("On the trial call list") if facts.trial else words("On the call list")
    n_calls = [figures.n_calls for figures in night.history.nights]
    since, chart = _trend(night, "n_calls", n_calls, title, words)
    return Card(title, numbers.count(facts.n_contacts, "n_calls"), tuple(lines), since, chart)


def _band_counts(bands: Floats, numbers: NightNumbers) -> list[tuple[str, int, str]]:
    """Return each health band, band 1 first, with its number of customers and the source of this number."""
    titles = band_titles(numbers.words)
    return [
        (f"{band} {titles[band]}", int((bands == band).sum()), numbers.source(f"band-{band}"))
        for band in sorted(titles)
    ]


def _probability_groups(probability: Floats, numbers: NightNumbers) -> list[tuple[str, int, str]]:
    """Return each range of probabilities, the highest first, with its number of customers and the source of
    this number.
    """
    words, edges = numbers.words, PROBABILITY_EDGES
    counts, _ = np.histogram(probability, edges)
    groups = [
        (
            words("%(low)s to %(high)s", low=words.share(low, 0), high=words.share(high, 0)),
            int(count),
            numbers.source(f"from-{low:g}-to-{high:g}"),
        )
        for (low, high), count in zip(pairwise(edges), counts, strict=True)
    ]
    return groups[::-1]


def _with_sources(counts: Mapping[str, int], source: Source, words: Words) -> list[tuple[str, int, Source]]:
    """Return counts from the night's file of facts, the largest first, each with its place in the file."""
    return [(words.value(name), n, source.at(name)) for name, n in longest_first(counts.items())]
