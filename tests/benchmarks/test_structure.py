"""The figures of a tiny drawn checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.names import Name, names_in, offenders, says_nothing
from benchmarks.structure import main, report, structure

FILES = {
    "churn/__init__.py": '"""A company."""\n',
    "churn/errors.py": "class ChurnError(Exception):\n    pass\n",
    "churn/data/__init__.py": "",
    "churn/data/store.py": (
        "from typing import (\n    Any,\n    TYPE_CHECKING,\n)\n"
        "if TYPE_CHECKING:\n    from churn import errors\n\n"
        "DAYS = 7\nPath = str\n\n\ndef read(name: str) -> dict[str, Any]:\n    return {}\n"
    ),
    "churn/data/ingest/rules.py": (
        "from collections.abc import Mapping\nfrom typing import Any\n"
        "from ..store import read\n\nDAYS = 28\nPath = str\n\n\n"
        "def check(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:\n"
        "    one = read('x')\n    return one\n"
    ),
    "pipelines/train.py": "from churn.data.ingest import rules\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for path, source in FILES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return tmp_path


def test_files_lines_and_import_lines_are_those_of_churn(checkout: Path) -> None:
    figures = structure(checkout)

    assert figures.files == 5
    assert figures.lines == 1 + 2 + 13 + 11
    assert figures.code_lines == 0 + 2 + 10 + 8
    assert figures.import_lines == 4 + 1 + 3


def test_a_room_counts_its_subfolders(checkout: Path) -> None:
    assert structure(checkout).rooms == {"churn/data": 24}


def test_importers_are_followed_through_relative_imports_and_from_pipelines(checkout: Path) -> None:
    assert structure(checkout).single_importer == (
        "churn.data.ingest.rules",
        "churn.data.store",
        "churn.errors",
    )


def test_annotations_of_any_are_counted_where_they_are_nested_too(checkout: Path) -> None:
    assert structure(checkout).any_mappings == {"Mapping[str, Any]": 2, "dict[str, Any]": 1}


def test_a_name_has_two_meanings_where_its_definitions_differ(checkout: Path) -> None:
    shared = structure(checkout).shared_names

    assert shared == {"DAYS": ("churn.data.ingest.rules", "churn.data.store")}


def test_names_that_say_nothing_are_found_with_their_kind_and_line(checkout: Path) -> None:
    rules = Path("churn/data/ingest/rules.py")

    assert structure(checkout).empty_names == (
        Name("found", "parameter", rules, 9),
        Name("one", "variable", rules, 10),
    )


def test_the_command_prints_a_table_and_the_lists_on_request(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(checkout), "--names"]) == 0

    printed = capsys.readouterr().out
    assert "| biggest room | churn/data, 88.9% of the lines |" in printed
    assert "DAYS x2: churn.data.ingest.rules, churn.data.store" in printed
    assert report(structure(checkout))[0] in printed


def test_a_folder_without_the_product_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize("name", ["found", "_asked", "Judged", "TRIED", "one", "place", "standing", "_Found"])
def test_a_bare_participle_or_pronoun_says_nothing(name: str) -> None:
    assert says_nothing(name)


@pytest.mark.parametrize("name", ["finding", "left", "matured", "seed", "known_at", "LogScaled"])
def test_nouns_verbs_and_the_vocabulary_say_something(name: str) -> None:
    assert not says_nothing(name)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def found(): ...", "function"),
        ("class Found: ...", "class"),
        ("FOUND = 1", "constant"),
        ("class A:\n    found: int", "field"),
        ("class A:\n    def found(self): ...", "method"),
        ("class A:\n    def run(self):\n        self.found = 1", "field"),
        ("def run(*, found=1): ...", "parameter"),
        ("def run(**found): ...", "parameter"),
        ("def run():\n    if found := 1: ...", "variable"),
        ("x = [1 for found in ()]", "variable"),
        ("x = lambda found: 1", "variable"),
        ("import numpy as found", "variable"),
        ("def run():\n    try: ...\n    except OSError as found: ...", "variable"),
    ],
)
def test_each_kind_of_name_is_seen(source: str, kind: str) -> None:
    path = Path("churn/store.py")

    assert [name.kind for name in names_in(source, path) if says_nothing(name.text)] == [kind]


def test_files_and_folders_have_names_too(tmp_path: Path) -> None:
    (tmp_path / "told").mkdir()
    (tmp_path / "told" / "__init__.py").touch()
    (tmp_path / "told" / "made.py").touch()

    assert [(name.text, name.kind) for name in offenders([tmp_path], tmp_path)] == [
        ("told", "module"),
        ("made", "module"),
    ]


def test_parameters_of_python_s_own_methods_are_not_ours() -> None:
    source = "class A:\n    def __eq__(self, other): ...\n    def __init__(self, found): ..."

    names = [name.text for name in names_in(source, Path("a.py")) if says_nothing(name.text)]

    assert names == ["found"]
