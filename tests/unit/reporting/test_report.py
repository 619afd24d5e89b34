from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markupsafe import Markup

from churn.data.files import checksum_of
from churn.data.own_files import write_own_json
from churn.drift.result import Performance, drift_path
from churn.errors import CallError, SourceError
from churn.evaluation.result import EvaluationResult
from churn.params import LabelParams
from churn.promotion.record import Promotion, keep_evaluation, kept_evaluation
from churn.reporting.page.page import script
from churn.reporting.page.sources import read_report_sources
from churn.reporting.page.totals import expected_total
from churn.reporting.page.words import Language
from churn.reporting.report import night_page_path, render_report, report_path, write_report
from churn.scoring.call_list import calls_csv, contacts_table
from churn.scoring.night import Trial
from churn.scoring.scores import score_schema
from churn.scoring.sink import contacts_path, facts_path, night_files, write_night
from tests.drawn_drift import AGE, STOPPED, drift_of, realised_of
from tests.drawn_night import DrawnCall, write_drawn_night
from tests.filled import filled
from tests.unit.reporting.conftest import FACTS, LABEL, METRICS, NASTY, NIGHT, ROWS, candidate, spread

GATE = {
    "name": "g",
    "passed": True,
    "value": None,
    "low": None,
    "high": None,
    "rule": "r",
    "words": "w",
}


INLINE = {"a", "b", "code", "data", "em", "i", "small", "span", "strong", "time"}
VOID = {"meta", "br", "input", "link", "img", "col", "wbr", "hr"}


