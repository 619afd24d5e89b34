from __future__ import annotations

import numpy as np
import pytest

from churn.errors import PlaybookError
from churn.scoring.playbook import parse_playbook, read_playbook

KINDS = {
    "survey_last_rating": "number",
    "logins_days_since_last": "number",
    "orders_days_since_last": "number",
    "tenure_days": "number",
    "tickets_count_28d": "number",
    "country": "level",
}
REST = "action: call, owner: success, channel: phone, due_in_days: 2, success: stays"
MISSING = np.nan


def playbook(*whens, kinds=KINDS):
    """Build a playbook of plays p0, p1, … with these conditions, written as in the file."""
    lines = [f"  - {{name: p{place}, when: {when}, {REST}}}" for place, when in enumerate(whens)]
    return parse_playbook("\n".join(["plays:", *lines]), kinds)


def problems_of(text):
    with pytest.raises(PlaybookError) as caught:
        parse_playbook(text, KINDS)
    assert caught.value.exit_code == 14
    return caught.value.problems


@pytest.mark.parametrize(
    ("when", "values", "expected"),
    [
        ("{survey_last_rating: {below: 7}}", [6.99, 7, MISSING], [True, False, False]),
        ("{survey_last_rating: {at_most: 7}}", [7, 7.01, MISSING], [True, False, False]),
        ("{survey_last_rating: {above: 7}}", [7, 7.01, MISSING], [False, True, False]),
        ("{survey_last_rating: {at_least: 7}}", [6.99, 7, MISSING], [False, True, False]),
        ("{survey_last_rating: {equals: 7}}", [7, 8, MISSING], [True, False, False]),
        ("{survey_last_rating: {above: 3, below: 7}}", [3, 5, 7], [False, True, False]),
        ("{survey_last_rating: {below: 7, or_missing: true}}", [6, 7, MISSING], [True, False, True]),
    ],
)
def test_a_comparison_holds_within_its_bounds_and_never_for_a_missing_value(when, values, expected):
    chosen = playbook(when).choose({"survey_last_rating": np.array(values, dtype=float)}, 3)

    np.testing.assert_array_equal(chosen == 0, expected)


def test_a_word_is_compared_as_a_whole_and_missing_words_hold_nothing():
    countries = np.array(["DE", "DEU", None, np.nan], dtype=object)

    chosen = playbook("{country: {equals: DE}}").choose({"country": countries}, 4)

    np.testing.assert_array_equal(chosen, [0, -1, -1, -1])


def test_the_least_of_is_over_the_values_that_are_there():
    when = "{least_of: [logins_days_since_last, orders_days_since_last], at_least: 14}"
    #                   both old, one fresh, one missing, both missing
    logins = np.array([20.0, 20.0, np.nan, np.nan])
    orders = np.array([14.0, 13.9, 30.0, np.nan])

    both = playbook(when).choose({"logins_days_since_last": logins, "orders_days_since_last": orders}, 4)
    without_orders = playbook(when).choose({"logins_days_since_last": logins}, 4)

    np.testing.assert_array_equal(both, [0, -1, 0, -1])
    np.testing.assert_array_equal(without_orders, [0, 0, -1, -1])


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{survey_last_rating: {below: 7}, tickets_count_28d: {above: 0}}", [0, -1, -1, -1]),
        ("{all: [{survey_last_rating: {below: 7}}, {tickets_count_28d: {above: 0}}]}", [0, -1, -1, -1]),
        ("{any: [{survey_last_rating: {below: 7}}, {tickets_count_28d: {above: 0}}]}", [0, 0, 0, -1]),
        (
            "{any: [{survey_last_rating: {below: 7}, tickets_count_28d: {above: 0}}, {health: {equals: 1}}]}",
            [0, -1, -1, 0],
        ),
    ],
)
def test_conditions_join(when, expected):
    columns = {
        "survey_last_rating": np.array([5.0, 5.0, 9.0, 9.0]),
        "tickets_count_28d": np.array([1.0, 0.0, 1.0, 0.0]),
        "health": np.array([3.0, 3.0, 3.0, 1.0]),
    }

    np.testing.assert_array_equal(playbook(when).choose(columns, 4), expected)


def test_the_first_play_in_file_order_wins():
    book = playbook(
        "{survey_last_rating: {below: 5}}", "{health: {at_most: 2}}", "{survey_last_rating: {below: 9}}"
    )

    chosen = book.choose(
        {"survey_last_rating": np.array([4.0, 8.0, 8.0]), "health": np.array([1.0, 1.0, 4.0])}, 3
    )

    np.testing.assert_array_equal(chosen, [0, 1, 2])


