"""Count or delete the rows about one customer in the database into which each night's results are written.

This is needed for an access request and for an erasure.
"""

from __future__ import annotations

from churn.contact.access import Row, Section
from churn.data.sinks.nights import customer_rows, erase_customer
from churn.data.sinks.open_sink import is_there, open_sink
from churn.params import SinkParams
from churn.secrets import show_address

NOTE = "These rows are copies of the scores and the lists above, as they were handed over each night."


def rows_in_database(sink: SinkParams, customer: str, file: str) -> dict[str, int]:
    """Return for each table of the database the number of rows about a customer.

    Args:
        sink: The address and the schema of the database.
        customer: The id of the customer.
        file: The name of the parameter file, for messages.

    Raises:
        ParamsError: the address of the database cannot be read, or its driver is not installed.
        DeliveryError: the database does not answer.
        BusyError: another program has locked the database.
    """
    if not is_there(sink):
        return {}
    with open_sink(sink, file) as connection:
        return {table: count for table, count in customer_rows(connection, customer).items() if count}


def database_section(sink: SinkParams, customer: str, file: str) -> Section:
    """Return how many rows about a customer the database holds, as a part of the answer to an access request.

    Args:
        sink: The address and the schema of the database.
        customer: The id.
        file: The name of the parameter file, for messages.

    Raises:
        ParamsError: the address of the database cannot be read, or its driver is not installed.
        DeliveryError: the database does not answer.
        BusyError: another program has locked the database.
    """
    counts = rows_in_database(sink, customer, file)
    rows: list[Row] = [{"table": table, "rows": count} for table, count in counts.items()]
    return Section("database of the nights", show_address(sink.connection), tuple(rows), NOTE)


def erase_in_database(sink: SinkParams, customer: str, file: str) -> None:
    """Delete the rows of a customer from all nights in the database.

    Args:
        sink: The address and the schema of the database.
        customer: The id.
        file: The name of the parameter file, for messages.

    Raises:
        ParamsError: the address of the database cannot be read, or its driver is not installed.
        DeliveryError: the database does not answer, or refuses to delete.
        BusyError: another program has locked the database.
    """
    if is_there(sink):
        with open_sink(sink, file) as connection:
            erase_customer(connection, customer)