class Page(HTMLParser):
    """Collects what a browser would run or fetch, and the words it would show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self.script_type = ""
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag == "script":
            self.script_type = dict(attrs).get("type", "")
        if tag == "a":  # a browser follows a link only if a person clicks it
            self.links += [value for name, value in attrs if name == "href" and not value.startswith("#")]
        else:
            self.fetched += [value for name, value in attrs if name in ("src", "href")]
        if tag not in INLINE:
            self.words.append(" ")

    def handle_endtag(self, tag):
        if tag not in INLINE:
            self.words.append(" ")
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "script" in self.open:
            if self.script_type == "application/json":
                json.loads(data)  # a value that ends the script would cut it
            else:
                self.scripts.append(data)
        elif "style" not in self.open and "svg" not in self.open:
            self.words.append(data)

    @property
    def runs_only_its_own_script(self) -> bool:
        return self.scripts == [script()] and not self.handlers

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


CHARTLESS = "<svg></svg>"


@pytest.fixture
def charts() -> None:
    """Draw the charts of the page; a test without this fixture is not about them, and drawing takes long."""


@pytest.fixture(autouse=True)
def chartless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "charts" not in request.fixturenames:
        monkeypatch.setattr("churn.reporting.quality.inline_figure", lambda *_: Markup(CHARTLESS))


def page_of(output: Path) -> Page:
    return Page(render_report(read_report_sources(output)))


@pytest.mark.parametrize(
    ("leaving", "said", "unsaid"),
    [
        (
            "involuntary",
            "in the next 31 days, because a due payment was never made. A customer",
            "no missed payment is known",
        ),
        (
            "voluntary",
            "and no missed payment is known as the reason. A customer",
            "because a due payment",
        ),
        ("any", "in the next 31 days.", "another way"),
    ],
)
def test_the_report_says_which_way_of_leaving_is_meant(output, leaving: str, said: str, unsaid: str):
    sources = read_report_sources(output)
    label = LabelParams(kind="contract", horizon_days=31).model_dump(mode="json") | {"leaving": leaving}

    page = Page(render_report(replace(sources, facts=sources.facts.model_copy(update={"label": label}))))

    assert said in page.text
    assert unsaid not in page.text


def test_names_reasons_actions_and_exclusions_cannot_bring_html(evaluated, charts):
    page = page_of(evaluated)

    assert page.runs_only_its_own_script
    for said in ("Ann", "silent", "Call", "gone"):
        assert f"{said} <script>alert('x')</script>" in page.text


def test_the_page_needs_nothing_but_itself(evaluated, charts):
    html = render_report(read_report_sources(evaluated))

    assert Page(html).fetched == []
    assert Page(html).links == ["nights/index.html", "../evaluate/report.html"]
    assert not re.search(r"@import|url\((?!#)", html)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=http://evil.example/i.png onerror=alert(1)>',
    "'><a href='javascript:alert(1)'>x</a>",
    "--><style>@import 'http://evil.example'</style>",
    "</svg></style><link rel=stylesheet href=http://evil.example>",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids_names_and_plays_are_text_on_the_report(tmp_path: Path, name: str):
    rows = [ROWS[0] | {"customer_id": name, "play": name, "action": name, "owner": name, "reason_1": name}]
    rows.append(ROWS[3] | {"excluded_because": name})
    table = pa.Table.from_pylist(rows, schema=score_schema(LABEL, 3))
    facts = FACTS | {"plays": {name: 1}, "switched_off": {name: [name]}, "excluded": {name: 1}}
    calls, contacts = calls_csv(table, [name], {name: name}, [], 3), contacts_table([name], {name: name})
    write_night(tmp_path, NIGHT, night_files(table, calls, contacts, facts))

    html = render_report(read_report_sources(tmp_path))

    page = Page(html)
    assert name in page.text
    assert page.runs_only_its_own_script
    assert page.tags.isdisjoint({"img", "link", "iframe", "object"})
    assert page.fetched == []
    assert page.links == ["nights/index.html"]
    assert not re.search(r"@import|url\((?!#)", "".join(re.findall(r"<style.*?</style>", html, re.DOTALL)))


def test_the_headline_counts_the_unhealthy_and_sums_what_is_known(output):
    text = page_of(output).text

    assert "At risk 2 of 3 customers" in text
    assert "Value at risk 110" in text
    assert "money is known for 2 of 3" in text


def test_a_customer_is_shown_by_the_id_of_the_data_and_not_of_the_spreadsheet(output):
    text = page_of(output).text

    assert "=ann" in text
    assert "'=ann" not in text


def test_a_missing_evaluation_is_said(output):
    text = page_of(output).text

    assert "this model was not evaluated" in text
    assert "churn evaluate" in text


def test_an_evaluation_is_shown_with_intervals_beside_the_baselines(evaluated, charts):
    text = page_of(evaluated).text

    assert "0.750 [0.740, 0.760]" in text
    assert "0.500 [0.490, 0.510]" in text
    assert "better than the base rate for everybody: log loss −0.0500 [−0.0600, −0.0400]" in text
    assert "times as many churners among the top 10%" in text
    assert "–" in text  # the base rate has no calibration slope


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ({"value": -0.05, "low": -0.06, "high": -0.04}, "better than the base rate"),
        ({"value": -0.05, "low": -0.11, "high": 0.01}, "not shown to differ from the base rate"),
        ({"value": 0.05, "low": 0.04, "high": 0.06}, "worse than the base rate"),
    ],
)
def test_a_difference_is_judged_by_its_interval(evaluated, loss, words):
    compare_by(evaluated, loss)

    assert words in page_of(evaluated).text


def test_a_difference_to_the_teams_own_rule_reads_as_a_sentence(evaluated):
    compare_by(evaluated, {"value": -0.05, "low": -0.06, "high": -0.04}, "rule")

    assert "better than your own rule: log loss" in page_of(evaluated).text


def test_a_difference_without_an_interval_is_not_judged(evaluated):
    compare_by(evaluated, {"value": None, "low": None, "high": None})

    assert "the base rate for everybody:" not in page_of(evaluated).text


def compare_by(output: Path, loss: dict[str, float | None], other: str = "base_rate") -> None:
    content = METRICS | {"paired": {f"challenger_minus_{other}": {"log_loss": loss}}}
    filled(EvaluationResult, content).write(output / "evaluate" / "metrics.json")


def test_the_page_shows_the_model_that_scored_the_night_and_not_the_one_evaluated_last(evaluated):
    keep_evaluation(evaluated, "d")
    later = METRICS | {
        "model": {"version": "4", "digest": "later"},
        "candidates": {"challenger": candidate(0.99, 1.0)},
        "paired": {},
    }
    filled(EvaluationResult, later).write(evaluated / "evaluate" / "metrics.json")
    refused = {"accepted": False, "digest": "later", "gates": [GATE | {"rule": "no leak", "passed": False}]}
    filled(Promotion, refused).write(evaluated / "evaluate")

    text = page_of(evaluated).text

    assert "0.750 [0.740, 0.760]" in text
    assert "0.990" not in text
    assert "no leak" not in text
    assert "Version 4 was evaluated later" in text


def drop_checksum(path: Path) -> None:
    """Write a file as versions did that wrote no checksum."""
    content = json.loads(path.read_text())
    del content["checksum"]
    path.write_text(json.dumps(content))


def test_an_evaluation_without_a_checksum_is_left_out_with_the_way_to_make_it_anew(evaluated):
    path = evaluated / "evaluate" / "metrics.json"
    drop_checksum(path)

    sources = read_report_sources(evaluated)

    assert "0.750" not in Page(render_report(sources)).text
    (warning,) = sources.warnings
    assert str(path) in warning
    assert "no checksum" in warning
    assert "Run `churn evaluate`" in warning


def change_figure(path: Path) -> None:
    path.write_text(path.read_text().replace("0.75", "0.95", 1))


def empty(path: Path) -> None:
    path.write_text("")


@pytest.mark.parametrize(
    ("damage", "name"),
    [(drop_checksum, "metrics.json"), (change_figure, "metrics.json"), (empty, "promotion.json")],
)
def test_a_kept_evaluation_that_cannot_be_read_is_left_out_with_the_way_out(evaluated, damage, name: str):
    filled(Promotion, {"accepted": True, "digest": "d", "gates": [GATE]}).write(evaluated / "evaluate")
    keep_evaluation(evaluated, "d")
    later = METRICS | {"model": {"version": "4", "digest": "later"}}
    filled(EvaluationResult, later).write(evaluated / "evaluate" / "metrics.json")
    (evaluated / "evaluate" / "promotion.json").unlink()
    damage(kept_evaluation(evaluated, "d") / name)

    sources = read_report_sources(evaluated)

    assert "There is no evaluation of model version 3" in Page(render_report(sources)).text
    (warning,) = sources.warnings
    assert str(kept_evaluation(evaluated, "d")) in warning
    assert "Run `churn evaluate`" in warning
    assert "Delete" not in warning


def test_a_verdict_without_a_checksum_is_left_out_and_the_figures_stay(evaluated):
    filled(Promotion, {"accepted": True, "digest": "d", "gates": [GATE]}).write(evaluated / "evaluate")
    drop_checksum(evaluated / "evaluate" / "promotion.json")

    sources = read_report_sources(evaluated)

    text = Page(render_report(sources)).text
    assert "0.750 [0.740, 0.760]" in text
    assert "It passed" not in text
    (warning,) = sources.warnings
    assert "promotion.json" in warning
    assert "Run `churn evaluate`, then `churn promote`" in warning


def test_files_with_their_checksum_bring_no_warning(evaluated):
    filled(Promotion, {"accepted": True, "digest": "d", "gates": [GATE]}).write(evaluated / "evaluate")
    keep_evaluation(evaluated, "d")

    assert read_report_sources(evaluated).warnings == ()


def test_a_damaged_evaluation_stops_the_report(evaluated):
    path = evaluated / "evaluate" / "metrics.json"
    change_figure(path)

    with pytest.raises(SourceError, match=r"checksum differs\. Run `churn evaluate` again"):
        read_report_sources(evaluated)


def test_a_night_whose_model_has_no_evaluation_shows_that_of_no_other_model(evaluated):
    path = evaluated / "evaluate" / "metrics.json"
    text = (
        path.read_text().replace('"digest": "d"', '"digest": "e"').replace('"version": "3"', '"version": "4"')
    )
    write_own_json(path, json.loads(text))

    text = page_of(evaluated).text

    assert "There is no evaluation of model version 3" in text
    assert "is of version 4, which did not score this night" in text
    assert "0.750" not in text


@pytest.mark.parametrize("trial", [True, False])
def test_a_trial_is_marked_on_the_page_with_what_it_lacks(evaluated, trial: bool):
    sources = read_report_sources(evaluated)
    reason = {
        "because": ["beats_rfm"],
        "explanations": [f"not better {NASTY}."],
        "requirements": ["it is better"],
    }

    facts = sources.facts.model_copy(update={"trial": reason if trial else None})
    page = Page(render_report(replace(sources, facts=facts)))

    assert ("A trial, not a call list to work from." in page.text) is trial
    assert (f"not better {NASTY}." in page.text) is trial
    assert ("becomes champion if it is better." in page.text) is trial
    assert ("There is no champion yet" in page.text) is trial
    assert page.runs_only_its_own_script


def test_a_trial_beside_a_champion_of_another_label_says_why_the_champion_did_not_score(evaluated):
    sources = read_report_sources(evaluated)
    trial = Trial(("beats_rfm",), ("no.",), ("it is better",), (f"the champion learnt label {NASTY}.",))

    page = Page(
        render_report(replace(sources, facts=sources.facts.model_copy(update={"trial": trial.as_json()})))
    )

    assert "The champion cannot score this night" in page.text
    assert f"the champion learnt label {NASTY}." in page.text
    assert "There is no champion yet" not in page.text


@pytest.mark.parametrize(
    ("ratio", "half", "said"),
    [(1.5, 0.1, "about 1 customers will leave"), (0.5, 0.1, "probabilities are too high"), (1.05, 0.1, None)],
)
def test_a_level_that_was_off_at_the_test_says_how_far_tonight_is_off(evaluated, ratio, half, said):
    ours = candidate(0.75, 0.9) | {"observed_expected": spread(ratio, half)}
    filled(EvaluationResult, METRICS | {"candidates": {"challenger": ours}}).write(
        evaluated / "evaluate" / "metrics.json"
    )

    text = page_of(evaluated).text

    assert ("The level of the probabilities was wrong at the test:" in text) is (said is not None)
    assert said is None or said in text


def test_a_name_is_shown_as_it_was_written(output):
    row = {"rank": 1, "customer_id": "=ann", "name": "'=1 O\rBrien"}
    path = contacts_path(output, NIGHT)
    pq.write_table(pa.Table.from_pylist([row]), path)
    facts = json.loads(facts_path(output, NIGHT).read_text())
    facts["files"][path.name] = checksum_of(path)
    write_own_json(facts_path(output, NIGHT), facts)

    assert read_report_sources(output).contacts == (("=ann", "'=1 O\rBrien"),)


def test_a_night_of_an_earlier_version_without_contacts_says_how_to_write_them(output):
    contacts_path(output, NIGHT).unlink()

    with pytest.raises(CallError, match="churn score --cutoff 2024-01-31"):
        read_report_sources(output)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (
            {"accepted": True, "digest": "d", "gates": [GATE]},
            "It passed all gates: 1.",
        ),
        (
            {"accepted": False, "digest": "d", "gates": [GATE | {"rule": "no leak", "passed": False}]},
            "Of 1 gates, these refused the model: no leak.",
        ),
        ({"accepted": True, "digest": "other", "gates": []}, "The gates were not applied yet"),
    ],
)
def test_the_verdict_is_that_on_the_model_evaluated(evaluated, verdict, words):
    filled(Promotion, verdict).write(evaluated / "evaluate")

    assert words in page_of(evaluated).text


def test_a_champion_judged_again_is_said_to_have_passed_the_gates_before(evaluated):
    path = evaluated / "evaluate" / "metrics.json"
    metrics = json.loads(path.read_text())
    champion = {"version": "3", "digest": metrics["model"]["digest"]}
    write_own_json(path, metrics | {"champion": champion})

    text = page_of(evaluated).text

    assert "The model is the champion; the gates were applied when it was promoted." in text
    assert "The gates were not applied yet" not in text


def test_a_switched_off_play_is_said(output):
    assert (
        "Play “low-rating” cannot apply, because survey_last_rating is not computed here."
        in page_of(output).text
    )


def look_at(output: Path, **changes: object) -> None:
    drift = drift_of(cutoff=NIGHT, model_digest=FACTS["model_digest"], **changes)
    write_own_json(drift_path(output, NIGHT), drift.as_json())


def test_a_quiet_night_says_that_nothing_has_moved(output):
    look_at(output, performance=Performance(realised_nights=(realised_of(0.81),)))

    text = page_of(output).text

    assert "Nothing to do: the tables are fresh" in text
    assert "No: none of 1 signals has changed by more than its limit." in text
    assert "Earlier nights whose outcome is known" in text
    assert "logins" in text


@pytest.mark.parametrize("note", [None, "there is no control group"])
def test_the_page_says_whether_the_contacted_customers_of_earlier_nights_count(output, note):
    night = realised_of(0.81).model_copy(update={"note": note})
    look_at(output, performance=Performance(realised_nights=(night,)))

    text = page_of(output).text

    assert ("Contacted customers are left out" in text) is (note is None)
    assert ("without a control group, the table counts contacted customers too" in text) is (note is not None)


def test_what_has_moved_is_said_in_words_and_cannot_bring_html(output):
    nasty = STOPPED.model_copy(update={"text": "the kind '<script>alert(1)</script>' has stopped."})
    look_at(output, alarms=(nasty,), triggers=(AGE,))

    page = page_of(output)

    assert "Repair these tables first" in page.text
    assert "the kind '<script>alert(1)</script>' has stopped." in page.text
    assert page.runs_only_its_own_script
    assert "Train the model again" in page.text
    assert "The model is old: yes. the newest cutoff is 200 days old" in page.text


def test_a_night_at_which_nobody_looked_says_how_to_look(output):
    assert (
        f"This has not been checked for this night. Run churn drift --cutoff {NIGHT}" in page_of(output).text
    )


def test_what_moved_for_another_model_is_not_shown(output):
    look_at(output)
    write_own_json(drift_path(output, NIGHT), drift_of(cutoff=NIGHT, model_digest="another").as_json())

    assert "This has not been checked for this night" in page_of(output).text


def test_a_damaged_file_of_what_has_moved_is_left_out_with_a_warning(output):
    look_at(output)
    drift_path(output, NIGHT).write_text("{}")

    assert "This has not been checked for this night" in page_of(output).text
    assert "drift.json" in read_report_sources(output).warnings[0]


def test_the_same_night_gives_the_same_page(evaluated, charts):
    assert render_report(read_report_sources(evaluated)) == render_report(read_report_sources(evaluated))


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_page_is_replaced_in_one_step_and_the_page_of_the_night_is_kept(output):
    night = read_report_sources(output)
    write_report(night, "old")

    links = 'new <a href="nights/index.html"><a href="../evaluate/report.html">'
    path = write_report(night, links)

    assert path == report_path(output)
    kept = 'new <a href="index.html"><a href="../../evaluate/report.html">'
    assert (path.read_text(), night_page_path(output, NIGHT).read_text()) == (links, kept)
    assert files_in(path.parent) == {"index.html", "nights/index.html", f"nights/{NIGHT}.html"}


def test_the_page_of_an_earlier_night_does_not_replace_that_of_the_latest(tmp_path: Path):
    for day in (30, 31):
        write_drawn_night(tmp_path, date(2024, 1, day), [DrawnCall("ann", 0.5)])
    latest = write_report(read_report_sources(tmp_path), "latest")

    earlier = write_report(read_report_sources(tmp_path, date(2024, 1, 30)), "earlier")

    assert earlier == night_page_path(tmp_path, date(2024, 1, 30))
    assert (latest.read_text(), earlier.read_text()) == ("latest", "earlier")


@pytest.mark.parametrize(("language", "expected"), [("en", "no page yet"), ("de", "noch keine Seite")])
def test_the_list_of_nights_links_the_pages_and_says_how_to_write_the_others(
    tmp_path: Path, language: Language, expected: str
):
    for day in (29, 30, 31):
        write_drawn_night(tmp_path, date(2024, 1, day), [DrawnCall("ann", 0.5)])
    write_report(read_report_sources(tmp_path, date(2024, 1, 30)), "earlier", language)
    path = write_report(read_report_sources(tmp_path), "latest", language)

    page = Page((path.parent / "nights" / "index.html").read_text())

    assert page.links == ["../index.html", "2024-01-31.html", "2024-01-30.html"]
    assert f"{expected}: churn report --cutoff 2024-01-29" in page.text


def test_without_a_night_the_way_out_is_said(tmp_path):
    with pytest.raises(CallError, match="churn score"):
        read_report_sources(tmp_path)


def test_a_night_that_was_not_scored_is_refused_and_the_latest_named(output):
    with pytest.raises(CallError, match="the latest is 2024-01-31"):
        read_report_sources(output, date(2024, 2, 1))


def test_the_expected_number_is_the_sum_with_the_spread_of_independent_draws():
    total = expected_total(np.full(100, 0.5))

    assert total.value == pytest.approx(50)
    assert total.high - total.low == pytest.approx(2 * 1.959964 * 5)


def test_the_expected_loss_weighs_each_draw_by_what_is_lost_and_passes_over_unknown_value():
    total = expected_total(np.array([0.5, 0.5, 0.0]), np.array([50.0, np.nan, 0.0]))

    assert total.value == pytest.approx(50)
    assert total.high == pytest.approx(50 + 1.959964 * 100 * 0.5)
    assert total.low == 0
