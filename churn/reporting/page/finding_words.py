"""The German text of the lines in which a gate shows the findings of guards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

German = Callable[[str], str | None]
"""Returns the German text for an English sentence of a guard; None if there is none."""

_GROUP_BEGIN = re.compile(r"(?:^|(?<=\. ))(?=[a-z_]+: )")
"""Where a line of findings begins: with the name of a guard. No other sentence begins with a small letter."""

_LIKEWISE = re.compile(r"Likewise (?P<places>.+?)(?: and (?P<more>[\d,]+) more)?\.")

_PLACE_WITH_FIGURE = re.compile(r"(?P<place>.+) \((?P<figure>.+)\)")


def german_groups(text: str, german: German) -> str | None:
    """Return the German text for the lines that `group_sentence` wrote; None if a part has no German text.

    The names of guards, and of the places of findings (tables, columns, signals), are not translated, because
    a sign-off in params.yaml needs them as they are.

    Args:
        text: The lines, joined by spaces.
        german: Returns the German text for one part of a line. The parts are the finding, the advice for the
            user, and the numbers in brackets.
    """
    lines = [_german_line(line.rstrip(), german) for line in _GROUP_BEGIN.split(text) if line]
    return " ".join(line for line in lines if line is not None) if lines and None not in lines else None


def _german_line(line: str, german: German) -> str | None:
    guard, _, rest = line.partition(": ")
    for location, sentences in _splits(rest, ": "):
        for sentence, end in _splits(sentences, ". "):
            if (own_sentence := german(f"{sentence}.")) and (own_end := _german_end(end, german)):
                return f"{guard}: {location}: {own_sentence} {own_end}"
    return None


def _german_end(text: str, german: German) -> str | None:
    """Return the German end of a line: places of further findings, if any, and what the user can do."""
    if way_out := german(text):
        return way_out
    for places, end in _splits(text, ". "):
        likewise, way_out = _LIKEWISE.fullmatch(f"{places}."), german(end)
        if likewise and way_out:
            own_places = ", ".join(
                _german_place(location, german) for location in likewise["places"].split(", ")
            )
            more = f" und {likewise['more'].replace(',', '.')} weitere" if likewise["more"] else ""
            return f"Ebenso {own_places}{more}. {way_out}"
    return None


def _german_place(text: str, german: German) -> str:
    """Return the place of a finding, such as `orders (7%)`, with the number in brackets in German form.

    The place is a table or a column. If the text in the brackets is no known form of a number, it belongs to
    the name of the place.
    """
    match = _PLACE_WITH_FIGURE.fullmatch(text)
    figure = german(match["figure"]) if match else None
    return f"{match['place']} ({figure})" if match and figure else text


def _splits(text: str, border: str) -> Iterator[tuple[str, str]]:
    """For each `border` in `text`, yield the text before this border and the text after it."""
    for match in re.finditer(re.escape(border), text):
        yield text[: match.start()], text[match.end() :]
