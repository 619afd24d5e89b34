"""Open the source that params.yaml names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from churn.data.files import private_folder
from churn.data.sources.database import DRIVERS, open_database
from churn.data.sources.folder import create_views, scan_folder
from churn.data.sources.lake import open_lake
from churn.data.sources.source import Source
from churn.data.sql import connect, first_line, literal
from churn.errors import SourceError
from churn.params import Params
from churn.secrets import hide_secrets, keep_secrets_of

_LIBPQ_FORM = re.compile(r"\b(host|hostaddr|dbname|user|password|service)\s*=")


@contextmanager
def open_source(params: Params, scratch: Path) -> Iterator[Source]:
    """Open the source: a folder of Parquet and CSV files, a DuckDB file, a database or Spark.

    Args:
        params: The parameters; their key `source` holds the path or the address of the source.
        scratch: The folder for temporary files.

    Raises:
        SourceError: The source does not exist, its driver is not installed, or it cannot be read.
    """
    keep_secrets_of(params.source)
    connection = connect(params.engine, scratch)
    folder = private_folder(scratch, connection)
    scheme = params.source.split("://")[0] if "://" in params.source else ""
    try:
        if scheme == "duckdb":
            yield _open_duckdb(connection, Path(params.source.removeprefix("duckdb:///")))
        elif scheme in DRIVERS:
            with open_database(connection, scheme, params.source, folder) as database:
                yield database
        elif scheme == "spark":
            with open_lake(connection, params.source, folder) as lake:
                yield lake
        elif scheme:
            scheme = hide_secrets(params.source).partition("://")[0]
            raise SourceError(
                f"source: '{scheme}://' is not supported. Give a folder of Parquet or CSV files, "
                f"duckdb:///file.duckdb, {', '.join(f'{name}://…' for name in (*DRIVERS, 'spark'))}."
            )
        else:
            exclude = (params.output, params.models)
            yield _open_folder(connection, Path(params.source), exclude, folder)
    finally:
        connection.close()


def _open_folder(
    connection: duckdb.DuckDBPyConnection, folder: Path, exclude: tuple[Path, ...], scratch: Path
) -> Source:
    if not folder.is_dir() and _LIBPQ_FORM.search(folder.name):
        raise SourceError(
            "source: an address in libpq's form key=value cannot be read. Write "
            "postgresql://user:${DATABASE_PASSWORD}@host:5432/name."
        )
    if not folder.is_dir():
        raise SourceError(
            f"source: no folder at {folder}. Correct 'source', or write a demo company with `churn demo`."
        )
    scan = scan_folder(folder, exclude)
    files = create_views(connection, folder, scan, scratch)
    return Source(connection, tuple(files), str(folder), files=files, unread=scan.unread)


def _open_duckdb(connection: duckdb.DuckDBPyConnection, path: Path) -> Source:
    if not path.is_file():
        raise SourceError(f"source: there is no DuckDB file {path}. Correct 'source'.")
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS source_database (READ_ONLY)").fetchall()
    except duckdb.Error as error:
        raise SourceError(f"source: {path} cannot be opened: {first_line(error)}") from None
    connection.execute("USE source_database").fetchall()
    rows = connection.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_catalog = 'source_database' AND table_schema = current_schema() ORDER BY 1"
    ).fetchall()
    return Source(connection, tuple(str(row[0]) for row in rows), str(path))
