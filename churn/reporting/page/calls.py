"""The section about the call list: whom to contact, why, how, and until when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churn.reporting.page.bands import band_titles
from churn.reporting.page.bars import longest_first
from churn.reporting.page.call import Call, CustomerNotes
from churn.reporting.page.call_data import call_data, compact, json_of, shown_reasons, status_in_words
from churn.reporting.page.section import Section
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words


@dataclass(frozen=True)
class PlayOnList:
    """A play of the call list: the number of its calls, its action, and its criterion of success."""

    name: str
    n_calls: int
    action: str
    success: str


@dataclass(frozen=True)
class Choice:
    """A filter of the call list: its key in the data of the page, its label, and its options, each with value
    and text.
    """

    key: str
    label: str
    options: tuple[tuple[int, str], ...]


def calls_section(night: ReportSources, words: Words) -> Section:
    """Return the section about the call list, with all calls in order."""
    calls = calls_of(night, words.label.probability)
    data = call_data(calls, night.history, night.contacts_before, words)
    return Section(
        id="calls",
        title=words("The trial call list") if night.facts.trial is not None else words("The call list"),
        lead=_lead(calls, words, is_trial=night.facts.trial is not None),
        html=words.render(
            "calls.html",
            calls=calls,
            plays=plays_of(calls),
            choices=_choices(data, words),
            sorts=_sorts(words),
            labels=_labels(words),
            n_reasons=shown_reasons(calls),
            unknown=words("unknown"),
            no_reason=words("no single reason"),
            status=lambda status: status_in_words(status, words),
            data=json_of(compact(data) | {"words": _script_words(words), "language": words.language}),
            not_contacted=longest_first(night.facts.not_contacted.items()),
        ),
    )


def _lead(calls: Sequence[Call], words: Words, *, is_trial: bool) -> str:
    if not calls:
        return words("Nobody is contacted tonight.")
    if is_trial:
        return words("Judge the model by this list, and contact nobody: the night is a trial.")
    if words.is_event:
        return words("Work from the top: open tasks by due date, then new tasks by probability.")
    return words("Work from the top: open tasks by due date, then new tasks by expected profit.")


def plays_of(calls: Sequence[Call]) -> tuple[PlayOnList, ...]:
    """Return the plays on the call list, the play with most calls first."""
    counts = Counter(call.play for call in calls)
    texts = {call.play: (call.action, call.success) for call in reversed(calls)}
    return tuple(PlayOnList(play, n, *texts[play]) for play, n in longest_first(counts.items()))


def _choices(data: Mapping[str, Any], words: Words) -> tuple[Choice, ...]:
    """Return the filters; a filter that has only one option is left out."""
    bands = band_titles(words)
    names = {
        "owner": words("Who"),
        "play": words("Play"),
        "channel": words("Channel"),
        "health": words("Health"),
        "stage": words("Stage"),
        "family": words("Kind of reason"),
        "status": words("Status"),
    }
    choices = []
    for key, label in names.items():
        used = set(data[key]) - {-1}
        if key == "health":
            options = [(band, f"{band} {bands[band]}") for band in sorted(used)]
        else:
            options = [(index, data["names"][key][index]) for index in sorted(used)]
            options.sort(key=lambda option: option[1].casefold())
        if len(options) > 1:
            choices.append(Choice(key, label, tuple(options)))
    return tuple(choices)


def _sorts(words: Words) -> tuple[tuple[str, str], ...]:
    """Return the ways to sort the list: for each, the key that `morning.js` knows, and the text to show."""
    sorts = [
        ("order", words("Order of the list")),
        ("probability", words("Probability")),
        ("value", words("Value at risk")),
        ("health", words("Health")),
        ("name", words("Customer")),
        ("play", words("Play")),
        ("owner", words("Who")),
        ("due", words("By")),
    ]
    absent = {"value", "health"} if words.is_event else set()
    return tuple(entry for entry in sorts if entry[0] not in absent)


def _labels(words: Words) -> tuple[str, ...]:
    """Return the headings of the list from column 3 on; a narrow screen shows them in front of the values."""
    first = words("Probability") if words.is_event else words("Leaves")
    health = () if words.is_event else (words("Value at risk"), words("Health"))
    return (first, *health, words("Why"), words("What to do"), words("Who"), words("By"))


def _script_words(words: Words) -> dict[str, str]:
    """Return the texts that `morning.js`, the script of the page, shows."""
    return {
        "count": words("{shown} of {all} calls"),
        "order": words("sorted by {name}"),
        "stage": words("Stage: {stage}"),
        "history": words("Probability over the nights"),
        "single": words("This customer was not scored in the earlier nights on this page."),
        "notScored": words("not scored"),
        "reasons": words("Why, and what is usual"),
        "usual": words("usual: {level}"),
        "todo": words("What to do"),
        "goal": words("It should reach: {goal}"),
        "message": words("The message"),
        "subject": words("Subject: {subject}"),
        "noMessage": words("This play has no template for a message."),
        "seen": words("Last events before the night"),
        "days": words("{table}: {days} days before"),
        "day": words("{table}: the day before"),
        "noEvents": words("The customer's last events before this night were not stored."),
        "before": words("Contacts planned before"),
        "noContacts": words("None."),
        "by": words("{day}: {play}, {channel}"),
    }


def calls_of(night: ReportSources, probability: str) -> tuple[Call, ...]:
    """Return the lines of the call list, in the order of the list."""
    rows = night.scores.rows
    return tuple(
        _call(customer, name, rows[customer], probability, night.notes[customer])
        for customer, name in night.contacts
    )


def _call(
    customer: str,
    name: str,
    row: Mapping[str, Any],
    probability: str,
    notes: CustomerNotes,
) -> Call:
    def text(column: str) -> str:
        return str(row.get(column) or "")

    return Call(
        customer=customer,
        name=name,
        probability=row[probability],
        value=row["value_at_risk"],
        health=row["health"],
        reasons=tuple(str(text) for name, text in row.items() if name.startswith("reason_") and text),
        play=text("play"),
        action=text("action"),
        success=text("success"),
        owner=text("owner"),
        channel=text("channel"),
        due=row["due_at"],
        status=text("task_status"),
        notes=notes,
    )
