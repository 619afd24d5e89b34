from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from churn.data.own_files import write_own_json
from churn.features.library import all_signals
from churn.params import Params
from churn.scoring.past_nights import PastNights, Sentences, scored_nights
from churn.scoring.reasons import fill_sentence
from churn.scoring.sink import facts_path, scores_path
from tests.drawn_company import params_of

NIGHT = date(2025, 3, 1)


@pytest.fixture
def params(tmp_path: Path) -> Params:
    return params_of(tmp_path, logins="customer | happened_at\nana | 2024-05-01", label=None)


def test_the_sentence_of_each_signal_gives_its_family(params: Params) -> None:
    signals = list(all_signals(params).values())
    sentences = Sentences.of(signals)

    for signal in signals:
        value = "gold" if signal.kind == "level" else 1.0
        for language, template in signal.reason.items():
            for written in {
                fill_sentence(template, own, language)
                for own in (value, value if signal.kind == "level" else -7.3)
            }:
                assert sentences.family_of(written) in (signal.family, None), written


def test_a_sentence_that_no_signal_writes_has_no_family(params: Params) -> None:
    assert Sentences.of(all_signals(params).values()).family_of("the moon was full") is None


def test_two_families_with_the_same_sentence_are_not_told_apart(params: Params) -> None:
    signal = next(iter(all_signals(params).values()))
    twin = replace(signal, family="support" if signal.family != "support" else "payment")

    written = fill_sentence(signal.reason["en"], 3.0, "en")

    assert Sentences.of([signal]).family_of(written) == signal.family
    assert Sentences.of([signal, twin]).family_of(written) is None


def write_facts(output: Path, night: date, label_id: str) -> None:
    path = scores_path(output, night)
    path.parent.mkdir(parents=True)
    path.touch()
    facts = {"model_version": "1", "model_digest": "d", "label_id": label_id, "files": {}}
    write_own_json(facts_path(output, night), facts | {"cohort": 7, "excluded": {"objected": 2}})


def test_only_complete_nights_of_the_label_up_to_the_day_count(tmp_path: Path) -> None:
    for night, label_id in ((NIGHT, "own"), (date(2025, 3, 2), "other"), (date(2025, 4, 1), "own")):
        write_facts(tmp_path, night, label_id)
    (tmp_path / "scores" / "cutoff=2025-03-05").mkdir()
    (tmp_path / "scores" / "copy of cutoff=2025-03-06").mkdir()

    nights = PastNights(tmp_path, "own", date(2025, 3, 31), ())

    assert scored_nights(tmp_path) == [NIGHT, date(2025, 3, 2), date(2025, 4, 1)]
    assert nights.nights == (NIGHT,)
    assert nights.counts(NIGHT) == (7, {"objected": 2})
