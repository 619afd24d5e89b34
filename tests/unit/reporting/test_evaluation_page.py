from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from churn.evaluation.comparison import compare_candidates
from churn.evaluation.prediction_tables import decile_table, prediction_histogram
from churn.evaluation.result import EvaluationResult
from churn.metrics.catalog import METRICS
from churn.metrics.profit import CustomerValues
from churn.params import ProfitParams
from churn.reporting.console import evaluation_summary
from churn.reporting.evaluation_page import render_evaluation, write_evaluation_page
from churn.reporting.plots import CAPTIONS, FIGURES, write_plots
from churn.reporting.plots.style import save_figure
from churn.snapshots.dataset import LabelledRows
from tests.filled import filled, json_of
from tests.small_snapshots import draws_of


@pytest.fixture(scope="module")
def evaluated() -> dict[str, Any]:
    """The parts of metrics.json that every evaluation has."""
    rng = np.random.default_rng(0)
    left, days = (rng.random(400) < 0.2).astype(float), np.repeat([19_000, 19_028], 200)
    rows = LabelledRows((), {}, np.zeros((400, 0)), left, np.tile(np.arange(200), 2), days)
    ours = 1 / (1 + np.exp(-(2 * left - 2 + rng.normal(size=400))))
    worth = CustomerValues(rng.gamma(2, 60, 400), ProfitParams())
    predictions = {"challenger": ours, "champion_recipe": ours, "base_rate": np.full(400, 0.2)}
    judged = compare_candidates(rows, predictions, draws_of(rows), share=0.1, values=worth)
    value = {"known": 400, "rows": 400, "mean": 120.0, "median": 100.0, "months": 12, "margin": 1.0}
    return {
        "model": {"name": "<churn>", "version": "3", "run_id": "r1"},
        "cutoffs": list(judged.by_cutoff),
        "contact_share": 0.1,
        "candidates": json_of(judged.candidates),
        "paired": json_of(judged.paired),
        "by_cutoff": json_of(judged.by_cutoff),
        "spread": json_of(judged.spread),
        "gain_table": json_of(judged.gain_table),
        "profit_curve": json_of(judged.profit_curve),
        "calibration_table": json_of(judged.calibration_table),
        "prediction_histogram": json_of(prediction_histogram(left, ours)),
        "decile_table": json_of(decile_table(left, ours, worth)),
        "importance": [],
        "partial_dependence": [],
        "importance_by_family": [],
        "value": value | {"discount_year": 0.1, "profit": ProfitParams().model_dump()},
        "signal": {"found": "signal", "words": "signal: AUC 0.7."},
        "notes": {"champion": "There was no champion to compare with."},
    }


PROVED = {
    "value": 0.42,
    "low": 0.2,
    "high": 0.6,
    "as_of": "2025-05-02",
    "is_used": True,
    "reason": "fewer leave",
}
COST = {
    "value": 2.125,
    "low": 1.75,
    "high": 2.5,
    "contacts": 120,
    "with_cost": 111,
    "as_of": "2025-05-02",
    "is_used": True,
    "reason": "",
}
OPEN = PROVED | {"low": -0.1, "is_used": False, "reason": "not shown: the interval holds 0"}


def page_of(content: dict[str, Any], plots: dict[str, str]) -> str:
    return render_evaluation(filled(EvaluationResult, content), plots)


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_the_page_shows_every_metric_and_needs_nothing_but_itself(evaluated, tmp_path: Path) -> None:
    result = filled(EvaluationResult, evaluated)
    write_plots(tmp_path / "plots", result)

    page = write_evaluation_page(tmp_path, result).read_text(encoding="utf-8")

    told = words_of(page)
    drawn = {name for name, figure in FIGURES.items() if figure(result) is not None}
    assert page.count("<svg") == len(drawn) == 4
    assert all(one.title.format(share="10%") in told for one in METRICS.values())
    assert "There was no champion to compare with." in told
    assert not re.search(r"(?:src|href)=\"(?!#)", page.replace("xlink:href", "href"))
    assert "<churn>" not in page
    assert len(re.findall(r'id="([^"]+)"', page)) == len(set(re.findall(r'id="([^"]+)"', page)))


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=http://evil.example/i.png onerror=alert(1)>',
    "'><a href='javascript:alert(1)'>x</a>",
    "--></svg><style>@import 'http://evil.example'</style>",
    r"$\nocommand{$ and $x$",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_signals_segments_and_notes_are_text_on_the_page_and_in_the_charts(
    evaluated, tmp_path: Path, name: str
) -> None:
    drawn = {"missing_share": 0.1, "missing_probability": 0.2, "probabilities": [0.2, 0.1], "unit": name}
    level = {"signal": name, "kind": "level", "levels": [name, "b"], "shares": [0.5, 0.4]}
    more = {
        "model": {"name": name, "version": "3", "run_id": name},
        "segments": {name: [{"level": name}]},
        "importance": [{"signal": name, "share": 1.0}],
        "importance_by_family": [{"family": name, "share": 1.0}],
        "partial_dependence": [drawn | level],
        "signal": {"found": "signal", "words": f"signal: {name}"},
        "notes": {"one": name},
    }
    result = filled(EvaluationResult, evaluated | more)
    plots = {"importance", "partial_dependence"}
    for chart in plots:
        figure = FIGURES[chart](result)
        assert figure is not None
        save_figure(figure, tmp_path, chart, dpi=20)

    page = render_evaluation(result, {c: (tmp_path / f"{c}.svg").read_text(encoding="utf-8") for c in plots})

    read = Read(page)
    assert read.tags.isdisjoint({"script", "img", "a", "link", "iframe", "object"})
    assert [text for text in read.addresses if not text.startswith("#")] == []
    assert {"h1", "td", "li", "text"} <= read.tags_around(name)


