"""What an evaluation judges: the probabilities of all candidates on the rows of the test cutoffs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from churn.errors import Stop
from churn.evaluation.champion import champion_beside, standing
from churn.evaluation.customer_value import worth_of
from churn.evaluation.evaluate import Judged, judge_all
from churn.evaluation.predict_baselines import baseline_predictions
from churn.evaluation.segments import check_segments
from churn.evaluation.team_rule import check_rule
from churn.metrics.bootstrap import Draws, draw_customers
from churn.metrics.metrics import Floats, Ints
from churn.metrics.profit import CustomerValues
from churn.model.bundle import Champion
from churn.params import Params
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime, calibrate_out_of_time, predict_out_of_time
from churn.training.challenger import Challenger, read_out_of_time, training_folder
from churn.training.split import CutoffPlan, plan_cutoffs


@dataclass(frozen=True)
class Exam:
    """Everything that a section of metrics.json may look at.

    Attributes:
        params: The parameters.
        snapshots: All matured snapshots.
        record: The challenger and how it was trained.
        plan: The test cutoffs, and those on which choices were made.
        rows: The rows of the test cutoffs.
        made: Uncalibrated out-of-time log-odds at the choice and test cutoffs.
        predictions: Probabilities of `rows` by candidate, NaN where it may have seen the label, or
            has nothing to go by.
        worth: What the customers of `rows` are worth; None where no money is known.
        notes: What could not be judged, and why.
        champion: The champion that stands; None where there is none.
    """

    params: Params
    snapshots: Snapshots
    record: Challenger
    plan: CutoffPlan
    rows: LabelledRows
    made: OutOfTime
    predictions: Mapping[str, Floats]
    worth: CustomerValues | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    champion: Champion | None = None

    @property
    def threads(self) -> int:
        """Return how many threads a section may use."""
        return self.params.engine.threads

    @property
    def standing(self) -> str | None:
        """Return which of `predictions` stands for the champion; None where there is none."""
        return standing(self.predictions)

    @cached_property
    def column(self) -> Ints:
        """Return for each of `rows` the column of its customer in `draws`."""
        _, column = np.unique(self.rows.customer, return_inverse=True)
        return column

    @cached_property
    def draws(self) -> Draws:
        """Return how often each customer of the test is drawn, the same for all that is measured."""
        asked = self.params.evaluate
        return draw_customers(int(self.column.max()) + 1, asked.bootstrap, asked.seed)

    @cached_property
    def judged(self) -> Judged:
        """Return every candidate measured on the rows it has a probability for."""
        asked = self.params.evaluate
        return judge_all(
            self.rows,
            self.predictions,
            share=asked.contact_share,
            draws=asked.bootstrap,
            seed=asked.seed,
            worth=self.worth,
        )


def plan_test(params: Params, snapshots: Snapshots, record: Challenger) -> CutoffPlan:
    """Return the plan of an evaluation, after checking that the challenger's choices allow it.

    Raises:
        CallError: the challenger learnt from other snapshots, or was chosen after a test cutoff.
        ParamsError: evaluate.rule or evaluate.segments names what the snapshots do not hold.
        Stop: no matured cutoff leaves an earlier one to train on.
    """
    check_rule(params, snapshots.rows)
    check_segments(params, snapshots.rows)
    asked, horizon_days = params.evaluate.test_cutoffs, params.label.horizon_days
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on, asked, horizon_days, params.file)
    if not cutoffs.test:
        raise Stop(
            "evaluate: no matured cutoff leaves an earlier matured one to train on. "
            f"Add earlier cutoffs to snapshot in {params.file}."
        )
    record.check_fits(
        snapshots,
        cutoffs.test[0],
        training_folder(params.output),
        params.locate("evaluate.test_cutoffs"),
    )
    return cutoffs


def hold_exam(params: Params, snapshots: Snapshots, record: Challenger, cutoffs: CutoffPlan) -> Exam:
    """Predict each test cutoff by challenger, baselines and champion with what was known by then."""
    made = _out_of_time(params, snapshots, record, cutoffs)
    challenger = calibrate_out_of_time(snapshots, record.recipe, made, cutoffs.test)
    baselines, missing = baseline_predictions(params, snapshots, record.logistic, cutoffs.test)
    champion = champion_beside(params, snapshots, record, made, cutoffs)
    rows = snapshots.rows.at(cutoffs.test)
    worth, why_not = worth_of(params, snapshots, rows)
    return Exam(
        params=params,
        snapshots=snapshots,
        record=record,
        plan=cutoffs,
        rows=rows,
        made=made,
        predictions={"challenger": challenger} | baselines | champion.predictions,
        worth=worth,
        notes=missing | champion.notes | ({"value": why_not} if why_not else {}),
        champion=champion.champion,
    )


def _out_of_time(params: Params, snapshots: Snapshots, record: Challenger, cutoffs: CutoffPlan) -> OutOfTime:
    """Return out-of-time predictions: those that train kept where they cover the cutoffs, else new ones."""
    needed = tuple(sorted({*record.choice_cutoffs, *cutoffs.test}))
    kept = read_out_of_time(params.output, snapshots)
    if kept is not None and set(needed) <= set(kept.cutoffs):
        return kept.at(needed)
    return predict_out_of_time(snapshots, record.recipe, needed, params.engine.threads)
