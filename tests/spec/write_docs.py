"""Write docs/verbs.md from the docstrings of the verbs and from their drawn examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from churn.features.language.verbs import Verb, verbs
from tests.spec.verbs.example import CUTOFF, Example, lines
from tests.spec.verbs.examples import EXAMPLES

DOCUMENT = "docs/verbs.md"
MOST_ROWS = 16

HEAD = f"""# The verbs of the view language

A signal is computed from a view (the rows of one table before the cutoff), and gives one number per customer.
Every example on this page is also a test: `tests/spec/verbs/` holds the rows and the values, and `make docs`
writes this page from them.

The cutoff of all examples is {CUTOFF}, a Monday. Events at the midnight of the cutoff or later are not known.
If an example shows no sign-up of a customer, the sign-up was in 2020. In these examples a table holds rows
since 2020, unless the text states otherwise. A dash is a missing value. All windows are `[cutoff - days,
cutoff - skip)`, where `skip` is 0 by default. Days are local days. A day with a row is an active day. A gap
is the number of days between two successive active days.

To add a verb, read [add-a-verb.md](add-a-verb.md). To use verbs in a signal, read
[add-a-signal.md](add-a-signal.md).
"""

TITLES = {
    "view": "Which rows, which window",
    "folding": "Verbs that fold",
    "weeks": "Weeks",
    "value_order": "Values in order",
    "mix": "The mix of kinds",
    "rhythm": "The rhythm of active days",
    "btyd_verbs": "What comes next",
    "arithmetic": "Arithmetic beside the view",
    "population": "What needs the whole cohort",
}


def written() -> str:
    """Return the text of the document."""
    return "\n".join([HEAD, *_parts()])


def _parts() -> Iterator[str]:
    every = verbs()
    yield from _contents(every)
    file = ""
    for verb in every.values():
        if verb.file != file:
            file = verb.file
            title = TITLES.get(file.rsplit(".")[-1], file.rsplit(".")[-1].capitalize())
            yield f"## {title}\n\nComputing cost: {verb.cost.value}.\n"
        yield f"### {verb.name}\n\n`{verb.signature}`: {verb.summary}\n"
        for example in EXAMPLES:
            if example.verb == verb.name:
                yield from _drawn(example)


def _contents(every: Mapping[str, Verb]) -> Iterator[str]:
    yield "| verb | what it gives | cost |\n|---|---|---|"
    for verb in every.values():
        yield f"| [`{verb.signature}`](#{verb.name}) | {verb.summary} | {verb.cost.name.lower()} |"
    yield ""


def _drawn(example: Example) -> Iterator[str]:
    if example.customers and len(lines(example.customers)) <= MOST_ROWS:
        yield f"```text\n{chr(10).join(lines(example.customers))}\n```\n"
    rows = lines(example.rows)
    more = [f"… {len(rows) - MOST_ROWS} more rows"] if len(rows) > MOST_ROWS else []
    yield f"```text\n{chr(10).join([*rows[:MOST_ROWS], *more])}\n```\n"
    people = list(example.expected)[:MOST_ROWS]
    yield f"| {example.table} | {' | '.join(people)} |\n|---|{'---|' * len(people)}"
    for expression, values in example.cases.items():
        yield f"| `{expression}` | {' | '.join(_said(values[who]) for who in people)} |"
    late = " The rows above are all rows of the table." if example.data_start_late else ""
    yield f"\n{example.because}{late}\n"


def _said(value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or "–"
    return f"{value:.4f}".rstrip("0").rstrip(".")


def main() -> None:
    """Write the document."""
    path = Path(__file__).parents[2] / DOCUMENT
    path.parent.mkdir(exist_ok=True)
    path.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
