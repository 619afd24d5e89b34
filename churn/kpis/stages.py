"""The stages of customers from month to month: how many customers move from which stage to which, and what
the leaks (customers who leave) cost.

The playbook defines the stages of customers at risk. This module adds further stages with fixed names, such
as `left` and `won back`. It also counts the moves from week to week. A bound is the start or the end of a
period (a month or a week).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store
from churn.errors import PlaybookError
from churn.features.engine.cohort import CANCELLING, ON_PAUSE, read_customers
from churn.features.engine.matrix import MatrixBuilder
from churn.features.library import all_signals, availability
from churn.kpis.activity import Activity, Bools
from churn.kpis.figure import Figure, Period, Slice
from churn.kpis.growth import Flow, flow_of
from churn.kpis.retention import share_figure
from churn.metrics.interval import Part
from churn.metrics.standard_errors import customer_wilson_interval
from churn.scoring.conditions import SCORE_COLUMNS
from churn.scoring.playbook import Playbook, read_playbook

Codes = npt.NDArray[np.int8]

NOT_YET = "not a customer yet"
LEFT = "left"
WON_BACK = "won back"
NOTICE_GIVEN = "notice given"
ON_PAUSE_STAGE = "paused"
NO_STAGE = "no stage"
NOBODY_IN_STAGE = "nobody in the stage at the start"

STAGES_DEFINITION = (
    "the number of customers in each stage, and their money (what they pay per month). The stages of the "
    "playbook hold only customers at risk (who can still leave). The further stages are these. `left`: "
    "active earlier, but not now. `won back`: active again, but not active a month before. `notice given`: "
    "the customer has asked to end the contract. `paused`: all contracts are paused. `no stage`: active, but "
    "no stage of the playbook applies. The label decides which customers count as active. For "
    "customers who were active at the start of the month, the money is what they paid then. For the other "
    "customers, the money is what they pay at the end of the month"
)
LEAK_DEFINITION = (
    "customers who were in a stage at the start of a month and had left the company at the end of this "
    "month. For each stage, the counts of all months are added up. The money is the amount that these "
    "customers paid per month. A customer can count in several months, but is only one observation for the "
    "95 % interval of the share"
)


class StageCount(Flow):
    """The number of customers in a stage at the start of a month."""

    stage: str


class Transition(Flow):
    """The number of customers who were in the stage `origin` at the start of a month and in the stage
    `target` at its end; both may be the same stage.
    """

    origin: str
    target: str


class StageMonth(Part):
    """The customers in each stage at the start of a month, and their moves to the stages at its end."""

    start: date
    end: date
    at_start: tuple[StageCount, ...]
    transitions: tuple[Transition, ...]


class Leak(Flow):
    """The customers who left while they were in a stage.

    Attributes:
        stage: The stage at the start of the month.
        at_start: The number of customers in the stage at the start of a month, summed over all months; a
            customer counts once in each month.
        share, low, high: The share that left within a month, with Wilson's 95 % interval.
    """

    stage: str
    at_start: int
    share: float
    low: float
    high: float


def score_stages(playbook: Playbook) -> list[str]:
    """Return the stages whose condition uses a score; they are known only for scored nights."""
    return [stage.name for stage in playbook.stages if stage.condition.names() & set(SCORE_COLUMNS)]


OUTSIDE = {CANCELLING: NOTICE_GIVEN, ON_PAUSE: ON_PAUSE_STAGE}
"""The stages of customers who are active but not at risk, by the reason."""


@dataclass(frozen=True)
class StagesAtBounds:
    """The stage and the status (at risk, or why not) of each customer on given days (`bounds`); each array
    has the shape `[bounds, customers]`.

    Attributes:
        stage: The index of the stage in the playbook; -1 for no stage.
        status: The code of the customer's status, with the same meaning as in `Cohort`.
    """

    stage: Codes
    status: Codes


def playbook_stages(store: Store, playbook: Playbook, bounds: Sequence[date]) -> StagesAtBounds:
    """Return the stage that the playbook gives to each customer on each of the days `bounds`, from the facts
    that were known then.

    Customers who objected to being contacted count as well: these figures are not used to contact anybody.
    """
    names = set().union(*(stage.condition.names() for stage in playbook.stages))
    signals = [
        entry.signal
        for entry in availability(store.params, store)
        if entry.off_because is None and entry.signal.name in names
    ]
    customers = read_customers(store)
    nobody = np.zeros(len(customers.ids), dtype=bool)
    builder = MatrixBuilder(store, signals, bounds, replace(customers, has_objected=nobody))
    row_of = {bound: row for row, bound in enumerate(bounds)}
    codes = np.full((len(bounds), store.n_customers), -1, dtype=np.int8)
    for part in builder.parts():
        codes[row_of[part.cutoff], part.codes] = playbook.stage_indices(part.columns, len(part.codes))
    status = np.array([cohort.status for cohort in builder.cohorts], dtype=np.int8)
    return StagesAtBounds(codes, status.reshape(codes.shape))


def playbook_with_stages(store: Store) -> tuple[Playbook | None, str | None]:
    """Return the playbook, or the reason why the playbook gives no stages."""
    params = store.params
    kinds = {name: signal.kind for name, signal in all_signals(params).items()}
    try:
        playbook = read_playbook(params.score.playbook, kinds, params.score.language, set(params.events))
    except PlaybookError as error:
        return None, f"the playbook cannot be read: {error}"
    if not playbook.stages:
        return None, f"{params.score.playbook.name} has no `stages`"
    if names_of_scored := score_stages(playbook):
        return None, (
            f"{params.score.playbook.name}: the stages {', '.join(names_of_scored)} use a score, and scores "
            "are known only for the nights that were scored"
        )
    names = stage_names(playbook)
    if clashes := sorted({name for name in names if names.count(name) > 1}):
        return None, (
            f"{params.score.playbook.name}: rename the stages {', '.join(clashes)}; the figures "
            "use these names for further stages"
        )
    return playbook, None


@dataclass(frozen=True)
class StagesOfPlaybook:
    """The stages of all customers on the days `days`, or the reason why there are none.

    Attributes:
        days: The days, in order of time.
        playbook: The playbook; None if it gives no stages.
        reason: Why the playbook gives no stages.
        stages: The stages; None if the playbook gives no stages, or if there are no days.
    """

    days: Sequence[date]
    playbook: Playbook | None
    reason: str | None
    stages: StagesAtBounds | None

    def at(self, days: Sequence[date]) -> StagesAtBounds:
        """Return the stages of all customers on the given days, which must be in `self.days`; call this only
        if the playbook gives stages.
        """
        assert self.stages is not None
        rows = [self.days.index(day) for day in days]
        return StagesAtBounds(self.stages.stage[rows], self.stages.status[rows])


def read_stages(store: Store, days: Sequence[date]) -> StagesOfPlaybook:
    """Return the stage of each customer on each of the days `days`, or the reason why there are no stages."""
    playbook, reason = playbook_with_stages(store)
    stages = None if playbook is None or not days else playbook_stages(store, playbook, days)
    return StagesOfPlaybook(days, playbook, reason, stages)


def stage_names(playbook: Playbook) -> tuple[str, ...]:
    """Return the names of all stages: first those of the playbook, then the fixed names, such as `left`.

    The code of a stage is its index in this list.
    """
    own = tuple(stage.name for stage in playbook.stages)
    return (*own, WON_BACK, NOTICE_GIVEN, ON_PAUSE_STAGE, NO_STAGE, LEFT, NOT_YET)


def stage_codes(activity: Activity, stages: StagesAtBounds, names: Sequence[str]) -> Codes:
    """Return the stage of each customer at the start and the end of each period (month or week).

    The result has the shape `[bounds, customers]`; each stage is an index into `names`.

    Args:
        activity: Who was active at the start and the end of each period.
        stages: The stage (from the playbook) and the status of each customer at the start and the end of each
            period.
        names: The names of all stages, from `stage_names`.
    """
    code = {name: number for number, name in enumerate(names)}
    earlier = np.vstack([activity.active_before_first[None], activity.active[:-1]])
    first_seen = _seen_one_bound_before(activity)
    is_back = activity.active & ~earlier & first_seen
    result = np.where(stages.stage >= 0, stages.stage, code[NO_STAGE])
    result = np.where(is_back, code[WON_BACK], result)
    for status, name in OUTSIDE.items():
        result = np.where(stages.status == status, code[name], result)
    result = np.where(activity.active, result, np.where(activity.was_active, code[LEFT], code[NOT_YET]))
    return result.astype(np.int8)


def _seen_one_bound_before(activity: Activity) -> Bools:
    """Return for each bound (start or end of a period) who was active at some time before the
    previous bound.
    """
    return np.vstack([activity.was_active_before_first[None], activity.was_active[:-1]])


def stage_months(activity: Activity, codes: Codes, names: Sequence[str]) -> tuple[StageMonth, ...]:
    """Return the stages at the start of each month, and the moves from stage to stage until its end.

    A customer who stays in a stage counts as a move, too.

    Args:
        activity: The active customers at the start and the end of each period, and what they pay per month.
        codes: The stages of the customers as indices into `names`, from `stage_codes`, `[bounds, customers]`.
        names: The names of all stages, from `stage_names`.
    """
    months = []
    for number in range(len(activity.bounds) - 1):
        origin, target = codes[number], codes[number + 1]
        money = np.where(activity.active[number], activity.money[number], activity.money[number + 1])
        counts, transitions = [], []
        for start, name in enumerate(names):
            mask = origin == start
            if not mask.any():
                continue
            if name not in (LEFT, NOT_YET):
                own = flow_of(mask, activity.money[number])
                counts.append(StageCount(stage=name, **own.as_json()))
            for end in np.unique(target[mask]).tolist():
                if name in (LEFT, NOT_YET) and names[end] == name:
                    continue  # in this cell nobody moved, and nobody pays
                moved = flow_of(mask & (target == end), money)
                transitions.append(Transition(origin=name, target=names[end], **moved.as_json()))
        months.append(
            StageMonth(
                start=activity.bounds[number],
                end=activity.bounds[number + 1],
                at_start=tuple(counts),
                transitions=tuple(transitions),
            )
        )
    return tuple(months)


def stage_figures(
    activity: Activity, codes: Codes, names: Sequence[str], periods: Sequence[Period]
) -> Iterator[Figure]:
    """Yield by period and stage the number of customers at the start, and the share who had left by the end.

    Args:
        activity: Who was active at the start and the end of each period.
        codes: The stages of the customers as indices into `names`, from `stage_codes`, `[bounds, customers]`.
        names: The names of all stages, from `stage_names`.
        periods: The periods (months or weeks).
    """
    left_code, shown = names.index(LEFT), [name for name in names if name not in (LEFT, NOT_YET)]
    for number, period in enumerate(periods):
        has_left = codes[number + 1] == left_code
        at_start = np.bincount(codes[number], minlength=len(names))
        left = np.bincount(codes[number][has_left], minlength=len(names))
        for name in shown:
            code, piece = names.index(name), Slice(by="stage", level=name)
            n = int(at_start[code])
            yield Figure(name="stage_customers", period=period, value=n, n=n, slice=piece)
            share = share_figure("stage_churn", period, int(left[code]), n, NOBODY_IN_STAGE)
            yield share.model_copy(update={"slice": piece})


def rank_leaks(activity: Activity, codes: Codes, names: Sequence[str]) -> tuple[Leak, ...]:
    """Return the stages from which customers left, ordered by the lost money per month, then by the number
    of lost customers.

    Args:
        activity: The active customers at the start and the end of each period, and what they pay per month.
        codes: The stages of the customers as indices into `names`, from `stage_codes`, `[bounds, customers]`.
        names: The names of all stages, from `stage_names`.
    """
    left_code = names.index(LEFT)
    starts, has_left = codes[:-1], codes[1:] == left_code
    customer = np.broadcast_to(np.arange(codes.shape[1]), starts.shape)
    money = activity.money[:-1]
    leaks = []
    for number, name in enumerate(names):
        mask = starts == number
        if name in (LEFT, NOT_YET) or not mask.any():
            continue
        left = has_left[mask].astype(np.float64)
        low, high = customer_wilson_interval(left, customer[mask])
        lost = flow_of((mask & has_left).ravel(), money.ravel())
        leaks.append(
            Leak(
                stage=name,
                at_start=int(mask.sum()),
                share=float(left.mean()),
                low=low,
                high=high,
                **lost.as_json(),
            )
        )
    return tuple(sorted(leaks, key=lambda leak: (-(leak.money or 0.0), -leak.people, leak.stage)))
