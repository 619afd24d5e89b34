"""What the call list says about people beside the model: their names."""

from __future__ import annotations

from collections.abc import Mapping

from churn.data.store import Store


def read_names(store: Store) -> Mapping[str, str]:
    """Return names by customer id, as far as the customers table has them."""
    if "name" not in store.tables["customers"].columns:
        return {}
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT customer_id, name FROM {store.scan('customers')} WHERE name IS NOT NULL"
        ).fetchall()
    return {str(who): str(name) for who, name in rows}
