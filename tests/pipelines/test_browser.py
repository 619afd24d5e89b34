"""`--open` shows a page in a browser, and says in words where there is none."""

from __future__ import annotations

import webbrowser
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines import cli, report, ui

PARAMS = "source: data\nlabel: {kind: inactivity, table: orders, horizon_days: 28}\n"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open; it opens each."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open_new_tab", lambda address: addresses.append(address) or True)
    return addresses


@pytest.fixture
def params_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A parameter file, beside which a night was scored and whose runs are on another machine."""
    page = tmp_path / "output" / "report" / "index.html"
    night = SimpleNamespace(warnings=(), result=object(), cutoff=date(2025, 10, 1))
    monkeypatch.setattr(report, "read_report_sources", lambda *_: night)
    monkeypatch.setattr(report, "render_report", lambda *_: "<p>page</p>")
    monkeypatch.setattr(report, "write_report", lambda *_: page)
    monkeypatch.setattr(ui, "_link", lambda address, *_: f"{address}/#/?x=1 (no experiment 'churn' yet)")
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    return str(path)


def test_report_opens_its_page_on_request_and_only_then(params_file: str, pages: list[str]) -> None:
    codes = [cli.main("report", ["--params", params_file, *more]) for more in ([], ["--open"])]

    assert codes == [0, 0]
    assert pages == [(Path(params_file).parent / "output" / "report" / "index.html").as_uri()]


def test_ui_opens_the_page_of_the_runs_on_request_and_only_then(params_file: str, pages: list[str]) -> None:
    call = ["--params", params_file, "--set", "tracking.uri=http://127.0.0.1:1"]

    codes = [cli.main("ui", [*call, *more]) for more in ([], ["--open"])]

    assert codes == [0, 0]
    assert pages == ["http://127.0.0.1:1/#/?x=1"]


def no_browser(_: str) -> bool:
    raise webbrowser.Error("could not locate runnable browser")


@pytest.mark.parametrize("opener", [no_browser, lambda _: False], ids=["none", "refuses"])
def test_without_a_browser_the_page_is_written_and_the_words_say_what_to_do(
    params_file: str, opener: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open_new_tab", opener)

    code = cli.main("report", ["--params", params_file, "--open"])

    output = capsys.readouterr()
    assert code == 0
    assert "report of 2025-10-01" in output.out
    assert "no browser could be opened on this machine. Open file:///" in output.err
    assert "BROWSER" in output.err
