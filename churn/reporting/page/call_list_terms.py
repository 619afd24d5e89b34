"""The text on what the call list is based on: which effects and costs are measured, and which are assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from churn.reporting.cost_lines import cost_digits
from churn.reporting.page.effect_details import POINTS
from churn.reporting.page.elements import EMPTY, bullet_list, day, heading, join_parts
from churn.reporting.page.night_numbers import NIGHT_FILE
from churn.reporting.page.provenance import Source, free, show_interval, show_number
from churn.reporting.page.sources import ReportSources, UsedCost, UsedCosts
from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands


def terms_in_use(words: Words, night: ReportSources) -> Markup:
    """Return a text that says which effects and which costs the call list of the night uses: measured ones,
    or an assumption.
    """
    if words.is_event:
        return EMPTY
    effects, uplift = night.facts.measured_effects, night.facts.uplift
    items: list[str | Markup] = []
    for name, effect in effects.plays.items() if effects else ():
        source = NIGHT_FILE.at("measured_effects", "plays", name)
        items.append(
            words.html(
                "%(play)s: by the outcomes known up to %(day)s, a contact keeps %(share)s%% of the churners. "
                "The call list uses %(used)s%% (this share, but never below 0).",
                play=free(name),
                day=day(words, effects.as_of) if effects else "",
                share=show_interval(words, (effect.value, effect.low, effect.high), source, 1, scale=POINTS),
                used=show_number(words, effect.used_share, source.at("used"), 1, scale=POINTS),
            )
        )
    items.append(
        words("The effect of all other plays is assumed, because it is not proved.")
        if effects
        else mark_commands(
            words("The effect of each play is assumed (`evaluate.profit.accept_share`): no effect is proved.")
        )
    )
    items += _costs_in_use(words, night.facts.measured_costs)
    if uplift is None:
        items.append(
            words(
                "Risk and value decide whom to contact: no model is proved to predict the effect of a "
                "contact on each customer."
            )
        )
    else:
        alone = NIGHT_FILE.at("uplift", "do_not_disturb")
        items.append(
            words.html(
                "The predicted effect of a contact on each customer decides whom to contact. The outcomes "
                "known up to %(day)s prove that this is better than a choice by risk. %(n)s customers are "
                "left alone, because a contact is proved not to help customers with such a small predicted "
                "effect.",
                day=day(words, uplift.as_of),
                n=show_number(words, uplift.do_not_disturb, alone),
            )
        )
    return join_parts([heading(words("What the call list is based on")), bullet_list(items)])


def _costs_in_use(words: Words, costs: UsedCosts | None) -> Iterator[Markup]:
    """Yield texts that say which costs of a contact the call list uses: measured costs, or an assumption.

    Args:
        words: The language of the page.
        costs: The measured costs that the night uses; None if it uses none.
    """
    if costs is None:
        yield mark_commands(
            words("What a contact costs is assumed (`evaluate.profit.contact_cost` and the playbook).")
        )
        return
    source = NIGHT_FILE.at("measured_costs")
    for play, cost in costs.plays.items():
        yield words.html(
            "%(play)s: a contact costs %(cost)s. This is measured: the mean of %(n)s contacts with a "
            "recorded cost, out of %(contacts)s contacts known before %(day)s.",
            play=free(play),
            **_used_cost(words, cost, source.at("plays", play)),
            day=day(words, costs.as_of),
        )
    if costs.all_contacts is not None:
        yield words.html(
            "For a play without a measured cost and without a cost in the playbook, a contact costs "
            "%(cost)s. This is the mean over all plays: %(n)s contacts with a recorded cost, out of "
            "%(contacts)s contacts known before %(day)s.",
            **_used_cost(words, costs.all_contacts, source.at("all_contacts")),
            day=day(words, costs.as_of),
        )
    yield words.html("All other costs, and what an offer gives away, are assumed.")


def _used_cost(words: Words, cost: UsedCost, source: Source) -> Mapping[str, Markup]:
    interval = (cost.value, cost.low, cost.high)
    return {
        "cost": show_interval(words, interval, source, cost_digits(cost.value)),
        "n": show_number(words, cost.with_cost, source.at("with_cost")),
        "contacts": show_number(words, cost.contacts, source.at("contacts")),
    }
