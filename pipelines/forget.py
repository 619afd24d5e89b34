"""Forget one customer: erase the stored data, keep the proof of consent, and let no later ingest read the
customer again.
"""

from __future__ import annotations

import secrets
from datetime import date
from pathlib import Path

from churn.contact.access import TrainedModel, models_on_disk, registered_models
from churn.data.kept_proof import proof_path, read_proof
from churn.data.store import Store
from churn.errors import CallError, Stop
from churn.experiments.ledger import recover
from churn.handover.customer import erase_in_database, rows_in_database
from churn.handover.outbox import recover_events
from churn.model.registry import Registry
from churn.model.runs_database import database_path, overwrite_deleted_rows, sqlite_files
from churn.params import Params
from churn.privacy.erasure import erase, plan_erasure
from churn.privacy.journal import finish, journal_path, remove_stray_files
from churn.privacy.search import search
from churn.reporting.erasure_lines import model_lines, plan_lines, result_lines
from churn.scoring.sink import ledger_digest
from churn.secrets import show_address
from pipelines.echo import Echo

SALT_BYTES = 16


def run(
    params: Params,
    *,
    cutoff: date | None = None,
    customer: str,
    yes: bool = False,
    dry_run: bool = False,
    no_proof: bool = False,
    echo: Echo,
) -> int | None:
    """Erase a customer from store, snapshots, scores, call list, ledger, pages, predictions and MLflow files.

    Args:
        params: The parameters.
        cutoff: Must be None: a customer is forgotten for all dates.
        customer: The id of the customer.
        yes: Whether to erase; otherwise only the plan is printed.
        dry_run: Whether only to print what would be erased, and to end with exit code 0.
        no_proof: Whether to erase also the proof of the customer's consents, even if an earlier call kept it.
        echo: Prints lines, warnings and progress.

    Raises:
        CallError: nothing is held under this id, `--yes` is missing, or a cutoff is given.
        SourceError: a file is damaged.
        DeliveryError: the database that gets each night's scores does not answer; nothing is erased then.
        Stop: a file still holds the customer, or an earlier erasure is unfinished. With `--yes` and without
            `--dry-run`, an unfinished erasure is no reason to stop: the call completes that erasure first.
    """
    if cutoff is not None:
        raise CallError(
            f"--cutoff {cutoff}: `churn forget` takes no cutoff, because it erases the data of all dates. "
            "Leave out --cutoff."
        )
    output, artifacts = params.output, _artifacts(params)
    if journal_path(output).exists():
        if not yes or dry_run:
            raise Stop(
                f"{journal_path(output)}: an erasure was stopped before its end. Call `churn forget "
                f"{customer} --yes`: this call completes that erasure first."
            )
        finish(output)
        echo("An earlier erasure had been stopped before its end; it is finished now.")
    recover(output, lambda night: ledger_digest(output, night))
    recover_events(output)
    remove_stray_files(output, [output, *([artifacts] if artifacts else [])])
    store = _store(params)
    plan = plan_erasure(
        output,
        artifacts,
        store,
        customer,
        _models(params, artifacts, echo),
        day=date.today(),
        salt=secrets.token_hex(SALT_BYTES),
        keeps_proof=not no_proof,
    )
    sink = params.score.sink
    in_database = rows_in_database(sink, customer, params.file) if sink else {}
    if plan.is_empty and plan.forgotten_on is None and not in_database:
        raise CallError(
            f"CUSTOMER '{customer}': {output} holds nothing under this id. An id must match exactly: "
            "capital letters and leading zeros count. Write the id as in the source; nothing was erased."
        )
    if plan.is_empty and not in_database:
        echo(f"Customer {customer} was forgotten on {plan.forgotten_on}; no row of this customer is left.")
    else:
        echo.report(plan_lines(plan, output))
        echo.report(model_lines(plan))
        if sink and in_database:
            counts = ", ".join(f"{table} {count:,}" for table, count in in_database.items())
            echo(f"Rows of the customer in {show_address(sink.connection)}, to be erased: {counts}")
        if dry_run:
            echo("Nothing was erased, because of --dry-run.")
            return 0
        if not yes:
            raise CallError(
                f"nothing was erased. An erasure cannot be undone: read what will be erased, then call "
                f"`churn forget {customer} --yes`."
            )
        if sink and in_database:  # first: if the database does not answer, nothing is erased by half
            erase_in_database(sink, customer, params.file)
        if not plan.is_empty:
            erase(output, store, plan)
        finish(output)
        store = None
        remove_stray_files(output, [output])
        echo(f"Erased: customer {customer}.")
    if yes and not dry_run:
        _overwrite_in_mlflow(params, echo)
    roots = [output, params.models, *([artifacts] if artifacts else []), *_database(params)]
    result = search(roots, plan.identifiers, [] if no_proof else [proof_path(output).resolve()])
    server = None if artifacts else show_address(params.tracking.uri)
    echo.report(result_lines(plan, result, server))
    if n_kept := 0 if no_proof else len(read_proof(output, customer)):
        echo(
            f"Kept: {n_kept:,} {'consent' if n_kept == 1 else 'consents'} in {proof_path(output)}. To "
            f"erase this too, call `churn forget {customer} --yes --no-proof`."
        )
    if result.paths:
        holders = (
            "1 file still holds" if len(result.paths) == 1 else f"{len(result.paths):,} files still hold"
        )
        is_in_store = any(path.is_relative_to((output / "store").resolve()) for path in result.paths)
        in_source = (
            "In the store, rows of other customers mention this customer: change these rows in the source, "
            "then run `churn ingest`. "
        )
        raise Stop(
            f"{holders} the customer. In each of these files, delete what names the customer, or delete "
            "the whole file. If another verb still reads the old store (from before the erasure), wait until "
            "that verb ends: the next call of `churn forget` deletes the old store. "
            f"{in_source if is_in_store else ''}Then call "
            f"`churn forget {customer} --yes` again; this call searches again."
        )
    return 0


def _store(params: Params) -> Store | None:
    """Return the store; None if there is none.

    Raises:
        SourceError: the store is damaged.
    """
    if not (params.output / "store").exists():
        return None
    return Store.open(params)


def _artifacts(params: Params) -> Path | None:
    """Return the folder of MLflow's files; None if a server holds these files."""
    uri = params.tracking.uri
    if database := database_path(uri):
        return database.parent / "mlartifacts"
    return None if "://" in uri else Path(uri)


def _database(params: Params) -> list[Path]:
    database = database_path(params.tracking.uri)
    return sqlite_files(database) if database else []


def _overwrite_in_mlflow(params: Params, echo: Echo) -> None:
    """Remove the bytes of deleted rows from MLflow's database."""
    database = database_path(params.tracking.uri)
    if database and (problem := overwrite_deleted_rows(database)):
        echo.warn(
            f"{database}: the file may still hold bytes of rows that were deleted from it ({problem}). Stop "
            "the programs that use it, such as `churn ui`, then call `churn forget` again."
        )


def _models(params: Params, artifacts: Path | None, echo: Echo) -> list[TrainedModel]:
    """Return the champion, the challenger and the registered versions; the same model only once."""
    models = list(models_on_disk(params.champion, params.output))
    database = database_path(params.tracking.uri)
    if artifacts and artifacts.is_dir() and database and database.exists():
        registry = Registry(params.tracking, params.models, params.file, echo.warn)
        known = {model.digest for model in models}
        models += [
            model for model in registered_models(artifacts, registry.versions()) if model.digest not in known
        ]
    return models


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("forget"))