@pytest.mark.parametrize(
    ("when", "off"),
    [
        ("{survey_last_rating: {below: 7}}", True),
        ("{survey_last_rating: {below: 7, or_missing: true}}", True),
        ("{survey_last_rating: {below: 7}, health: {at_most: 2}}", True),
        ("{survey_last_rating: {below: 7, or_missing: true}, health: {at_most: 2}}", False),
        ("{any: [{survey_last_rating: {below: 7}}, {health: {at_most: 2}}]}", False),
        ("{least_of: [survey_last_rating], below: 7, or_missing: true, health: {at_most: 2}}", False),
    ],
)
def test_a_play_is_switched_off_where_absent_tables_leave_it_nothing_to_hold_by(when, off):
    book = playbook(when)

    switched = book.switched_off({"health"})
    chosen = book.choose({"health": np.array([1.0])}, 1)

    assert switched == ({"p0": ("survey_last_rating",)} if off else {})
    assert (chosen[0] == -1) is np.bool_(off)


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        (
            "{survey_last_ratng: {below: 7}}",
            "plays[0].when.survey_last_ratng is not a signal. Did you mean 'survey_last_rating'?",
        ),
        (
            "{survey_last_rating: {belw: 7}}",
            "plays[0].when.survey_last_rating.belw is not a comparison. Did you mean 'below'?",
        ),
        (
            "{any: [{health: {at_most: 2}}, {helth: {at_most: 2}}]}",
            "plays[0].when.any[1].helth is not a signal. Did you mean 'health'?",
        ),
        (
            "{least_of: [logins_days_since_last, order_days_since_last], at_least: 14}",
            "plays[0].when.least_of: order_days_since_last is not a signal. "
            "Did you mean 'orders_days_since_last'?",
        ),
        (
            "{survey_last_rating: {below: '7'}}",
            "plays[0].when.survey_last_rating.below ('7'): expected a number.",
        ),
        (
            "{survey_last_rating: {below: .nan}}",
            "plays[0].when.survey_last_rating.below (nan): expected a number.",
        ),
        (
            "{survey_last_rating: {below: true}}",
            "plays[0].when.survey_last_rating.below (True): expected a number.",
        ),
        (
            "{survey_last_rating: 7}",
            "plays[0].when.survey_last_rating (7): expected a comparison, such as {below: 7}.",
        ),
        (
            "{survey_last_rating: {or_missing: true}}",
            "plays[0].when.survey_last_rating needs at least one of below, above, at_least, at_most, equals.",
        ),
        (
            "{survey_last_rating: {below: 3, above: 3}}",
            "plays[0].when.survey_last_rating can never be true: no number lies between these bounds.",
        ),
        (
            "{churn_probability: {above: 20}}",
            "plays[0].when.churn_probability can never be true: churn_probability has values from 0 to 1.",
        ),
        ("{health: {below: 1}}", "plays[0].when.health can never be true: health has values from 1 to 5."),
        (
            "{country: {below: 3}}",
            "plays[0].when.country: the signal holds words, so only 'equals' with a word fits.",
        ),
        (
            "{survey_last_rating: {equals: low}}",
            "plays[0].when.survey_last_rating: the signal holds numbers.",
        ),
        ("{}", "plays[0].when is empty. For all customers, write 'health: {at_most: 5}'."),
        (
            "{below: 3}",
            "plays[0].when.below has no signal to compare: add the name of a signal, or 'least_of'.",
        ),
        (
            "{any: {health: {at_most: 2}}}",
            "plays[0].when.any: expected a list of conditions like 'signal: {below: 3}'.",
        ),
        (
            "{least_of: [country], below: 3}",
            "plays[0].when.least_of: country holds words; least_of needs numbers.",
        ),
    ],
)
def test_a_mistake_in_a_condition_is_named_with_its_place_and_the_way_out(when, problem):
    assert f"playbook.yaml: line 2: {problem}" in problems_of(
        f"plays:\n  - {{name: p, when: {when}, {REST}}}"
    )


