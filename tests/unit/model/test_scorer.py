from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from churn.model import scorer as scorer_module
from churn.model.bundle import bundle_digest, write_bundle
from churn.model.scorer import CorruptError, SchemaError, Scorer, manifest_text

COLUMNS = {
    "days": np.array([1.0, 30.0, np.nan, 400.0]),
    "logins": np.array([3, 0, 7, 12]),
    "plan": np.array(["basic", "plus", None, "basic"], dtype=object),
}


def test_the_bundle_predicts_what_the_booster_predicted(bundle: Path, booster: lgb.Booster) -> None:
    matrix = np.column_stack([COLUMNS["days"], COLUMNS["logins"], [0, 1, np.nan, 0]])
    expected = booster.predict(matrix)

    probability = Scorer.load(bundle).predict(COLUMNS)

    assert np.abs(probability - expected).max() < 1e-12


@pytest.mark.parametrize(
    "given",
    [
        dict(reversed(COLUMNS.items())),
        pd.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS)[["plan", "logins", "days"]].astype({"plan": "str"}),
        pd.DataFrame(COLUMNS).convert_dtypes(),
        pd.DataFrame(COLUMNS).astype({"plan": "category", "logins": "int8", "days": "float32"}),
        {name: list(values) for name, values in COLUMNS.items()},
        COLUMNS | {"customer_id": np.array(["a", "b", "c", "d"]), "further": np.zeros(4)},
        pd.DataFrame(COLUMNS, index=[7, 3, 3, 1]),
    ],
    ids=["reordered", "frame", "str", "nullable", "narrow", "lists", "further columns", "odd index"],
)
def test_the_shape_of_the_columns_does_not_change_the_answer(bundle: Path, given: object) -> None:
    scorer = Scorer.load(bundle)

    assert np.abs(scorer.predict(given) - scorer.predict(COLUMNS)).max() < 1e-12


def test_an_unknown_level_counts_as_missing(bundle: Path) -> None:
    scorer = Scorer.load(bundle)
    rare = COLUMNS | {"plan": np.array(["gold"] * 4, dtype=object)}
    missing = COLUMNS | {"plan": np.array([None] * 4, dtype=object)}

    assert np.array_equal(scorer.predict(rare), scorer.predict(missing))
    assert not np.array_equal(scorer.predict(rare), scorer.predict(COLUMNS))


def test_all_schema_problems_are_listed_at_once(bundle: Path) -> None:
    wrong = {"dayz": np.zeros(4), "logins": np.array(["many"] * 4), "plan": np.array([1, 2, 3, 4])}

    with pytest.raises(SchemaError) as refused:
        Scorer.load(bundle).predict(wrong)

    assert [next(n for n in ("days", "logins", "plan") if f"'{n}'" in p) for p in refused.value.problems] == [
        "days",
        "logins",
        "plan",
    ]
    assert "dayz" in refused.value.problems[0]


@pytest.mark.parametrize("name", ["logins", "Bestellungen_für_Möbel", "注文"])
def test_a_summary_of_many_problems_is_short_and_counts_the_others(name: str) -> None:
    error = SchemaError([f"'{name}_{number}' is missing." for number in range(200)])

    summary = error.summary(450)

    n_named = summary.count("is missing")
    assert len(json.dumps(summary)) <= 450
    assert n_named >= 5
    assert f"Problems left out: {200 - n_named}." in summary


@pytest.mark.parametrize(
    "change",
    [
        {"days": np.array(["1", "2", "3", "4"], dtype=object)},
        {"days": np.array(["2024-01-01"] * 4, dtype="datetime64[D]")},
        {"days": np.array([1.0, np.inf, 2.0, 3.0])},
        {"days": np.zeros((4, 2))},
        {"days": np.zeros(3)},
        {"logins": np.array([1 + 1j] * 4)},
        {"plan": np.zeros(4)},
    ],
    ids=["text", "date", "infinite", "table", "short", "complex", "number for text"],
)
def test_a_column_of_the_wrong_kind_is_refused(bundle: Path, change: dict[str, np.ndarray]) -> None:
    with pytest.raises(SchemaError):
        Scorer.load(bundle).predict(COLUMNS | change)


@pytest.mark.parametrize("empty", [pd.DataFrame(COLUMNS).iloc[:0], {name: [] for name in COLUMNS}])
def test_nobody_gets_no_probability(bundle: Path, empty: object) -> None:
    scorer = Scorer.load(bundle)

    assert scorer.predict(empty).shape == (0,)
    assert {name: len(part) for name, part in scorer.contributions(empty).items()} == {
        "days": 0,
        "logins": 0,
        "plan": 0,
        "baseline": 0,
    }


def test_contributions_add_up_to_the_log_odds(bundle: Path) -> None:
    scorer = Scorer.load(bundle)

    parts = scorer.contributions(COLUMNS)

    assert list(parts) == ["days", "logins", "plan", "baseline"]
    assert np.abs(sum(parts.values()) - scorer.logits(scorer.matrix(COLUMNS))).max() < 1e-9


@pytest.mark.parametrize("name", ["booster_0.txt", "spec.json", "manifest.json"])
def test_any_changed_byte_is_found_and_its_file_named(bundle: Path, name: str, tmp_path: Path) -> None:
    content = (bundle / name).read_bytes()
    for place in np.linspace(0, len(content) - 1, 25).astype(int):
        damaged = tmp_path / f"at_{place}"
        shutil.copytree(bundle, damaged)
        changed = bytearray(content)
        changed[place] ^= 1
        (damaged / name).write_bytes(bytes(changed))

        with pytest.raises(CorruptError):
            Scorer.load(damaged)

    (damaged / name).unlink()
    with pytest.raises(CorruptError, match=name.replace(".", r"\.")):
        Scorer.load(damaged)


