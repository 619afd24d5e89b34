"""Blocks of customers: the unit of work and of memory, computed by any executor from plain data.

A `Job` and a `Block` hold nothing but plain data, so that they can be sent to another process or machine; a
`Worker` is what such a process makes of the job once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.data.sources.table_specs import table_contracts
from churn.data.store import Store
from churn.features.engine import engine
from churn.features.engine.cohort import AT_RISK, LEFT_OUT, OBJECTED, UNKNOWN, Codes, Customers, judging
from churn.features.engine.rows import StoredRows
from churn.features.engine.timeline import IntArray
from churn.features.language.population import Deferred, Peers
from churn.features.language.reader import Array
from churn.features.library import known
from churn.features.peers import peers_of, plan_signal
from churn.features.signal import Signal
from churn.params import Params

SHARE_OF_LIMIT = 0.4
"""The share of the memory limit that the arrays of one block may take; reading and output need the rest."""

SELECTIONS = 16
"""Selections of one table that signals ask for, such as the opened and the clicked e-mails; arrays each."""

MOST_ASKED, PIECE = 16_384, 2_048
"""The picture of everybody (rates, peers) is drawn from so many customers at most, in pieces of so many."""

MOST_ROWS = 4_000_000
"""More rows of one table in a block gain nothing: its arrays no longer fit the processor's cache."""

STEP = 8_192
"""Blocks are whole steps of customers, and so are the row groups that are written: whoever computes them, and
in how many blocks, the bytes are the same."""

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Job:
    """What to compute: signals by name, at cutoffs as day numbers."""

    params: Params
    names: tuple[str, ...]
    cutoffs: tuple[int, ...]
    data_starts: Mapping[str, tuple[int, ...]]

    def for_one_of(self, number: int) -> Job:
        """Return the job with the memory and threads of one of `number` processes."""
        share = self.params.engine.for_one_of(number)
        return replace(self, params=self.params.model_copy(update={"engine": share}))


Wholes = Mapping[tuple[int, str], Any]
"""What is known of everybody, by cutoff ordinal and signal."""


@dataclass(frozen=True)
class Block:
    """Customers `[first, end)`: their sign-up days, and who has objected."""

    first: int
    end: int
    signed_up: IntArray
    objected: BoolArray


@dataclass(frozen=True)
class Found:
    """What was found of a block: why customers are left out `[cutoffs, n]`, and the members' signals."""

    left_out: Codes
    columns: tuple[Mapping[str, Array], ...]


class Worker:
    """A process that computes blocks of one job."""

    def __init__(self, job: Job, signals: tuple[Signal, ...] | None = None) -> None:
        self.job = job
        self.store = Store.open(job.params)
        every = known(job.params) if signals is None else {signal.name: signal for signal in signals}
        asked = (judging(self.store), *(every[name] for name in job.names))
        tables = table_contracts(job.params)
        self.plan = engine.plan(self.store, asked, tables, job.cutoffs, job.data_starts)
        self.plan_of_peers: engine.Plan | None = None
        if signal := plan_signal(self.store, dict(self.plan.deferred)):
            starts = job.data_starts if signal.table in job.data_starts else None
            self.plan_of_peers = engine.plan(self.store, (signal,), tables, job.cutoffs, starts)

    @cached_property
    def stored(self) -> dict[str, StoredRows]:
        """Open the tables of the plans, once."""
        names = {*self.plan.signals, *(self.plan_of_peers.signals if self.plan_of_peers else ())}
        return {name: StoredRows(self.store, name) for name in sorted(names) if name != "customers"}

    @cached_property
    def plan_of_deferred(self) -> engine.Plan:
        """Return the plan of the signals that need everybody, and of the judgement who is at risk."""
        return self.plan.only({LEFT_OUT, *self.plan.deferred})

    @cached_property
    def plan_of_cohort(self) -> engine.Plan:
        """Return the plan of the judgement who is at risk, alone."""
        return self.plan.only({LEFT_OUT})


def summaries(worker: Worker, block: Block) -> dict[tuple[int, str], Any]:
    """Return what a block adds to the signals that need everybody, by cutoff ordinal and signal."""
    judged, found = _Judged(worker, block), {}
    for ordinal, name, values in judged.evaluate(worker.plan_of_deferred):
        assert isinstance(values, Deferred)  # the plan holds only those
        left_out = judged.left_out[ordinal]
        members = left_out == AT_RISK
        if values.everybody:
            members = (left_out != UNKNOWN) & (left_out != OBJECTED)
        found[ordinal, name] = values.summary(members, judged.peers[ordinal])
    return found


