"""The ways of learning from a company whose customers are contacted, each with its own company."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.loop.company import LABEL, NAMES, PAST_CONTACTS, PAST_TASKS, Company, Draws, Floats
from benchmarks.loop.gates import Judgement, Predictions, judge
from churn.experiments.exposure import without_treated
from churn.metrics.metrics import auc, log_loss
from churn.params import TrainParams
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from churn.training.calibration import apply_calibration, fit_calibration
from churn.training.fitted_model import FittedModel
from churn.training.recipe import Recipe, fit_recipe

BURN_IN = 6
"""The months before the first that count, until as many troubles begin as end."""
WARM_UP = BURN_IN + 3
"""The month of the first contacts; the first model learns from the months from `BURN_IN` on."""
LEARN_MONTHS, TEST_MONTHS = 6, 3
ROUNDS = 60

FLAG = "treated"
OWN_ACTS = (PAST_CONTACTS, PAST_TASKS)


@dataclass(frozen=True)
class Way:
    """A way of learning.

    Attributes:
        name: Its name in the table.
        learns_from: Returns the rows to fit on, from the company and the months.
        recalibrates: Whether the probabilities are recalibrated on untreated rows, weighted.
        flags: Whether a column says who was treated; it is 0 for a prediction.
        own_acts: The signals of what the company did in the past that the model may use.
    """

    name: str
    learns_from: Callable[[Company, list[int]], LabelledRows]
    recalibrates: bool = False
    flags: bool = False
    own_acts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the signals of the model, without the flag."""
        return tuple(name for name in NAMES if name in self.own_acts or name not in OWN_ACTS)


def untreated_snapshots(company: Company, months: list[int]) -> Snapshots:
    """Return the snapshots without treated rows, with weights, by the functions of `churn train`."""
    return without_treated(
        company.snapshots(months),
        company.ledger(),
        label=LABEL,
        late_days=0,
        reason=None,
        accept_key="evaluate.accept",
    )


def untreated_rows(company: Company, months: list[int]) -> LabelledRows:
    """Return the rows of those whom nobody contacted, with weights."""
    return untreated_snapshots(company, months).rows


def all_rows(company: Company, months: list[int]) -> LabelledRows:
    """Return the rows of everybody."""
    return company.snapshots(months).rows


def flag_treated(company: Company, months: list[int]) -> LabelledRows:
    """Return the rows of everybody with a column that says who was treated."""
    rows, flag = all_rows(company, months), company.column("treated", months)
    return replace(rows, names=(*NAMES, FLAG), matrix=np.column_stack([rows.matrix, flag]))


def controls(company: Company, months: list[int]) -> LabelledRows:
    """Return the rows of the control group; in the warm-up nobody is treated, so all rows."""
    in_campaign = np.repeat([month >= WARM_UP for month in months], len(company.columns[0]["left"]))
    return all_rows(company, months).where((company.column("control", months) > 0) | ~in_campaign)


def without_contacts(company: Company, months: list[int]) -> LabelledRows:
    """Return the rows of everybody with the labels that they would have without a contact in the month."""
    return replace(all_rows(company, months), left=company.column("left_alone", months))


def columns_of(rows: LabelledRows, names: Sequence[str]) -> LabelledRows:
    """Return the rows with some of their signals."""
    chosen = tuple(name for name in rows.names if name in names)
    return replace(rows, names=chosen, matrix=rows.matrix[:, [rows.names.index(name) for name in chosen]])


NAIVE = Way("naive: everybody's labels", all_rows)
OWN_WAY = Way("leave out and recalibrate (ours)", untreated_rows, recalibrates=True)
WAYS = (
    NAIVE,
    Way("a column `treated`, set to 0", flag_treated, flags=True),
    Way("leave treated rows out", untreated_rows),
    OWN_WAY,
    Way("ours, with past contacts as a signal", untreated_rows, recalibrates=True, own_acts=(PAST_CONTACTS,)),
    Way("ours, with past contacts and past tasks", untreated_rows, recalibrates=True, own_acts=OWN_ACTS),
    Way("controls only", controls),
    Way("labels as if nobody had been contacted, which only a simulation has", without_contacts),
)


@dataclass(frozen=True)
class Outcome:
    """What a way of learning came to, over the months whose models learnt from contacted months alone.

    Attributes:
        controls: The churners of the control group over those whom the model expects. The churners are the
            sum of the true chances, so no luck is in the number.
        all_alone: The same of everybody, if nobody had been contacted in the month.
        auc: The AUC on the outcomes that everybody would have had without a contact in the month.
        log_loss: The log loss on the same outcomes.
        saved_customers: The customers saved a month, expected.
        judgements: What the gates say in the last months about ours and naive as challengers, on untreated
            rows and on everybody's; only of the company in which ours contacts.
    """

    controls: float
    all_alone: float
    auc: float
    log_loss: float
    saved_customers: float
    judgements: tuple[Judgement, ...] = ()


