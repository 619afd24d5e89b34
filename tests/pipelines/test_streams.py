"""No control character of a name or a value reaches the terminal."""

from __future__ import annotations

import io
import sys
import unicodedata
from pathlib import Path

import pytest

from churn.controls import escape_controls
from pipelines import cli
from pipelines.streams import SafeStream, safe_streams

CONTROLS = [
    *(chr(number) for number in (*range(0x20), *range(0x7F, 0xA0)) if chr(number) not in "\t\n"),
    *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029",
]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_a_control_character_becomes_a_code(control: str) -> None:
    text = escape_controls(f"plan{control}x")

    assert text.startswith("plan\\")
    assert all(unicodedata.category(letter) not in ("Cc", "Cf", "Zl", "Zp") for letter in text)


@pytest.mark.parametrize("text", ["O'Brien", "Zoë Müller", "a\tb\n", "李 🙂", "نام", "C:\\x1b"])
def test_honest_text_is_printed_as_it_is(text: str) -> None:
    assert escape_controls(text) == text


def test_a_letter_that_the_terminal_cannot_print_is_no_bug() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    stream = SafeStream(file)

    print("Müller \udcff", file=stream, flush=True)  # type: ignore[call-overload]

    assert file.buffer.getvalue() == b"M\\xfcller \\udcff\n"  # type: ignore[attr-defined]


def test_both_streams_are_wrapped_and_given_back() -> None:
    earlier = sys.stdout, sys.stderr

    with safe_streams():
        assert isinstance(sys.stdout, SafeStream)
        assert isinstance(sys.stderr, SafeStream)

    assert (sys.stdout, sys.stderr) == earlier


def test_a_column_name_cannot_move_the_cursor(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "clients.csv").write_text("id,since\x1b]0;x\x07\x9b31m\u202e\na,2023-01-01\n")
    (tmp_path / "params.yaml").write_text(
        "source: raw\ntables: {customers: {from: clients}, orders: {}}\n"
        "label: {kind: inactivity, table: orders, horizon_days: 7}\n"
    )

    code = cli.main("ingest", ["--params", str(tmp_path / "params.yaml")])

    output = "".join(capfd.readouterr())
    assert code == 11
    assert not any(control in output for control in CONTROLS)
