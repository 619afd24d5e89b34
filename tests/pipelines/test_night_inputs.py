"""What a night reads beside the data is checked before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.errors import ChurnError
from churn.params import load_params
from pipelines import cli, run, score

ROOT = Path(__file__).parents[2]

PARAMS = """
source: raw
label: {kind: inactivity, table: orders, horizon_days: 28}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "playbook.yaml").write_text((ROOT / "playbook.yaml").read_text())
    return tmp_path


@pytest.mark.parametrize(
    ("setting", "code", "words"),
    [
        ("contact.holidays=XX", 10, "there is no calendar of holidays for 'XX'"),
        ("contact.holidays=DE-ZZ", 10, "has no region 'ZZ'"),
        ("contact.suppression=[absent.csv]", 10, "there is no file"),
        ("contact.suppression=[params.yaml]", 11, "a column 'customer_id' or 'email'"),
        ("score.playbook=absent.yaml", 14, "is no readable file"),
    ],
)
def test_a_mistake_is_told_before_the_source_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str], setting: str, code: int, words: str
) -> None:
    ended = cli.main("run", ["--params", str(folder / "params.yaml"), "--set", setting])

    message = " ".join(capsys.readouterr().err.split())
    assert (ended, words in message) == (code, True), message
    assert not (folder / "output" / "store").exists()


def test_honest_inputs_pass(folder: Path) -> None:
    (folder / "list.csv").write_text("customer_id\nann\n")
    params = load_params(folder / "params.yaml", ["contact.holidays=DE-BY", "contact.suppression=[list.csv]"])

    assert score.check_inputs(params).rules


def test_run_checks_the_inputs_of_the_night_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the store was opened before the inputs of the night were checked")

    monkeypatch.setattr(run, "ensure_store", refuse)
    params = load_params(folder / "params.yaml", ["score.playbook=absent.yaml"])

    with pytest.raises(ChurnError, match=r"absent\.yaml"):
        run.run(params, echo=None)  # type: ignore[arg-type]


def test_the_plays_without_their_signals_are_named_in_one_line() -> None:
    off = {"low-rating": ("survey_last_rating",), "advocates": ("orders_count", "survey_last_rating")}

    line = score.plays_off_line(off, 12)

    assert line.startswith("2 of the 12 plays of the playbook are off")
    assert line.endswith("'low-rating' (survey_last_rating); 'advocates' (orders_count, survey_last_rating).")
