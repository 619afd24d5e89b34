"""Which contract spells the company ended, because a payment was never recovered."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.data.store import Store
from churn.errors import SourceError
from churn.features.engine.rows import NEVER
from churn.features.engine.timeline import IntArray
from churn.labels.outcomes import BoolArray

NOT_TOLD = "NULL::BOOLEAN"


def involuntary(store: Store, customer: IntArray, start: IntArray, end: IntArray) -> BoolArray | None:
    """Return for each spell `[start, end)` whether its end was involuntary; None where nothing tells.

    The first of these that is known decides:

    1. Who asked by the day of the end for the contract to end left voluntarily.
    2. A stated reason among `label.involuntary_reasons` is involuntary, any other stated reason is not;
       without such words in params.yaml reasons are not looked at.
    3. If the last payment due within the spell and before its end was never recovered, the end is
       involuntary: it is unpaid when the grace after the end is over, or was paid and came back.

    Whatever is not shown to be involuntary is voluntary.

    Raises:
        SourceError: params.yaml gives words of reasons, and there are no reasons.
    """
    asked, reason = _said_at_the_end(store)
    unpaid = _last_payment_lost(store)
    if reason == NOT_TOLD and unpaid is None:
        return None
    ended = np.flatnonzero(end < NEVER)
    found = np.zeros(len(end), dtype=bool)
    if not len(ended):
        return found
    spells = pa.table(
        {"spell": ended, "customer": customer[ended], "start_day": start[ended], "end_day": end[ended]}
    )
    with store.connect() as connection:
        connection.register("spells", spells)
        words = pa.table({"word": pa.array(list(store.params.label.involuntary_reasons), pa.string())})
        connection.register("involuntary_words", words)
        lost = f"({unpaid})" if unpaid else "(SELECT NULL AS spell, false AS lost WHERE false)"
        places = connection.execute(
            f"SELECT spell FROM (SELECT spell, bool_or({asked}) AS asked, bool_or({reason}) AS told "
            f"FROM spells JOIN {store.scan('subscriptions')} AS c "
            f"ON c.customer = spells.customer AND c.ended_at_day = spells.end_day AND c.day >= start_day "
            f"GROUP BY 1) AS said LEFT JOIN {lost} AS payments USING (spell) "
            "WHERE NOT coalesce(asked, false) AND coalesce(told, lost, false)"
        ).fetchnumpy()["spell"]
    found[np.asarray(places, dtype=np.int64)] = True
    return found


def _said_at_the_end(store: Store) -> tuple[str, str]:
    """Return the SQL of a request to leave, and of a stated reason that is involuntary or is not."""
    columns, words = store.tables["subscriptions"].columns, store.params.label.involuntary_reasons
    if words and "reason" not in columns:
        raise SourceError(
            f"{store.params.locate('label.involuntary_reasons')} names words of subscriptions.reason, which "
            "is not mapped. Map it under tables.subscriptions.columns, or leave the words out."
        )
    asked = "c.cancel_requested_at_day <= spells.end_day" if "cancel_requested_at_day" in columns else "false"
    if not words:
        return asked, NOT_TOLD
    return asked, "lower(c.reason) IN (SELECT lower(word) FROM involuntary_words)"


def _last_payment_lost(store: Store) -> str | None:
    """Return the SQL of whether the last payment due in each spell was lost; None without payments."""
    columns = store.tables["payments"].columns if store.has("payments") else ()
    if "paid_at_day" not in columns:
        return None
    over = f"end_day + {store.params.label.grace_days}"
    lost = f"(p.paid_at_day IS NULL OR p.paid_at_day >= {over})"
    if "failed_at_day" in columns:
        lost += f" OR (p.failed_at_day > p.paid_at_day AND p.failed_at_day < {over})"
    return (
        f"SELECT spell, max(2 * p.day::BIGINT + coalesce({lost}, false)::INTEGER) % 2 = 1 AS lost "
        f"FROM spells JOIN {store.scan('payments')} AS p "
        "ON p.customer = spells.customer AND p.day >= start_day AND p.day < end_day GROUP BY 1"
    )
