"""Make every choice on cutoffs whose labels were known before the first test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from churn.errors import Stop
from churn.training.estimators import fit_trees
from churn.training.recipe import Recipe
from churn.training.rows import Rows
from churn.training.snapshots import Snapshots
from churn.training.split import Plan, trainable

FEWEST_ROWS = 50
FEWEST_CUSTOMERS = 20
REFIT = 1.1
WATCHED_CHURNERS = 200


def refuse_thin(snapshots: Snapshots) -> None:
    """Stop where the snapshots hold nothing to learn.

    Raises:
        Stop: there are too few rows or customers, nobody left, or everybody did; all are listed.
    """
    rows = snapshots.rows
    problems = []
    customers = len(snapshots.customers)
    if len(rows) < FEWEST_ROWS or customers < FEWEST_CUSTOMERS:
        problems.append(
            f"snapshots: {len(rows):,} labelled rows of {customers:,} customers are too few to learn from; "
            f"at least {FEWEST_ROWS} rows of {FEWEST_CUSTOMERS} customers are needed. Add cutoffs or data."
        )
    if rows.one_class:
        who, way = ("nobody", "longer") if not rows.churners else ("everybody", "shorter")
        problems.append(
            f"snapshots: {who} left in {len(rows):,} labelled rows, so there is nothing to tell apart. "
            f"Check label in params.yaml with `churn label`; a {way} label.horizon_days may fit."
        )
    if not rows.names:
        problems.append("snapshots: they hold no signal. See `churn signals` and signals.families.")
    if problems:
        raise Stop(*problems)


def choose_rounds(snapshots: Snapshots, plan: Plan, recipe: Recipe, threads: int) -> int:
    """Return the number of trees: where the log loss of the latest snapshots is lowest, times 1.1.

    Watched are the latest snapshots known by the first test cutoff, as many as hold 200 churners
    but no more than half; the trees learn from those known by the first one watched. Where there
    are none, every fifth customer is watched instead.
    """
    known = trainable(snapshots.mature_on, plan.chosen_by) if plan.chosen_by else snapshots.cutoffs
    train, watched = _latest(snapshots, known)
    fitted = fit_trees(train, recipe, snapshots.monotone, threads, watched)
    return max(1, round(REFIT * fitted.rounds))


def _latest(snapshots: Snapshots, known: Sequence[date]) -> tuple[Rows, Rows]:
    rows = snapshots.rows
    found = None
    for count in range(1, max(1, len(known) // 2) + 1):
        watched = rows.at(known[-count:])
        earlier = trainable(snapshots.mature_on, known[-count])
        if not earlier or rows.at(earlier).one_class:
            break
        found = rows.at(earlier), watched
        if watched.churners >= WATCHED_CHURNERS:
            break
    return found or _by_customer(rows.at(known))


def _by_customer(rows: Rows) -> tuple[Rows, Rows]:
    watched = rows.customer % 5 == 0
    if rows.where(~watched).one_class or not watched.any():
        return rows, rows
    return rows.where(~watched), rows.where(watched)
