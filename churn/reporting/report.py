"""The report: one page that needs nothing but itself."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
from markupsafe import Markup

from churn.data.files import write_atomically
from churn.errors import CallError
from churn.labels.outcomes import WHY_LEFT
from churn.metrics.standard_errors import customer_wilson_interval
from churn.reporting.plots import CAPTIONS
from churn.reporting.plots.inline import inline_figure
from churn.reporting.plots.level import probabilities_figure
from churn.reporting.quality import Number, quality_of
from churn.reporting.templates import template
from churn.scoring.calls import plain_cell
from churn.scoring.health import health
from churn.scoring.sink import calls_path, facts_path, scores_path


@dataclass(frozen=True)
class Sources:
    """A night's table, its call list as `(customer_id, name)` in order, its facts, and the evaluation.

    `metrics` and `promotion` are None where `churn evaluate` or `churn promote` has not been run; `tested`,
    the customers of the test cutoffs with what the model said and what came of it, comes with `metrics`.
    """

    cutoff: date
    scores: pd.DataFrame
    called: tuple[tuple[str, str], ...]
    facts: Mapping[str, Any]
    metrics: Mapping[str, Any] | None
    promotion: Mapping[str, Any] | None
    tested: pd.DataFrame | None = None


def read_sources(output: Path, cutoff: date | None = None) -> Sources:
    """Read a whole night, the latest by default.

    Raises:
        CallError: no night is there, or not the one asked for.
    """
    nights = sorted(
        date.fromisoformat(path.parent.name.removeprefix("cutoff="))
        for path in output.glob("scores/cutoff=*/scores.parquet")
    )
    if not nights:
        raise CallError(f"{output / 'scores'}: no night here. Run `churn score` first.")
    if cutoff is not None and cutoff not in nights:
        raise CallError(
            f"--cutoff {cutoff}: this night was not scored; the latest is {nights[-1]}. "
            f"Run `churn score --cutoff {cutoff}` first."
        )
    night = cutoff or nights[-1]
    lines = csv.DictReader(io.StringIO(calls_path(output, night).read_text(encoding="utf-8-sig"), newline=""))
    return Sources(
        cutoff=night,
        scores=pq.read_table(scores_path(output, night), partitioning=None).to_pandas(),
        called=tuple((plain_cell(line["customer_id"]), plain_cell(line["name"])) for line in lines),
        facts=json.loads(facts_path(output, night).read_text(encoding="utf-8")),
        metrics=_json(output / "evaluate" / "metrics.json"),
        promotion=_json(output / "evaluate" / "promotion.json"),
        tested=_tested(output / "evaluate" / "predictions.parquet"),
    )


def _tested(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    columns = ["customer_id", "left", "challenger"]
    found: pd.DataFrame = pq.read_table(path, columns=columns, partitioning=None).to_pandas()
    return found


def _json(path: Path) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


Floats = npt.NDArray[np.float64]

MOST_CALLS = 50
BANDS = {5: "well", 4: "good", 3: "as usual", 2: "at risk", 1: "about to leave"}
Z_95 = 1.959964


@dataclass(frozen=True)
class Bar:
    """One bar of a list: its words, how many, and its length in per cent of the longest."""

    name: str
    count: int
    length: float
    style: str = ""


@dataclass(frozen=True)
class Total:
    """A sum over customers with the 95 % interval that chance alone gives it."""

    value: float
    low: float
    high: float


def render(sources: Sources) -> str:
    """Return the report as HTML; everything that comes from data is escaped.

    Args:
        sources: a night and, where there was one, an evaluation.
    """
    facts, cohort = sources.facts, _cohort(sources.scores)
    probability = cohort["churn_probability"].to_numpy(dtype=np.float64)
    value = cohort["value_at_risk"].to_numpy(dtype=np.float64, na_value=np.nan)
    quality = quality_of(sources.metrics, sources.promotion)
    bands = cohort["health"].to_numpy(dtype=np.float64, na_value=np.nan)
    return template("report.html").render(
        cutoff=sources.cutoff,
        facts=facts,
        horizon=facts["label"]["horizon_days"],
        why_left=WHY_LEFT[facts["label"].get("leaving", "any")],
        at_risk=int((bands <= 2).sum()),
        leaving=expected(probability),
        at_stake=expected(probability, value),
        value_known=int((~np.isnan(value)).sum()),
        excluded=_bars(facts["excluded"].items()),
        bands=[_band(band, bands) for band in BANDS],
        families=_bars(facts["first_reasons"].items()),
        plays=_bars(_plays_called(sources.scores).items()),
        probabilities=_probabilities(probability, facts["base_rate"]) if len(cohort) else "",
        calls=_calls(sources),
        most=MOST_CALLS,
        quality=quality,
        outcomes=band_outcomes(sources.tested, facts["base_rate"]) if quality else None,
        band_names=BANDS,
        same_model=quality is None or not quality.version or quality.version == facts["model_version"],
        captions={name: Markup(text) for name, text in CAPTIONS.items()},
    )


def _probabilities(probability: Floats, base_rate: float) -> Markup:
    label = "Histogram of the customers' probability of leaving"
    return inline_figure(probabilities_figure(probability, base_rate), "probabilities", label)


def expected(probability: Floats, value_at_risk: Floats | None = None) -> Total:
    """Return how many (or, with values, how much) leaves on average, and 95 % of what chance makes of it.

    Customers are taken to leave independently, each with the stated probability; unknown values count
    nothing. The interval is that of a sum of independent yes-or-no draws, by the normal approximation.
    """
    if value_at_risk is None:
        value_at_risk = probability
    at_stake = np.divide(value_at_risk, probability, out=np.zeros(len(probability)), where=probability > 0)
    spread = float(np.sqrt(np.nansum(at_stake**2 * probability * (1 - probability))))
    total = float(np.nansum(value_at_risk))
    return Total(total, max(0.0, total - Z_95 * spread), total + Z_95 * spread)


def _cohort(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[scores["excluded_because"].isna()]


def _bars(counts: Any) -> list[Bar]:
    ordered = sorted(counts, key=lambda item: (-item[1], item[0]))
    longest = max((count for _, count in ordered), default=1) or 1
    return [Bar(str(name), int(count), 100 * count / longest) for name, count in ordered]


def _band(band: int, bands: Floats) -> Bar:
    counts = [int((bands == each).sum()) for each in BANDS]
    count = int((bands == band).sum())
    return Bar(f"{band} {BANDS[band]}", count, 100 * count / (max(counts) or 1), f"band{band}")


def _plays_called(scores: pd.DataFrame) -> dict[str, int]:
    called = scores.loc[scores["arm"] == "treated", "play"]
    return {str(play): int(count) for play, count in called.value_counts().items()}


def _calls(sources: Sources) -> list[dict[str, Any]]:
    shown = {customer for customer, _ in sources.called[:MOST_CALLS]}
    scores = sources.scores[sources.scores["customer_id"].isin(shown)]
    rows = {str(row["customer_id"]): row for row in scores.to_dict("records")}
    cited = [str(name) for name in scores.columns if str(name).startswith("reason_")]
    calls = []
    for rank, (customer, name) in enumerate(sources.called[:MOST_CALLS], start=1):
        row = rows[customer]
        calls.append(
            {
                "rank": rank,
                "customer": customer,
                "name": name,
                "probability": row["churn_probability"],
                "value": None if pd.isna(row["value_at_risk"]) else row["value_at_risk"],
                "health": None if pd.isna(row["health"]) else int(row["health"]),
                "reasons": _said([row[name] for name in cited]),
                **{key: _text(row[key]) for key in ("play", "action", "owner", "channel", "success")},
                "due": row["due_at"],
            }
        )
    return calls


def _said(cells: Sequence[Any]) -> list[str]:
    return [str(cell) for cell in cells if not pd.isna(cell)]


def _text(cell: Any) -> str:
    return "" if pd.isna(cell) else str(cell)


def report_path(output: Path) -> Path:
    """Return the place of the report."""
    return output / "report" / "index.html"


def write_report(output: Path, html: str) -> Path:
    """Write the page; readers see the old page or the new one."""
    path = report_path(output)
    write_atomically(path, html.encode())
    return path


MOST = 5


@dataclass(frozen=True)
class BandOutcome:
    """One health band: how many rows were in it, which share was to leave and which share left."""

    band: int
    rows: int
    predicted: float
    observed: Number


@dataclass(frozen=True)
class BandOutcomes:
    """The bands from 1 to 5, empty ones left out, and whether fewer left from each to the next."""

    bands: tuple[BandOutcome, ...]
    falls: bool


def band_outcomes(tested: pd.DataFrame | None, base_rate: float) -> BandOutcomes | None:
    """Return what came of each band; None where there was no test.

    Nobody is taken for too new to judge here: a test row tells no tenure.

    Args:
        tested: `customer_id, left, challenger`, one row per customer and test cutoff.
        base_rate: the night's, so that a band means what it means on the call list.
    """
    if tested is None:
        return None
    known = tested.dropna(subset=["challenger", "left"])
    if known.empty:
        return None
    probability = known["challenger"].to_numpy(dtype=np.float64)
    of = health(probability, base_rate, np.zeros(len(known), dtype=bool))
    left = known["left"].to_numpy(dtype=np.float64)
    names = known["customer_id"].to_numpy()
    found, shares = [], []
    for band in range(1, MOST + 1):
        here = of == band
        if not here.any():
            continue
        shares.append(float(left[here].mean()))
        found.append(
            BandOutcome(
                band, int(here.sum()), float(probability[here].mean()), _share(left[here], names[here])
            )
        )
    return BandOutcomes(tuple(found), all(one > other for one, other in pairwise(shares)))


def _share(left: np.ndarray, customers: np.ndarray) -> Number:
    low, high = customer_wilson_interval(left, customers)
    return Number.of({"value": float(left.mean()), "low": low, "high": high}, 1, percent=True)
