"""Control characters of a terminal, written as codes."""

from __future__ import annotations

import re

_CONTROLS = re.compile(
    # The characters of C0 except tab and line feed, the character delete, and C1.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Unicode's Bidi_Control
    "\u2028\u2029]"  # line and paragraph separators
)


def escape_controls(text: str) -> str:
    r"""Return a text in which control characters of a terminal are written as codes.

    >>> print(escape_controls("plan\x1b[31m, O'Brien, \u202eabc"))
    plan\x1b[31m, O'Brien, \u202eabc
    """
    return _CONTROLS.sub(lambda match: control_code(ord(match[0])), text)


def control_code(number: int) -> str:
    r"""Return the code of a control character.

    >>> print(control_code(27), control_code(0x202E))
    \x1b \u202e
    """
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
