from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.scoreboard import fake, telco
from benchmarks.scoreboard.contest import OtherRowsError, open_contest, rehearsals
from benchmarks.scoreboard.keep import keep_predictions
from benchmarks.scoreboard.looks import count_looks, log_look, read_looks
from benchmarks.scoreboard.play import play
from benchmarks.scoreboard.sets import SETS, TimeSet
from benchmarks.scoreboard.table import page
from pipelines.echo import QuietEcho


def test_every_contestant_is_judged_on_the_same_rows_and_against_ours(
    shop: TimeSet, work: Path, tmp_path: Path
) -> None:
    who = ["recency", "rfm", "bg_nbd", "reference", "ours"]
    looks = tmp_path / "looks.json"

    played = play(shop, work, interval=None, rehearse=False, names=who, looks=looks)
    again = play(shop, work, interval=None, rehearse=False, names=who, looks=looks)

    assert set(played["contestants"]) == set(who)
    assert played["contestants"]["ours"]["auc"]["value"] > 0.6
    assert set(played["contestants"]["recency"]["ours_minus_it"]) == {"log_loss", "auc"}
    assert again == played
    assert count_looks("shop", "ours", looks) == 1
    assert "| shop | .800 |" in page({"sets": {"shop": played}}, looks)


def test_a_rehearsal_looks_at_no_test(shop: TimeSet, work: Path, tmp_path: Path) -> None:
    looks = tmp_path / "looks.json"

    contest = open_contest(shop, work, QuietEcho(), n_rehearsals=2)
    play(shop, work, interval=None, rehearse=True, names=["recency"], looks=looks)

    assert contest.test == (date(2020, 7, 27), date(2020, 8, 24))
    assert contest.learnt_from(date(2020, 7, 27)) == (date(2020, 6, 1), date(2020, 6, 29))
    assert contest.known_by == date(2020, 9, 21)
    assert not looks.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda made: made.iloc[1:], "1 are lacking"),
        (lambda made: pd.concat([made, made.iloc[:1]]), "1 are there twice"),
        (lambda made: made.replace({"customer_id": {made["customer_id"][0]: "nobody"}}), "1 are beyond"),
        (lambda made: made.assign(probability=np.nan), "gives no probability"),
    ],
)
def test_a_contestant_on_other_rows_is_refused(change, words: str, shop: TimeSet, work: Path) -> None:
    contest = open_contest(shop, work, QuietEcho())
    made = contest.test_rows[["customer_id", "cutoff"]].assign(probability=0.5)

    with pytest.raises(OtherRowsError, match=words):
        contest.align("rival", change(made))


def test_the_same_figures_seen_again_are_no_new_look(tmp_path: Path) -> None:
    path = tmp_path / "looks.json"

    seen = [log_look("shop", "ours", {"auc": auc}, "2020-01-01", path) for auc in (0.7, 0.7, 0.8)]

    assert seen == [True, False, True]
    assert count_looks("shop", "ours", path) == 2
    assert [look["date"] for look in read_looks(path)] == ["2020-01-01"] * 2


def test_what_was_computed_is_kept_until_its_stamp_changes(tmp_path: Path) -> None:
    made = iter(range(3))

    def make() -> tuple[pd.DataFrame, dict[str, int]]:
        number = next(made)
        return pd.DataFrame({"probability": [float(number)]}), {"number": number}

    facts = [keep_predictions(tmp_path, "rival", stamp, make).facts["number"] for stamp in ("a", "a", "b")]

    assert facts == [0, 0, 1]


@pytest.mark.parametrize("name", list(SETS))
def test_a_grid_holds_the_test_cutoffs_and_its_rehearsals_leave_something_to_learn(name: str) -> None:
    one = SETS[name]

    weeks, protocol = one.grid("week"), one.grid("protocol")

    assert set(one.test) <= set(weeks)
    assert {(later - one.test[0]).days % 7 for later in weeks if later not in one.test} == {0}
    assert protocol == tuple(sorted({*one.train, *one.test}))
    assert max(weeks) == one.test[-1]


def test_resampling_before_the_split_fakes_what_resampling_the_training_rows_does_not() -> None:
    rng = np.random.default_rng(3)
    table = []
    for _ in range(600):
        numbers = rng.normal(size=4)
        left = rng.random() < 1 / (1 + np.exp(1.5 - numbers[0]))
        table.append(
            {f"n{place}": f"{value:.4f}" for place, value in enumerate(numbers)} | {"Churn": str(left)}
        )
    rows = telco.rows_of(table, left="Churn")

    honest, faked, harmless = (way["auc"] for way in fake.ways(rows, seeds=(0,)))

    assert faked > 0.9
    assert faked > honest + 0.1
    assert abs(harmless - honest) < 0.1


def test_columns_of_text_become_numbers_where_all_cells_are_and_names_elsewhere() -> None:
    table = [{"plan": "a", "paid": "1.5", "Churn": "True"}, {"plan": "b", "paid": " ", "Churn": "False"}]

    rows = telco.rows_of(table, left="Churn")

    assert rows.names == ("paid", "plan")
    assert rows.levels == {"plan": ("a", "b")}
    np.testing.assert_array_equal(rows.matrix, [[1.5, 0], [np.nan, 1]])
    np.testing.assert_array_equal(rows.left, [1, 0])


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "train", "test", "churners"),
    [
        ("online_retail", 7_308, 1_923, 613),
        ("cdnow", 80_987, 6_055, 3_730),
    ],
)
def test_the_examples_give_the_rows_that_the_protocols_state(
    name: str, train: int, test: int, churners: int, real_data: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("CHURN_DATA", str(real_data))

    contest = open_contest(SETS[name], tmp_path, QuietEcho())

    assert (len(contest.train_rows), len(contest.test_rows)) == (train, test)
    assert contest.test_rows["left"].sum() == churners
    assert rehearsals(SETS[name], contest.params)


def test_the_figures_that_stand_fit_the_page_that_stands() -> None:
    from benchmarks.scoreboard.__main__ import FIGURES, MARK, PAGE

    figures = json.loads(FIGURES.read_text(encoding="utf-8"))

    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2].strip() == page(figures).strip()
