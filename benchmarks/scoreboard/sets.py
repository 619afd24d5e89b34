"""The public data sets with time: their protocols, and the numbers to beat."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from churn.params import Params, load_params

EXAMPLES = Path(__file__).parents[2] / "examples"
HISTORY_DAYS = 91
"""A grid of cutoffs begins this long after the data, or with the protocol where that is earlier."""


@dataclass(frozen=True)
class ReferenceFigures:
    """The figures of the reference baseline that were stated before this benchmark existed."""

    auc: float
    log_loss: float


@dataclass(frozen=True)
class TimeSet:
    """A data set: its training and test cutoffs, and the inputs of the reference baseline.

    Attributes:
        train: The training cutoffs of the protocol; the baselines use these.
        test: The test cutoffs, which are the same for all contestants.
        begins: The first day of the data.
        aim: The AUC to reach.
        counted_tables: The event tables in which the reference baseline counts rows.
        spend_table: The event table of which the reference baseline adds up amounts; None without one.
        windows: The lengths in days of the windows of the reference baseline; each window ends at the cutoff.
        totals: Whether the reference baseline also uses the whole history before the cutoff.
        example: The parameter file; by default the file with the name of the set under `examples`.
    """

    name: str
    train: tuple[date, ...]
    test: tuple[date, ...]
    begins: date
    aim: float
    reference_figures: ReferenceFigures | None
    counted_tables: tuple[str, ...]
    spend_table: str | None
    windows: tuple[int, ...] = (14, 28, 56, 91)
    totals: bool = False
    example: Path | None = None

    def params(
        self,
        folder: Path,
        cutoffs: Sequence[date] | None = None,
        test: Sequence[date] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> Params:
        """Return the parameters of the example with outputs in `folder` and some values replaced.

        Args:
            folder: The folder for outputs.
            cutoffs: The cutoffs of the snapshots, in place of the cutoffs of the example.
            test: The test cutoffs, in place of the test cutoffs of the protocol.
            changes: Further values by their dotted names.
        """
        here = folder.resolve()
        values: dict[str, Any] = {
            "output": str(here / "output"),
            "models": str(here / "models"),
            "tracking.uri": f"sqlite:///{here / 'mlflow.db'}",
            "evaluate.test_cutoffs": [str(day) for day in test or self.test],
            **(changes or {}),
        }
        if cutoffs is not None:
            section = load_params(self.file).snapshot.model_dump(
                mode="json", include={"watermark", "late_days"}
            )
            values["snapshot"] = {**section, "cutoffs": [str(day) for day in sorted(cutoffs)]}
        return load_params(self.file, [f"{name}={json.dumps(value)}" for name, value in values.items()])

    @property
    def file(self) -> Path:
        """Return the parameter file."""
        return self.example or EXAMPLES / f"{self.name}.yaml"

    def grid(self, interval: str) -> tuple[date, ...]:
        """Return the training cutoffs and the test cutoffs.

        Args:
            interval: `protocol` for the cutoffs of the protocol; or `week`, `month` or `N days`: steps back
                and forth from the first test cutoff, in addition to the test cutoffs.
        """
        if interval == "protocol":
            return tuple(sorted({*self.train, *self.test}))
        first = min(self.train[0], self.begins + timedelta(HISTORY_DAYS))
        anchor, last = self.test[0], self.test[-1]
        if interval == "month":
            days = {months_later(anchor, number) for number in range(-60, 60)}
        else:
            step = 7 if interval == "week" else int(interval.split()[0])
            days = {anchor + timedelta(step * number) for number in range(-600, 600)}
        return tuple(sorted({day for day in days if first <= day <= last} | {*self.test}))


def months_later(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of a shorter month.

    >>> months_later(date(2020, 7, 31), -1)
    datetime.date(2020, 6, 30)
    """
    month = day.year * 12 + day.month - 1 + months
    begin = date(month // 12, month % 12 + 1, 1)
    length = ((begin + timedelta(31)).replace(day=1) - begin).days
    return begin + timedelta(min(day.day, length) - 1)


def _dates(*texts: str) -> tuple[date, ...]:
    return tuple(date.fromisoformat(text) for text in texts)


def _same_day(first: str, months: int) -> tuple[date, ...]:
    return tuple(months_later(date.fromisoformat(first), number) for number in range(months))


SETS: Mapping[str, TimeSet] = {
    time_set.name: time_set
    for time_set in (
        TimeSet(
            "completejourney",
            train=_same_day("2017-03-15", 7),
            test=_dates("2017-11-01", "2017-12-01"),
            begins=date(2017, 1, 1),
            aim=0.865,
            reference_figures=ReferenceFigures(0.852, 0.280),
            counted_tables=("orders",),
            spend_table="orders",
        ),
        TimeSet(
            "online_retail",
            train=_same_day("2011-03-01", 4),
            test=_dates("2011-09-01"),
            begins=date(2010, 12, 1),
            aim=0.785,
            reference_figures=ReferenceFigures(0.763, 0.527),
            counted_tables=("orders", "lines", "cancellations"),
            spend_table="orders",
            totals=True,
        ),
        TimeSet(
            "relax_logins",
            train=_same_day("2013-07-01", 9),
            test=_dates("2014-04-05", "2014-05-05"),
            begins=date(2012, 5, 31),
            aim=0.967,
            reference_figures=ReferenceFigures(0.962, 0.211),
            counted_tables=("logins",),
            spend_table=None,
        ),
        TimeSet(
            "fightchurn_socialnet7",
            train=_same_day("2020-02-15", 5),
            test=_dates("2020-07-31", "2020-08-31"),
            begins=date(2020, 1, 1),
            aim=0.78,
            reference_figures=ReferenceFigures(0.733, 0.117),
            counted_tables=(
                "likes",
                "messages",
                "posts",
                "replies",
                "adviews",
                "dislikes",
                "new_friends",
                "unfriends",
            ),
            spend_table=None,
            windows=(7, 30, 90),
        ),
        TimeSet(
            "cdnow",
            train=_dates(
                "1997-06-30",
                "1997-07-31",
                "1997-08-31",
                "1997-09-30",
                "1997-10-31",
                "1997-11-30",
                "1997-12-31",
            ),
            test=_dates("1998-03-31"),
            begins=date(1997, 1, 1),
            aim=0.735,
            reference_figures=None,
            counted_tables=("orders",),
            spend_table="orders",
            totals=True,
        ),
    )
}
