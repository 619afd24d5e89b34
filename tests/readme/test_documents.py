"""What the documents say is so: their snippets, tables and lists."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from churn import errors
from churn.params import load_params
from pipelines.cli import VERBS

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md", "benchmarks/leaks/README.md"),
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
)


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(document), flags=re.M | re.S)


def first_column(document: str, head: str) -> list[str]:
    """Return the first cells of the table with this first head cell, back-ticks removed."""
    table = re.search(
        rf"^\| {re.escape(head)} \|.*?(?=^[^|]|\Z)", text_of(document) + "\n", flags=re.M | re.S
    )
    assert table, f"{document} has no table headed '{head}'"
    return [row.split("|")[1].strip().strip("`") for row in table.group().strip().splitlines()[2:]]


def test_the_first_block_is_the_quick_start_that_the_tests_run(finished_run: Path) -> None:
    quick_start = blocks("README.md", "sh")[0].strip()

    told = subprocess.run(["make", "--dry-run", "run"], cwd=ROOT, capture_output=True, text=True, check=True)

    calls = re.findall(r"^\S*/churn (.*)$", told.stdout, flags=re.M)
    assert quick_start == "make run"
    assert calls == ["demo", "run"]  # what `finished_run` has done, on fewer customers
    assert (finished_run / "output").is_dir()


@pytest.mark.parametrize("snippet", blocks("README.md", "python"))
def test_every_python_snippet_of_the_readme_runs(snippet: str, finished_run: Path) -> None:
    done = subprocess.run([sys.executable, "-c", snippet], cwd=finished_run, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_the_parameters_of_the_readme_are_accepted(tmp_path: Path) -> None:
    (excerpt,) = blocks("README.md", "yaml")
    (tmp_path / "params.yaml").write_text(excerpt, encoding="utf-8")

    params = load_params(tmp_path / "params.yaml")

    assert params.score.budget.contacts == 200


def test_every_file_that_the_readme_promises_is_there_after_a_run(finished_run: Path) -> None:
    promised = [re.sub("DATE|TABLE", "*", name) for name in first_column("README.md", "file under `output/`")]

    missing = [pattern for pattern in promised if not list((finished_run / "output").glob(pattern))]

    assert missing in ([], ["rejects/*.parquet"])  # a source without bad rows has no rejects
    assert (finished_run / "models" / "champion" / "champion.json").is_file()


def test_the_verbs_of_the_readme_are_those_of_the_program() -> None:
    assert set(first_column("README.md", "verb")) == set(VERBS)


def test_the_guards_of_the_document_are_those_of_check() -> None:
    from churn.guards.run import guard_names

    assert first_column("docs/guards.md", "guard") == list(guard_names())


def test_the_exit_codes_of_the_readme_are_those_of_the_errors() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]

    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.ChurnError)} | {0}

    assert set(first_column("README.md", "exit code")) == {str(code) for code in codes}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_all_rows_of_a_table_have_the_same_number_of_cells(document: str) -> None:
    cells = [
        [len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()]
        for table in re.findall(r"(?:^\|.*\n)+", text_of(document), re.MULTILINE)
    ]

    assert [counts for counts in cells if len(set(counts)) > 1] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_in_a_document_exists(document: str) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.M))

    named = set(re.findall(r"(?:`|^)make (\w+)(?:`|$)", text_of(document), flags=re.M))

    assert named <= targets


def test_the_signal_in_the_guide_is_the_one_in_the_code() -> None:
    (snippet,) = blocks("docs/add-a-signal.md", "python")

    decorated = snippet[snippet.index("@signal(") :].strip()

    assert decorated in (ROOT / "churn" / "features" / "signals" / "logins.py").read_text(encoding="utf-8")


def test_the_database_of_the_guide_is_a_valid_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    from churn.data.sources import database

    monkeypatch.setattr(database, "DRIVERS", dict(database.DRIVERS))
    (snippet,) = blocks("docs/databases.md", "python")

    exec(snippet, {})

    added = database.DRIVERS["snowflake"]
    assert added.connect_arguments("snowflake://ana:x@account/sales") == {"uri": "ana:x@account/sales"}
    assert added.quote("a") == '"a"'


def test_the_play_in_the_guide_is_accepted() -> None:
    from churn.scoring.playbook import parse_playbook

    (plays,) = blocks("CONTRIBUTING.md", "yaml")

    playbook = parse_playbook(plays, {"login_change": "number", "tenure_days": "number"})

    assert [rule.play.name for rule in playbook.rules] == ["fewer-logins"]


def test_every_example_is_a_valid_parameter_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHURN_DATA", str(tmp_path))
    examples = sorted(path for path in (ROOT / "examples").glob("*.yaml") if "playbook" not in path.name)

    for path in examples:
        load_params(path)

    assert examples


def test_the_page_of_the_playbook_names_every_key_of_a_play_and_every_criterion() -> None:
    from churn.scoring.play import Play, PlaybookFile
    from churn.scoring.success import CRITERIA

    page = (ROOT / "docs" / "playbook.md").read_text(encoding="utf-8")
    keys = [field.alias or name for name, field in (Play.model_fields | PlaybookFile.model_fields).items()]

    assert [key for key in [*keys, *CRITERIA] if f"`{key}" not in page] == []
