"""A JSON file of ours is read if its content is what was written, however it is laid out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from churn.data import own_files
from churn.data.own_files import read_own_json, write_own_json
from churn.errors import SourceError

CONTENT = {"name": "Zoë", "rows": [1, 2.5, None], "a": {"checksum": "be7062ef"}}


def read(path: Path) -> dict[str, Any]:
    return read_own_json(path, dict[str, Any], way_out="Write it again.")


def test_a_file_as_it_was_written_is_not_laid_out_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "night.json"
    write_own_json(path, CONTENT)
    monkeypatch.setattr(own_files, "json_text", lambda value: pytest.fail("the content was laid out anew"))

    assert read(path) == CONTENT


@pytest.mark.parametrize("content", [{"a": 1}, CONTENT], ids=["the checksum is last", "it is in the middle"])
def test_another_layout_of_the_same_content_is_read(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "night.json"
    write_own_json(path, content)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")

    assert read(path) == content


def test_no_changed_bit_gives_another_content(tmp_path: Path) -> None:
    path = tmp_path / "night.json"
    write_own_json(path, CONTENT)
    written = path.read_bytes()

    n_refused = 0
    for bit in range(8 * len(written)):
        data = bytearray(written)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            assert read(path) == CONTENT  # a blank may have become another blank
        except SourceError:
            n_refused += 1

    assert n_refused > 7 * len(written)
