"""Say in plain words what an erasure would do and what it did; no line names another customer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from churn.data.kept_proof import proof_path
from churn.privacy.erasure import ErasurePlan, FileErasure
from churn.privacy.search import SearchResult

MAX_PATHS = 20


def plan_lines(plan: ErasurePlan, output: Path) -> Iterator[str]:
    """Yield lines: where a customer's data are stored, in how many rows, and what an erasure keeps."""
    yield f"All that is held about customer {plan.identifiers.customer_id}, to be erased:"
    if plan.tables:
        counts = ", ".join(f"{table.table} {len(table.rows):,}" for table in plan.tables)
        yield f"  store: {_rows(sum(len(table.rows) for table in plan.tables))} ({counts})"
    if plan.ledger.rows:
        n_nights = len(plan.ledger.pages)
        yield f"  ledger: {_rows(plan.ledger.rows)} of {n_nights:,} {'night' if n_nights == 1 else 'nights'}"
    files_by_folder: dict[str, list[FileErasure]] = {}
    for file in plan.files:
        files_by_folder.setdefault(_folder_name(file.path, output), []).append(file)
    for folder, files in sorted(files_by_folder.items()):
        yield f"  {folder}: {', '.join(_counts(files))}"
    if plan.proof:
        n = len(plan.proof)
        yield f"Kept as proof: {n:,} {'consent' if n == 1 else 'consents'} in {proof_path(output)}"
    if plan.same_person:
        yield (
            f"{_ids(plan.same_person)} with the same e-mail address or person_id: one person may have "
            "several ids, and each id needs its own call of `churn forget`."
        )
    if plan.identifiers.shared_names:
        yield (
            "Names and e-mail addresses of this customer that other customers also have: "
            f"{plan.identifiers.shared_names:,}. They stay in the rows of those customers."
        )


def model_lines(plan: ErasurePlan) -> Iterator[str]:
    """Yield the models that learnt from data of the customer, and what to do about them."""
    if not plan.models:
        return
    yield "Models that learnt from cutoffs at which the customer has a label:"
    for model, count in plan.models.items():
        yield f"  {model.role} version {model.version}: {count:,} {'cutoff' if count == 1 else 'cutoffs'}"
    yield (
        "A model holds no row of the customer, but it cannot forget what it learnt from such rows. To train "
        "a model without the data of the customer, call `churn snapshot`, `churn train`, `churn evaluate` "
        "and `churn promote`, then delete the older versions in MLflow."
    )


def result_lines(plan: ErasurePlan, result: SearchResult, server: str | None) -> Iterator[str]:
    """Yield lines: what the search after an erasure found, and which places the program cannot erase.

    Args:
        plan: The plan of the erasure that was carried out.
        result: The result of the search for the customer.
        server: The tracking server whose files were not searched; None if there is none.
    """
    if result.paths:
        verb = "holds" if len(result.paths) == 1 else "hold"
        yield f"{len(result.paths):,} of {result.files:,} files still {verb} the customer:"
        yield from (f"  {path}" for path in result.paths[:MAX_PATHS])
        if len(result.paths) > MAX_PATHS:
            yield f"  and {len(result.paths) - MAX_PATHS:,} more"
    else:
        yield (
            f"{result.files:,} files were searched (Parquet files decoded, archives opened): no file names "
            "the customer."
        )
    if not plan.identifiers.has_distinct_id:
        yield (
            "The id is so short or common that it cannot be searched for inside longer texts. So the search "
            "only compared the id with whole values of columns and JSON entries that hold customer ids."
        )
    if result.unreadable:
        yield f"{len(result.unreadable):,} files could not be decoded; they were searched byte by byte."
    if server:
        yield (
            f"Not searched: the files of the MLflow runs, which {server} keeps. Erase "
            "evaluate/predictions.parquet on this server."
        )
    yield from source_lines(plan)


def source_lines(plan: ErasurePlan) -> Iterator[str]:
    """Yield lines about places outside the program that may still hold data of the customer.

    One such place is the source, from which `churn ingest` reads the tables.
    """
    tables = ", ".join(f"{table.table} ({_rows(len(table.rows))})" for table in plan.tables)
    if tables:
        yield (
            f"Not touched: the source. At the last ingest the source had rows of the customer in {tables}. "
            "Erase these rows in the source too; until then `churn ingest` leaves them out and counts them."
        )
    if n_events := sum(file.count for file in plan.files if file.path.parent.name == "outbox"):
        events = "1 event" if n_events == 1 else f"{n_events:,} events"
        yield (
            f"Not reached: the system to which the outbox sends events. The outbox held {events} about the "
            "customer. churn does not tell that system about the erasure. Erase these events there too, and "
            "cancel contacts that are planned but not yet made."
        )
    yield (
        "Not touched: suppression lists, copies of the program's folders (such as backups), and data that "
        "other people took from call lists."
    )


def _folder_name(path: Path, output: Path) -> str:
    """Return the folder that holds a file, such as `snapshots` in the output folder.

    For a file outside the output folder, return the folder of MLflow (`mlartifacts` or `mlruns`) that holds
    the file. If neither of these holds the file, return the path of the file's own folder.
    """
    folder = output.resolve()
    if path.is_relative_to(folder):
        return path.relative_to(folder).parts[0]
    return next((part for part in path.parts if part in ("mlartifacts", "mlruns")), str(path.parent))


def _counts(files: list[FileErasure]) -> Iterator[str]:
    rows = sum(file.count for file in files if file.form in ("rows", "table", "lines"))
    n_row_files = sum(file.form in ("rows", "table", "lines") for file in files)
    if n_row_files:
        yield f"{_rows(rows)} in {n_row_files:,} {'file' if n_row_files == 1 else 'files'}"
    if n_texts := sum(file.form in ("values", "words") for file in files):
        yield f"words in {n_texts:,} {'file' if n_texts == 1 else 'files'}"
    if n_pages := sum(file.form == "page" for file in files):
        yield f"{n_pages:,} {'page' if n_pages == 1 else 'pages'}, which `churn report` writes again"


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _ids(count: int) -> str:
    return (
        f"There is {count:,} other customer id" if count == 1 else f"There are {count:,} other customer ids"
    )