WHEN = "when: {health: {at_most: 2}}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected 'plays:' with a list of plays."),
        ("plays: []", "plays: expected a list of at least one play."),
        ("plays: [3]", "plays[0] (3): expected a mapping."),
        ("play: []", "play is not a part of a playbook. Did you mean 'plays'?"),
        (
            f"plays:\n  - {{name: p, {WHEN}, {REST}, chanel: x}}",
            "plays[0].chanel is not a part of a playbook. Did you mean 'channel'?",
        ),
        (
            f"plays:\n  - {{name: p, {WHEN}, action: call}}",
            "plays[0].owner is missing, and this key has no default.",
        ),
        (
            f"plays:\n  - {{name: Big Win, {WHEN}, {REST}}}",
            "plays[0].name ('Big Win'): a name has only lower-case letters, digits, - and _.",
        ),
        (
            f"plays:\n  - {{name: p, {WHEN}, {REST}}}\n"
            f"  - {{name: p, when: {{health: {{above: 3}}}}, {REST}}}",
            "plays[1].name 'p' is also the name of plays[0]. Names must differ.",
        ),
        (
            f"plays:\n  - {{name: p, {WHEN}, {REST}, name: q}}",
            "line 2: the key 'name' is given twice; keep one.",
        ),
        (
            "plays:\n  - action: {{first_name}}\n",
            "line 2: a key cannot be a list or a mapping; put text with braces in quotes.",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place_and_the_way_out(text, problem):
    assert any(said.startswith("playbook.yaml:") and said.endswith(problem) for said in problems_of(text))


def test_all_mistakes_of_a_file_come_at_once():
    text = f"plays:\n  - {{name: P, when: {{helth: {{belw: 2}}}}, {REST}}}\n  - {{name: q, when: {{}}}}"

    problems = problems_of(text)

    assert {problem.split(": ")[2].split(" ")[0] for problem in problems} >= {
        "plays[0].name",
        "plays[0].when.helth",
        "plays[0].when.helth.belw",
        "plays[1].when",
        "plays[1].action",
    }


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ("{health: {at_most: 3}}", "{health: {at_most: 2}}", True),
        ("{health: {at_most: 3}}", "{health: {at_most: 3}}", True),
        ("{health: {at_most: 3}}", "{health: {below: 3}}", True),
        ("{health: {below: 3}}", "{health: {at_most: 3}}", False),
        ("{health: {at_most: 2}}", "{health: {at_most: 3}}", False),
        ("{health: {at_most: 3}}", "{health: {at_most: 2}, country: {equals: DE}}", True),
        ("{health: {at_most: 3}, country: {equals: DE}}", "{health: {at_most: 2}}", False),
        ("{survey_last_rating: {below: 7}}", "{survey_last_rating: {below: 5, or_missing: true}}", False),
        ("{country: {equals: DE}}", "{country: {equals: DE}}", True),
        ("{country: {equals: DE}}", "{country: {equals: AT}}", False),
        ("{any: [{health: {at_most: 2}}, {country: {equals: DE}}]}", "{country: {equals: DE}}", True),
    ],
)
def test_a_play_that_can_never_fire_is_a_mistake(earlier, later, covered):
    if covered:
        with pytest.raises(
            PlaybookError, match=r"plays\[1\] 'p1' can never apply: plays\[0\] 'p0' already takes"
        ):
            playbook(earlier, later)
    else:
        assert len(playbook(earlier, later).rules) == 2


def test_a_playbook_that_is_not_there_is_a_playbook_error(tmp_path):
    with pytest.raises(PlaybookError, match="no readable file"):
        read_playbook(tmp_path / "none.yaml", KINDS)


def test_the_default_playbook_asks_for_the_rating_then_the_silence_then_the_health(default_playbook):
    columns = {
        "survey_last_rating": np.array([6.0, 7.0, np.nan, np.nan]),
        "logins_days_since_last": np.array([1.0, 14.0, 1.0, 1.0]),
        "orders_days_since_last": np.array([1.0, 30.0, 30.0, 30.0]),
        "tenure_days": np.array([90.0, 90.0, 90.0, 90.0]),
        "health": np.array([5.0, 5.0, 2.0, 3.0]),
    }

    chosen = default_playbook.choose(columns, 4)

    names = [default_playbook.rules[place].play.name if place >= 0 else None for place in chosen]
    assert names == ["low-rating", "gone-quiet", "check-in", "keep-in-touch"]


def test_whoever_was_never_seen_counts_as_quiet_once_they_have_been_here_two_weeks(default_playbook):
    columns = {
        "logins_days_since_last": np.array([np.nan, np.nan, np.nan]),
        "orders_days_since_last": np.array([np.nan, np.nan, 3.0]),
        "tenure_days": np.array([14.0, 13.0, 400.0]),
    }

    chosen = default_playbook.choose(columns, 3)

    names = [default_playbook.rules[place].play.name if place >= 0 else None for place in chosen]
    assert names == ["gone-quiet", None, None]


def test_nobody_is_quiet_where_neither_logins_nor_orders_are_kept(default_playbook):

    chosen = default_playbook.choose({"tenure_days": np.array([400.0])}, 1)

    assert list(chosen) == [-1]
    assert "gone-quiet" in default_playbook.switched_off({"tenure_days"})
