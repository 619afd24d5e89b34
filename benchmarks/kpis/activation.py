"""How often an activation event is reported where there is none, and how often a planted one is found.

Each company is written as files, ingested and searched as by `churn kpis`. In every company customers do
something only until they leave, so those who leave soon have few events.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from churn.data.ingest.ingest import ingest
from churn.kpis.activation_rows import ActivationResult, activation_section
from churn.kpis.company import Company
from churn.metrics.standard_errors import wilson_interval
from churn.params import Params

CUSTOMERS = 900
FIRST_DAY, WATERMARK = date(2023, 1, 1), date(2024, 9, 1)
JOIN_DAYS = 420
PLANTED_EVENT = "visits: upload"
NULL_KINDS = ("alike", "different", "trend", "early")
PLANTED_KIND = "planted"
N_JOBS = 2

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Customers:
    """Drawn customers, `[customers]`: sign-up day, events in 60 days, and mean days until they leave."""

    join_day: npt.NDArray[np.int64]
    event_rate: Floats
    mean_days: Floats


def draw_customers(kind: str, rng: np.random.Generator, size: int = CUSTOMERS) -> Customers:
    """Draw customers.

    Args:
        kind: `alike`: all customers are alike. `different`: they differ in events and in leaving, neither
            depends on the other. `trend`: later joiners have more events and stay longer. `early`: many
            leave in the first weeks. `planted`: as `different`; see `draw_company`.
        rng: The random numbers.
        size: The number of customers.
    """
    join_day = rng.integers(0, JOIN_DAYS, size)
    event_rate, mean_days = np.full(size, 6.0), np.full(size, 70.0)
    if kind in ("different", PLANTED_KIND):
        event_rate, mean_days = rng.gamma(1.5, 4.0, size), 70 * np.exp(rng.normal(0, 0.4, size))
    elif kind == "trend":
        event_rate, mean_days = 2 + 10 * join_day / JOIN_DAYS, 40 + 120 * join_day / JOIN_DAYS
    elif kind == "early":
        mean_days = np.where(rng.random(size) < 0.3, 12.0, 120.0)
    return Customers(join_day, event_rate, mean_days)


def draw_company(folder: Path, kind: str, seed: int) -> ActivationResult:
    """Write a company, and search it. In a planted one, two uploads in the first week make customers stay."""
    rng = np.random.default_rng(seed)
    people = draw_customers(kind, rng)
    customers, contracts, visits = ["customer_id,signed_up_at"], ["customer_id,started_at,ended_at"], []
    for number in range(len(people.join_day)):
        name = f"c{number:04}"
        joined = FIRST_DAY + timedelta(days=int(people.join_day[number]))
        days = np.sort(rng.uniform(0, 60, rng.poisson(people.event_rate[number])))
        is_upload = rng.random(len(days)) < 0.5
        mean_days = people.mean_days[number]
        if kind == PLANTED_KIND and (days[is_upload] < 7).sum() >= 2:
            mean_days *= 5
        stays = int(rng.exponential(mean_days)) + 1
        end = joined + timedelta(days=stays)
        customers.append(f"{name},{joined}")
        contracts.append(f"{name},{joined},{end if end < WATERMARK else ''}")
        visits += [
            f"{name},{joined + timedelta(days=int(day))} 10:00,{'upload' if upload else 'look'}"
            for day, upload in zip(days, is_upload, strict=True)
            if day < stays
        ]
    source = folder / "source"
    source.mkdir(parents=True)
    tables = {
        "customers": customers,
        "subscriptions": contracts,
        "visits": ["customer_id,happened_at,kind", *visits],
    }
    for table, lines in tables.items():
        (source / f"{table}.csv").write_text("\n".join(lines) + "\n")
    params = Params.model_validate(
        {
            "source": str(source),
            "tables": {"customers": {}, "subscriptions": {}},
            "events": {"visits": {}},
            "label": {"kind": "contract", "horizon_days": 28, "grace_days": 7},
            "snapshot": {"watermark": str(WATERMARK)},
            "output": str(folder / "output"),
            "models": str(folder / "models"),
        }
    )
    return activation_section(Company(ingest(params, lambda _: None), WATERMARK))


def event_of(kind: str, seed: int) -> str | None:
    """Return the event that is reported in a company, None without one."""
    with tempfile.TemporaryDirectory() as folder:
        result = draw_company(Path(folder), kind, seed)
    return result.activation.event if result.activation else None


def table(companies: int, seed: int) -> Iterator[str]:
    """Yield the lines of the table: null companies take turns through the kinds, then planted ones."""
    yield "| companies | number | an event is reported | 95 % interval | of these, the planted one |"
    yield "|---|---:|---:|---:|---:|"
    kinds = [NULL_KINDS[number % len(NULL_KINDS)] for number in range(companies)]
    reports = _reports(kinds, seed)
    by_kind: Counter[str] = Counter(
        kind for kind, event in zip(kinds, reports, strict=True) if event is not None
    )
    for kind in NULL_KINDS:
        yield _row(f"nothing goes with staying: {kind}", by_kind[kind], kinds.count(kind), "")
    yield _row("nothing goes with staying, all", by_kind.total(), companies, "")
    n_planted = max(companies // 4, 1)
    planted = [event for event in _reports([PLANTED_KIND] * n_planted, seed) if event is not None]
    n_right = sum(event == PLANTED_EVENT for event in planted)
    yield _row("two uploads in the first week make customers stay", len(planted), n_planted, str(n_right))


def _reports(kinds: list[str], seed: int) -> list[str | None]:
    seeds = [seed * 100_000 + number for number in range(len(kinds))]
    search: Callable[[str, int], str | None] = partial(event_of)
    with ProcessPoolExecutor(N_JOBS) as pool:
        return list(pool.map(search, kinds, seeds))


def _row(title: str, hits: int, trials: int, right: str) -> str:
    low, high = wilson_interval(hits, trials)
    share = hits / trials if trials else 0.0
    return f"| {title} | {trials} | {hits} ({share:.1%}) | [{low:.1%}, {high:.1%}] | {right} |"
