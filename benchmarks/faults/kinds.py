"""The kinds of input: which file is changed, which verb reads it, and what is right if the verb ends well."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from benchmarks.faults.damage import damage_bytes, damage_folder, damage_place
from benchmarks.faults.json_files import mutate_json
from benchmarks.faults.reading import UnreadableError, difference, expected_rows, stored_rows
from benchmarks.faults.tables import mutate_csv, mutate_json_lines, mutate_parquet
from benchmarks.faults.yaml_texts import mutate_yaml
from churn.params import load_params

Judge = Callable[[Path, Path], str]
"""Compares a folder in which a verb ended well with the undisturbed one; returns how it differs."""

SOURCE_LINE = re.compile(r"^source: (.+)$", re.MULTILINE)
"""The source in params.yaml, for inputs that do not change this file; to parse it as YAML takes long."""


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        share: How many of a hundred inputs are of this kind.
        verbs: The verbs that read the input; an input has one of them.
        parts: The files and folders of the world that the verb needs.
        targets: The patterns of the files that are changed; an input changes one file.
        mutations: Functions that change a file and say how; an input has one of them.
        judge: What is right where the verb ends well.
        source: The folder of the source, below the folder of the input; by default the world's own.
    """

    share: int
    verbs: tuple[str, ...]
    parts: tuple[str, ...]
    targets: tuple[str, ...]
    mutations: tuple[Callable[[Path, random.Random], str], ...]
    judge: Judge
    source: str = ""

    def mutate(self, folder: Path, rng: random.Random) -> str:
        """Change one file of a copy of the world and say how."""
        patterns = [*self.targets]
        rng.shuffle(patterns)
        files = next(files for pattern in patterns if (files := sorted(folder.glob(pattern))))
        path = rng.choice(files)
        change = damage_folder if path.is_dir() else rng.choice(self.mutations)
        return f"{path.relative_to(folder)}: {change(path, rng)}"


def judge_store(folder: Path, sound_folder: Path) -> str:
    """Compare the store with an independent reading of the source."""
    source = folder / SOURCE_LINE.findall((folder / "params.yaml").read_text(encoding="utf-8"))[0]
    stored = stored_rows(folder / "output" / "store")
    try:
        expected = expected_rows(source)
    except UnreadableError as error:  # what nobody can read may still be read as it was before
        if lines := difference(stored_rows(sound_folder / "output" / "store"), stored):
            return f"the independent reading says '{error}', but the store holds other rows: {lines}"
        return ""
    return difference(expected, stored)


def judge_params(folder: Path, sound_folder: Path) -> str:
    """Compare each value of the parameters with what YAML says."""
    tree = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params = load_params(folder / "params.yaml")
    values = params.model_dump(mode="json", by_alias=True)
    return "; ".join(_changed_values(tree, values, ""))


def _changed_values(yaml_value: Any, effective: Any, key_path: str) -> list[str]:
    if key_path in ("source", "output", "models", "tracking.uri", "score.playbook"):
        return (
            []
            if str(effective).endswith(str(yaml_value).rpartition("/")[2])
            else [f"{key_path}: {yaml_value} is {effective}"]
        )
    if isinstance(yaml_value, dict) and isinstance(effective, dict):
        return [
            note
            for key, value in yaml_value.items()
            for note in _changed_values(value, effective.get(key), f"{key_path}.{key}".lstrip("."))
        ]
    if isinstance(yaml_value, list) and isinstance(effective, list) and len(yaml_value) == len(effective):
        pairs = enumerate(zip(yaml_value, effective, strict=True))
        return [note for number, pair in pairs for note in _changed_values(*pair, f"{key_path}[{number}]")]
    return [] if _is_same(yaml_value, effective) else [f"{key_path}: {yaml_value!r:.60} is {effective!r:.60}"]


def _is_same(yaml_value: Any, effective: Any) -> bool:
    if isinstance(yaml_value, bool) or isinstance(effective, bool):
        return yaml_value is effective
    if isinstance(yaml_value, int | float) and isinstance(effective, int | float):
        return float(yaml_value) == float(effective)
    if isinstance(yaml_value, date):
        return yaml_value.isoformat() == effective
    if isinstance(effective, int | float) and isinstance(yaml_value, str):  # a number in quotation marks
        return _number(yaml_value) == float(effective)
    return yaml_value == effective or str(yaml_value) == str(effective)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def judge_plays(folder: Path, sound_folder: Path) -> str:
    """Compare the plays of the call list with what the playbook says."""
    plays = yaml.safe_load((folder / "playbook.yaml").read_text(encoding="utf-8"))["plays"]
    by_name: Mapping[str, Any] = {str(play["name"]): play for play in plays}
    (path,) = (folder / "output" / "scores").glob("*/scores.parquet")
    names = set(pq.read_table(path, partitioning=None, use_threads=False)["play"].to_pylist()) - {None, ""}
    unknown = sorted(names - set(by_name))
    if unknown:
        return f"plays {unknown} are not in the playbook"
    (contacts,) = (folder / "output" / "calls").glob("*/calls.csv")
    text = contacts.read_text(encoding="utf-8-sig")
    cells = {row["play"] or "" for row in csv.DictReader(io.StringIO(text))}
    on_list = [name for name in names if any(cell.endswith(name) for cell in cells)]  # "=1" stands as "'=1"
    missing = [name for name in on_list if str(by_name[name]["action"]).split(",")[0] not in text]
    return f"the actions of {missing} are not on the call list" if missing else ""


