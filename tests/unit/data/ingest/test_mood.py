"""The mood of drawn sentences in English and German, and what the store holds of them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from churn.data.ingest.ingest import ingest
from churn.data.ingest.mood import mood_sql
from tests.drawn_company import draw, params_of


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("Great support, thanks!", 1),
        ("The app crashes and is slow", -1),
        ("Fast, but the export is broken", 0),
        ("This is not good.", -1),
        ("not bad at all", 1),
        ("It isn't great", -1),
        ("I don’t like it", -1),
        ("No. Great service", 1),
        ("Super Service, freundlich und SCHNELL", 1),
        ("Die App ist langsam und nervt", -1),
        ("Der Service ist nicht gut", -1),
        ("nicht schlecht", 1),
        ("Keine Probleme, alles super", 1),
        ("Gefällt mir nicht", -1),
        ("Ich empfehle es nicht", -1),
        ("Schöne Oberfläche, gefällt mir", 1),
        ("übel und überteuert", -1),
        ("See you on Monday", None),
        ("ungutes goodness", None),
        ("", None),
        (None, None),
    ],
)
def test_the_mood_of_a_sentence(text: str | None, mood: float | None) -> None:
    sql = f"SELECT {mood_sql('words')} FROM (SELECT ?::VARCHAR AS words)"

    assert duckdb.execute(sql, [text]).fetchone() == (mood,)


SURVEYS = """
    customer | asked_at         | answered_at      | rating | comment
    ana      | 2024-06-20 10:00 | 2024-06-21 10:00 | 9      | Great and easy
    ben      | 2024-06-20 10:00 | 2024-06-21 10:00 | 2      | schlecht
    cleo     | 2024-06-20 10:00 | 2024-07-02 10:00 | 2      | schlecht
    dora     | 2024-06-20 10:00 | 2024-06-21 10:00 | 5      | Monday
"""
TICKETS = """
    customer | opened_at        | message
    ana      | 2024-06-20 10:00 | thanks for the quick help
    ben      | 2024-06-20 10:00 | my secret complaint, terrible
"""
ON = {"signals": {"mood": True}}


def test_the_signals_tell_the_mood_that_was_known_at_the_cutoff(tmp_path: Path) -> None:
    world = draw(tmp_path, surveys=SURVEYS, tickets=TICKETS, params=ON)

    surveys, tickets = world.values("survey_mood"), world.values("tickets_mood")

    assert {who: surveys[who] for who in ("ana", "ben", "cleo", "dora")} == {
        "ana": 1,
        "ben": -1,
        "cleo": None,
        "dora": None,
    }
    assert (tickets["ana"], tickets["ben"]) == (1, -1)


def test_messages_are_neither_in_the_store_nor_in_the_rejects(tmp_path: Path) -> None:
    bad_row = "    ben      | never            | another secret\n"
    good_rows = "".join(f"    ana | 2024-05-{day:02} 10:00 | fine\n" for day in range(1, 31))

    draw(tmp_path, tickets=TICKETS + bad_row + good_rows, params=ON)

    files = [path for path in (tmp_path / "output").rglob("*.parquet") if "tickets" in str(path)]
    assert any("rejects" in str(path) for path in files)
    for path in files:
        assert "secret" not in str(pq.read_table(path).to_pylist())


def test_without_the_parameter_there_is_no_mood_and_the_store_is_the_same(tmp_path: Path) -> None:
    without_words = TICKETS.replace("message", "subject")

    off = ingest(params_of(tmp_path / "off", tickets=TICKETS), lambda _: None)
    bare = ingest(params_of(tmp_path / "bare", tickets=without_words), lambda _: None)

    assert off.digest == bare.digest
    assert "mood" not in off.tables["tickets"].columns
    assert "mood" not in off.params.signals.model_dump(mode="json")


def test_a_mood_of_your_own_is_taken_as_it_is(tmp_path: Path) -> None:
    own = """
        customer | opened_at        | message  | mood
        ana      | 2024-06-20 10:00 | terrible | 0.5
    """

    world = draw(tmp_path, tickets=own, params=ON)

    assert world.values("tickets_mood")["ana"] == 0.5


def test_the_store_is_written_anew_when_the_parameter_changes(tmp_path: Path) -> None:
    ingest(params_of(tmp_path, tickets=TICKETS), lambda _: None)

    after = ingest(params_of(tmp_path, tickets=TICKETS, params=ON), lambda _: None)

    assert "mood" in after.tables["tickets"].columns
