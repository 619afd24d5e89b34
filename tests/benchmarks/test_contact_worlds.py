"""The independent checker of contacts finds planted bugs, and nothing where there is none."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.proof import checker, worlds
from benchmarks.proof.checker import breaches
from churn.contact import arms, channels, choice, new_tasks, plan
from churn.contact.limits import EarlierTasks
from churn.contact.working_days import WorkingCalendar

pytestmark = pytest.mark.slow

WORLDS = range(2)


def rules_broken(folder):
    """Yield the rules that are broken in each world."""
    for number in WORLDS:
        output = folder / str(number)
        output.mkdir()
        world = worlds.draw_world(np.random.default_rng([7, number]))
        worlds.play_world(world, output)
        yield {breach.partition(":")[0] for breach in breaches(world, output)}


def test_honest_worlds_have_no_breach(tmp_path):
    assert [*rules_broken(tmp_path)] == [set() for _ in WORLDS]


def no_refusals(customers, channels, **rest):
    return np.full(len(customers), None, dtype=object)


def with_limits(**changes):
    def patch(monkeypatch):
        made = choice._limits
        monkeypatch.setattr(choice, "_limits", lambda terms: replace(made(terms), **changes))

    return patch


def patched(module, name, value):
    return lambda monkeypatch: monkeypatch.setattr(module, name, value)


def forget_earlier_tasks(monkeypatch):
    none = EarlierTasks(
        np.array([], dtype=object), np.array([], dtype=object), np.array([], dtype="datetime64[D]")
    )
    monkeypatch.setattr(EarlierTasks, "of", classmethod(lambda cls, tasks, units: none))


def treat_everybody(monkeypatch):
    rows = plan.task_rows
    monkeypatch.setattr(plan, "task_rows", lambda *args: rows(*args).assign(arm="treated"))


def list_the_controls(monkeypatch):
    monkeypatch.setattr("churn.scoring.scores.Task.is_listed", property(lambda task: True))


def draw_anew_each_night(monkeypatch):
    assign = arms.assign
    monkeypatch.setattr(
        arms, "assign", lambda units, earlier, **rest: assign(units, earlier.iloc[:0], **rest)
    )


def forget_withdrawals(monkeypatch):
    consents_at = worlds.consents_at
    monkeypatch.setattr(
        worlds,
        "consents_at",
        lambda rows, **rest: consents_at(rows.assign(withdrawn_at=np.datetime64("NaT", "us")), **rest),
    )


def forget_suppression_lists(monkeypatch):
    acts = worlds.Acts
    monkeypatch.setattr(worlds, "Acts", lambda **parts: acts(**{**parts, "suppressed_ids": frozenset()}))


def take_the_zone_of_the_company(monkeypatch):
    not_before = new_tasks.not_before
    monkeypatch.setattr(
        new_tasks, "not_before", lambda due, zone, quiet: not_before(due, "Europe/Berlin", quiet)
    )


def give_two_reasons(monkeypatch):
    listed_rows = plan.listed_rows
    monkeypatch.setattr(plan, "listed_rows", lambda tasks, rows: listed_rows(tasks, rows)[1:])


@pytest.mark.parametrize(
    ("plant", "rule"),
    [
        (patched(channels, "contact_refusals", no_refusals), "objection"),
        (patched(channels, "contact_refusals", no_refusals), "consent"),
        (forget_withdrawals, "consent"),
        (forget_suppression_lists, "objection"),
        (take_the_zone_of_the_company, "quiet hours"),
        (with_limits(rest_days=0), "rest"),
        (forget_earlier_tasks, "rest"),
        (with_limits(max_contacts=99), "cap"),
        (with_limits(max_contacts_days=1), "cap"),
        (with_limits(budget=None), "places"),
        (with_limits(per_owner={}, per_channel={}), "places"),
        (treat_everybody, "arm"),
        (list_the_controls, "control on the list"),
        (draw_anew_each_night, "redrawn"),
        (
            patched(WorkingCalendar, "due_date", lambda calendar, night, days: night),
            "working day",
        ),
        (
            patched(new_tasks, "not_before", lambda due, zone, quiet: datetime.combine(due, time(3))),
            "quiet hours",
        ),
        (give_two_reasons, "one reason"),
        (patched(plan, "CONTROL_REASON", None), "one reason"),
        (
            patched(plan, "_why_withheld", lambda task, arm, acts, terms: None),
            "control on the list",
        ),
    ],
)
def test_a_planted_bug_is_found(tmp_path, monkeypatch, plant, rule):
    plant(monkeypatch)

    assert any(rule in rules for rules in rules_broken(tmp_path))


def test_a_unit_of_single_customers_is_found(tmp_path, monkeypatch):
    find_units = worlds.find_units
    monkeypatch.setattr(
        worlds, "find_units", lambda reach, kind, earlier=None: find_units(reach, "customer", earlier)
    )

    assert any({"objection", "one contact"} & rules for rules in rules_broken(tmp_path))


def test_the_checker_imports_nothing_of_the_product():
    tree = ast.parse(Path(checker.__file__).read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]

    assert names
    assert {name.partition(".")[0] for name in names}.isdisjoint({"churn", "pipelines", "benchmarks"})
