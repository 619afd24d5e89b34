"""The sessions in which the commands of the documents run, and what the documents say of each."""

from __future__ import annotations

import json
import re

import yaml

from tests.readme.commands import ROOT
from tests.readme.sessions import Session, Step, World, shown_by
from tests.readme.test_systems import parts_of_the_page

LABELS = ROOT / "docs" / "labels.md"


def set_parameters(world: World, **sections: object) -> None:
    """Write values into sections of `params.yaml`."""
    path = world.folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in sections.items():
        params[section] = params.get(section, {}) | values
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


# --- looking at what a command has done


def signals_were_computed_again(world: World, output: str) -> list[str]:
    """Look whether the three guards that compute signals again looked beside those of the data."""
    looked = json.loads((world.folder / "output" / "check" / "guards.json").read_text())["looked"]
    return [] if f"guards: {len(looked) + 3} looked" in output else ["computes no signal again"]


def browser_opened_the_report(world: World, _: str) -> list[str]:
    opened = (world.folder / "opened.txt").read_text(encoding="utf-8").strip()
    page = (world.folder / "output" / "report" / "index.html").as_uri()
    return [] if opened == page else [f"has opened {opened}"]


def keep_secret(world: World, output: str) -> list[str]:
    """Let the next commands sign with the secret that was printed."""
    world.environment = {**world.environment, "CHURN_WEBHOOK_SECRET": output.strip()}
    return []


def sheet_is_that_of_the_page(_: World, output: str) -> list[str]:
    printed = [line.rstrip() for line in output.splitlines()]
    shown = shown_by(LABELS, "voluntarily  involuntarily")
    return [f"does not print the line '{line}'" for line in shown if line not in printed]


def counts_are_those_of_the_page(world: World, _: str) -> list[str]:
    page = LABELS.read_text(encoding="utf-8")
    (stated,) = re.findall(r"not mapped, ([\d,]+) of ([\d,]+) churners count as involuntary", page)
    counts = counts_of_leavers(world)
    return [] if stated == counts else [f"counts {counts} involuntary leavers of all, and the page {stated}"]


def counts_of_leavers(world: World) -> tuple[str, str]:
    """Return how many left involuntarily and how many left, over all cutoffs of the sheet."""
    path = world.folder / "output" / "label" / "truth_sheet.json"
    outcomes = [about["outcomes"] for about in json.loads(path.read_text())["cutoffs"].values()]
    kinds = ("left involuntarily", "left voluntarily")
    involuntary, voluntary = (sum(outcome[kind] for outcome in outcomes) for kind in kinds)
    return f"{involuntary:,}", f"{involuntary + voluntary:,}"


# --- what happens between two commands


def write_parameters_of_the_page(world: World) -> None:
    (world.folder / "params.yaml").write_text(yaml.safe_dump(parts_of_the_page()), encoding="utf-8")


def enter_exports(world: World) -> None:
    world.folder = world.folder / "exports"


NOTHING_WRONG = "0 say stop, 0 warn"

