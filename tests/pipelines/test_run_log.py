from __future__ import annotations

from pathlib import Path

import pytest

from churn.secrets import keep_secret
from pipelines.echo import Echo
from pipelines.run_log import LOG_FILE, run_log


def test_lines_of_verbs_go_to_the_file_and_shown_lines_to_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_log(Echo(), tmp_path, "churn run") as log:
        log("logins: 12 rows")
        log.show("1/5 tables")

    assert capsys.readouterr().out == "1/5 tables\n"
    assert (tmp_path / LOG_FILE).read_text().splitlines() == ["churn run", "logins: 12 rows", "1/5 tables"]


def test_a_warning_is_shown_once_and_written_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_log(Echo(), tmp_path, "churn run") as log:
        for _ in range(3):
            log.warn("one table is absent")

    assert capsys.readouterr().err == "warning: one table is absent\n"
    assert (tmp_path / LOG_FILE).read_text().count("warning: one table is absent") == 3


def test_details_are_shown_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    echo = Echo()
    echo.shows_details = True

    with run_log(echo, tmp_path, "churn run") as log, log.progress("fold", 1) as advance:
        log("logins: 12 rows")
        advance()

    output = capsys.readouterr()
    assert "logins: 12 rows" in output.out
    assert output.err == "fold: 1 of 1\n"


def test_progress_off_a_terminal_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with run_log(Echo(), tmp_path, "churn run") as log, log.progress("fold", 1) as advance:
        advance()

    assert capsys.readouterr().err == ""


def test_a_run_that_is_asked_to_end_ends_at_the_next_step_of_its_progress(tmp_path: Path) -> None:
    def raise_if_stopped() -> None:
        if is_stopped:
            raise KeyboardInterrupt

    is_stopped = False
    with run_log(Echo(raise_if_stopped), tmp_path, "churn run") as log, log.progress("fold", 2) as advance:
        advance()
        is_stopped = True
        with pytest.raises(KeyboardInterrupt):
            advance()


def test_an_error_names_the_file_of_the_details(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no labels"), run_log(Echo(), tmp_path, "churn run"):
        raise ValueError("no labels")

    assert str(tmp_path / LOG_FILE) in capsys.readouterr().out


def test_the_file_of_the_details_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def show_and_fail() -> None:
        with run_log(Echo(), tmp_path, "churn run") as log:
            log.show_path()
            raise ValueError("no labels")

    with pytest.raises(ValueError, match="no labels"):
        show_and_fail()

    assert capsys.readouterr().out.count(LOG_FILE) == 1


def test_no_secret_and_no_control_character_reaches_the_file(tmp_path: Path) -> None:
    keep_secret("geheim-7301")

    with run_log(Echo(), tmp_path, "churn run") as log:
        log("postgresql://ann:geheim-7301@host\x1b[2J")

    text = (tmp_path / LOG_FILE).read_text()
    assert "geheim-7301" not in text
    assert "\x1b" not in text


def test_each_run_begins_a_new_file(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with run_log(Echo(), tmp_path, name):
            pass

    assert (tmp_path / LOG_FILE).read_text() == "second\n"