def judge_bytes(*patterns: str) -> Judge:
    """Return the comparison of all files of some patterns with the undisturbed ones, byte by byte."""

    def judge(folder: Path, sound_folder: Path) -> str:
        for pattern in patterns:
            names = {path.relative_to(sound_folder) for path in sound_folder.glob(pattern) if path.is_file()}
            own_names = {path.relative_to(folder) for path in folder.glob(pattern) if path.is_file()}
            if names != own_names:
                return f"{pattern}: other files: {sorted(map(str, names ^ own_names))[:4]}"
            for name in sorted(names):
                if (folder / name).read_bytes() != (sound_folder / name).read_bytes():
                    return f"{name} holds other bytes than after an undisturbed call"
        return ""

    return judge


def judge_page_after_training(folder: Path, sound_folder: Path) -> str:
    """Compare the page; without the verdict of `promote`, the page must say that there is none."""
    page = (folder / _PAGE[0]).read_text(encoding="utf-8")
    if not (folder / "output/evaluate/promotion.json").exists() and NO_VERDICT in page:
        return ""
    return judge_bytes(*_PAGE)(folder, sound_folder)


NO_VERDICT = "The gates were not applied yet (churn promote)."
"""What the page says of a model without a verdict."""

_NIGHT = ("output/scores/*/scores.parquet", "output/calls/*/*")
_PAGE = ("output/report/index.html",)
_BASICS = ("params.yaml", "playbook.yaml")
_BYTES = (damage_bytes, damage_bytes, damage_bytes, damage_place)


def _source_kind(file_format: str, share: int, mutation: Callable[[Path, random.Random], str]) -> Kind:
    return Kind(
        share=share,
        verbs=("ingest",),
        parts=(*_BASICS, f"data/{file_format}"),
        targets=(
            f"data/{file_format}/orders.*",
            f"data/{file_format}/orders.*",
            f"data/{file_format}/customers.*",
        ),
        mutations=(mutation, mutation, mutation, mutation, damage_bytes, damage_place),
        judge=judge_store,
        source=f"data/{file_format}",
    )


KINDS: dict[str, Kind] = {
    "source, CSV": _source_kind("csv", 12, mutate_csv),
    "source, JSON lines": _source_kind("jsonl", 8, mutate_json_lines),
    "source, Parquet": _source_kind("parquet", 8, mutate_parquet),
    "params.yaml": Kind(
        28,
        ("check",),
        (*_BASICS, "output"),
        ("params.yaml",),
        (mutate_yaml,) * 6 + (damage_bytes, damage_place),
        judge_params,
    ),
    "playbook": Kind(
        14,
        ("score",),
        (*_BASICS, "output", "models"),
        ("playbook.yaml",),
        (mutate_yaml,) * 6 + (damage_bytes, damage_place),
        judge_plays,
    ),
    "store": Kind(
        8,
        ("score", "check"),
        (*_BASICS, "output", "models"),
        (
            *("output/.store-*/manifest.json", "output/.store-*/*/*.parquet", "output/.store-*/*/*.parquet"),
            *("output/.store-*/.marks.json", "output/.store-*/orders"),
        ),
        (*_BYTES, mutate_json),
        judge_bytes(*_NIGHT),
    ),
    "champion": Kind(
        8,
        ("score",),
        (*_BASICS, "output", "models"),
        ("models/champion/**/*.*",),
        (*_BYTES, mutate_json),
        judge_bytes(*_NIGHT),
    ),
    "own files of a night": Kind(
        8,
        ("report", "score"),
        (*_BASICS, "output", "models"),
        ("output/scores/*/*", "output/calls/*/*"),
        (*_BYTES, mutate_json),
        judge_bytes(*_PAGE),
    ),
    "own files of training": Kind(
        6,
        ("report", "promote"),
        (*_BASICS, "output", "models", "mlflow.db", "mlartifacts"),
        (
            *("output/evaluate/metrics.json", "output/evaluate/promotion.json", "output/evaluate/*.parquet"),
            *("output/evaluations/*/*.json", "output/train/*.json", "output/train/bundle/*"),
        ),
        (*_BYTES, mutate_json),
        judge_page_after_training,
    ),
}
