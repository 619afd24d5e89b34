"""The answer to an access request (all data held about one customer) as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from churn.contact.access import AccessRecord
from churn.data.customer_rows import Cell


def access_lines(record: AccessRecord) -> Iterator[str]:
    """Yield the answer as text: a heading for each part, and a line for each value that is not missing."""
    yield f"All that is held about customer {_text(record.customer_id)}"
    yield f"The data are complete up to {record.as_of}. Times are those of {record.timezone}."
    for section in record.sections:
        count = len(section.rows)
        yield ""
        yield f"{section.name}: {count:,} {'row' if count == 1 else 'rows'} in {section.location}"
        if section.note:
            yield f"  ({section.note})"
        for row in section.rows:
            cells = [f"{name} {_text(value)}" for name, value in row.items() if value is not None]
            yield f"  - {'; '.join(cells)}"


def access_json(record: AccessRecord) -> str:
    """Return the answer to an access request as JSON; a missing value is null."""
    return json.dumps(asdict(record), indent=1, default=str, ensure_ascii=True)


def _text(value: Cell) -> str:
    """Return a value on one line, so that no part of it looks like a heading in the printed answer."""
    return " ".join(value.split()) if isinstance(value, str) else str(value)
