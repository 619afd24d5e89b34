"""A small company about which every place holds something: store, snapshots, ledger, scores, pages, runs."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from churn.data.files import checksum_of
from churn.data.ingest.ingest import ingest
from churn.data.own_files import write_own_json
from churn.data.store import Store
from churn.params import Params, load_params
from churn.scoring.sink import night_files, write_night
from churn.snapshots.manifest import SnapshotCutoff, SnapshotManifest
from tests.drawn_company import parse
from tests.drawn_ledger import assigned, drawn, planned, publish_page

ANN, BOB, CEM = "C-1001", "C-1002", "C-1003"
EARLIER, NIGHT = date(2024, 2, 1), date(2024, 3, 1)

TABLES = {
    "customers": """
        customer | signed_up_at        | email     | name      | country
        C-1001   | 2023-01-01 10:00:00 | ann@x.org | Ann & Lee | NO
        C-1002   | 2023-01-01 10:00:00 | bob@x.org | Bob Ray   | DE
        C-1003   | 2023-01-01 10:00:00 | bob@x.org | Cem Oz    | DE
        """,
    "orders": """
        customer | ordered_at          | amount
        C-1001   | 2024-02-20 10:00:00 | 5
        C-1002   | 2024-05-01 10:00:00 | 5
        C-1001   | nonsense            | 5
        """,
    "consents": """
        customer | given_at            | channel | purpose   | evidence
        C-1001   | 2023-02-01 10:00:00 | phone   | marketing | form 7
        C-1002   | 2023-02-01 10:00:00 | phone   | marketing | form 8
        """,
}


def held_company(folder: Path) -> Params:
    """Write the company into a folder with `params.yaml`, and return its parameters."""
    raw = folder / "raw"
    raw.mkdir(parents=True)
    for name, text in TABLES.items():
        pd.DataFrame(parse(text)).to_csv(raw / f"{name}.csv", index=False)
    sections = {
        "source": "raw",
        "timezone": "Europe/Berlin",
        "tables": {"customers": {"static": ["country"]}, "orders": {}, "consents": {}},
        "label": {"kind": "inactivity", "table": "orders", "horizon_days": 28, "active_days": 28},
        "check": {"max_rejects": 0.9},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(sections, sort_keys=False), encoding="utf-8")
    params = load_params(folder / "params.yaml", [])
    store = ingest(params, lambda _: None)
    _write_snapshots(params.output / "snapshots", store)
    digest = _write_ledger(params.output)
    _write_scores(params.output, digest)
    _write_runs(folder, params.output)
    return params


def _write_snapshots(folder: Path, store: Store) -> None:
    part = folder / f"cutoff={EARLIER}" / "part.parquet"
    part.parent.mkdir(parents=True)
    rows = {"customer_id": [ANN, BOB, CEM], "left": pa.array([1, 0, 1], pa.int8()), "plan": ["a", "b", "b"]}
    pq.write_table(pa.table(rows), part, row_group_size=2)
    cutoff = SnapshotCutoff(
        rows=3, left=2, matured=True, window_end=NIGHT, mature_on=NIGHT, files={part.name: checksum_of(part)}
    )
    SnapshotManifest(
        cutoffs={EARLIER: cutoff},
        signals=(),
        label_id="label",
        store_digest=store.digest,
        watermark=store.watermark,
    ).write(folder)


def _write_ledger(output: Path) -> str:
    pair = assigned(ANN, "control", EARLIER, customers=[ANN, CEM])
    nights = {
        EARLIER: (
            None,
            [pair, assigned(BOB, "treated", EARLIER)],
            [planned(ANN, "control", "call", EARLIER)],
        ),
        NIGHT: (EARLIER, [assigned(ANN, "treated", NIGHT, experiment="call")], []),
    }
    digest = ""
    for night, (previous, assignments, tasks) in nights.items():
        ledger = drawn(assignments, tasks)
        bands = pd.DataFrame({"customer_id": [ANN, BOB], "raw_band": [2, 4], "band": [3, 4]})
        holdings = pd.DataFrame({"customer_id": [ANN, BOB], "play": ["call", "call"], "nights": [2, 1]})
        digest = publish_page(output, night, previous, ledger, bands=bands, holdings=holdings).digest
    return digest


def _write_scores(output: Path, ledger_digest: str) -> None:
    scores = pa.table(
        {
            "customer_id": [ANN, BOB],
            "cutoff": [NIGHT, NIGHT],
            "churn_probability": [0.25, 0.5],
            "not_contacted_because": [None, None],
        }
    )
    contacts = pa.table({"rank": [1, 2], "customer_id": [ANN, BOB], "name": ["Ann & Lee", "Bob Ray"]})
    calls = f'\ufeffRang;Kundennummer;Name\r\n1;{ANN};Ann & Lee\r\n2;{BOB};"Bob; Ray"\r\n'
    files = night_files(scores, calls, contacts, {"ledger": ledger_digest}, {"sales": calls})
    write_night(output, NIGHT, files)


def _write_runs(folder: Path, output: Path) -> None:
    predictions = pa.table({"customer_id": [ANN, BOB], "probability": [0.1, 0.2]})
    run = folder / "mlartifacts" / "1" / "artifacts" / "evaluate"
    for place in (output / "evaluate", run):
        place.mkdir(parents=True)
        pq.write_table(predictions, place / "predictions.parquet")
    (output / "report").mkdir()
    page = f"<td>{ANN}</td><td>Ann &amp; Lee</td>"
    (output / "report" / "index.html").write_text(page, encoding="utf-8")
    (output / "outbox").mkdir()
    events = [
        {"id": str(number), "data": {"customer_id": who, "message": f"Dear {who}"}}
        for number, who in enumerate((ANN, BOB))
    ]
    lines = "".join(f"{json.dumps(event)}\n" for event in events)
    (output / "outbox" / f"cutoff={NIGHT}.jsonl").write_text(lines, encoding="utf-8")
    (output / "check").mkdir()
    finding = {"findings": [{"text": f"repeats, such as {ANN} and {BOB}", "examples": [ANN, BOB]}]}
    write_own_json(output / "check" / "guards.json", finding)
    (output / "check" / "notes.json").write_text(json.dumps({"n": 3}), encoding="utf-8")