SESSIONS = (
    Session(
        "look at a company, its night and one customer",
        "company",
        (
            Step("churn check", says=(NOTHING_WRONG,)),
            Step("churn snapshot", writes=("output/snapshots/manifest.json",)),
            Step("churn check --prove", says=(NOTHING_WRONG,), look=signals_were_computed_again),
            Step("churn plan", says=("units needed",)),
            Step("churn measure", writes=("output/measure/effects.json",)),
            Step("churn uplift", writes=("output/uplift/uplift.json",)),
            Step("churn drift", writes=("output/drift/cutoff=2025-10-01/drift.json",)),
            Step("churn kpis", writes=("output/kpis/kpis.json", "output/kpis/tables.txt")),
            Step("churn report", writes=("output/report/index.html",)),
            Step("churn report --open", look=browser_opened_the_report),
            Step("churn report --cutoff DATE", writes=("output/report/nights/2025-10-01.html",)),
            Step("churn score --dry-run", says=("not written",)),
            Step("churn score", writes=("output/calls/cutoff=2025-10-01/calls.csv",)),
            Step("python -m pipelines.VERB", says=("total",)),
            Step("churn show CUSTOMER", says=("experiments: 1 row",)),
            Step("churn forget CUSTOMER", code=2, says=("--yes",)),
            Step("churn forget CUSTOMER --yes", writes=("output/forgotten/forgotten.json",)),
            Step("churn ingest", says=("store: ",)),
            Step(
                "churn score --set snapshot.watermark=2025-03-01",
                writes=("output/calls/cutoff=2025-03-01/calls.csv",),
            ),
        ),
    ),
    Session(
        "compare two trainings, and go back to the champion before them",
        "company_of_trees",
        (
            Step("churn train", says=("challenger version 2",)),
            Step("churn evaluate", says=("challenger version 2",)),
            Step("churn promote", says=("champion is version 2",)),
            Step("churn train --set 'train.candidates=[logistic]'", says=("challenger version",)),
            Step("churn evaluate"),
            Step("churn promote", code=15),
            Step("churn ui", serves="/health"),
            Step("churn promote --rollback", says=("champion is version 1 again",)),
        ),
        document="docs/compare-experiments.md",
    ),
    Session(
        "keep a champion, and move its level to newer labels",
        "old_champion",
        (Step("churn train --refresh", says=("champion version 1",)),),
    ),
    Session(
        "learn who cannot pay",
        "company_with_examples",
        (
            Step(
                "churn run --set label.leaving=involuntary --set output=output/involuntary "
                "--set models=models/involuntary --set tracking.model=churn_involuntary "
                "--set score.playbook=examples/payment_playbook.yaml",
                writes=("models/involuntary/champion/MLmodel", "output/involuntary/report/index.html"),
            ),
        ),
        document="docs/labels.md",
    ),
    Session(
        "count who left the demo company",
        "empty",
        (
            Step("churn demo --customers 5000 --seed 7", says=("5,000 customers",)),
            Step("churn demo", says=("5,000 customers",)),
            Step("churn demo --seed 7", says=("5,000 customers",)),
            Step("churn label", look=sheet_is_that_of_the_page),
            Step(
                "churn label --set 'tables.subscriptions.columns={cancel_requested_at: \"NULL\"}'",
                look=counts_are_those_of_the_page,
            ),
        ),
    ),
    Session(
        "let the demo company live on for a night",
        "company",
        (
            Step("churn demo --live N", says=("churn measure --set snapshot.watermark=2025-10-08",)),
            Step("churn measure --set snapshot.watermark=DATE", writes=("output/measure/effects.json",)),
        ),
    ),
    Session(
        "start with own tables",
        "shop_beside",
        (
            Step("mkdir shop"),
            Step("cd shop"),
            Step("churn init --source ../raw", writes=("params.yaml", "playbook.yaml")),
            Step("churn check", says=(NOTHING_WRONG,)),
            Step("churn label --horizon", says=("suggested: ",), writes=("output/label/horizon.png",)),
            Step("churn run", code=15, says=("as a trial",), writes=("output/report/index.html",)),
        ),
        document="docs/start.md",
    ),
    Session(
        "see the first file of own tables",
        "shop",
        (
            Step("churn init --source raw", writes=("params.yaml", "playbook.yaml")),
            Step("churn check", says=(NOTHING_WRONG,)),
        ),
        document="README.md",
    ),
    Session(
        "read the exports of five systems",
        "exports",
        (
            Step(
                "churn check", says=("0 say stop, 0 warn, 1 signed off",), before=write_parameters_of_the_page
            ),
            Step("churn label", says=("total",)),
            Step("churn signals", says=("signals are on",)),
        ),
        document="docs/systems.md",
    ),
    Session(
        "let init read the exports of five systems",
        "exports",
        (
            Step("churn init --source exports", says=("subscriptions: ",), writes=("params.yaml",)),
            Step("churn init", says=("subscriptions: ",), writes=("params.yaml",), before=enter_exports),
        ),
    ),
    Session(
        "hand contacts over",
        "company_with_receiver",
        (
            Step(
                'python3 -c "import base64, os; '
                "print('whsec_' + base64.b64encode(os.urandom(32)).decode())\"",
                says=("whsec_",),
                look=keep_secret,
            ),
            Step("churn score", says=("delivered",), writes=("output/outbox/journal.jsonl",)),
            Step("churn deliver"),
            Step("churn deliver --retry-dead"),
        ),
    ),
    Session(
        "learn from an experiment of the company",
        "mailing",
        (
            Step(
                "CHURN_DATA=/folder/of/data churn uplift --params examples/hillstrom.yaml",
                says=("Womens E-Mail against No E-Mail", "ACCEPTED"),
                writes=("examples/hillstrom/output/uplift/uplift.json",),
            ),
        ),
        document="docs/uplift.md",
    ),
    Session(
        "ask the model behind a server",
        "served_model",
        (
            Step(
                "mlflow models serve -m models/champion --env-manager local --port 5001",
                serves="/ping",
                stays=True,
            ),
            Step(
                "curl http://127.0.0.1:5001/invocations -H 'Content-Type: text/csv' --data-binary @rows.csv",
                says=('"predictions"',),
            ),
        ),
        document="models/README.md",
    ),
)