class Read(HTMLParser):
    """Collects the tags, the addresses and the texts of a page, as a browser reads it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.texts.append((tag, ""))

    def handle_data(self, data: str) -> None:
        tag, text = self.texts[-1] if self.texts else ("", "")
        self.texts.append((tag, text + data))

    def tags_around(self, name: str) -> set[str]:
        """Return the tags whose text holds the name."""
        return {tag for tag, text in self.texts if name in text}


def test_an_evaluation_without_money_says_so_and_shows_no_currency(evaluated) -> None:
    poor = {
        name: {
            metric: one for metric, one in numbers.items() if "profit" not in metric and "value" not in metric
        }
        for name, numbers in evaluated["candidates"].items()
    }

    told = words_of(page_of(evaluated | {"value": None, "candidates": poor}, {}))

    assert "Nothing is measured in money." in told
    assert "profit per customer at 10%" not in told.split("By test date")[0].split("shows no difference")[1]


@pytest.mark.parametrize("found", ["signal", "no more than RFM", "ranks only", "no signal"])
def test_the_verdict_on_the_signal_is_told(evaluated, found: str) -> None:
    page = page_of(evaluated | {"signal": {"found": found, "words": f"{found}: AUC 0.5"}}, {})

    assert f"{found[0].upper()}{found[1:]}: AUC 0.5" in page
    assert ('class="note"' in page) == (found != "signal")


def test_splits_and_segments_stand_where_they_were_measured(evaluated) -> None:
    more = {
        "four_numbers": {"out_of_time": {"rows": 9}, "naive_split": {"label": "not to be quoted"}},
        "segments": {"plan": [{"level": "basic & small"}]},
    }

    told = words_of(page_of(evaluated | more, {}))

    assert "naive random split, not to be quoted" in told
    assert "basic &amp; small" in told


def test_importance_is_told_as_what_it_is_of_any_model() -> None:
    assert "mean absolute contributions" in CAPTIONS["importance"]
    assert "trees" not in CAPTIONS["importance"]


def test_the_page_speaks_in_words_and_not_in_keys(evaluated, tmp_path: Path) -> None:
    page = page_of(evaluated, {})

    told = words_of(re.sub(r"<(style|code).*?</\1>", "", page, flags=re.DOTALL))
    assert re.findall(r"\b[a-z]+_[a-z_]+\b", told) == []
    assert "the model minus the champion&#39;s recipe, refitted" in told
    assert not re.search(r"-0\.0+(?![0-9])", told)


def test_how_far_test_dates_lie_apart_stands_beside_the_intervals(evaluated) -> None:
    lowest, highest = (f"{evaluated['spread']['challenger']['auc'][end]:.3f}" for end in ("min", "max"))

    told = words_of(page_of(evaluated, {}))

    assert told.count(f"by test date {lowest} to {highest}") == 2  # on its card, and in the table
    once = {"challenger": evaluated["spread"]["challenger"] | {"cutoffs": 1}}
    assert "by test date" not in words_of(page_of(evaluated | {"spread": once}, {}))


def test_horizons_and_kinds_of_customers_have_tables_where_they_were_judged(evaluated) -> None:
    ratio = {"value": 1.17, "low": 1.08, "high": 1.28}
    seen = {"rows": 2506, "churners": 409, "base_rate": 0.16, "cutoffs": ["2025-06-01"], "auc": ratio}
    seen |= {"observed_expected": ratio, "ece": {"value": 0.041, "noise_floor": 0.016}}
    everybody = {"rows": 9000, "churners": 800, "observed_expected": ratio}
    small = everybody | {"level": "small & new", "z": 4.0, "judged": True, "off": True}

    told = words_of(
        page_of(
            evaluated
            | {
                "horizons": {"days": {"90": seen}, "missing": {}},
                "calibration_by_segment": {
                    "cutoffs": ["2025-06-01"],
                    "all": everybody,
                    "groups": {"company_size": [small]},
                },
            },
            {},
        )
    )

    assert "1.17 [1.08, 1.28]" in told
    assert "more left than expected, one cutoff" in told
    assert "company size: small &amp; new" in told
    assert "off: more leave than expected" in told
    assert "Within 30, 60 and 90 days" not in words_of(page_of(evaluated, {}))


@pytest.mark.parametrize(("narrow", "alone"), [(("gain", "lift"), 0), (("gain", "lift", "calibration"), 1)])
def test_a_last_chart_without_a_neighbour_takes_the_whole_line(evaluated, narrow, alone) -> None:
    plots = dict.fromkeys((*narrow, "importance"), '<svg viewBox="0 0 1 1"></svg>')

    page = page_of(evaluated, plots)

    assert page.count('class="card wide alone"') == alone
    assert page.count('class="card wide"') == 1


def test_the_money_says_who_takes_the_incentive_and_for_what(evaluated) -> None:
    told = words_of(page_of(evaluated, {}))

    assert "30.0% take the incentive and stay. All contacted customers who are not churners take" in told


@pytest.mark.parametrize(("ratio", "is_off"), [(1.05, False), (1.5, True)])
def test_the_page_says_first_what_to_do_and_what_the_evaluation_means(
    evaluated, ratio: float, is_off: bool
) -> None:
    content = copy.deepcopy(evaluated)
    content["candidates"]["challenger"]["observed_expected"] = {
        "value": ratio,
        "low": ratio - 0.1,
        "high": ratio + 0.1,
    }

    words = words_of(page_of(content, {}))

    first = words.split("What it means")[0]
    assert ("do not treat the probabilities as exact" in first) is is_off
    assert ("On average, the probabilities are wrong: more left than expected" in words) is is_off
    assert ("the probabilities may be used as they are" in words) is not is_off
    assert "times as many churners as a random choice" in words
    assert words.index("What it means") < words.index("The tables")


def test_without_an_interval_the_page_does_not_say_that_the_probabilities_may_be_used(evaluated) -> None:
    content = copy.deepcopy(evaluated)
    content["candidates"]["challenger"]["observed_expected"] = {"value": 1.05, "low": None, "high": None}

    assert "may be used as they are" not in words_of(page_of(content, {}))


@pytest.mark.parametrize(
    ("measured", "on_page", "in_console"),
    [
        (
            None,
            "They are assumptions until a campaign",
            "an assumed effect: contacts keep 30% of the churners",
        ),
        (
            PROVED,
            "The share is measured by <code>churn measure</code>",
            "a measured effect: contacts keep 42%",
        ),
        (
            OPEN,
            "the measured share is not used (not shown: the interval holds 0)",
            "which is not used: not shown",
        ),
    ],
    ids=["nothing measured", "proved", "not proved"],
)
def test_page_and_console_say_which_share_of_the_churners_is_in_use(
    evaluated: dict[str, Any], measured: dict[str, Any] | None, on_page: str, in_console: str
) -> None:
    known = {} if measured is None else {"measured_share": measured}
    content = evaluated | {"value": evaluated["value"] | known}

    page, lines = page_of(content, {}), evaluation_summary(filled(EvaluationResult, content))

    assert on_page in page
    assert in_console in "\n".join(lines)


@pytest.mark.parametrize(
    ("measured", "on_page", "in_console"),
    [
        (None, "The costs are assumptions. The share is measured", "with the costs of evaluate.profit and"),
        (
            COST,
            "The incentive is an assumption. The share is measured",
            "with a measured cost of a contact: 2.12 [1.75, 2.50] (111 of 120 contacts, known before "
            "2025-05-02), the offer of evaluate.profit and",
        ),
        (
            COST,
            "<code>churn measure</code> has measured it, 2.12 [1.75, 2.50] with 95 % confidence, from 111 of "
            "120 contacts that were known before 2025-05-02.",
            "a measured effect",
        ),
        (
            COST | {"with_cost": 60, "is_used": False, "reason": "too few"},
            "The recorded costs of contacts are not used: too few (60 of 120).",
            "with the costs of evaluate.profit (the recorded costs are not used: too few) and",
        ),
    ],
)
def test_page_and_console_say_which_cost_of_a_contact_is_in_use(
    evaluated: dict[str, Any], measured: dict[str, Any] | None, on_page: str, in_console: str
) -> None:
    known = {"measured_share": PROVED} | ({} if measured is None else {"measured_cost": measured})
    content = evaluated | {"value": evaluated["value"] | known}

    page, lines = page_of(content, {}), evaluation_summary(filled(EvaluationResult, content))

    assert on_page in page
    assert in_console in "\n".join(lines)
