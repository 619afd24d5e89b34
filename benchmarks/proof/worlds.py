"""Generate worlds of customers, refusals and nights, plan their contacts, and check them."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.proof.checker import breaches
from churn.contact.consent import consents_at
from churn.contact.plan import NightPlan, plan_night
from churn.contact.tasks import task_states
from churn.contact.terms import Acts, PlanTerms
from churn.experiments.ledger import (
    Ledger,
    LedgerFacts,
    empty_ledger,
    ledger_night,
    publish,
    read_ledger,
    salt_digest,
    stage,
)
from churn.experiments.units import find_units
from churn.params import ContactParams, ControlParams, ExperimentsParams, ProfitParams
from churn.scoring.night import ScoredCohort, no_progress
from churn.scoring.playbook import Playbook, parse_playbook

PROCESSES = os.cpu_count() or 1
LARGE_EVERY = 10
"""One world in so many has up to 80 customers and 12 nights; the others are small, and cheap to check."""

MEMORY = Path("/dev/shm")
"""A folder in memory: the ledger is put on the disk with `fsync` many times in a night."""

FIRST_NIGHT = date(2025, 1, 6)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", None)
PLAYBOOK = """
plays:
  - {name: call, when: {churn_probability: {at_least: 0.5}}, action: Call, owner: success,
     channels: [phone, email], due_in_days: 2, success: The customer stays}
  - {name: ring, when: {churn_probability: {at_least: 0.3}}, action: Ring, owner: sales,
     channel: phone, due_in_days: 0, success: The customer stays}
  - {name: mail, when: {churn_probability: {at_least: 0.0}}, action: Write, owner: marketing,
     channel: email, due_in_days: 5, success: The customer stays}
"""


PARSED_PLAYBOOK = parse_playbook(PLAYBOOK, {})
NO_ASSIGNMENTS = empty_ledger().assignments
NO_EXITS = pd.DataFrame(columns=["customer_id", "happened_on", "why"], dtype=object)


class NoReasons:
    """A model whose reasons nobody reads."""

    spec: ClassVar[dict[str, Any]] = {}

    def contributions(self, columns: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return no contribution of any signal."""
        return {"baseline": np.zeros(len(columns))}


def table(worlds: int, seed: int, processes: int = PROCESSES, keep: Path | None = None) -> Iterator[str]:
    """Yield the lines of the table: customer-nights, tasks, and breaches by rule.

    Args:
        worlds: How many worlds.
        seed: The seed of all worlds.
        processes: How many worlds are played side by side.
        keep: A file that keeps the result of each world of this seed; its worlds are not played again.
    """
    results = _kept_results(keep, worlds)
    missing = [number for number in range(worlds) if number not in results]
    with ProcessPoolExecutor(processes) as pool:
        played = pool.map(_check_world, repeat(seed), missing, chunksize=10)
        for number, result in zip(missing, played, strict=True):
            results[number] = result
            if result[1]:
                print(f"world {number}: {dict(result[1])}", file=sys.stderr, flush=True)
            if keep:
                with keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([number, *result]) + "\n")
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for own_counts, own_kinds in results.values():
        counts.update(own_counts)
        kinds.update(own_kinds)
    yield "| worlds | customer-nights | tasks | of controls | breaches |"
    yield "|---:|---:|---:|---:|---|"
    words = ", ".join(f"{kind}: {n}" for kind, n in sorted(kinds.items())) or "none"
    numbers = [worlds, *(counts[name] for name in ("customer-nights", "tasks", "controls"))]
    yield f"| {' | '.join(f'{number:,}' for number in numbers)} | {words} |"


def _kept_results(keep: Path | None, worlds: int) -> dict[int, tuple[Counter[str], Counter[str]]]:
    """Return the results of the first worlds that an earlier call has kept, by number."""
    lines = keep.read_text(encoding="utf-8").splitlines() if keep and keep.exists() else []
    rows = [json.loads(line) for line in lines]
    return {number: (Counter(counts), Counter(kinds)) for number, counts, kinds in rows if number < worlds}


