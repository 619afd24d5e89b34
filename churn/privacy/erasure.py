"""Plan and prepare the erasure of one customer from everything below `output` and from MLflow's files.

Rows of other customers keep their values, ranks and arms. If a file changes, every file that holds its
checksum gets the new checksum, so that no later verb calls it damaged.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from churn.contact.access import TrainedModel, model_rows, snapshot_rows
from churn.data.customer_rows import CustomerRows, is_id_of, read_column, read_customer_rows
from churn.data.files import checksum_of, json_text
from churn.data.forgotten import ForgottenCustomers, list_path, read_forgotten
from churn.data.kept_proof import proof_of, proof_path, proof_text
from churn.data.own_files import CHECKSUM, checksum_of_bytes, open_own_parquet, own_json_text
from churn.data.store import Store
from churn.data.store_erasure import without_customer, write_store_without
from churn.experiments.ledger import FOLDER as LEDGER_FOLDER
from churn.experiments.ledger import night_folder
from churn.experiments.ledger_erasure import LedgerErasure, erase_from_ledger
from churn.privacy.identifiers import NAME_COLUMNS, REPLACEMENT, Identifiers, identifiers_of
from churn.privacy.journal import PRIVATE_MODE, commit, journal_path, stage_file
from churn.privacy.search import csv_rows, files_below, holds, is_json
from churn.scoring.call_list import safe_cell
from churn.snapshots.manifest import PART_FILE

Form = Literal["rows", "table", "lines", "values", "words", "page"]
"""How a customer is removed from a file: rows of Parquet or CSV, lines or values of JSON, or words of a text
are removed.

