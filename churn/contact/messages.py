"""The message of a planned contact: the template of its play, filled for the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churn.contact.templates import fill_template
from churn.errors import PlaybookError
from churn.params import PROBABILITY_COLUMNS
from churn.scoring.play import Play
from churn.scoring.template_files import TemplateFiles

_SCORES = (*PROBABILITY_COLUMNS, "health", "value_at_risk")
_TASK = ("customer_id", "owner", "channel", "play", "due_at")


@dataclass(frozen=True)
class FilledMessage:
    """The message of a contact.

    Attributes:
        subject: The subject of an e-mail, if the template has one.
        body: The text; None without a template, or if it cannot be filled.
        problem: Why the template cannot be filled for this customer; None if it can.
    """

    subject: str | None = None
    body: str | None = None
    problem: str | None = None


def fill_message(
    task: Mapping[str, Any],
    play: Play | None,
    templates: TemplateFiles,
    language: str,
    values: Mapping[str, Any],
) -> FilledMessage:
    """Fill the template of a task.

    One customer without a value must not keep the whole night from being handed over, so a template that
    cannot be filled is no error here.

    Args:
        task: The columns `template` and `variant` of the task.
        play: The play; None if it is no longer in the playbook.
        templates: The templates of the playbook.
        language: The language of the message.
        values: The values of the template, see `message_values`.
    """
    template = task["template"]
    text = templates.texts.get((template, language)) if template else None
    if text is None:
        return FilledMessage()
    variant = play.variants.get(task["variant"]) if play and task["variant"] else None
    try:
        message = fill_template(
            text,
            values,
            location=f"templates/{template}.{language}.txt",
            variant_subject=variant.subject if variant else None,
        )
    except PlaybookError as error:
        return FilledMessage(problem=error.problems[0])
    return FilledMessage(message.subject, message.body)


def message_values(
    task: Mapping[str, Any],
    signals: Mapping[str, Any],
    scores: Mapping[str, Any],
    name: str | None,
    reasons: Sequence[str],
) -> dict[str, Any]:
    """Return the values that the template of a task may use; a value that is not known is None.

    Args:
        task: The customer, the owner, the channel, the play and the due date.
        signals: The signals of the customer, by name.
        scores: The row of the customer in the scores.
        name: The name of the customer, if it is known.
        reasons: Why the customer may leave, as sentences.
    """
    values = {name: _plain(value) for name, value in signals.items()}
    values |= {key: scores[key] for key in scores if key in _SCORES or key.startswith("health_")}
    return values | {key: task[key] for key in _TASK} | {"name": name, "reasons": list(reasons)}


def _plain(value: Any) -> Any:
    """Return a value of a signal as a template sees it: None if it is not known."""
    if value is None or value is pd.NaT or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
