"""Open the database that `score.sink` in params.yaml names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from churn.data.sinks.connection import KIND, SinkConnection
from churn.data.sinks.files import open_duckdb, open_sqlite
from churn.data.sinks.postgresql import open_postgresql
from churn.errors import ParamsError
from churn.params import SinkParams
from churn.secrets import Address, AddressError, hide_secrets, keep_secrets_of, show_address

SCHEMES = ("postgresql", "duckdb", "sqlite")


@contextmanager
def open_sink(sink: SinkParams, file: str) -> Iterator[SinkConnection]:
    """Open a database into which the results of each night are written.

    Args:
        sink: The address and the schema.
        file: The name of the parameter file, for messages.

    Raises:
        ParamsError: the address cannot be read, or the driver of the database is not installed.
        DeliveryError: the database does not answer, or cannot be opened.
        BusyError: another program holds the file.
    """
    text = sink.connection
    keep_secrets_of(text)
    with ExitStack() as stack:
        try:
            yield stack.enter_context(_open(text, sink.db_schema, file))
        except AddressError as error:
            raise ParamsError(
                f"{file}: {KIND}.connection: {show_address(text)} cannot be opened: {error}."
            ) from None


@contextmanager
def _open(text: str, schema: str, file: str) -> Iterator[SinkConnection]:
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme == "postgresql":
        with open_postgresql(text, schema, file) as postgresql:
            yield postgresql
    elif scheme == "duckdb":
        with open_duckdb(Address.parse(text), schema) as duckdb_file:
            yield duckdb_file
    elif scheme == "sqlite":
        with open_sqlite(Address.parse(text), schema) as sqlite_file:
            yield sqlite_file
    else:
        unknown = f"'{hide_secrets(scheme)}://' is not supported" if scheme else "this is no address"
        raise ParamsError(
            f"{file}: {KIND}.connection: {unknown}. Write {', '.join(f'{name}://…' for name in SCHEMES)}; "
            "for a server, write ${NAME}, and store the address in the environment variable NAME."
        )


def is_there(sink: SinkParams) -> bool:
    """Return False if the database is a file that does not exist; otherwise True."""
    scheme, _, path = sink.connection.partition(":///")
    return scheme not in ("duckdb", "sqlite") or Path(path).exists()
