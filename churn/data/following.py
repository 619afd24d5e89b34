"""How far a long query is, shown while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Thread

import duckdb

Show = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Opens what shows so many steps of something named, and is told of each step."""

PATIENCE_SECONDS = 2.0
"""What takes less is not worth a bar."""

LOOK_SECONDS = 0.5
WHOLE = 100


@contextmanager
def followed(connection: duckdb.DuckDBPyConnection, label: str, show: Show | None) -> Iterator[None]:
    """Show in percent how far the queries are that run inside; a later query never takes a step back."""
    if show is None:
        yield
        return
    done = Event()
    thread = Thread(target=_follow, args=(connection, label, show, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _follow(connection: duckdb.DuckDBPyConnection, label: str, show: Show, done: Event) -> None:
    if done.wait(PATIENCE_SECONDS):
        return
    with show(label, WHOLE) as advance:
        shown = 0
        while not done.wait(LOOK_SECONDS):
            share = min(int(connection.query_progress()), WHOLE - 1)
            if share > shown:
                advance(share - shown)
                shown = share
        advance(WHOLE - shown)
