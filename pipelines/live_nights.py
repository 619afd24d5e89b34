"""Simulate nights of the demo company: score, contact, and let the days pass (`churn demo --live`)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.demo import world
from churn.demo.live_company import LiveCompany
from churn.demo.team import ListedTask, work_off
from churn.errors import CallError
from churn.params import Params
from churn.scoring.scores import TREATED_ARM
from churn.scoring.sink import scores_path
from pipelines import score
from pipelines.echo import Echo, QuietEcho

DAYS_BETWEEN = 7
"""A call list a week: after 24 nights the outcomes of the first 15 are known."""


def live_nights(
    params: Params, folder: Path, truth: Path, nights: int, days_between: int, echo: Echo
) -> None:
    """Score a night, let the team work through its call list, simulate the next days, and repeat this.

    A night that is already scored is not scored again, but read. The folder of the company is replaced as a
    whole after each step. So if the program is stopped and started again, it goes on with the night at which
    it was stopped.

    Args:
        params: The parameters.
        folder: The folder of the company.
        truth: The folder for the facts that only the simulation knows.
        nights: The number of nights.
        days_between: The number of days from one night to the next.
        echo: Prints a line for each night.

    Raises:
        CallError: the parameters name no table of contacts, or the calendar of the demo company ends before
            the last night.
    """
    company = LiveCompany.open(folder)
    _check(params, company.until, nights, days_between)
    for _ in range(nights):
        night, until = company.until, company.until + timedelta(days_between)
        own = complete_up_to(params, night)
        if not scores_path(own.output, night).exists():
            score.run(own, cutoff=night, echo=QuietEcho(echo.raise_if_stopped))
        tasks = listed_tasks(own.output, night)
        contacts = work_off(tasks, night, until)
        company.live(until, contacts)
        company.write(folder, truth)
        echo.finish_step(f"night {night}")
        echo(f"{night}: {len(tasks):,} tasks on the list, {_results(contacts)}; simulated until {until}.")
    echo(
        f"demo: {folder} is complete up to {company.until}. Give this date to the next verbs: "
        f"`churn measure --set snapshot.watermark={company.until}`."
    )


def complete_up_to(params: Params, day: date) -> Params:
    """Return the parameters with a changed watermark, which says that the data are complete up to a day."""
    snapshot = params.snapshot.model_copy(update={"watermark": day})
    return params.model_copy(update={"snapshot": snapshot})


def listed_tasks(output: Path, night: date) -> list[ListedTask]:
    """Return the tasks on the call list of a night, without the tasks of the control group.

    Args:
        output: The output folder, which holds the scored nights.
        night: The cutoff of a night that has been scored.
    """
    names = ["task_id", "customer_id", "play", "variant", "channel", "due_at"]
    rows = pq.read_table(scores_path(output, night), columns=[*names, "arm", "not_contacted_because"])
    is_listed = pc.and_(
        pc.and_(rows["task_id"].is_valid(), rows["not_contacted_because"].is_null()),
        pc.equal(rows["arm"], TREATED_ARM),
    )
    return [ListedTask(**row) for row in rows.filter(is_listed).select(names).to_pylist()]


def _check(params: Params, first: date, nights: int, days_between: int) -> None:
    last = first + timedelta(nights * days_between)
    end = world.date_of(world.CALENDAR_DAYS)
    problems = []
    if "contacts" not in params.tables:
        problems.append(
            f"demo --live: {params.file} maps no table `contacts`, so a night could not read what the team "
            f"did. "
            "Add `contacts: {}` under `tables`."
        )
    if last > end:
        problems.append(
            f"demo --live: {nights} nights, one every {days_between} days, would end on {last}, but the "
            f"calendar of the demo company ends on {end}. At most {(end - first).days // days_between} are "
            "left."
        )
    if problems:
        raise CallError(*problems)


def _results(contacts: pa.Table) -> str:
    counts = {row["values"]: row["counts"] for row in contacts["result"].value_counts().to_pylist()}
    words = ", ".join(f"{counts[name]:,} {name}" for name in sorted(counts))
    return words or "none of them due"
