"""The test cutoffs, the choice cutoffs, and the folds on which the model is selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from churn.errors import Stop
from churn.labels.calendar import MIN_SPACING, TEST_CUTOFFS, spaced_cutoffs, trainable
from churn.params import FILE
from churn.snapshots.dataset import LabelledRows, thin_customers
from churn.snapshots.read import Snapshots

MAX_CHOICE_CUTOFFS = 4
MIN_TRAINING_ROWS = 50
MIN_TRAINING_CUSTOMERS = 20
MIN_CHOICE_CHURNERS = 50
"""The least number of churners at the choice cutoffs; if there are fewer, the folds belong to parts of
the customers.
"""
CUSTOMER_FOLDS = 5
MAX_FOLD_ROWS = 200_000
"""The largest number of training rows of a fold, which is enough to select a model.

If there are more rows, the fold learns from all rows of a part of the customers.
"""


@dataclass(frozen=True)
class CutoffPlan:
    """The cutoffs on which the model is tested, and the cutoffs on which it is selected.

    Attributes:
        test: The test cutoffs, in order; empty if there are too few snapshots.
        choice: The choice cutoffs, on which the model is selected. All labels of the choice cutoffs were
            known at the first test cutoff.
        chosen_by: The date of the selection, which is the first test cutoff; None if there is no test cutoff.
    """

    test: tuple[date, ...]
    choice: tuple[date, ...]
    chosen_by: date | None


def plan_cutoffs(
    rows: LabelledRows,
    mature_on: Mapping[date, date],
    requested_cutoffs: Sequence[date] = (),
    horizon_days: int = 0,
    file: str = FILE,
) -> CutoffPlan:
    """Return the test cutoffs, and the choice cutoffs on which the model is selected.

    By default the test cutoffs are the last three cutoffs that have earlier labels to learn from. The default
    test cutoffs lie about one horizon apart, so that their label windows hardly overlap.

    Args:
        rows: The labelled rows of all matured snapshots: those whose labels are known.
        mature_on: For each cutoff of these snapshots, the date from which its labels may be used in training.
        requested_cutoffs: The test cutoffs that the parameters name.
        horizon_days: The horizon of the label, in days.
        file: The name of the parameter file, for messages.

    Raises:
        Stop: a requested test cutoff has no matured snapshot; or at that cutoff, no labels were known, or all
            known labels were the same.
    """
    usable = [day for day in sorted(mature_on) if _can_learn(rows, trainable(mature_on, day))]
    if requested_cutoffs:
        _check_requested(requested_cutoffs, mature_on, usable, file)
    min_distance = MIN_SPACING * horizon_days
    test = tuple(sorted(set(requested_cutoffs))) or spaced_cutoffs(usable, TEST_CUTOFFS, min_distance)
    if not test:
        return CutoffPlan((), (), None)
    before_test = [day for day in trainable(mature_on, test[0]) if day in usable]
    return CutoffPlan(test, spaced_cutoffs(before_test, MAX_CHOICE_CUTOFFS, min_distance), test[0])


def _can_learn(rows: LabelledRows, cutoffs: Sequence[date]) -> bool:
    return bool(cutoffs) and not rows.at(cutoffs).one_class


def _check_requested(
    requested_cutoffs: Sequence[date], mature_on: Mapping[date, date], usable: Sequence[date], file: str
) -> None:
    problems = []
    way_out = (
        f"Choose one of the cutoffs {', '.join(map(str, usable))}, or add earlier cutoffs to the section "
        "snapshot."
        if usable
        else "No snapshot can be used as a test; add earlier cutoffs to the section snapshot."
    )
    for day in requested_cutoffs:
        if day not in mature_on:
            problems.append(f"{file}: evaluate.test_cutoffs {day} has no matured snapshot. {way_out}")
        elif day not in usable:
            problems.append(
                f"{file}: evaluate.test_cutoffs {day} leaves nothing to train on: on that day, earlier "
                f"snapshots had no known labels, or all known labels were the same. {way_out}"
            )
    if problems:
        raise Stop(*problems)


def check_enough_data(snapshots: Snapshots) -> None:
    """Check that there are enough data to learn from.

    Raises:
        Stop: there are too few rows or customers, or there are no churners, no stayers or no signals. The
            message lists all problems.
    """
    rows = snapshots.rows
    problems = []
    n_customers = len(snapshots.customers)
    if len(rows) < MIN_TRAINING_ROWS or n_customers < MIN_TRAINING_CUSTOMERS:
        problems.append(
            f"snapshots: {len(rows):,} labelled rows of {n_customers:,} customers are too few to learn from; "
            f"at least {MIN_TRAINING_ROWS} rows of {MIN_TRAINING_CUSTOMERS} customers are needed. "
            "Add cutoffs or data."
        )
    if rows.one_class:
        group, change = ("stayers", "longer") if not rows.churners else ("churners", "shorter")
        problems.append(
            f"snapshots: all {len(rows):,} labelled rows are {group}, so a model has nothing to learn. "
            f"Check the label with `churn label`; a {change} label.horizon_days may help."
        )
    if not rows.names:
        problems.append(
            "snapshots: the snapshots hold no signal. Check signals.families, and which signals "
            "`churn signals` lists."
        )
    if problems:
        raise Stop(*problems)


@dataclass(frozen=True)
class Fold:
    """The training rows of a fold, and the validation rows on which candidate models are compared.

    A fold belongs to one cutoff, or to one part of the customers.

    Attributes:
        train: The training rows. The fold of a cutoff has the rows whose label was known at this cutoff. The
            fold of a part of the customers has the rows of all customers who are not in this part.
        validation: The validation rows: all rows of the cutoff, or all rows of the part of the customers.
        in_time: Whether the fold belongs to a cutoff, and not to a part of the customers.
    """

    train: LabelledRows
    validation: LabelledRows
    in_time: bool = False


def folds_of(snapshots: Snapshots, plan: CutoffPlan) -> list[Fold]:
    """Return the folds on which the model is selected.

    There is a fold for each choice cutoff. The fold of a cutoff has at most 200,000 training rows, whose
    labels were known at the cutoff. If there are no choice cutoffs, or fewer than 50 churners at them, there
    is a fold for each of five parts of the customers instead. The parts come from the snapshots whose labels
    were known at the first test cutoff, or from all snapshots if there is no test cutoff.
    """
    rows = snapshots.rows
    if plan.choice and rows.at(plan.choice).churners >= MIN_CHOICE_CHURNERS:
        return [
            Fold(
                thin_customers(rows.at(trainable(snapshots.mature_on, day)), MAX_FOLD_ROWS),
                rows.at([day]),
                True,
            )
            for day in plan.choice
        ]
    cutoffs = trainable(snapshots.mature_on, plan.chosen_by) if plan.chosen_by else snapshots.cutoffs
    rows = thin_customers(rows.at(cutoffs), MAX_FOLD_ROWS)
    folds = []
    for number in range(CUSTOMER_FOLDS):
        inside = rows.customer % CUSTOMER_FOLDS == number
        if inside.any() and not rows.where(~inside).one_class:
            folds.append(Fold(rows.where(~inside), rows.where(inside)))
    return folds or [Fold(rows, rows)]
