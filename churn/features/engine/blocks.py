"""Compute blocks of customers. A block is the unit of work and of memory.

A `Job` and a `Block` hold only plain data, so an executor can send them to another process or machine. Each
process makes one `Worker` of the job, and computes all its blocks with this worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from churn.data.sources.table_specs import table_contracts
from churn.data.store import Store
from churn.features.engine.aggregates import TableAggregates
from churn.features.engine.cohort import (
    AT_RISK,
    EXCLUSION,
    HAS_EVENT,
    OBJECTED,
    UNKNOWN,
    BoolArray,
    Codes,
    Customers,
    exclusion_signal,
    peers_of,
    plan_signal,
)
from churn.features.engine.plan import Plan, make_plan, view_of
from churn.features.engine.point_in_time import PointInTime
from churn.features.engine.rows import RowReader, StoredRows
from churn.features.engine.timeline import IntArray
from churn.features.language.events import Events
from churn.features.language.population import CohortValue, Peers
from churn.features.language.reader import Array
from churn.features.library import all_signals
from churn.features.signal import Signal
from churn.params import Params

SHARE_OF_LIMIT = 0.4
"""The share of the memory limit for the arrays of one block; reading and output need the rest."""

SELECTIONS = 16
"""An estimate of how many selections of a table the signals use, such as opened e-mails and clicked e-mails.
"""

MAX_SAMPLE, SAMPLE_PIECE = 16_384, 2_048
"""Population statistics (rates, peers) are estimated on at most `MAX_SAMPLE` customers. The sample consists
of pieces of `SAMPLE_PIECE` consecutive customers."""

MAX_ROWS = 4_000_000
"""The largest number of rows of one table in a block; more rows would not fit the processor's cache."""

STEP = 8_192
"""The number of customers in a block, and in a row group that is written, is a multiple of this step. The
bytes therefore do not depend on the executor or on the number of blocks."""

Populations = Mapping[tuple[int, str], Any]
"""The population statistics, merged from the summaries of the blocks, by `(ordinal, name)`.

The ordinal is the position of the cutoff in `Job.cutoffs`; the name is the name of the signal.
"""


@dataclass(frozen=True)
class Job:
    """The signals to compute, by name, and the cutoffs, as day numbers."""

    params: Params
    names: tuple[str, ...]
    cutoffs: tuple[int, ...]
    data_starts: Mapping[str, tuple[int, ...]]

    def for_one_of(self, number: int) -> Job:
        """Return the job for one of `number` processes, with its share of the memory and of the threads."""
        share = self.params.engine.for_one_of(number)
        return replace(self, params=self.params.model_copy(update={"engine": share}))


@dataclass(frozen=True)
class Block:
    """The customers `[first, end)`; each array is the slice `[first:end]` of the array in `Customers`."""

    first: int
    end: int
    signed_up: IntArray
    has_objected: BoolArray
    has_event_on: IntArray | None = None


@dataclass(frozen=True)
class BlockResult:
    """The result of a block of customers.

    Attributes:
        status: A code for each cutoff and each customer of the block, shape `[cutoffs, customers]`. The code
            is AT_RISK (the customer can still leave) or a reason why the customer is not at risk.
        signals: For each cutoff, the values of each signal for the customers at risk, by name of the signal.
    """

    status: Codes
    signals: tuple[Mapping[str, Array], ...]


class Worker:
    """Computes blocks of one job in one process; holds the store, the plans and the open tables."""

    def __init__(self, job: Job, signals: tuple[Signal, ...] | None = None) -> None:
        self.job = job
        self.store = Store.open(job.params)
        by_name = all_signals(job.params) if signals is None else {signal.name: signal for signal in signals}
        signals_to_compute = (exclusion_signal(self.store), *(by_name[name] for name in job.names))
        tables = table_contracts(job.params)
        self.plan = make_plan(self.store, signals_to_compute, tables, job.cutoffs, job.data_starts)
        self.plan_of_peers: Plan | None = None
        if signal := plan_signal(self.store, dict(self.plan.cohort_values)):
            starts = job.data_starts if signal.table in job.data_starts else None
            self.plan_of_peers = make_plan(self.store, (signal,), tables, job.cutoffs, starts)

    @cached_property
    def tables(self) -> dict[str, StoredRows]:
        """Return the reader of each table that a plan uses; each table is opened once."""
        names = {*self.plan.signals, *(self.plan_of_peers.signals if self.plan_of_peers else ())}
        return {name: StoredRows(self.store, name) for name in sorted(names) if name != "customers"}

    @cached_property
    def plan_of_deferred(self) -> Plan:
        """Return the plan of the signals that depend on other customers, and of the signal `EXCLUSION`."""
        return self.plan.subset({EXCLUSION, *self.plan.cohort_values})

    @cached_property
    def plan_of_cohort(self) -> Plan:
        """Return the plan of only one signal: the signal that decides who is at risk."""
        return self.plan.subset({EXCLUSION})


