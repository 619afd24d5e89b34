"""Make every choice on cutoffs whose labels were known before the first test."""

from __future__ import annotations

from churn.errors import Stop
from churn.training.estimators import fit_trees
from churn.training.recipe import Recipe
from churn.training.rows import Rows
from churn.training.snapshots import Snapshots
from churn.training.split import Plan, trainable

FEWEST_ROWS = 50
FEWEST_CUSTOMERS = 20
REFIT = 1.1


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
            f"snapshots: {who} of {len(rows):,} rows left, so there is nothing to tell apart. "
            f"Check label in params.yaml with `churn label`; a {way} label.horizon_days may fit."
        )
    if not rows.names:
        problems.append("snapshots: they hold no signal. See `churn signals` and signals.families.")
    if problems:
        raise Stop(*problems)


def choose_rounds(snapshots: Snapshots, plan: Plan, recipe: Recipe, threads: int) -> int:
    """Return the number of trees: where the log loss of the latest snapshot is lowest, times 1.1.

    The latest snapshot is one known by the first test cutoff, and the trees learn from those known
    by its own cutoff. Where there are none, every fifth customer is watched instead.
    """
    known = trainable(snapshots.mature_on, plan.chosen_by) if plan.chosen_by else snapshots.cutoffs
    train, watched = _latest(snapshots, known)
    fitted = fit_trees(train, recipe, snapshots.monotone, threads, watched)
    return max(1, round(REFIT * fitted.rounds))


def _latest(snapshots: Snapshots, known: tuple[object, ...]) -> tuple[Rows, Rows]:
    rows, mature_on = snapshots.rows, snapshots.mature_on
    latest = max(day for day in mature_on if day in known)
    earlier = trainable(mature_on, latest)
    if earlier and not rows.at(earlier).one_class:
        return rows.at(earlier), rows.at([latest])
    everyone = rows.at([day for day in snapshots.cutoffs if day in known])
    watched = everyone.customer % 5 == 0
    if everyone.where(~watched).one_class or not watched.any():
        return everyone, everyone
    return everyone.where(~watched), everyone.where(watched)
