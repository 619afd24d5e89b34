"""The proofs find nothing in an honest engine, and convict one that looks ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.data.store import Store, day_number
from churn.features.engine.matrix import Matrix, MatrixBuilder, Part, matrix_at
from churn.features.library import all_signals, select_signals
from churn.guards import proofs as module
from churn.guards.counterfactual_store import write_other_future, write_past, write_sample
from churn.guards.proofs import prove
from tests.drawn_company import DrawnCompany, draw

CUTOFFS = [date(2024, 4, 1), date(2024, 6, 1)]


@pytest.fixture
def world(tmp_path: Path) -> DrawnCompany:
    """Twelve customers with logins, mails and bills before and after both cutoffs, and one who comes late."""
    logins, emails, payments = ["customer | happened_at"], ["customer | sent_at | opened_at"], []
    for n in range(12):
        for m in range(1, 10):
            logins.append(f"c{n} | 2024-{m:02}-{n * m % 27 + 1:02} 09:{n:02}")
            emails.append(f"c{n} | 2024-{m:02}-03 08:00 | {f'2024-{m:02}-{n + 4:02} 09:00' if n % 3 else ''}")
            payments.append(f"c{n} | 2024-{m:02}-05 | 9.5 | 2024-{m + n % 3:02}-15")
    logins.append("late | 2024-08-01 10:00")
    return draw(
        tmp_path,
        label={"kind": "inactivity", "table": "logins", "horizon_days": 30},
        logins="\n".join(logins),
        emails="\n".join(emails),
        payments="\n".join(["customer | due_at | amount | paid_at", *payments]),
    )


def convicted(store: Store) -> list[tuple[str, str]]:
    found = prove(store, select_signals(store.params, store), CUTOFFS, seed=1)
    return sorted({(one.guard, one.place) for one in found})


def test_an_honest_engine_is_proved(world: DrawnCompany) -> None:
    assert convicted(world.store) == []


def test_a_signal_that_counts_what_happened_ever_is_convicted(
    world: DrawnCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Leaky(MatrixBuilder):
        """Lets one signal count every login, whenever it happened."""

        def parts(self, *given: object) -> Iterator[Part]:
            with self.store.connect() as connection:
                rows = connection.execute(f"SELECT customer FROM {self.store.scan('logins')}").fetchnumpy()
            ever = np.bincount(rows["customer"], minlength=self.store.n_customers).astype(float)
            for part in super().parts(*given):  # type: ignore[arg-type]
                yield replace(part, columns={**part.columns, "logins_count_7d": ever[part.codes]})

    monkeypatch.setattr(module, "MatrixBuilder", Leaky)

    found = convicted(world.store)

    assert ("truncation", "logins_count_7d") in found
    assert ("time_travel", "logins_count_7d") in found
    assert {place for _, place in found} == {"logins_count_7d"}


def test_a_cohort_that_knows_who_comes_back_is_convicted(
    world: DrawnCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Knowing(MatrixBuilder):
        """Keeps only those at risk who log in once more after the cutoff."""

        def parts(self, *given: object) -> Iterator[Part]:
            with self.store.connect() as connection:
                sql = f"SELECT customer, max(day) AS day FROM {self.store.scan('logins')} GROUP BY 1"
                rows = connection.execute(sql).fetchnumpy()
            last = np.zeros(self.store.n_customers)
            last[rows["customer"]] = rows["day"]
            for part in super().parts(*given):  # type: ignore[arg-type]
                keep = last[part.codes] >= day_number(part.cutoff)
                columns = {name: column[keep] for name, column in part.columns.items()}
                yield replace(part, codes=part.codes[keep], columns=columns)

    monkeypatch.setattr(module, "MatrixBuilder", Knowing)

    assert ("truncation", "cohort") in convicted(world.store)


def test_what_computes_reads_the_altered_store(world: DrawnCompany, tmp_path: Path) -> None:
    cut = write_past(world.store, CUTOFFS[0], tmp_path / "cut")
    signals = [all_signals(world.store.params)["emails_count_56d"]]

    whole, after = (matrix_at(store, signals, CUTOFFS[1]).frame for store in (world.store, cut))

    assert whole["emails_count_56d"].sum() > 0
    assert after["emails_count_56d"].sum() == 0


def test_a_night_that_computes_otherwise_is_convicted(
    world: DrawnCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(store: Store, signals: object, cutoff: date) -> Matrix:
        matrix = matrix_at(store, signals, cutoff)  # type: ignore[arg-type]
        frame = matrix.frame.assign(tenure_days=matrix.frame["tenure_days"] + 1e-6)
        return replace(matrix, frame=frame)

    monkeypatch.setattr(module, "matrix_at", off)

    assert convicted(world.store) == [("parity", "tenure_days")]


def test_a_sample_keeps_the_values_of_its_customers(world: DrawnCompany, tmp_path: Path) -> None:
    # The last is `old`, who left long ago: since when a table has rows is part of what signals say.
    names = ("logins_count_28d", "emails_unopened_run", "payment_days_overdue", "tenure_days")
    signals = [all_signals(world.store.params)[name] for name in names]
    sample = write_sample(world.store, np.array([9, 2, 5, world.store.n_customers - 1]), tmp_path / "sample")

    few, all_ = (matrix_at(store, signals, CUTOFFS[1]).frame for store in (sample, world.store))

    assert len(few) == 3
    assert few.equals(all_[all_["customer_id"].isin(few["customer_id"])].reset_index(drop=True))


def test_a_truncated_store_holds_no_day_after_the_cutoff_and_another_future_does(
    world: DrawnCompany, tmp_path: Path
) -> None:
    cut = write_past(world.store, CUTOFFS[0], tmp_path / "cut")
    other = write_other_future(world.store, CUTOFFS[0], tmp_path / "other")

    def days(store: Store, column: str) -> list[tuple[int, int]]:
        with store.connect() as connection:
            sql = f"SELECT max(day), max({column}) FROM {store.scan('emails')}"
            return connection.execute(sql).fetchall()

    day = day_number(CUTOFFS[0])
    assert max(days(cut, "opened_at_day")[0]) < day
    assert other.tables["emails"].rows > world.store.tables["emails"].rows
    assert other.tables["emails"].two_clocks
    assert days(other, "known_day")[0][1] >= day