def block_summaries(worker: Worker, block: Block) -> dict[tuple[int, str], Any]:
    """Return a block's part of the population statistics, with the keys of `Populations`."""
    evaluation = _BlockEvaluation(worker, block)
    summaries = {}
    for ordinal, name, values in evaluation.evaluate(worker.plan_of_deferred):
        assert isinstance(values, CohortValue)  # the plan holds only such signals
        status = evaluation.status[ordinal]
        counts = status == AT_RISK
        if values.counts_all_known:
            counts = (status != UNKNOWN) & (status != OBJECTED)
        summaries[ordinal, name] = values.summary(counts, evaluation.peers[ordinal])
    return summaries


def block_status(worker: Worker, block: Block) -> Codes:
    """Return for each cutoff whether each customer is at risk, as a code (see `BlockResult.status`)."""
    evaluation = _BlockEvaluation(worker, block)
    for _ in evaluation.evaluate(worker.plan_of_cohort):
        pass
    return evaluation.status


def block_signals(worker: Worker, block: Block, populations: Populations) -> BlockResult:
    """Return for each cutoff which customers are at risk (can still leave), and their signals.

    Args:
        worker: The worker of the job.
        block: The customers.
        populations: The population statistics, for the signals that depend on other customers.
    """
    evaluation = _BlockEvaluation(worker, block)
    columns: tuple[dict[str, Array], ...] = tuple({} for _ in worker.job.cutoffs)
    for ordinal, name, values in evaluation.evaluate(worker.plan):
        if isinstance(values, CohortValue):
            with np.errstate(invalid="ignore", divide="ignore"):
                values = values.finish(populations[ordinal, name], evaluation.peers[ordinal])
        columns[ordinal][name] = values[evaluation.members[ordinal]]
    return BlockResult(evaluation.status, columns)


class _BlockEvaluation:
    """Evaluates a plan for a block, and stores which customers are at risk (can still leave) at each cutoff.

    The signal `EXCLUSION` decides who is at risk, so the table that it reads is evaluated first.
    """

    def __init__(self, worker: Worker, block: Block) -> None:
        self.worker = worker
        self.block = block
        self.status = np.zeros((len(worker.job.cutoffs), block.end - block.first), dtype=np.int8)
        self.members = [np.zeros(0, dtype=np.intp)] * len(worker.job.cutoffs)

    def evaluate(self, plan: Plan) -> Iterator[tuple[int, str, Array | CohortValue]]:
        """Yield `(ordinal, signal, values)`; the ordinal is the position of the cutoff in `Job.cutoffs`.

        Before the first values of a cutoff are yielded, `members[ordinal]` lists its customers at risk.
        """
        worker, block = self.worker, self.block
        bounds = block.first, block.end
        for ordinal, name, values in evaluate(worker.tables, plan, block.signed_up, bounds):
            if name == EXCLUSION:
                assert isinstance(values, np.ndarray)  # this signal depends on no other customers
                self._set_status(ordinal, values)
            else:
                yield ordinal, name, values

    @cached_property
    def peers(self) -> list[Peers]:
        """Return for each cutoff the peer group of each customer."""
        worker, block = self.worker, self.block
        plans: dict[int, Array] = {}
        if worker.plan_of_peers:
            bounds = block.first, block.end
            for ordinal, _, codes in evaluate(worker.tables, worker.plan_of_peers, block.signed_up, bounds):
                assert isinstance(codes, np.ndarray)  # a plan depends on no other customers
                plans[ordinal] = codes
        return [
            peers_of(cutoff, block.signed_up, plans.get(ordinal))
            for ordinal, cutoff in enumerate(worker.job.cutoffs)
        ]

    def _set_status(self, ordinal: int, codes: Array) -> None:
        cutoff = self.worker.job.cutoffs[ordinal]
        signed_up = self.block.signed_up < cutoff
        if self.block.has_event_on is not None:
            codes = np.where((codes == AT_RISK) & (self.block.has_event_on < cutoff), HAS_EVENT, codes)
        self.status[ordinal] = np.where(
            self.block.has_objected, OBJECTED, np.where(signed_up, codes, UNKNOWN)
        )
        self.members[ordinal] = np.flatnonzero(self.status[ordinal] == AT_RISK)


