"""Forty hostile passwords, and a search for them in what was written or printed."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

START, END = "Kx9vQ", "Zt4wR"
"""The ends of each password; nothing else holds them, so a part that is found was taken from a password."""

MARKS = (
    *("/", "#", "?", "%", "@", ":", " ", "'", '"', "\\", "$", "&", "=", "+", ";", ",", "|", "<", "(", "["),
    *("]", "{", "}", "!", "~", "^", "*", "`", "%41", "%zz", "://", "@@", "//x@y:1/", "?password=", "${HOME}"),
    *("{0}", "$(id)", "' OR '1'='1", "\t\u202e\x1b[31m", "ü€😀 #"),
)

PASSWORDS = tuple(f"{START}{mark}{END}" for mark in MARKS)


def parts_in(text: str, password: str) -> list[str]:
    """Return the spellings of a password, and its ends, that a text holds."""
    spellings = {password, quote(password, safe=""), quote(password), quote_plus(password)}
    spellings |= {repr(password)[1:-1], json.dumps(password)[1:-1], html.escape(password)}
    spellings |= {base64.b64encode(f"ana:{password}".encode()).decode(), START, END}
    return sorted(spelling for spelling in spellings if spelling in text)


def pieces(password: str) -> list[str]:
    """Return a password and the parts of it that a library may quote."""
    return [password, *(piece for piece in re.split(r"[/?#@:%]", password) if len(piece) > 1)]