def left_out(worker: Worker, block: Block) -> Codes:
    """Return who is left out and why: `[cutoffs, n]`."""
    judged = _Judged(worker, block)
    for _ in judged.evaluate(worker.plan_of_cohort):
        pass
    return judged.left_out


def columns(worker: Worker, block: Block, wholes: Wholes) -> Found:
    """Return per cutoff the signals of the block's members, finished beside the whole cohort."""
    judged = _Judged(worker, block)
    found: tuple[dict[str, Array], ...] = tuple({} for _ in worker.job.cutoffs)
    for ordinal, name, values in judged.evaluate(worker.plan):
        if isinstance(values, Deferred):
            with np.errstate(invalid="ignore", divide="ignore"):
                values = values.finished(wholes[ordinal, name], judged.peers[ordinal])
        found[ordinal][name] = values[judged.members[ordinal]]
    return Found(judged.left_out, found)


class _Judged:
    """Evaluates a plan for a block, and keeps who is at risk: the label's table comes first."""

    def __init__(self, worker: Worker, block: Block) -> None:
        self.worker = worker
        self.block = block
        self.left_out = np.zeros((len(worker.job.cutoffs), block.end - block.first), dtype=np.int8)
        self.members = [np.zeros(0, dtype=np.intp)] * len(worker.job.cutoffs)

    def evaluate(self, plan: engine.Plan) -> Iterator[tuple[int, str, Array | Deferred]]:
        """Yield `(cutoff ordinal, signal, values)`; `members` of the ordinal are known by then."""
        worker, block = self.worker, self.block
        bounds = block.first, block.end
        for ordinal, name, values in engine.evaluate(worker.stored, plan, block.signed_up, bounds):
            if name == LEFT_OUT:
                assert isinstance(values, np.ndarray)  # judging needs nobody else
                self._judge(ordinal, values)
            else:
                yield ordinal, name, values

    @cached_property
    def peers(self) -> list[Peers]:
        """Return the peers' group of each customer, by cutoff ordinal."""
        worker, block = self.worker, self.block
        plans: dict[int, Array] = {}
        if worker.plan_of_peers:
            bounds = block.first, block.end
            for ordinal, _, codes in engine.evaluate(
                worker.stored, worker.plan_of_peers, block.signed_up, bounds
            ):
                assert isinstance(codes, np.ndarray)  # a plan needs nobody else
                plans[ordinal] = codes
        return [
            peers_of(cutoff, block.signed_up, plans.get(ordinal))
            for ordinal, cutoff in enumerate(worker.job.cutoffs)
        ]

    def _judge(self, ordinal: int, codes: Array) -> None:
        known = self.block.signed_up < self.worker.job.cutoffs[ordinal]
        self.left_out[ordinal] = np.where(self.block.objected, OBJECTED, np.where(known, codes, UNKNOWN))
        self.members[ordinal] = np.flatnonzero(self.left_out[ordinal] == AT_RISK)


def cut(store: Store, plan: engine.Plan, customers: Customers, processes: int) -> list[Block]:
    """Cut all customers into blocks that fit memory and the processor's cache, at least one a process."""
    n = store.n_customers
    its_share = max(1, -(-n // (processes * STEP)))
    size = min(max(1, _customers_that_fit(store, plan, processes) // STEP), its_share) * STEP
    return [_block(customers, first, min(first + size, n)) for first in range(0, n, size)]


def sample(customers: Customers) -> list[Block]:
    """Return whom the picture of everybody is drawn from: all, or pieces spread evenly over the customers."""
    n = len(customers.ids)
    if n <= MOST_ASKED:
        return [_block(customers, first, min(first + STEP, n)) for first in range(0, n, STEP)]
    firsts = np.linspace(0, n - PIECE, MOST_ASKED // PIECE).astype(int).tolist()
    return [_block(customers, first, first + PIECE) for first in firsts]


def _block(customers: Customers, first: int, end: int) -> Block:
    return Block(first, end, customers.signed_up[first:end], customers.objected[first:end])


def _customers_that_fit(store: Store, plan: engine.Plan, processes: int) -> int:
    """Weigh a customer: 8 bytes a result, 4 a bin of each of a table's few selections, 40 a row."""
    limit = store.params.engine.memory_bytes * SHARE_OF_LIMIT / processes
    bins = max((timeline.bins + 1 for timeline in plan.timelines.values()), default=1)
    n_signals = sum(len(found) for found in plan.signals.values())
    rows = max((store.tables[name].rows for name in plan.signals), default=0) / max(store.n_customers, 1)
    per_customer = 8 * len(plan.cutoffs) * n_signals + 4 * bins * SELECTIONS + 40 * rows
    return int(min(limit / per_customer, MOST_ROWS / max(rows, 1e-9)))
