"""Check the contacts of a world from its raw tables and its ledger, without any code of the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

Row = dict[str, Any]


def breaches(world: Row, output: Path) -> Iterator[str]:
    """Yield each breach of a rule, as a text that begins with the name of the rule."""
    rules, customers = world["rules"], {row["customer_id"]: row for row in world["customers"]}
    person = {name: row["email"] or name for name, row in customers.items()}
    refusing = {person[name] for name, row in customers.items() if row["objected"] or row["suppressed"]}
    tasks = defaultdict(list)
    arms: dict[str, Row] = {}
    for folder in sorted(output.glob("ledger/cutoff=*")):
        night = date.fromisoformat(folder.name.removeprefix("cutoff="))
        places, owners, channels, seen = 0, defaultdict(int), defaultdict(int), set()
        for row in pq.read_table(folder / "assignments.parquet").to_pylist():
            before = arms.get(row["unit"], row)
            if before["position"] != row["position"] or (before["arm"] == "control" != row["arm"]):
                yield f"redrawn: {row['unit']} on {night}"
            if (row["position"] < world["share"][night]) != (row["arm"] == "control"):
                yield f"position: {row['unit']} on {night}"
            arms[row["unit"]] = row
        for task in pq.read_table(folder / "tasks.parquet").to_pylist():
            who = person[task["customer_id"]]
            name, due = f"{task['customer_id']} on {night}", task["due_at"]
            if who in refusing:
                yield f"objection: {name}"
            if task["channel"] == "phone" and not _has_consent(world, task["customer_id"], night):
                yield f"consent: {name}"
            for earlier in tasks[who]:
                if night < earlier + timedelta(days=rules["rest_days"]):
                    yield f"rest: {name}"
            recent = [day for day in tasks[who] if day > night - timedelta(days=rules["cap_days"])]
            if len(recent) >= rules["cap"]:
                yield f"cap: {name}"
            if who in seen:
                yield f"one contact: {name}"
            if arms[task["unit"]]["arm"] != task["arm"]:
                yield f"arm: {name}"
            if due.weekday() > 4 or due < night:
                yield f"working day: {name}"
            zone = ZoneInfo(customers[task["customer_id"]]["timezone"] or world["timezone"])
            local = task["not_before"].astimezone(zone)
            if local.date() != due or not time(8) <= local.time() < time(20):
                yield f"quiet hours: {name}"
            seen.add(who)
            places, owners[task["owner"]] = places + 1, owners[task["owner"]] + 1
            channels[task["channel"]] += 1
            tasks[who].append(due)
        full = {owner: n for owner, n in owners.items() if n > rules["per_owner"].get(owner, n)}
        full |= {name: n for name, n in channels.items() if n > rules["per_channel"].get(name, n)}
        if places > rules["places"] or full:
            yield f"places: {night}"
        for row in pq.read_table(output / "scores" / f"{night}.parquet").to_pylist():
            if row["listed"] and row["unit"] in arms and arms[row["unit"]]["arm"] == "control":
                yield f"control on the list: {row['customer_id']} on {night}"
            if row["listed"] and not _may_be_listed(world, row, night, person, refusing):
                yield f"listed against a refusal: {row['customer_id']} on {night}"
            if row["listed"] == (row["reason"] is not None):
                yield f"one reason: {row['customer_id']} on {night}"


def _has_consent(world: Row, customer: str, night: date) -> bool:
    midnight = datetime.combine(night, time(0), ZoneInfo(world["timezone"]))
    given = [row["given_at"] for row in world["consents"] if row["customer_id"] == customer]
    ended = [row["withdrawn_at"] for row in world["consents"] if row["customer_id"] == customer]
    given = [at for at in given if at < midnight]
    ended = [at for at in ended if at is not None and at < midnight]
    return bool(given) and (not ended or max(given) > max(ended))


def _may_be_listed(world: Row, row: Row, night: date, person: Row, refusing: set[str]) -> bool:
    has_consent = row["channel"] != "phone" or _has_consent(world, row["customer_id"], night)
    return has_consent and person[row["customer_id"]] not in refusing
