"""The ways of learning from a company whose customers are contacted, each with its own company."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.loop.company import LABEL, NAMES, Company, Draws, Floats
from churn.experiments.exposure import without_treated
from churn.metrics.bootstrap import draw_customers, estimate_metrics
from churn.metrics.interval import Interval
from churn.metrics.metrics import auc, log_loss, observed_expected
from churn.params import PromoteParams, TrainParams
from churn.promotion.gates import meets_range
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from churn.training.calibration import apply_calibration, fit_calibration
from churn.training.fitted_model import FittedModel
from churn.training.recipe import Recipe, fit_recipe

BURN_IN = 6
"""The months before the first that count, until as many troubles begin as end."""
WARM_UP = BURN_IN + 3
"""The month of the first contacts; the first model learns from the months from `BURN_IN` on."""
LEARN_MONTHS, CALIBRATE_MONTHS, TEST_MONTHS = 6, 4, 3
ROUNDS = 60
MONOTONE = (0,) * len(NAMES)
ALLOWED = PromoteParams().observed_expected

FLAG = "treated"


@dataclass(frozen=True)
class Way:
    """A way of learning.

    Attributes:
        name: Its name in the table.
        learns_from: Returns the rows to fit on, from the company, the months and their untreated snapshots.
        recalibrates: Whether the probabilities are recalibrated on untreated rows, weighted.
        flags: Whether a column says who was treated; it is 0 for a prediction.
    """

    name: str
    learns_from: Callable[[Company, list[int]], LabelledRows]
    recalibrates: bool = False
    flags: bool = False


def untreated(company: Company, months: list[int]) -> Snapshots:
    """Return the snapshots without treated rows, with weights, by the functions of `churn train`."""
    return without_treated(
        company.snapshots(months),
        company.ledger(),
        label=LABEL,
        late_days=0,
        reason=None,
        accept_key="evaluate.accept",
    )


def everybody(company: Company, months: list[int]) -> LabelledRows:
    """Return the rows of everybody."""
    return company.snapshots(months).rows


def flagged(company: Company, months: list[int]) -> LabelledRows:
    """Return the rows of everybody with a column that says who was treated."""
    rows, flag = everybody(company, months), company.column("treated", months)
    return replace(rows, names=(*NAMES, FLAG), matrix=np.column_stack([rows.matrix, flag]))


def controls(company: Company, months: list[int]) -> LabelledRows:
    """Return the rows of the control group; in the warm-up nobody is treated, so all rows."""
    in_campaign = np.repeat([month >= WARM_UP for month in months], len(company.columns[0]["left"]))
    return everybody(company, months).where((company.column("control", months) > 0) | ~in_campaign)


WAYS = (
    Way("naive: everybody's labels", everybody),
    Way("a column `treated`, set to 0", flagged, flags=True),
    Way("leave treated rows out", lambda company, months: untreated(company, months).rows),
    Way(
        "leave out and recalibrate (ours)",
        lambda company, months: untreated(company, months).rows,
        recalibrates=True,
    ),
    Way("controls only", controls),
)
NAIVE, OURS = WAYS[0], WAYS[3]


@dataclass(frozen=True)
class Outcome:
    """What a way of learning came to, over the months whose models learnt from contacted months alone.

    Attributes:
        observed_expected: Observed over expected churners of the controls.
        auc: The AUC on the outcomes that everybody would have had without a contact in the month.
        log_loss: The log loss on the same outcomes.
        saved: The customers saved a month, expected.
        level: Observed over expected as the gate sees it: untreated rows of the last months, weighted.
        level_of_all: The same of everybody's rows, as a gate without a ledger sees it.
    """

    observed_expected: float
    auc: float
    log_loss: float
    saved: float
    level: Interval
    level_of_all: Interval

    @property
    def is_promoted(self) -> bool:
        """Return whether the gate of the level promotes the model."""
        return meets_range(self.level, ALLOWED)

    @property
    def is_promoted_by_all(self) -> bool:
        """Return whether a gate that judges on everybody's rows promotes the model."""
        return meets_range(self.level_of_all, ALLOWED)


@dataclass
class Learner:
    """A way of learning in its company, month by month."""

    way: Way
    company: Company
    logits: dict[int, Floats] = field(default_factory=dict)
    probability: dict[int, Floats] = field(default_factory=dict)

    def month(self) -> None:
        """Train on what is known, contact those at risk, and let the month pass."""
        now = self.company.month
        if now < WARM_UP:
            self.company.live(None)
            return
        known = list(range(max(BURN_IN, now - LEARN_MONTHS), now))
        model = self._fit(known)
        signals = self.company.signals()
        self.logits[now] = self._predict(model, signals)
        calibration = {"method": "none"}
        past = [month for month in known[-CALIBRATE_MONTHS:] if month in self.logits]
        if self.way.recalibrates and past:
            rows = untreated(self.company, past).rows
            alone = self.company.column("treated", past) == 0
            logits = np.concatenate([self.logits[month] for month in past])[alone]
            calibration = fit_calibration("beta", logits, rows.left, rows.customer, rows.weight)
        self.probability[now] = apply_calibration(self.logits[now], calibration)
        self.company.live(self.probability[now])

    def _fit(self, months: list[int]) -> FittedModel:
        rows = self.way.learns_from(self.company, months)
        recipe = Recipe.start(TrainParams(learning_rate=0.1), "trees").with_rounds(ROUNDS)
        return fit_recipe(rows, recipe, (0,) * len(rows.names), 1)

    def _predict(self, model: FittedModel, signals: Floats) -> Floats:
        n_customers = len(signals)
        if self.way.flags:
            signals = np.column_stack([signals, np.zeros(n_customers)])
        names = (*NAMES, FLAG) if self.way.flags else NAMES
        blank = np.zeros(n_customers, dtype=np.int64)
        return model.logits(LabelledRows(names, {}, signals, np.zeros(n_customers), blank, blank), 1)

    def outcome(self) -> Outcome:
        """Return what the way came to."""
        company, last = self.company, self.company.month
        months = list(range(WARM_UP + LEARN_MONTHS, last))
        probability = np.concatenate([self.probability[month] for month in months])
        alone = company.column("left_alone", months)
        is_control = company.column("control", months) > 0
        tested = months[-TEST_MONTHS:]
        of_test = np.concatenate([self.probability[month] for month in tested])
        rows = untreated(company, tested).rows
        is_alone = company.column("treated", tested) == 0
        return Outcome(
            observed_expected=observed_expected(alone[is_control], probability[is_control]),
            auc=auc(alone, probability),
            log_loss=log_loss(alone, probability),
            saved=float(company.column("saved", months).sum()) / len(months),
            level=_level(rows, of_test[is_alone]),
            level_of_all=_level(everybody(company, tested), of_test),
        )


def _level(rows: LabelledRows, probability: Floats) -> Interval:
    """Return observed over expected with its interval, as `churn evaluate` measures it."""
    customers, customer = np.unique(rows.customer, return_inverse=True)
    draws = draw_customers(len(customers), 200, seed=7)
    estimates = estimate_metrics(rows.left, probability, customer, draws, 0.1, weight=rows.weight)
    return estimates["observed_expected"].interval


def learn(way: Way, *, months: int, customers: int, effect: float, seed: int) -> Outcome:
    """Let a company live for some months under a way of learning, and return what it came to."""
    learner = Learner(way, Company(Draws.of(BURN_IN + months, customers, seed), effect))
    for _ in range(BURN_IN + months):
        learner.month()
    return learner.outcome()