def evaluate(
    tables: Mapping[str, RowReader],
    plan: Plan,
    signed_up: IntArray,
    block: tuple[int, int],
) -> Iterator[tuple[int, str, Array | CohortValue]]:
    """Yield `(index of the cutoff, signal name, values)` for a block of customers, table by table.

    The values hold one number for each customer of the block.

    Args:
        tables: The open tables of the plan, by name.
        plan: The signals to compute.
        signed_up: The sign-up days of the block's customers, `[n]`.
        block: The customer codes `[first, end)`.
    """
    for name, signals in plan.signals.items():
        need, timeline = plan.needs[name], plan.timelines[name]
        aggregates = None
        if name != "customers":
            rows = tables[name].read(need.columns, need.placing_outcomes, timeline, block)
            aggregates = TableAggregates(rows, timeline)
        for ordinal in range(len(plan.cutoffs)):
            reader = PointInTime(aggregates, timeline, ordinal, signed_up, plan.data_starts[name][ordinal])
            for signal in signals:
                assert signal.function is not None  # the plan holds only signals that are computed
                view: Events = view_of(signal, plan.tables[name], reader)
                with np.errstate(invalid="ignore", divide="ignore"):
                    values = signal.function(view)
                yield ordinal, signal.name, values


def cut_into_blocks(store: Store, plan: Plan, customers: Customers, processes: int) -> list[Block]:
    """Cut all customers into blocks that fit memory and the processor's cache.

    Args:
        store: The store that is read.
        plan: The plan; its tables and windows decide the memory that a customer takes.
        customers: All customers.
        processes: The number of blocks that are computed at once. A block holds at most one process's share
            of the customers, rounded up to a multiple of `STEP`.
    """
    n = store.n_customers
    per_process = max(1, -(-n // (processes * STEP)))
    size = min(max(1, _customers_that_fit(store, plan, processes) // STEP), per_process) * STEP
    return [_block(customers, first, min(first + size, n)) for first in range(0, n, size)]


def population_sample(customers: Customers) -> list[Block]:
    """Return the customers from whom population statistics are estimated.

    If there are at most `MAX_SAMPLE` customers, the sample holds all of them. Otherwise it consists of pieces
    of `SAMPLE_PIECE` consecutive customers, spread evenly over all customers.
    """
    n = len(customers.ids)
    if n <= MAX_SAMPLE:
        return [_block(customers, first, min(first + STEP, n)) for first in range(0, n, STEP)]
    firsts = np.linspace(0, n - SAMPLE_PIECE, MAX_SAMPLE // SAMPLE_PIECE).astype(int).tolist()
    return [_block(customers, first, first + SAMPLE_PIECE) for first in firsts]


def _block(customers: Customers, first: int, end: int) -> Block:
    events = customers.has_event_on
    return Block(
        first,
        end,
        customers.signed_up[first:end],
        customers.has_objected[first:end],
        None if events is None else events[first:end],
    )


def _customers_that_fit(store: Store, plan: Plan, processes: int) -> int:
    """Estimate how many customers fit into the memory of a process.

    A customer takes 8 bytes for each signal at each cutoff, and 40 bytes for each row in the largest table.
    For each selection of rows, such as the opened e-mails, a customer also takes 4 bytes per bin (interval of
    days). The number of selections is assumed to be `SELECTIONS`.
    """
    limit = store.params.engine.memory_bytes * SHARE_OF_LIMIT / processes
    bins = max((timeline.bins + 1 for timeline in plan.timelines.values()), default=1)
    n_signals = sum(len(signals) for signals in plan.signals.values())
    rows = max((store.tables[name].rows for name in plan.signals), default=0) / max(store.n_customers, 1)
    per_customer = 8 * len(plan.cutoffs) * n_signals + 4 * bins * SELECTIONS + 40 * rows
    return int(min(limit / per_customer, MAX_ROWS / max(rows, 1e-9)))
