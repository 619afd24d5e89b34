from __future__ import annotations

import pytest

from pipelines.echo import Echo


def test_lines_go_to_stdout_and_warnings_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    echo = Echo()

    echo("12 customers")
    echo.warn("one table is absent")

    output = capsys.readouterr()
    assert output.out == "12 customers\n"
    assert output.err == "warning: one table is absent\n"


@pytest.mark.parametrize(
    ("steps", "total", "lines"),
    [
        ([1] * 8, 8, ["fold: 2 of 8", "fold: 4 of 8", "fold: 6 of 8", "fold: 8 of 8"]),
        ([1, 1, 1], 3, ["fold: 1 of 3", "fold: 2 of 3", "fold: 3 of 3"]),
        ([100], 100, ["fold: 100 of 100"]),
        ([], 0, []),
    ],
)
def test_progress_off_a_terminal_is_a_few_plain_lines_on_stderr(
    steps: list[int], total: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with Echo().progress("fold", total) as advance:
        for step in steps:
            advance(step)

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == lines


def test_progress_on_a_terminal_draws_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")

    with Echo().progress("fold", 2) as advance:
        advance(2)

    output = capsys.readouterr()
    assert output.out == ""
    assert "2/2" in output.err
