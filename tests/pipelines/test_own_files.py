"""A file that the program wrote, and that is damaged afterwards, is named with its rule and its way out."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churn.data.own_files import write_own_json
from pipelines import cli
from tests.pipelines.night_files import NIGHT
from tests.run_folders import copy_finished_run

pytestmark = pytest.mark.slow

FLIPS = 5
"""How many bits of each file are flipped, one at a time."""

Damage = Callable[[Path], object]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def text(content: str) -> Damage:
    return lambda path: path.write_text(content)


def flipped(seed: int) -> Damage:
    def damage(path: Path) -> None:
        content, draw = bytearray(path.read_bytes()), random.Random(seed)
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(content))

    return damage


def other_keys(path: Path) -> None:
    write_own_json(path, {"version_2": 1})


def other_number(path: Path) -> None:
    """Change one digit, as an editor would; the file stays valid."""
    content = path.read_text()
    index = next(i for i in range(len(content) - 1, 0, -1) if content[i] in "12345678")
    path.write_text(content[:index] + str(int(content[index]) + 1) + content[index + 1 :])


def fewer_columns(path: Path) -> None:
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.select(table.column_names[:1]), path)


ANY_FILE: dict[str, Damage] = {
    "truncated": cut,
    "empty": text(""),
    "zero bytes": zeros,
    "a folder": folder,
    "a dangling link": dangling,
    **{f"bit {seed}": flipped(seed) for seed in range(FLIPS)},
}
JSON: dict[str, Damage] = ANY_FILE | {
    "{}": text("{}"),
    "[]": text("[]"),
    "null": text("null"),
    "deep": text("[" * 100_000),
    "NaN": text('{"a": NaN}'),
    "other keys": other_keys,
    "other number": other_number,
}
PARQUET: dict[str, Damage] = ANY_FILE | {"fewer columns": fewer_columns, "text": text("customer_id\n1\n")}
MANIFEST: dict[str, Damage] = {name: JSON[name] for name in JSON if name != "other keys"}

NIGHT_FOLDER = f"output/scores/cutoff={NIGHT}"
BUNDLE = "artifacts/bundle"
FILES: list[tuple[str, str, int, str, dict[str, Damage]]] = [
    ("output/evaluate/metrics.json", "report", 11, "churn evaluate", JSON),
    ("output/evaluate/promotion.json", "report", 11, "churn promote", JSON),
    (f"{NIGHT_FOLDER}/_night.json", "report", 11, "churn score", JSON),
    (f"{NIGHT_FOLDER}/scores.parquet", "report", 11, "churn score", PARQUET),
    (f"{NIGHT_FOLDER}/_contacts.parquet", "report", 11, "churn score", PARQUET),
    ("output/snapshots/manifest.json", "train", 11, "churn snapshot", JSON),
    ("output/snapshots/cutoff=*/part.parquet", "train", 11, "churn snapshot", PARQUET),
    ("output/train/train.json", "promote", 11, "churn train", JSON),
    ("output/train/train.json", "evaluate", 11, "churn train", JSON),
    ("output/train/guards.json", "evaluate", 11, "churn train", JSON),
    ("output/train/bundle/spec.json", "evaluate", 13, "churn train", MANIFEST),
    ("output/train/bundle/manifest.json", "evaluate", 13, "churn train", MANIFEST),
    ("models/champion/champion.json", "score", 13, "churn promote", JSON),
    (f"models/champion/{BUNDLE}/spec.json", "score", 13, "churn promote", MANIFEST),
    (f"models/champion/{BUNDLE}/manifest.json", "score", 13, "churn promote", MANIFEST),
]
CASES = [
    pytest.param(file, verb, code, way_out, damage, id=f"{verb}-{file}-{name}")
    for file, verb, code, way_out, damages in FILES
    for name, damage in damages.items()
]


@pytest.fixture(scope="module")
def work(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a finished run. Each test repairs the file that it damages."""
    return copy_finished_run(small_run, tmp_path_factory.mktemp("own_files") / "work")


@contextmanager
def damaged(path: Path, damage: Damage) -> Iterator[None]:
    """Damage a file, and put its bytes back."""
    content = path.read_bytes()
    damage(path)
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize(("file", "verb", "code", "way_out", "damage"), CASES)
def test_a_damaged_file_is_named_with_its_way_out(
    work: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    verb: str,
    code: int,
    way_out: str,
    damage: Damage,
) -> None:
    path = sorted(work.glob(file))[-1 if "snapshots" not in file else 0]
    names = [path.name]
    if path.name == "manifest.json" and path.parent.name == "bundle":  # it may name another file wrongly
        names += ["spec.json", "champion.json", "reference.json"]

    with damaged(path, damage):
        ended = cli.main(verb, ["--params", str(work / "params.yaml")])

    message = capsys.readouterr().err
    assert ended == code, message
    assert any(name in message for name in names)
    assert way_out in message
    assert "a bug" not in message
    assert "Traceback" not in message


def test_undamaged_files_are_read_in_silence(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main("report", ["--params", str(work / "params.yaml")])

    assert (code, capsys.readouterr().err) == (0, "")


def test_damaged_findings_of_the_guards_are_written_again_with_a_word(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = work / "output" / "check" / "guards.json"
    options = ["--params", str(work / "params.yaml")]
    cli.main("check", options)
    before = json.loads(path.read_text())
    capsys.readouterr()

    path.write_text("[]")
    code = cli.main("check", options)

    assert code == 0
    assert "guards.json" in capsys.readouterr().err
    assert json.loads(path.read_text()) == before
