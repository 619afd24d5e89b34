"""Keep the consents of forgotten customers as proof that contacts with them were allowed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from churn.data.customer_rows import Cell, CustomerRows
from churn.data.forgotten import FORGOTTEN_FOLDER
from churn.errors import SourceError

PROOF_FILE = "proof-of-consent.jsonl"
PROOF_COLUMNS = ("channel", "purpose", "given_at", "withdrawn_at", "evidence")


def proof_path(output: Path) -> Path:
    """Return the path of the file with the consents of forgotten customers."""
    return output / FORGOTTEN_FOLDER / PROOF_FILE


def read_proof(output: Path, customer: str) -> tuple[Mapping[str, Cell], ...]:
    """Return the kept consents of a forgotten customer, without the id; empty if there are none.

    Raises:
        SourceError: the file is damaged.
    """
    return tuple(
        {name: value for name, value in consent.items() if name != "customer_id"}
        for consent in _consents_in(proof_path(output))
        if consent.get("customer_id") == customer
    )


def proof_of(tables: Iterable[CustomerRows], customer: str, day: date) -> Iterator[Mapping[str, Any]]:
    """Yield each consent of a customer, to prove that contacts before the erasure were allowed.

    Args:
        tables: The rows of the customer in each table.
        customer: The id.
        day: The day of the erasure.
    """
    for table in tables:
        for row in table.rows if table.table == "consents" else ():
            consent = {name: row.get(name) for name in PROOF_COLUMNS}
            yield {"customer_id": customer, **consent, "erased_on": day.isoformat()}


def proof_text(path: Path, proof: Iterable[Mapping[str, Any]]) -> str:
    """Return the new content of the file at `path`: its old consents and those in `proof`, each only once.

    Raises:
        SourceError: the file is damaged.
    """
    consents = _consents_in(path)
    known = [{**consent, "erased_on": None} for consent in consents]
    new = [consent for consent in proof if {**consent, "erased_on": None} not in known]
    lines = (json.dumps(consent, sort_keys=True, ensure_ascii=False) for consent in (*consents, *new))
    return "".join(f"{line}\n" for line in lines)


def _consents_in(path: Path) -> list[Mapping[str, Any]]:
    if not path.exists():
        return []
    consents: list[Mapping[str, Any]] = []
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        try:
            consent = json.loads(line)
        except (ValueError, RecursionError):
            consent = None
        if not isinstance(consent, dict):
            raise SourceError(
                f"{path}: line {number} is not the record of a consent, so the file is damaged. Restore the "
                "file from a copy: the consents are kept nowhere else."
            )
        consents.append(consent)
    return consents