def test_a_bundle_of_a_later_format_is_refused(spec: dict[str, object], text: str, tmp_path: Path) -> None:
    write_bundle(tmp_path / "later", spec | {"format": 3}, {"booster_0.txt": text})

    with pytest.raises(CorruptError):
        Scorer.load(tmp_path / "later")


def test_members_are_averaged_as_log_odds(
    spec: dict[str, object], text: str, bundle: Path, tmp_path: Path
) -> None:
    line = {
        "kind": "linear",
        "intercept": -1.0,
        "terms": [
            {
                "signal": "days",
                "knots": [-15.0, 35.0],
                "values": [-2.5, 2.5],
                "missing_weight": 2.0,
                "mean": 0.25,
            },
            {"signal": "plan", "weights": [0.1, -0.3], "missing_weight": 0.7, "mean": 0.0},
        ],
    }
    blend = spec | {"members": [{"kind": "booster", "file": "booster_0.txt"}, line]}
    write_bundle(tmp_path / "blend", blend, {"booster_0.txt": text})
    by_hand = -1 + np.array([0.5 * -9 / 5 + 0.1, 0.5 * 4 - 0.3, 2.0 + 0.7, 0.5 * 5 + 0.1])
    single = Scorer.load(bundle)

    scorer = Scorer.load(tmp_path / "blend")

    expected = (single.logits(single.matrix(COLUMNS)) + by_hand) / 2
    assert np.abs(scorer.logits(scorer.matrix(COLUMNS)) - expected).max() < 1e-12
    assert np.abs(sum(scorer.contributions(COLUMNS).values()) - expected).max() < 1e-9


@pytest.mark.parametrize(
    ("calibration", "mapped"),
    [
        ({"method": "platt", "a": 0.5, "c": 0.2}, lambda p: 0.5 * np.log(p / (1 - p)) + 0.2),
        (
            {"method": "beta", "a": 0.8, "b": 1.3, "c": -0.1},
            lambda p: 0.8 * np.log(p) - 1.3 * np.log(1 - p) - 0.1,
        ),
        (
            {"method": "shifted", "by": 0.4, "of": {"method": "platt", "a": 0.5, "c": 0.2}},
            lambda p: 0.5 * np.log(p / (1 - p)) + 0.6,
        ),
        (
            {"method": "venn_abers", "upto": [-0.5, 1.5], "p0": [0.0, 0.2, 0.6], "p1": [0.1, 0.5, 1.0]},
            lambda p: np.log([1 / 10, 5 / 8, 10 / 4])[np.searchsorted([-0.5, 1.5], np.log(p / (1 - p)))],
        ),
    ],
)
def test_the_spec_carries_the_calibration(
    spec: dict[str, object],
    text: str,
    bundle: Path,
    tmp_path: Path,
    calibration: dict[str, object],
    mapped: Callable[[np.ndarray], np.ndarray],
) -> None:
    write_bundle(tmp_path / "calibrated", spec | {"calibration": calibration}, {"booster_0.txt": text})
    raw = Scorer.load(bundle).predict(COLUMNS)

    probability = Scorer.load(tmp_path / "calibrated").predict(COLUMNS)

    assert np.abs(probability - 1 / (1 + np.exp(-mapped(raw)))).max() < 1e-12


def test_the_file_alone_scores_in_a_process_without_the_package(bundle: Path, tmp_path: Path) -> None:
    shutil.copy(scorer_module.__file__, tmp_path / "scorer.py")
    program = (
        "import sys, json\n"
        "blocked = ('churn', 'mlflow', 'pandas', 'sklearn')\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in blocked: raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "from scorer import Scorer\n"
        "nan = float('nan')\n"
        "columns = {'days': [1.0, 30.0, nan, 400.0], 'logins': [3, 0, 7, 12],"
        " 'plan': ['basic', 'plus', None, 'basic']}\n"
        f"print(json.dumps(Scorer.load({str(bundle)!r}).predict(columns).tolist()))\n"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert np.abs(np.array(json.loads(done.stdout)) - Scorer.load(bundle).predict(COLUMNS)).max() < 1e-12


def test_the_same_model_is_written_as_the_same_bytes(
    spec: dict[str, object], text: str, tmp_path: Path
) -> None:
    one = write_bundle(tmp_path / "one", spec, {"booster_0.txt": text})
    two = write_bundle(tmp_path / "two", dict(reversed(spec.items())), {"booster_0.txt": text})

    assert one == two == bundle_digest(tmp_path / "one")


def test_a_manifest_written_otherwise_is_damaged_too(bundle: Path) -> None:
    path = bundle / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text())))

    with pytest.raises(CorruptError, match="manifest"):
        Scorer.load(bundle)


@pytest.mark.parametrize("kind", ["parent", "absolute", "symlink"])
def test_a_manifest_cannot_name_a_file_outside_the_bundle(bundle: Path, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("x")
    name = {"parent": os.path.relpath(outside, bundle), "absolute": str(outside), "symlink": "link.txt"}[kind]
    if kind == "symlink":
        (bundle / name).symlink_to(outside)
    digests = json.loads((bundle / "manifest.json").read_text())["files"]
    digests[name] = hashlib.sha256(outside.read_bytes()).hexdigest()
    (bundle / "manifest.json").write_text(manifest_text(digests))

    with pytest.raises(CorruptError, match="names a file elsewhere"):
        Scorer.load(bundle)


def test_a_bundle_behind_a_link_is_read(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "behind_a_link").symlink_to(bundle)

    assert Scorer.load(tmp_path / "behind_a_link").names == Scorer.load(bundle).names