A page is removed completely, and `churn report` writes it again.
"""


_WAY_OUT = "Restore the damaged file from a copy, or delete it; then call `churn forget` again."

RemovedRows = dict[Path, list[dict[str, Any]]]
"""The rows that are removed, by file."""


@dataclass(frozen=True)
class FileErasure:
    """A file that holds a customer.

    Attributes:
        path: The file.
        form: How the customer is removed from the file.
        count: The number of rows or lines that are removed; 1 for the forms `values`, `words` and `page`.
    """

    path: Path
    form: Form
    count: int


@dataclass(frozen=True)
class ErasurePlan:
    """What an erasure does.

    Attributes:
        identifiers: The texts by which the customer can be recognised.
        tables: The rows of the customer in the store.
        files: The files that hold the customer, except the store and the ledger.
        ledger: The changes that remove the customer from the ledger.
        proof: The consents of the customer, which are kept to prove that contacts were allowed; empty if they
            are not kept.
        forgotten: The list of forgotten customers after the erasure.
        models: For each model that learnt from the customer, the number of training cutoffs at which the
            customer has a label.
        same_person: The larger of two numbers: other ids with the customer's e-mail address, and other ids
            with the customer's `person_id`.
        forgotten_on: The day of an earlier erasure of the customer; None if there was no earlier erasure.
    """

    identifiers: Identifiers
    tables: tuple[CustomerRows, ...]
    files: tuple[FileErasure, ...]
    ledger: LedgerErasure
    proof: tuple[Mapping[str, Any], ...]
    forgotten: ForgottenCustomers
    models: Mapping[TrainedModel, int]
    same_person: int
    forgotten_on: date | None

    @property
    def is_empty(self) -> bool:
        """Return whether no data about the customer were found."""
        return not (self.tables or self.files or self.ledger.rows)


def plan_erasure(
    output: Path,
    artifacts: Path | None,
    store: Store | None,
    customer: str,
    models: Iterable[TrainedModel],
    *,
    day: date,
    salt: str,
    keeps_proof: bool = True,
) -> ErasurePlan:
    """Find all data about a customer, without writing anything.

    Args:
        output: The output folder.
        artifacts: The folder of MLflow's files; None if a server keeps them.
        store: The store that holds the source's rows; None if there is none.
        customer: The id, exactly as in the source.
        models: The trained models.
        day: The day of the erasure.
        salt: The salt of the list of forgotten customers; it is needed if this customer is the first on the
            list.
        keeps_proof: Whether the consents are kept to prove that contacts were allowed. If not, the consents
            that an earlier erasure kept are removed too.

    Raises:
        SourceError: a file is damaged.
    """
    tables = read_customer_rows(store, customer) if store else ()
    others = {column: read_column(store, column, customer) if store else () for column in NAME_COLUMNS}
    identifiers = identifiers_of(customer, tables, others)
    snapshots = tuple(snapshot_rows(output / "snapshots", customer))
    label_counts: dict[TrainedModel, int] = {}
    for model in models:
        if count := sum(1 for _ in model_rows([model], snapshots)):
            label_counts[model] = count
    ledger = erase_from_ledger(output, customer)
    before = read_forgotten(output)
    roots = [output, *([artifacts] if artifacts else [])]
    return ErasurePlan(
        identifiers=identifiers,
        tables=tuple(table for table in tables if table.rows),
        files=tuple(_file_erasures(output, roots, identifiers, keeps_proof=keeps_proof)),
        ledger=ledger,
        proof=tuple(proof_of(tables, customer, day)) if keeps_proof else (),
        forgotten=before.with_customer(customer, day, salt).with_units(ledger.units),
        models=label_counts,
        same_person=_same_person(store, tables, customer) if store else 0,
        forgotten_on=before.day_of(customer),
    )


def erase(output: Path, store: Store | None, plan: ErasurePlan) -> None:
    """Write the new files beside the old ones, then a journal; `finish` reads it to put the files in place.

    Args:
        output: The output folder.
        store: The store that holds the source's rows; None if there is none.
        plan: The plan.
    """
    folder = write_store_without(store, plan.identifiers.customer_id, plan.forgotten) if store else None
    digests = {store.digest: Store.digest_in(folder)} if store and folder else {}
    contents = _contents(output, plan, digests)
    contents[list_path(output)] = plan.forgotten.file_text().encode()
    modes: dict[Path, int] = {}
    if plan.proof:
        path = proof_path(output)
        contents[path] = proof_text(path, plan.proof).encode()
        modes[path] = PRIVATE_MODE
    for path, content in contents.items():
        if content is not None:
            stage_file(path, content, modes.get(path))
    commit(output, contents, folder)


def _file_erasures(
    output: Path, roots: list[Path], identifiers: Identifiers, *, keeps_proof: bool
) -> Iterator[FileErasure]:
    """Yield each file that holds the customer, apart from the store, the ledger and the models."""
    output = output.resolve()
    own_paths = (list_path(output), journal_path(output), *([proof_path(output)] if keeps_proof else []))
    spared_paths = (*own_paths, output / LEDGER_FOLDER, output / ".scratch")
    for path in files_below(roots):
        if any(path.is_relative_to(folder) for folder in spared_paths) or path.parent.name == "bundle":
            continue
        if any(part.startswith(".store-") for part in path.relative_to(path.anchor).parts):
            continue
        if form := _form_of(path):
            count = _count(path, form, identifiers)
            if count:
                yield FileErasure(path, form, count)


FORMS: Mapping[str, Form] = {
    ".parquet": "rows",
    ".csv": "table",
    ".jsonl": "lines",
    ".json": "values",
    ".html": "page",
    ".md": "words",
    ".txt": "words",
    ".svg": "words",
}
"""How a customer is removed from a file, by the suffix of the file."""


def _form_of(path: Path) -> Form | None:
    return FORMS.get(path.suffix)


def _count(path: Path, form: Form, identifiers: Identifiers) -> int:
    """Return how many rows or lines of a file hold the customer.

    For the forms `values`, `words` and `page`, return 1 if the file holds the customer, and 0 otherwise.
    """
    customer = identifiers.customer_id
    if form == "rows":
        with open_own_parquet(path, (), way_out=_WAY_OUT) as file:
            if "customer_id" not in file.schema_arrow.names:
                return 0
            ids = file.read(columns=["customer_id"])["customer_id"].to_pylist()
        return sum(is_id_of(value, customer) for value in ids)
    data = path.read_bytes()
    if form == "table":
        _, header, rows = csv_rows(data.decode("utf-8", "replace"))
        return sum(_is_row_of(header, row, identifiers) for row in rows)
    if form == "lines":
        return sum(holds(path.name, line, identifiers) for line in data.splitlines())
    if form == "page" and not identifiers.has_distinct_id and "report" in path.parent.parts:
        return 1  # nobody can tell the id from the other numbers of the page
    return int(holds(path.name, data, identifiers))


def _is_row_of(header: list[str], row: list[str], identifiers: Identifiers) -> bool:
    ids = {identifiers.customer_id, safe_cell(identifiers.customer_id)}
    return any(
        column in ("customer_id", "Kundennummer") and cell in ids
        for column, cell in zip(header, row, strict=False)
    )


def _contents(output: Path, plan: ErasurePlan, digests: Mapping[str, str]) -> dict[Path, bytes | None]:
    """Return the new content of each file that changes; None for a file that is removed."""
    contents: dict[Path, bytes | None] = {}
    for night, page in plan.ledger.pages.items():
        folder = night_folder(output, night).resolve()
        contents |= {folder / name: content for name, content in page.contents.items()}
    removed_rows: RemovedRows = {}
    for file in plan.files:
        contents[file.path] = _content(file, plan.identifiers, removed_rows)
    manifest = (output / "snapshots" / "manifest.json").resolve()
    if manifest.exists():
        content = contents.get(manifest) or manifest.read_bytes()
        contents[manifest] = _snapshot_manifest(content, manifest.parent, removed_rows, digests)
    roots = [output.resolve(), *{file.path.parent for file in plan.files}]
    return {
        path: content
        for path, content in _with_new_checksums(contents, roots).items()
        if content is None or not path.exists() or path.read_bytes() != content
    }


def _content(file: FileErasure, identifiers: Identifiers, removed_rows: RemovedRows) -> bytes | None:
    """Return the content of a file without the customer; None if the whole file is removed."""
    data = file.path.read_bytes()
    if file.form == "rows":
        return _parquet_without(file.path, identifiers.customer_id, removed_rows)
    if file.form == "page":
        return None
    if file.form == "table":
        return _table_without(data, identifiers)
    if file.form == "lines":
        lines = data.splitlines(keepends=True)
        return b"".join(line for line in lines if not holds(file.path.name, line, identifiers))
    if file.form == "values" and is_json(data.decode("utf-8", "replace")):
        return _json_bytes(_value_without(json.loads(data), "", identifiers))
    return identifiers.without(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _parquet_without(path: Path, customer: str, removed_rows: RemovedRows) -> bytes | None:
    """Return a Parquet file without the rows of a customer, with the same row groups; None if no row is left.

    The whole file is written anew, so that its dictionaries and statistics describe only the rows that stay.
    """
    buffer = io.BytesIO()
    n_rows = 0
    with open_own_parquet(path, (), way_out=_WAY_OUT) as file:
        has_arrow_schema = b"ARROW:schema" in (file.metadata.metadata or {})
        options = {"compression": "zstd", "version": "2.6", "store_schema": has_arrow_schema}
        with pq.ParquetWriter(buffer, file.schema_arrow, **options) as writer:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                remainder = without_customer(table, customer)
                if len(remainder) < len(table):
                    is_own = [is_id_of(who, customer) for who in table["customer_id"].to_pylist()]
                    removed_rows.setdefault(path, []).extend(table.filter(is_own).to_pylist())
                n_rows += len(remainder)
                if len(remainder):
                    writer.write_table(remainder)
    is_reject = path.parent.name == "rejects"
    return None if is_reject and not n_rows else buffer.getvalue()


def _table_without(data: bytes, identifiers: Identifiers) -> bytes:
    """Return a CSV file, such as a call list, without the customer's rows; other rows keep their ranks."""
    text = data.decode("utf-8", "surrogateescape")
    separator, header, rows = csv_rows(text)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n", delimiter=separator)
    writer.writerow(header)
    writer.writerows(row for row in rows if not _is_row_of(header, row, identifiers))
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return (mark + buffer.getvalue()).encode("utf-8", "surrogateescape")


