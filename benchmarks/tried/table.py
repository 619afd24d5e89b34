"""The figures of the experiments as Markdown: a table for each group of ways, a column for each set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CPU = "CPU s of fitting"


def page(figures: Mapping[str, Any]) -> str:
    """Return a table of the reference ways, and a table of the differences to each reference way."""
    every = list(dict.fromkeys(words for result in figures.values() for words in result["ways"]))
    references = {
        words: next((ways[words].get("beside") for ways in _ways(figures) if words in ways), None)
        for words in every
    }
    lines = [*_base_rows(figures, [words for words in every if references[words] is None])]
    for base in dict.fromkeys(reference for reference in references.values() if reference):
        lines += ["", f"## Compared with: {base}", ""]
        lines += _differences(figures, [words for words in every if references[words] == base])
    if costs := [
        words for words in every if any(w.get(words, {}).get("cpu_seconds") for w in _ways(figures))
    ]:
        lines += ["", f"## {CPU}", "", *_costs(figures, costs)]
    return "\n".join(lines) + "\n"


def _ways(figures: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [result["ways"] for result in figures.values()]


def _base_rows(figures: Mapping[str, Any], bases: list[str]) -> Iterator[str]:
    yield f"| log loss, AUC | {' | '.join(figures)} |"
    yield "|---" * (len(figures) + 1) + "|"
    yield f"| cutoffs that judge | {' | '.join(str(len(result['cutoffs'])) for result in figures.values())} |"
    yield f"| chosen candidate | {' | '.join(result['chosen'] for result in figures.values())} |"
    for words in bases:
        cells = [
            f"{_short(way['log_loss'], 4)}, {_short(way['auc'], 3)}" if (way := ways.get(words)) else ""
            for ways in _ways(figures)
        ]
        yield f"| {words} | {' | '.join(cells)} |"


def _differences(figures: Mapping[str, Any], ways: list[str]) -> Iterator[str]:
    yield f"| log loss minus that of the way above (standard error), better at | {' | '.join(figures)} |"
    yield "|---" * (len(figures) + 1) + "|"
    for words in ways:
        cells = [_cell(way) if (way := ways.get(words)) else "" for ways in _ways(figures)]
        yield f"| {words} | {' | '.join(cells)} |"


def _cell(way: Mapping[str, Any]) -> str:
    """Return difference, standard error and cutoffs; bold if the difference exceeds twice its error."""
    text = f"{way['difference']:+.4f} ({_short(way['standard_error'], 4)})"
    sure = abs(way["difference"]) > 2 * way["standard_error"]
    return f"{f'**{text}**' if sure else text}, {way['better_at']} of {way['cutoffs']}"


def _costs(figures: Mapping[str, Any], ways: list[str]) -> Iterator[str]:
    yield f"| {CPU}, one thread | {' | '.join(figures)} |"
    yield "|---" * (len(figures) + 1) + "|"
    for words in ways:
        cells = [f"{ways[words]['cpu_seconds']:.1f}" if words in ways else "" for ways in _ways(figures)]
        yield f"| {words} | {' | '.join(cells)} |"


def _short(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".removeprefix("0")
