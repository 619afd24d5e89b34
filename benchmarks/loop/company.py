"""A small living company: customers with troubles, contacts with a known effect, and the ledger of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.store import day_number
from churn.experiments.assignment import UNIVERSAL
from churn.experiments.ledger import Ledger, LedgerFacts, empty_ledger
from churn.params import LabelParams
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FIRST, MONTH = date(2024, 1, 1), 28
LABEL = LabelParams(kind="inactivity", table="logins", horizon_days=MONTH, active_days=56)
TREATED_SHARE, CONTROL_SHARE = 0.15, 0.1
CARRY_OVER, NOISE = 0.8, 0.6
"""The share of a trouble that lasts until the next month, and the noise of the signals that show it."""

PAST_CONTACTS, PAST_TASKS = "contacts", "tasks"
"""The signals of the last three months: how often the customer was contacted, and how often a task was
planned. Controls have tasks too, and no contacts."""

NAMES = (
    PAST_CONTACTS,
    PAST_TASKS,
    "other",
    "price",
    "price_before",
    "service",
    "service_before",
    "usage",
)


@dataclass(frozen=True)
class Draws:
    """All random numbers of a company by month and place; every way of learning meets the same numbers.

    A place is a customer until the customer leaves. Then a new customer takes the place.
    """

    luck: Floats
    service: Floats
    price: Floats
    usage: Floats
    position: Floats
    noise: Floats

    @classmethod
    def of(cls, months: int, n_places: int, seed: int) -> Draws:
        """Draw the numbers of a company."""
        rng = np.random.default_rng(seed)
        shape = (months + 1, n_places)
        return cls(
            luck=rng.random(shape),
            service=rng.normal(size=shape),
            price=rng.normal(size=shape),
            usage=rng.normal(size=shape),
            position=rng.random(shape),
            noise=rng.normal(size=(*shape, len(NAMES))),
        )


@dataclass
class Company:
    """The state of a company, and everything that has happened so far.

    Attributes:
        draws: The random numbers.
        effect: The largest share of the chance of leaving that a contact takes away.
    """

    draws: Draws
    effect: float
    month: int = 0
    customers: int = 0
    columns: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    _tasks: list[pd.DataFrame] = field(default_factory=list)
    _assignments: list[pd.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Fill every place with a customer."""
        places = self.draws.luck.shape[1]
        self._service, self._price = np.zeros(places), np.zeros(places)
        self._usage, self._position = np.zeros(places), np.zeros(places)
        self._code = np.zeros(places, dtype=np.int64)
        self._contacts, self._past_tasks = np.zeros((3, places)), np.zeros((3, places))
        self._has_arm = np.zeros(places, dtype=bool)
        self._enter(np.ones(places, dtype=bool))

    def _enter(self, at: Bools) -> None:
        draws, month = self.draws, self.month
        self._code[at] = self.customers + np.arange(at.sum())
        self.customers += int(at.sum())
        self._usage[at], self._position[at] = draws.usage[month][at], draws.position[month][at]
        self._service[at], self._price[at] = draws.service[month][at], draws.price[month][at]
        self._contacts[:, at], self._past_tasks[:, at], self._has_arm[at] = 0, 0, False
        self._before = (self._service.copy(), self._price.copy()) if month == 0 else self._before
        for now, before in zip((self._service, self._price), self._before, strict=True):
            before[at] = now[at]

    def signals(self) -> Floats:
        """Return the signals of the month, shape (places, signals): the company's own acts have no noise."""
        noise = NOISE * self.draws.noise[self.month]
        exact = np.column_stack(
            [
                self._contacts.sum(axis=0),
                self._past_tasks.sum(axis=0),
                np.zeros(len(self._code)),
                self._price,
                self._before[1],
                self._service,
                self._before[0],
                self._usage,
            ]
        )
        return exact + noise * ~np.isin(NAMES, (PAST_CONTACTS, PAST_TASKS))

    @property
    def is_control(self) -> Bools:
        """Return who belongs to the universal control group."""
        return self._position < CONTROL_SHARE

    def live(self, risk: Floats | None) -> dict[str, npt.NDArray[np.generic]]:
        """Let a month pass: contact those at the highest risk, but for the controls; None contacts nobody."""
        logit = -3.0 + 0.9 * self._service + 0.7 * self._price - 0.7 * self._usage
        alone = 1 / (1 + np.exp(-logit))
        helped = self.effect / (1 + np.exp(-1.5 * self._service))
        planned = np.zeros(len(alone), dtype=bool)
        if risk is not None:
            planned[np.argsort(-risk, kind="stable")[: round(TREATED_SHARE * len(risk))]] = True
            self._plan(planned)
        treated = planned & ~self.is_control
        luck = self.draws.luck[self.month]
        left = luck < np.where(treated, alone * (1 - helped), alone)
        happened: dict[str, npt.NDArray[np.generic]] = {
            "signals": self.signals(),
            "customer": self._code.copy(),
            "left": left.astype(np.float64),
            "left_alone": (luck < alone).astype(np.float64),
            "chance_alone": alone,
            "treated": treated,
            "control": self.is_control.copy(),
            "saved": np.where(treated, alone * helped, 0.0),
        }
        self.columns.append(happened)
        self._contacts = np.vstack([treated.astype(np.float64), self._contacts[:2]])
        self._past_tasks = np.vstack([planned.astype(np.float64), self._past_tasks[:2]])
        self.month += 1
        draws = self.draws
        self._before = (self._service.copy(), self._price.copy())
        fresh = np.sqrt(1 - CARRY_OVER**2)
        self._service = CARRY_OVER * self._service + fresh * draws.service[self.month]
        self._price = CARRY_OVER * self._price + fresh * draws.price[self.month]
        self._enter(left)
        return happened

    def _plan(self, has_task: Bools) -> None:
        """Write the tasks of the month, and the arm of each customer with a first task, into the ledger."""
        night = self.cutoff(self.month)
        arm = np.where(self.is_control, CONTROL_ARM, TREATED_ARM)
        names = np.array([name_of(code) for code in self._code], dtype=object)
        new = has_task & ~self._has_arm
        self._has_arm |= new
        self._assignments.append(
            pd.DataFrame(
                {
                    "experiment": UNIVERSAL,
                    "unit": names[new],
                    "arm": arm[new],
                    "position": self._position[new],
                    "share": CONTROL_SHARE,
                    "assigned_on": night,
                    "customers": [[name] for name in names[new]],
                }
            )
        )
        self._tasks.append(
            pd.DataFrame(
                {
                    "task_id": [f"{night} {name}" for name in names[has_task]],
                    "customer_id": names[has_task],
                    "unit": names[has_task],
                    "play": "call",
                    "arm": arm[has_task],
                    "planned_on": night,
                    "expires_on": night + timedelta(days=MONTH),
                }
            )
        )

    @staticmethod
    def cutoff(month: int) -> date:
        """Return the first day of a month."""
        return FIRST + timedelta(days=MONTH * month)

    def ledger(self) -> Ledger:
        """Return the ledger of all months."""
        empty = empty_ledger()
        if not self._tasks:
            return empty
        return Ledger(
            assignments=pd.concat(self._assignments).reindex(columns=empty.assignments.columns),
            tasks=pd.concat(self._tasks).reindex(columns=empty.tasks.columns),
            bands=empty.bands,
            holdings=empty.holdings,
            nights=tuple(
                LedgerFacts(
                    cutoff=night,
                    previous=None,
                    run_id="",
                    salt_digest="",
                    unit="customer",
                    control_share=CONTROL_SHARE,
                    no_control_because=None,
                    files={},
                )
                for night in sorted({task for tasks in self._tasks for task in tasks["planned_on"]})
            ),
        )

    def snapshots(self, months: Sequence[int]) -> Snapshots:
        """Return the snapshots of some months whose outcomes are known."""
        rows = LabelledRows(
            names=NAMES,
            levels={},
            matrix=self.column("signals", months),
            left=self.column("left", months),
            customer=self.column("customer", months).astype(np.int64),
            cutoff=np.repeat(
                [day_number(self.cutoff(month)) for month in months],
                [len(self.columns[month]["left"]) for month in months],
            ),
        )
        return Snapshots(
            rows=rows,
            signals=tuple({"name": name, "kind": "number"} for name in NAMES),
            mature_on={self.cutoff(month): self.cutoff(month + 1) for month in months},
            immature_cutoffs=(),
            customers=tuple(name_of(code) for code in range(self.customers)),
            label_id="label",
            store_digest="store",
            digest="digest",
            watermark=str(self.cutoff(self.month)),
        )

    def column(self, name: str, months: Sequence[int]) -> Floats:
        """Return a column of some months, one after the other."""
        return np.concatenate([self.columns[month][name] for month in months]).astype(np.float64)


def name_of(code: int) -> str:
    """Return the id of a customer.

    >>> name_of(7)
    'c7'
    """
    return f"c{code}"
