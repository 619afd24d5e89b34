"""Fill the message of a play for a customer, from a jinja2 template that runs in a sandbox.

The company writes the templates. In the sandbox a template reads only the values that it gets. A template can
read no file and no attribute of Python, and it can change no value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from churn.errors import PlaybookError

SUBJECT = "subject:"
"""The text with which the first line of an e-mail begins, in lower case."""


@dataclass(frozen=True)
class Message:
    """A message for a customer.

    Attributes:
        subject: The subject of an e-mail; None if the template has no line `Subject: ...`.
        body: The text of the message without the line of the subject.
    """

    subject: str | None
    body: str


def fill_template(
    text: str, values: Mapping[str, Any], *, location: str, variant_subject: str | None = None
) -> Message:
    """Fill a template with the values of one customer.

    - A variable without a value is a mistake; it does not become an empty text.
    - A value that is None is not known to the company. Such a value must not be written, because the customer
      would read "None". For this case the template states a text, such as `{{ name or "customer" }}`.
    - A message is plain text, so nothing is escaped.

    Args:
        text: The text of the template. The first line may be `Subject: ...`.
        values: The values of the variables, by name.
        location: The file of the template, for error messages.
        variant_subject: The subject in the customer's variant of the play. It is a template too, and replaces
            the subject in the first line.

    Raises:
        PlaybookError: The text is not a template, a value is missing, or the template does something that the
            sandbox forbids. The error names the file and the line.
    """
    filled = _render(text, values, location)
    first, _, following = filled.partition("\n")
    has_subject = first.casefold().startswith(SUBJECT)
    subject = first[len(SUBJECT) :].strip() if has_subject else None
    if variant_subject is not None:
        subject = " ".join(_render(variant_subject, values, f"{location} (subject of the variant)").split())
    body = following if has_subject else filled
    return Message(subject, body.strip("\n") + "\n")


def _refuse_none(value: Any) -> Any:
    if value is None:
        raise ValueError(
            "a value is not known for this customer; write a text for this case, such as "
            '{{ name or "customer" }}'
        )
    return value


_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, finalize=_refuse_none, trim_blocks=True, lstrip_blocks=True
)
_END_OF_SENTENCE = re.compile(r"^(?P<line>.*)(?P<tag>\{% *end\w+ *)%\}$", re.MULTILINE)
_TAG = re.compile(r"\{%.*?%\}")

_CODE_NAME = "<template>"
"""The file name that jinja2 gives to a template that was made from a text."""


def _render(text: str, values: Mapping[str, Any], location: str) -> str:
    try:
        return _template(text).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise PlaybookError(
            f"{location}:{error.lineno}: the template breaks the syntax of jinja2: {error.message}."
        ) from None
    except Exception as error:  # a template can raise any error, such as a division by zero
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise PlaybookError(
            f"{location}:{_line_of(error)}: the template cannot be filled: {reason}."
        ) from None


@lru_cache(maxsize=256)
def _template(text: str) -> jinja2.Template:
    """Return a text as a template of jinja2.

    The template is kept in memory, because the thousands of customers of a call list share a few templates.
    """
    return _ENVIRONMENT.from_string(_END_OF_SENTENCE.sub(_keep_line_end, text))


def _keep_line_end(match: re.Match[str]) -> str:
    """Put a `+` into the closing tag at the end of a line if the line has text outside its tags.

    The `+` makes jinja2 keep the line end. Without it, jinja2 drops the line end after each tag, which is
    right only for lines that contain nothing but tags.
    """
    has_text = bool(_TAG.sub("", match["line"]).strip())
    return f"{match['line']}{match['tag']}{'+' if has_text else ''}%}}"


def _line_of(error: BaseException) -> int:
    """Return the line number of the template at which an error was raised."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _CODE_NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
