"""Numbers inside sentences, as a reader of the language writes them."""

from __future__ import annotations

import math
import re
import string

NO_BREAK_SPACE = "\u00a0"

ONE_OR_MANY = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")


def sentence(template: str, value: float | str, language: str) -> str:
    """Fill `{value}` into a reason template, in the number format of the language.

    Of `[one|many]` the first stands where the number reads 1. `{value:.0% longer|shorter}` tells a direction
    by the sign of the value; with `log` before it the value is a log ratio and is told as a share.

    >>> sentence("logs in {value:.0%} as often as usual", 0.25, "en")
    'logs in 25% as often as usual'
    >>> sentence("hat die [letzte Rechnung|letzten {value:.0f} Rechnungen] nicht bezahlt", 1.0, "de")
    'hat die letzte Rechnung nicht bezahlt'
    >>> sentence("about {value:log .0% more|fewer} orders than before", -0.7, "en")
    'about 50% fewer orders than before'

    Raises:
        ValueError: the template asks for anything but `{value}`.
    """
    parts = _parts(ONE_OR_MANY.sub(r"\2", template), value, language)
    if any(digits == "1" for _, digits, _ in parts):
        parts = _parts(ONE_OR_MANY.sub(r"\1", template), value, language)
    return "".join(literal + digits + words for literal, digits, words in parts)


def _parts(template: str, value: float | str, language: str) -> list[tuple[str, str, str]]:
    """Return text, number and the words of its direction, field by field."""
    found = []
    for literal, field, spec, conversion in string.Formatter().parse(template):
        if field is not None and (field != "value" or conversion):
            raise ValueError(f"the sentence {template!r} may only use {{value}}, not {{{field}}}")
        digits, words = ("", "") if field is None else _shown(value, spec or "", language)
        found.append((literal, digits, words))
    return found


def _shown(value: float | str, spec: str, language: str) -> tuple[str, str]:
    if not isinstance(value, float | int):
        return str(value), ""
    if "|" not in spec:
        return number(value, spec, language), ""
    rule, _, below = spec.partition("|")
    form, _, above = rule.removeprefix("log ").partition(" ")
    size = math.expm1(value) if rule.startswith("log ") else value
    return number(abs(size), form, language), f" {above if value >= 0 else below}"


def number(value: float, spec: str, language: str) -> str:
    """Format a number: thousands grouped, German with decimal comma and a space before the per cent sign.

    >>> number(1234.5, ".1f", "de"), number(1234.5, ".1f", "en")
    ('1.234,5', '1,234.5')
    """
    if spec == "" and float(value).is_integer():
        spec = ".0f"
    grouped = spec if "," in spec or not spec.startswith(".") else f",{spec}"
    shown = format(float(value), grouped)
    if re.fullmatch(r"-0([.,]0+)?%?", shown):
        shown = shown[1:]
    if language == "de":
        shown = shown.translate(str.maketrans(",.", ".,")).replace("%", f"{NO_BREAK_SPACE}%")
    return shown


def is_missing(value: object) -> bool:
    """Tell whether a cell holds nothing that can be said: None, NaN or an infinity."""
    return value is None or (isinstance(value, float) and not math.isfinite(value)) or value != value