def _check_world(seed: int, number: int) -> tuple[Counter[str], Counter[str]]:
    """Return the counts of a world and its breaches by rule; one world in `LARGE_EVERY` is large."""
    world = draw_world(np.random.default_rng([seed, number]), is_large=number % LARGE_EVERY == 0)
    pa.set_cpu_count(1)  # the tables are small, and each process has a core
    gc.freeze()  # what the libraries have made is no garbage, and need not be looked at again
    gc.disable()  # a world is short, and its garbage goes at its end
    try:
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
            counts = play_world(world, Path(folder))
            return counts, Counter(breach.partition(":")[0] for breach in breaches(world, Path(folder)))
    finally:
        gc.enable()
        gc.collect()


def draw_world(rng: np.random.Generator, *, is_large: bool = True) -> dict[str, Any]:
    """Draw customers, consents, rules and nights; a small world has fewer customers and nights."""
    n = int(rng.integers(3, 80 if is_large else 16))
    customers = [
        {
            "customer_id": f"c{number:02}",
            "email": f"m{rng.integers(0, max(2, n - 2))}@x.org" if rng.random() < 0.7 else None,
            "timezone": ZONES[rng.integers(len(ZONES))],
            "objected": bool(rng.random() < 0.1),
            "suppressed": bool(rng.random() < 0.05),
        }
        for number in range(n)
    ]
    consents = []
    for customer in customers:
        for _ in range(int(rng.integers(0, 3))):
            given = _instant(rng, -20, 40)
            ended = given + timedelta(hours=int(rng.integers(0, 900))) if rng.random() < 0.5 else None
            consents.append(
                {"customer_id": customer["customer_id"], "given_at": given, "withdrawn_at": ended}
            )
    nights, night = [], FIRST_NIGHT
    for _ in range(int(rng.integers(4, 12) if is_large else rng.integers(2, 5))):
        nights.append(night)
        night += timedelta(days=int(rng.integers(1, 16)))
    shares = np.sort(rng.choice([0.05, 0.1, 0.2, 0.5], len(nights)))
    return {
        "customers": customers,
        "consents": consents,
        "nights": nights,
        "share": dict(zip(nights, shares.tolist(), strict=True)),
        "timezone": "Europe/Berlin",
        "rules": {
            "rest_days": int(rng.integers(0, 29)),
            "cap": int(rng.integers(1, 4)),
            "cap_days": int(rng.integers(10, 90)),
            "places": int(rng.integers(1, n + 1)),
            "per_owner": {"sales": int(rng.integers(0, 3))} if rng.random() < 0.5 else {},
            "per_channel": {"phone": int(rng.integers(0, 4))} if rng.random() < 0.5 else {},
        },
        "random": rng,
    }


def play_world(world: dict[str, Any], output: Path) -> Counter[str]:
    """Plan all nights of a world, write the ledger and who is on each list, and count."""
    counts: Counter[str] = Counter()
    rng = world["random"]
    playbook, known = PARSED_PLAYBOOK, _known_of(world)
    reach = pd.DataFrame(world["customers"])
    (output / "scores").mkdir()
    for night in world["nights"]:
        present = rng.random(len(reach)) < 0.9
        ledger = read_ledger(output, night)
        plan = _plan(world, ledger, night, reach, present, playbook, known)
        tasks = plan.ledger_rows["tasks"]
        counts["customer-nights"] += int(present.sum())
        counts["tasks"] += len(tasks)
        counts["controls"] += int((tasks["arm"] == "control").sum())
        facts = LedgerFacts(
            cutoff=night,
            previous=ledger.previous,
            run_id="world",
            salt_digest=salt_digest("world"),
            unit="person",
            control_share=world["share"][night],
            no_control_because=None,
            files={},
        )
        stage(output, ledger_night(facts, plan.ledger_rows))
        publish(output, night)
        ids = reach["customer_id"].to_numpy()[present]
        units = find_units(reach, "person", ledger.unit_of).of(ids)
        on_list = set(plan.contact.listed_rows.tolist())
        rows = [
            {
                "customer_id": ids[row],
                "unit": units[row],
                "listed": row in on_list,
                "channel": task.channel if task is not None else None,
                "reason": plan.contact.not_contacted_because[row],
            }
            for row, task in enumerate(plan.contact.tasks)
        ]
        pq.write_table(pa.Table.from_pylist(rows), output / "scores" / f"{night}.parquet")
    return counts


@dataclass(frozen=True)
class _KnownFacts:
    """What no night of a world changes: the consents, and who refuses contacts."""

    consents: pd.DataFrame
    suppressed_ids: frozenset[str]
    objected_ids: frozenset[str]


