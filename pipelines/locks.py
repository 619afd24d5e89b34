"""The locks of the verbs: each output has one writer at a time.

`snapshot`, `train`, `evaluate` and `promote` work on one chain of files: one lock lets only one of them run
at a time. `score` has a lock of its own, so a night can be scored while a model is trained. `run` and
`promote` hold both of these locks, and `forget` holds all locks. `check` and `report` can run at the same
time as all other verbs, but not at the same time as `forget`: a page that they write may name the customer
whom `forget` erases. The store has a lock too. While a process writes the store, `churn ingest` is refused;
any other verb that needs the new store waits.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn.params import Params

MODEL_VERBS = ("snapshot", "train", "evaluate", "promote", "run", "forget")
NIGHT_VERBS = ("score", "promote", "run", "forget")
UNLOCKED_VERBS = ("init", "ui", "signals")
"""The verbs that read nothing that an unfinished erasure may have left in two states."""
PAGE_VERBS = ("check", "report")
MODEL_LOCK = ".model.lock"
PAGE_LOCK = ".pages.lock"


@contextmanager
def output_locks(verb: str, params: Params | None) -> Iterator[None]:
    """Hold the locks that a verb needs, and remove what a killed process has left.

    Args:
        verb: The verb.
        params: The parameters; None for a verb without outputs.

    Raises:
        BusyError: Another process holds one of the locks.
        Stop: an earlier `churn forget` was stopped before its end, and this verb is not `forget`.
    """
    if params is None or verb in UNLOCKED_VERBS:
        yield
        return
    from churn.privacy.journal import check_finished

    if verb != "forget":
        check_finished(params.output)
    if verb not in (*MODEL_VERBS, *NIGHT_VERBS, *PAGE_VERBS):
        yield
        return
    from churn.data.files import one_of_several, only_writer, remove_leftovers, restore_folder
    from churn.scoring.sink import one_night_at_a_time

    holder = f"`churn {verb}`"
    with ExitStack() as locks:
        if verb in PAGE_VERBS and params.output.is_dir():  # otherwise there is nobody to forget
            locks.enter_context(one_of_several(params.output / PAGE_LOCK, holder))
        if verb in MODEL_VERBS:
            locks.enter_context(only_writer(params.output / MODEL_LOCK, holder))
            for name in ("train", "snapshots"):
                shutil.rmtree(params.output / f".{name}.new", ignore_errors=True)
                restore_folder(params.output / name)
            remove_leftovers(params.output)
        if verb in ("promote", "run", "forget"):
            locks.enter_context(only_writer(params.models / ".lock", holder))
            shutil.rmtree(params.models / ".champion.aside", ignore_errors=True)
        if verb in NIGHT_VERBS:
            locks.enter_context(one_night_at_a_time(params.output, holder))
        if verb == "forget":
            from pipelines.ingest import store_lock

            locks.enter_context(only_writer(params.output / PAGE_LOCK, holder))
            locks.enter_context(only_writer(store_lock(params), holder))
            if (params.output / "outbox").is_dir():
                locks.enter_context(only_writer(params.output / "outbox" / ".lock", holder))
        else:  # again: `forget` may have begun, and been killed, before this verb had its locks
            check_finished(params.output)
        yield