@dataclass
class Learner:
    """A way of learning in its company, month by month.

    Attributes:
        way: The way.
        company: The company; the model of the way decides who is contacted.
        tested_from: The first month of the test of the gates.
    """

    way: Way
    company: Company
    tested_from: int
    logits: dict[int, Floats] = field(default_factory=dict)
    probability: dict[int, Floats] = field(default_factory=dict)
    rivals: dict[int, Predictions] = field(default_factory=dict)

    def month(self) -> None:
        """Train on what is known, contact those at risk, and let the month pass."""
        now = self.company.month
        if now < WARM_UP:
            self.company.live(None)
            return
        known = list(range(max(BURN_IN, now - LEARN_MONTHS), now))
        rows, signals = self.way.learns_from(self.company, known), self.company.signals()
        self.logits[now] = _predict(self.way, _fit(self.way, rows), signals)
        calibration = {"method": "none"}
        past = [month for month in known if month in self.logits]
        if self.way.recalibrates and past:
            newest = rows.at([self.company.cutoff(month) for month in past])
            alone = self.company.column("treated", past) == 0
            logits = np.concatenate([self.logits[month] for month in past])[alone]
            calibration = fit_calibration("beta", logits, newest.left, newest.customer, newest.weight)
        self.probability[now] = apply_calibration(self.logits[now], calibration)
        if self.way is OWN_WAY and now >= self.tested_from:
            self.rivals[now] = self._predictions(now, known, rows, signals)
        self.company.live(self.probability[now])

    def _predictions(
        self, now: int, known_months: list[int], rows: LabelledRows, signals: Floats
    ) -> Predictions:
        """Return what ours, naive and the baselines predict for the month, all in this company."""
        naive = _predict(NAIVE, _fit(NAIVE, all_rows(self.company, known_months)), signals)
        own = columns_of(rows, OWN_WAY.names)
        model = fit_recipe(own, Recipe.start(TrainParams(), "logistic"), (0,) * len(own.names), 1)
        level = fit_calibration("beta", model.logits(own, 1), own.left, own.customer, own.weight)
        return Predictions(
            own_way=self.probability[now],
            naive=apply_calibration(naive, {"method": "none"}),
            logistic=apply_calibration(_predict(OWN_WAY, model, signals), level),
            base_rate=np.full(len(signals), rows.rate),
        )

    def outcome(self) -> Outcome:
        """Return what the way came to."""
        company, last = self.company, self.company.month
        months = list(range(WARM_UP + LEARN_MONTHS, last))
        probability = np.concatenate([self.probability[month] for month in months])
        left, chance = (company.column(name, months) for name in ("left_alone", "chance_alone"))
        is_control = company.column("control", months) > 0
        return Outcome(
            controls=float(chance[is_control].sum() / probability[is_control].sum()),
            all_alone=float(chance.sum() / probability.sum()),
            auc=auc(left, probability),
            log_loss=log_loss(left, probability),
            saved_customers=float(company.column("saved", months).sum()) / len(months),
            judgements=self._judgements(),
        )

    def _judgements(self) -> tuple[Judgement, ...]:
        if not self.rivals:
            return ()
        company, tested = self.company, sorted(self.rivals)
        snapshots = untreated_snapshots(company, tested)
        alone = company.column("treated", tested) == 0
        predictions = [self.rivals[month] for month in tested]
        return tuple(
            judge(challenger, on, rows, predictions, mask, company.cutoff(tested[0]))
            for on, rows, mask in (
                ("untreated rows, weighted", snapshots.rows, alone),
                ("everybody's rows", all_rows(company, tested), np.ones(len(alone), dtype=bool)),
            )
            for challenger in ("ours", "naive")
        )


def _fit(way: Way, rows: LabelledRows) -> FittedModel:
    own = columns_of(rows, (*way.names, FLAG))
    recipe = Recipe.start(TrainParams(learning_rate=0.1), "trees").with_rounds(ROUNDS)
    return fit_recipe(own, recipe, (0,) * len(own.names), 1)


def _predict(way: Way, model: FittedModel, signals: Floats) -> Floats:
    n_customers = len(signals)
    blank = np.zeros(n_customers, dtype=np.int64)
    rows = columns_of(LabelledRows(NAMES, {}, signals, np.zeros(n_customers), blank, blank), way.names)
    if way.flags:
        matrix = np.column_stack([rows.matrix, np.zeros(n_customers)])
        rows = replace(rows, names=(*rows.names, FLAG), matrix=matrix)
    return model.logits(rows, 1)


def learn(way: Way, *, months: int, customers: int, effect: float, seed: int) -> Outcome:
    """Let a company live for some months under a way of learning, and return what it came to."""
    last = BURN_IN + months
    learner = Learner(way, Company(Draws.of(last, customers, seed), effect), last - TEST_MONTHS)
    for _ in range(last):
        learner.month()
    return learner.outcome()
