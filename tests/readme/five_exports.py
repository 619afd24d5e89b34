"""The exports of docs/systems.md, drawn for a small subscription shop."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

FIRST, LAST = datetime(2024, 1, 3, 8), datetime(2025, 3, 1)
N_CUSTOMERS = 90

Row = dict[str, Any]


def write_exports(folder: Path) -> None:
    """Write the files of five systems into a new folder."""
    folder.mkdir()
    tables: dict[str, list[Row]] = {
        name: [] for name in ("shop_orders", "subscriptions", "invoices", "tickets", "mail_activity", "users")
    }
    events: list[Row] = []
    for number in range(N_CUSTOMERS):
        draw = Random(number)
        begin = FIRST + timedelta(days=draw.randrange(200), minutes=draw.randrange(600))
        ends = draw.random() < 0.4
        months = draw.randrange(3, 7) if ends else 20
        end = begin + timedelta(days=30 * months)
        _write_customer(number, draw, begin, end if ends else None, tables, events)
    for name, rows in tables.items():
        _write_csv(folder / f"{name}.csv", rows)
    lines = (json.dumps(event) for event in sorted(events, key=lambda event: str(event["time"])))
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_customer(
    number: int,
    draw: Random,
    begin: datetime,
    end: datetime | None,
    tables: Mapping[str, list[Row]],
    events: list[Row],
) -> None:
    address, user = f"c{number}@example.com", f"u{number}"
    until = min(end or LAST, LAST)
    tables["users"].append({"user_id": user, "email": address})
    tables["subscriptions"].append(
        {
            "id": f"sub_{number:05}",
            "Customer ID": f"cus_{number:05}",
            "Customer Email": address,
            "Plan": draw.choice(["pro", "basic"]),
            "Interval": draw.choice(["month", "month", "year"]),
            "Amount": draw.choice(["29.00", "348.00", "9.00"]),
            "Status": "canceled" if end and end < LAST else "active",
            "Start (UTC)": f"{begin:%Y-%m-%d %H:%M}",
            "Current Period End (UTC)": f"{_period_end(begin, until):%Y-%m-%d %H:%M}",
            "Canceled At (UTC)": _minute(end and end - timedelta(days=draw.randrange(1, 25))),
            "Ended At (UTC)": _minute(end),
        }
    )
    day = begin
    while day < until:
        order = 1000 + 100 * number + (day - begin).days // 10
        _add_order(tables["shop_orders"], f"#{order}", address, day, draw)
        invoice = f"I{number}-{day:%j%y}"
        tables["invoices"].append(
            {
                "Number": invoice,
                "Customer Email": address,
                "Due Date (UTC)": f"{day:%Y-%m-%d %H:%M}",
                "Paid At (UTC)": _minute(day + timedelta(days=draw.randrange(6), hours=2)),
                "Amount Due": "29.00",
            }
        )
        sent = day + timedelta(days=draw.randrange(3), hours=1)
        mail = {"email": address, "campaign_id": f"k{day:%j%y}", "campaign": "News"}
        tables["mail_activity"].append(mail | {"action": "sent", "timestamp": _second(sent)})
        if draw.random() < 0.5:
            opened = sent + timedelta(minutes=draw.randrange(1, 3000))
            tables["mail_activity"].append(mail | {"action": "open", "timestamp": _second(opened)})
        if draw.random() < 0.2:
            _add_ticket(tables["tickets"], address, day, draw)
        for _ in range(draw.randrange(2, 7)):
            moment = day + timedelta(minutes=draw.randrange(40_000))
            kind = draw.choice(["login", "login", "report_exported", "project_made"])
            if moment < until:
                events.append({"user_id": user, "event": kind, "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}"})
        day += timedelta(days=30)


def _period_end(begin: datetime, until: datetime) -> datetime:
    """Return the end of the period that runs at a time: the end itself, or ahead of it."""
    return begin + timedelta(days=30 * -(-(until - begin) // timedelta(days=30)))


def _add_order(rows: list[Row], name: str, address: str, day: datetime, draw: Random) -> None:
    created = f"{day + timedelta(minutes=draw.randrange(900)):%Y-%m-%d %H:%M:%S} +0100"
    for item in range(draw.randrange(1, 4)):
        first = item == 0
        rows.append(
            {
                "Name": name,
                "Email": address.capitalize(),
                "Financial Status": "paid" if first else "",
                "Total": f"{draw.randrange(2000, 9000) / 100:.2f}" if first else "",
                "Discount Amount": "0.00" if first else "",
                "Created at": created,
                "Lineitem quantity": draw.randrange(1, 4),
                "Lineitem name": draw.choice(["Beans", "Filter"]),
                "Refunded Amount": "0.00" if first else "",
            }
        )


def _add_ticket(rows: list[Row], address: str, day: datetime, draw: Random) -> None:
    opened = day + timedelta(days=draw.randrange(20), minutes=draw.randrange(600))
    if opened > LAST - timedelta(days=4):
        return
    rows.append(
        {
            "ticket_id": 8000 + len(rows),
            "requester_email": address,
            "created_at": f"{opened:%Y-%m-%dT%H:%M:%SZ}",
            "first_replied_at": f"{opened + timedelta(hours=draw.randrange(1, 30)):%Y-%m-%dT%H:%M:%SZ}",
            "solved_at": f"{opened + timedelta(hours=draw.randrange(31, 90)):%Y-%m-%dT%H:%M:%SZ}",
            "satisfaction": draw.randrange(1, 6),
            "status": "solved",
            "tags": draw.choice(["billing", "how-to"]),
        }
    )


def _minute(time: datetime | None) -> str:
    """Return a time as the payment provider writes it; one after the export is not in it."""
    return f"{time:%Y-%m-%d %H:%M}" if time and time < LAST else ""


def _second(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
