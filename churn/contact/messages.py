"""The message of a planned contact, which is the template of its play filled for the customer."""

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
        body: The text of the message; None if there is no template, or if the template cannot be filled.
        problem: Why the template cannot be filled for this customer; None if it can be filled.
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
    """Fill the template of a task with the values of its customer.

    A template that cannot be filled is not an error here. An error would stop the hand-over of the whole
    night because of a single customer without a value.

    Args:
        task: The columns `template` and `variant` of the task.
        play: The play of the task; None if the playbook no longer has it.
        templates: The templates of the playbook.
        language: The language of the message.
        values: The values of the variables, see `message_values`.
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
    """Return the values of the variables in a task's template; a value that is not known is None.

    Args:
        task: The task, with customer, owner, channel, play and due date.
        signals: The signals of the customer, by name.
        scores: The customer's row in the scores.
        name: The name of the customer; None if it is not known.
        reasons: The reasons why the customer may leave, as sentences.
    """
    values = {name: _plain(value) for name, value in signals.items()}
    values |= {key: scores[key] for key in scores if key in _SCORES or key.startswith("health_")}
    return values | {key: task[key] for key in _TASK} | {"name": name, "reasons": list(reasons)}


def _plain(value: Any) -> Any:
    """Return the value of a signal as templates need it: a plain Python value, None if it is not known."""
    if value is None or value is pd.NaT or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
