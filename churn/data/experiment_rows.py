"""Read the rows of an experiment that the company ran by itself, with the values of the source unchanged."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from churn.data.ingest.source_errors import from_clause, sql_error, table_errors
from churn.data.sources.source import Source
from churn.data.sources.table_specs import TableSpec
from churn.data.sql import identifier
from churn.data.tables import Table
from churn.errors import SourceError, did_you_mean
from churn.params import OriginParams

VIEW = "experiment_{}"
MAX_COLUMNS_LISTED = 40


def read_experiment_rows(
    source: Source, origin: OriginParams, columns: Sequence[str], *, key: str, file: str
) -> pa.Table:
    """Return the named columns of a table or query of the source, with their values unchanged.

    Args:
        source: The open source.
        origin: Where the rows are.
        columns: The names of the columns; a name may come twice.
        key: The key in the parameter file, such as `experiments.outside.0`, for messages.
        file: The name of the parameter file, for messages.

    Raises:
        SourceError: The table or a column does not exist, or the rows cannot be read.
    """
    spec = TableSpec(Table(VIEW.format(key.rpartition(".")[2]), ()), origin, key, file)
    rows = from_clause(source, spec)
    try:
        names = source.columns(rows)
    except source.errors as error:
        raise sql_error(source, spec, error) from None
    missing = [name for name in dict.fromkeys(columns) if name not in names]
    if missing:
        listed = ", ".join(names[:MAX_COLUMNS_LISTED])
        raise SourceError(
            *(
                f"{file}: {key}: its rows have no column '{name}'.{did_you_mean(name, names)} The columns "
                f"are: {listed}."
                for name in missing
            )
        )
    selected = ", ".join(source.quote(name) for name in dict.fromkeys(columns))
    view = identifier(spec.table.name)
    with table_errors(key, source.errors):
        source.view(spec.table.name, f"SELECT {selected} FROM {rows}")
        return source.connection.sql(f"SELECT * FROM {view}").to_arrow_table()
