"""Results in the order of the blocks, a few of them computed ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

from churn.features.engine.blocks import Block, Worker

R = TypeVar("R")
Function = Callable[[Worker, Block], R]


def in_order(submit: Callable[[Block], Future[R]], blocks: Sequence[Block], workers: int) -> Iterator[R]:
    """Yield the results in the order of the blocks; few finished ones wait to be fetched.

    One block more than there are workers is submitted, so that none of them waits and memory stays bounded.
    """
    rest = iter(blocks)
    waiting = [submit(block) for block in islice(rest, workers + 1)]
    while waiting:
        yield waiting.pop(0).result()
        waiting += [submit(block) for block in islice(rest, 1)]
