"""What a reader of the documents has and we do not: raw tables, and an experiment of the company."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from random import Random

FIRST, LAST = datetime(2024, 1, 2, 8), datetime(2025, 3, 1)
MAILS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")


def write_shop(folder: Path, n_customers: int) -> None:
    """Write the customers and the orders of a shop; some customers stop buying, and nobody writes it down."""
    folder.mkdir()
    customers, orders = ["client_id,signed_up_at,country"], ["order_id,client_id,ordered_at,amount"]
    for number in range(n_customers):
        draw = Random(number)
        day = FIRST + timedelta(days=draw.randrange(250), minutes=draw.randrange(600))
        customers.append(f"c{number:04},{day:%Y-%m-%d %H:%M:%S},{draw.choice(['DE', 'AT', 'CH'])}")
        pace, end = draw.choice([4, 9, 20]), min(LAST, day + timedelta(days=draw.expovariate(1 / 300)))
        while day < end:
            amount = draw.randrange(500, 9000) / 100
            orders.append(f"o{len(orders):06},c{number:04},{day:%Y-%m-%d %H:%M:%S},{amount:.2f}")
            day += timedelta(days=draw.expovariate(1 / pace), minutes=draw.randrange(1, 600))
    _write(folder / "customers.csv", customers)
    _write(folder / "orders.csv", orders)


def write_mailing(folder: Path, n_customers: int) -> None:
    """Write the experiment that examples/hillstrom.yaml reads: a mail about women's wear makes some visit."""
    folder.mkdir(parents=True)
    draw = Random(1)
    head = (
        "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"
    )
    rows = [head]
    for number in range(n_customers):
        history, womens, mail = draw.randrange(30, 900), draw.randrange(2), MAILS[number % len(MAILS)]
        visits = draw.random() < 0.15 + 0.3 * (womens and mail == "Womens E-Mail")
        about = f"{draw.randrange(1, 13)},{history // 100},{history},{1 - womens},{womens}"
        place = f"{draw.choice(['Urban', 'Rural'])},{draw.randrange(2)},{draw.choice(['Web', 'Phone'])}"
        rows.append(f"{about},{place},{mail},{int(visits)},0,0.0")
    _write(folder / "hillstrom.csv", rows)


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