def _known_of(world: dict[str, Any]) -> _KnownFacts:
    reach = pd.DataFrame(world["customers"])
    persons = find_units(reach, "person")

    def of_persons(column: str) -> frozenset[str]:
        units = set(persons.of(reach.loc[reach[column], "customer_id"].to_numpy(dtype=object)))
        return frozenset(name for name in reach["customer_id"] if persons.unit_of[name] in units)

    columns = ["customer_id", "given_at", "withdrawn_at"]
    consents = pd.DataFrame(world["consents"], columns=columns).assign(channel="phone", purpose="marketing")
    for name in ("given_at", "withdrawn_at"):
        consents[name] = pd.to_datetime(consents[name], utc=True).dt.tz_localize(None)
    return _KnownFacts(consents, of_persons("suppressed"), of_persons("objected"))


def _plan(
    world: dict[str, Any],
    ledger: Ledger,
    night: date,
    reach: pd.DataFrame,
    present: np.ndarray,
    playbook: Playbook,
    known_facts: _KnownFacts,
) -> NightPlan:
    rng, rules = world["random"], world["rules"]
    ids = reach["customer_id"].to_numpy(dtype=object)[present]
    p = np.round(rng.uniform(0.01, 0.99, len(ids)), 2)
    value = np.where(rng.random(len(ids)) < 0.2, np.nan, rng.uniform(20, 900, len(ids)))
    scores = ScoredCohort(
        frame=pd.DataFrame({"customer_id": ids}),
        customers=ids,
        probability=p,
        within={},
        thin=np.zeros(len(ids), dtype=bool),
        raw_band=np.where(p > 0.7, 1.0, np.where(p > 0.4, 2.0, 3.0)),
        sides={},
        residual_value=value,
        value_at_risk=p * value,
        signals=[],
        base_rate=0.3,
    )
    midnight = datetime.combine(night, time(0), ZoneInfo(world["timezone"])).astimezone(UTC)
    acts = Acts(
        units=find_units(reach, "person", ledger.unit_of),
        consents=consents_at(
            known_facts.consents,
            purpose="marketing",
            channels=("phone",),
            cutoff=midnight.replace(tzinfo=None),
        ),
        suppressed_ids=known_facts.suppressed_ids,
        objected_ids=known_facts.objected_ids,
        zones={row["customer_id"]: row["timezone"] or world["timezone"] for row in world["customers"]},
        states=task_states(ledger.tasks, _answers(rng, ledger.tasks, night), NO_EXITS, night),
    )
    contact = ContactParams(
        max_health=5,
        rest_days=rules["rest_days"],
        per_customer={"contacts": rules["cap"], "days": rules["cap_days"]},
        per_owner=rules["per_owner"],
        per_channel=rules["per_channel"],
    )
    terms = PlanTerms(
        experiments=ExperimentsParams(control=ControlParams(share=world["share"][night]), salt="world"),
        contact=contact,
        n_places=rules["places"],
        profit=ProfitParams(),
        n_reasons=1,
        language="en",
        timezone=world["timezone"],
    )
    return plan_night(
        night,
        scores,
        NoReasons(),  # type: ignore[arg-type]
        playbook,
        ledger,
        NO_ASSIGNMENTS,
        acts,
        terms,
        no_progress,
    )


def _answers(rng: np.random.Generator, tasks: pd.DataFrame, night: date) -> pd.DataFrame | None:
    """Return what the company reports of some treated tasks; in a third of the nights it has no table."""
    if rng.random() < 1 / 3:
        return None
    treated = tasks[(tasks["arm"] == "treated").to_numpy()]
    answered = treated[rng.random(len(treated)) < 0.3]
    return pd.DataFrame(
        {
            "task_id": answered["task_id"],
            "customer_id": answered["customer_id"],
            "contacted_at": pd.Timestamp(night) - pd.Timedelta(days=1),
            "contacted_on": night - timedelta(days=1),
            "result": rng.choice(["done", "no answer", "declined", "snoozed"], len(answered)),
            "snoozed_until": night + timedelta(days=5),
            "play": None,
            "variant": None,
            "arm": "treated",
        }
    )


def _instant(rng: np.random.Generator, first_day: int, last_day: int) -> datetime:
    start = datetime.combine(FIRST_NIGHT, time(0), UTC)
    return start + timedelta(hours=int(rng.integers(24 * first_day, 24 * last_day)))
