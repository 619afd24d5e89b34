"""The part of the page about changes of the data and the predictions since the training of the model, and
about reasons to train again.
"""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from churn.drift.result import Drift, RealisedNight
from churn.reporting.page.elements import (
    EMPTY,
    Heading,
    bullet_list,
    day,
    fold,
    heading,
    join_parts,
    paragraph,
    table,
)
from churn.reporting.page.provenance import (
    Source,
    show_interval,
    show_number,
    show_sentence,
)
from churn.reporting.page.sources import ReportSources
from churn.reporting.page.words import Words
from churn.reporting.rendering import mark_commands

DRIFT_FILE = Source("drift.json")


def drift_part(words: Words, drift: Drift | None, night: ReportSources) -> Markup:
    """Return what has changed in the data since the training, and how good earlier predictions were."""
    title = heading(words("Have the data changed since the training?"))
    if drift is None:
        again = words(
            "This has not been checked for this night. Run `churn drift --cutoff %(night)s`, then "
            "`churn report`.",
            night=night.cutoff,
        )
        return join_parts([title, paragraph(mark_commands(again), "soft")])
    parts = [title, *_moved_signals(words, drift), _realised_nights(words, drift.performance.realised_nights)]
    if drift.performance.because and not drift.performance.realised_nights:
        parts.append(
            paragraph(
                words.html(
                    "It is not known yet how good tonight's predictions are: %(reason)s.",
                    reason=words.value(drift.performance.because),
                ),
                "soft",
            )
        )
    parts.append(_triggers(words, drift))
    return join_parts([part for part in parts if part])


def _moved_signals(words: Words, drift: Drift) -> Iterator[Markup]:
    if drift.signals is None:
        reason = words.value(drift.no_reference_because or "")
        yield paragraph(
            words.html(
                "Signals and probabilities were not compared with the training: %(reason)s.", reason=reason
            )
        )
        return
    source = DRIFT_FILE.at("signals")
    shown = [(number, signal) for number, signal in enumerate(drift.signals) if signal.psi is not None]
    moved = [entry for entry in shown if entry[1].has_moved]
    n_signals = show_number(words, len(drift.signals), f"len:{source}")
    if moved:
        yield paragraph(
            words.html(
                "Of %(n)s signals, the signals below have changed more since the training than between any "
                "two cutoffs of the training:",
                n=n_signals,
            )
        )
    else:
        yield paragraph(
            words.html("No: none of %(n)s signals has changed by more than its limit.", n=n_signals)
        )
    rows = [
        [
            Markup("<code>{}</code>").format(signal.signal),
            show_number(words, signal.psi, source.at(number, "psi"), 3),
            show_number(words, signal.limit, source.at(number, "limit"), 3),
            show_number(words, signal.missing, source.at(number, "missing"), 1, scale=100),
            show_number(
                words, signal.missing_in_training, source.at(number, "missing_in_training"), 1, scale=100
            ),
        ]
        for number, signal in (moved or shown[:5])
    ]
    headings = [
        Heading(words("Signal"), is_number=False),
        Heading(words("Change (PSI)")),
        Heading(words("Limit")),
        Heading(words("Missing tonight, %%")),
        Heading(words("Missing in training, %%")),
    ]
    signals = table(words("Signals that changed most"), headings, rows)
    yield signals if moved else fold(words("The signals nearest to their limit"), signals)


def _realised_nights(words: Words, nights: tuple[RealisedNight, ...]) -> Markup:
    """Return the expected and the observed churn of earlier nights whose outcomes are known."""
    if not nights:
        return EMPTY
    rows = []
    for number, night in enumerate(nights):
        at = DRIFT_FILE.at("performance", "realised_nights", number)
        ratio, auc = night.observed_expected, night.outcome_figures.auc
        rows.append(
            [
                day(words, night.night),
                show_number(words, night.customers, at.at("customers")),
                show_number(words, night.churners, at.at("churners")),
                show_interval(words, (ratio.value, ratio.low, ratio.high), at.at("observed_expected"), 2),
                show_interval(words, (auc.value, auc.low, auc.high), at.at("outcome_figures", "auc"), 3),
            ]
        )
    title = words("Earlier nights whose outcome is known")
    headings = [
        Heading(words("Night"), is_number=False),
        Heading(words("Customers")),
        Heading(words("Left")),
        Heading(words("Observed / expected")),
        Heading(words("AUC")),
    ]
    notes = []
    if any(night.note is None for night in nights):
        notes.append(words("Contacted customers are left out, because a contact changes what they do."))
    if any(night.note is not None for night in nights):
        notes.append(
            words(
                "In a night without a control group, the table counts contacted customers too. Their "
                "contacts may have changed how many of them left."
            )
        )
    return join_parts(
        [heading(title), table(title, headings, rows), *(paragraph(note, "soft small") for note in notes)]
    )


def _triggers(words: Words, drift: Drift) -> Markup:
    answers = {True: words("yes"), False: words("no"), None: words("not known")}
    titles = {
        "level": words("The level is off"),
        "drift": words("Data or predictions have changed"),
        "age": words("The model is old"),
        "new_labels": words("Many new outcomes are known"),
    }
    items = [
        Markup("{}: <strong>{}</strong>. {}").format(
            titles[trigger.name],
            answers[trigger.fires],
            show_sentence(words, trigger.text, DRIFT_FILE.at("triggers", number, "text")),
        )
        for number, trigger in enumerate(drift.triggers)
    ]
    summary = words("Reasons to train again")
    if drift.retrain:
        return Markup('<div class="note"><p><strong>{}</strong></p>{}</div>').format(
            summary, bullet_list(items)
        )
    return fold(summary, bullet_list(items))