def _value_without(value: Any, key: str, identifiers: Identifiers) -> Any:
    """Return a JSON value without the customer's records; a placeholder replaces identifiers in the rest."""
    if isinstance(value, dict):
        return {
            name: _value_without(part, name, identifiers)
            for name, part in value.items()
            if not identifiers.is_cell(key, name)
        }
    if isinstance(value, list):
        remainder = [part for part in value if not _is_about(part, key, identifiers)]
        return [_value_without(part, key, identifiers) for part in remainder]
    if not identifiers.is_cell(key, value):
        return value
    text = identifiers.without(value)
    return text if text != value else REPLACEMENT


def _is_about(part: Any, key: str, identifiers: Identifiers) -> bool:
    """Return whether an element of a list is the customer's id, or a record of the customer."""
    if isinstance(part, dict):
        return any(is_id_of(part.get(name), identifiers.customer_id) for name in ("customer_id", "customer"))
    return identifiers.is_cell(key, part) and part in (identifiers.customer_id, *identifiers.names)


def _snapshot_manifest(
    content: bytes, folder: Path, removed_rows: RemovedRows, digests: Mapping[str, str]
) -> bytes:
    """Return the snapshots' manifest with new counts of rows and churners and the digest of the new store."""
    manifest = json.loads(content)
    for cutoff, facts in manifest["cutoffs"].items():
        removed = removed_rows.get(folder / f"cutoff={cutoff}" / PART_FILE)
        if removed is not None:
            facts["rows"] -= len(removed)
            if facts["left"] is not None:
                facts["left"] -= sum(row["left"] == 1 for row in removed)
    manifest["store_digest"] = digests.get(manifest["store_digest"], manifest["store_digest"])
    return _json_bytes(manifest)


