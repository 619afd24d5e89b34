"""What contacts cost, as the page shows it: the table of the recorded costs."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from churn.experiments.contact_costs import ContactCost, ContactCosts, WhyAssumed
from churn.reporting.cost_lines import cost_digits
from churn.reporting.page.elements import EMPTY, Heading, heading, join_parts, paragraph, table
from churn.reporting.page.provenance import Source, free, show_interval, show_number
from churn.reporting.page.words import Words


def costs_table(words: Words, costs: ContactCosts | None, source: Source) -> Markup:
    """Return a table with the mean cost of a contact, over all plays and by play; empty if there is no
    contact.

    Args:
        words: The language of the page.
        costs: The recorded costs of contacts; None if params.yaml maps no column of costs.
        source: The place of the costs in effects.json.
    """
    if costs is None or not (costs.plays or costs.other_rows):
        return EMPTY
    sources = [source.at("all_contacts"), *(source.at("plays", n) for n in range(len(costs.plays)))]
    rows = [_row(words, part, at) for part, at in zip(costs.parts, sources, strict=True)]
    title = words("What contacts cost")
    headings = [
        Heading(words("Play"), is_number=False),
        Heading(words("Contacts")),
        Heading(words("With a recorded cost")),
        Heading(words("Mean cost of a contact")),
        Heading(words("Enough to replace the assumed cost"), is_number=False, is_wide=True),
    ]
    note = words.html(
        "Costs in your currency, with the 95%% interval. The value of an offer, such as a discount, is not "
        "included. All attempts of one task count as one contact. The row “All contacts together” covers all "
        "plays of the call list."
    )
    parts = [heading(title), table(title, headings, rows), paragraph(note, "soft small")]
    if costs.other_rows:
        others = show_number(words, costs.other_rows, source.at("other_rows"))
        sentence = words.html(
            "%(n)s rows of the contacts table belong to no play in the ledger and are not counted.", n=others
        )
        parts.append(paragraph(sentence, "soft small"))
    return join_parts(parts)


def _row(words: Words, part: ContactCost, source: Source) -> list[Markup | str]:
    everybody = Markup("<strong>{}</strong>").format(words("All contacts together"))
    cost = (part.cost.value, part.cost.low, part.cost.high)
    return [
        everybody if part.play is None else free(part.play),
        show_number(words, part.contacts, source.at("contacts")),
        show_number(words, part.with_cost, source.at("with_cost")),
        show_interval(words, cost, source.at("cost"), cost_digits(part.cost.value)),
        _verdict(words, part.not_used_because),
    ]


def _verdict(words: Words, because: WhyAssumed | None) -> str:
    if because is None:
        return words("yes")
    no: Mapping[WhyAssumed, str] = {
        WhyAssumed.FEW_RECORDED: words("no: too few contacts have a recorded cost"),
        WhyAssumed.PARTLY_RECORDED: words("no: too many contacts have no recorded cost"),
        WhyAssumed.ONE_CUSTOMER: words("no: all recorded costs are those of one customer"),
    }
    return no[because]
