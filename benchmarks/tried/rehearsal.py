"""A public set up to its first test cutoff: the snapshots to learn from, and the cutoffs to test on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.scoreboard.contest import Contest, open_contest
from benchmarks.scoreboard.own_pipeline import Run
from benchmarks.scoreboard.sets import TimeSet
from churn.labels.calendar import trainable
from churn.params import TrainParams
from churn.snapshots.dataset import Floats, thin_customers
from churn.snapshots.read import Snapshots, read_snapshots
from churn.training.backtest import OutOfTime
from churn.training.recipe import Recipe
from churn.training.select import CandidateSelection, select_candidate
from churn.training.split import MAX_FOLD_ROWS, Fold
from pipelines import snapshot
from pipelines.echo import QuietEcho

MAX_CUTOFFS = 7
"""Cutoffs judged, four weeks apart, where the set has so many."""

Columns = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rehearsal:
    """The snapshots of a set whose labels were known at its first test cutoff; no later label is read.

    Attributes:
        contest: The set and its test rows, for the rivals.
        snapshots: The snapshots for our training and our test.
        test_cutoffs: The cutoffs to test on.
        train: The section `train` of the set's parameter file.
    """

    contest: Contest
    snapshots: Snapshots
    test_cutoffs: tuple[date, ...]
    train: TrainParams

    @cached_property
    def folds(self) -> list[Fold]:
        """Return a fold for each test cutoff with earlier labels to learn from."""
        rows, known = self.snapshots.rows, self.snapshots.mature_on
        folds_of_cutoffs = [
            Fold(thin_customers(rows.at(trainable(known, day)), MAX_FOLD_ROWS), rows.at([day]), True)
            for day in self.test_cutoffs
        ]
        return [fold for fold in folds_of_cutoffs if not fold.train.one_class]

    @cached_property
    def selection(self) -> CandidateSelection:
        """Return the selection of the pipeline from all its candidates."""
        return select_candidate(self.folds, self.snapshots.monotone, self.train, 1)

    @property
    def best(self) -> OutOfTime:
        """Return the selected candidate's predictions of the test cutoffs."""
        return _past(self.selection)

    def predict_by(self, candidate: str, recipe: Recipe | None = None) -> OutOfTime:
        """Return a candidate's predictions of the test cutoffs, with its own recipe or another recipe."""
        settings = self.train.model_copy(update={"candidates": (candidate,)})
        return _past(select_candidate(self.folds, self.snapshots.monotone, settings, 1, tree_recipe=recipe))

    def learning_from(self, is_used: Callable[[date], bool]) -> Rehearsal:
        """Return a rehearsal that learns only from some of the snapshots; the test rows stay."""
        known_cutoffs: Mapping[date, date] = {
            d: on for d, on in self.snapshots.mature_on.items() if is_used(d)
        }
        return replace(self, snapshots=replace(self.snapshots, mature_on=known_cutoffs))

    def with_signals(self, mask: Columns) -> Rehearsal:
        """Return a rehearsal with only some of the signals, given in the order of their names."""
        rows = self.snapshots.rows
        names = tuple(name for name, taken in zip(rows.names, mask, strict=True) if taken)
        levels = {name: levels_of_signal for name, levels_of_signal in rows.levels.items() if name in names}
        fewer = replace(rows, names=names, levels=levels, matrix=rows.matrix[:, mask])
        signals = tuple(s for s, taken in zip(self.snapshots.signals, mask, strict=True) if taken)
        return replace(self, snapshots=replace(self.snapshots, rows=fewer, signals=signals))

    def column(self, name: str) -> Floats:
        """Return a signal of the test rows, in the order of the folds."""
        index = self.snapshots.rows.names.index(name)
        return np.concatenate([fold.validation.matrix[:, index] for fold in self.folds])


def open_rehearsal(time_set: TimeSet, work: Path) -> Rehearsal:
    """Write the snapshots of a set up to its first test cutoff, and return the rehearsal."""
    contest = open_contest(time_set, work, QuietEcho(), n_rehearsals=MAX_CUTOFFS)
    params = Run(contest, work / time_set.name / "ours", None).params()
    snapshot.run(params, echo=QuietEcho())
    snapshots = read_snapshots(params, known_by=contest.known_by)
    return Rehearsal(contest, snapshots, contest.test, params.train)


def _past(selection: CandidateSelection) -> OutOfTime:
    if selection.predictions is None:
        raise RuntimeError("the folds of a rehearsal are cutoffs, whose predictions are kept")
    return selection.predictions