def _json_bytes(value: Any) -> bytes:
    """Return a JSON value as the bytes of a file; a checksum in the value is computed anew."""
    has_checksum = isinstance(value, dict) and CHECKSUM in value
    return (own_json_text(value) if has_checksum else json_text(value)).encode("utf-8")


def _with_new_checksums(
    contents: Mapping[Path, bytes | None], roots: Iterable[Path]
) -> dict[Path, bytes | None]:
    """Return the contents with the new checksum of each changed file in place of the old checksum.

    The checksum of a changed file may stand in a file that has a checksum itself, so the step is repeated
    until nothing changes.

    Args:
        contents: The new content of each file that changes; the checksums in this content are still old.
        roots: The folders whose JSON files may hold checksums.
    """
    new_sums = {
        checksum_of(path): checksum_of_bytes(content)
        for path, content in contents.items()
        if content is not None and path.exists()
    }
    first = {path: contents.get(path) or path.read_bytes() for path in _json_files(contents, roots)}
    result = dict(contents)
    while True:
        has_changed = False
        for path, content in first.items():
            new_content = _with_sums(content, new_sums)
            if new_content == content and path not in contents:
                continue
            result[path] = new_content
            old_sum, new_sum = checksum_of(path), checksum_of_bytes(new_content)
            if old_sum != new_sum and new_sums.get(old_sum) != new_sum:
                new_sums[old_sum] = new_sum
                has_changed = True
        if not has_changed:
            return result


def _json_files(contents: Mapping[Path, bytes | None], roots: Iterable[Path]) -> Iterator[Path]:
    for path in files_below(list(roots)):
        is_of_store = any(part.startswith(".store-") for part in path.parts)
        if path.suffix == ".json" and not is_of_store and contents.get(path, b"") is not None:
            yield path


def _with_sums(content: bytes, new_sums: Mapping[str, str]) -> bytes:
    text = content.decode("utf-8", "surrogateescape")
    if not any(old in text for old in new_sums):
        return content
    return _json_bytes(_replace_sums(json.loads(text), new_sums))


def _replace_sums(value: Any, new_sums: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _replace_sums(part, new_sums) for name, part in value.items()}
    if isinstance(value, list):
        return [_replace_sums(part, new_sums) for part in value]
    return new_sums.get(value, value) if isinstance(value, str) else value


def _same_person(store: Store, tables: Iterable[CustomerRows], customer: str) -> int:
    """Return how many other ids have the customer's e-mail address or `person_id`.

    The ids are counted once by e-mail address and once by `person_id`; the larger number is returned.
    """
    own = [row for table in tables if table.table == "customers" for row in table.rows]
    n_same = 0
    for column in ("email", "person_id"):
        values = {row.get(column) for row in own} - {None, ""}
        n_same = max(n_same, sum(value in values for value in read_column(store, column, customer)))
    return n_same
