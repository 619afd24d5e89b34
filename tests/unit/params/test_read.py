"""params.yaml: every mistake in words, all at once."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from churn.data.tables import CANONICAL_TABLES
from churn.errors import ParamsError
from churn.params import TABLES, Params, load_params
from churn.params.forms import RULES
from churn.secrets import hide_secrets

GOOD = """
source: company
tables: {customers: {}, orders: {}}
label: {kind: inactivity, table: orders, horizon_days: 28}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str, overrides: tuple[str, ...] = ()) -> tuple[str, ...]:
    with pytest.raises(ParamsError) as caught:
        load_params(written(folder, text), overrides)
    return caught.value.problems


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("train.seed", "yes", "must be a number; YAML reads yes, no, on and off as true and false."),
        ("label.horizon_days", "on", "must be a number; YAML reads yes, no, on and off as true and false."),
        ("promote.observed_expected", "[0.8, yes]", "must be a number; YAML reads yes, no, on and off"),
        ("private_files", "1", "must be true or false."),
        ("snapshot.watermark", "1704067200", "must be a date, such as 2024-01-31."),
    ],
)
def test_a_value_of_another_kind_is_not_converted(key: str, value: str, rule: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, GOOD, (f"{key}={value}",))

    assert f"{key} (" in problem
    assert rule in problem


def test_numbers_dates_and_booleans_of_their_own_kind_are_read(tmp_path: Path) -> None:
    values = ("train.seed='7'", "promote.observed_expected=[0.8, 2]", "private_files=no")

    params = load_params(written(tmp_path, GOOD), (*values, "snapshot.watermark=2024-01-01"))

    assert (params.train.seed, params.promote.observed_expected) == (7, (0.8, 2.0))
    assert (params.private_files, params.snapshot.watermark) == (False, date(2024, 1, 1))


def test_relative_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    params = load_params(written(tmp_path, GOOD))

    assert params.source == str(tmp_path / "company")
    assert params.output == tmp_path / "output"
    assert params.tracking.uri == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.parametrize("word", ["files", "null"])
def test_a_night_without_a_database_may_be_called_files(tmp_path: Path, word: str) -> None:
    assert load_params(written(tmp_path, GOOD), [f"score.sink={word}"]).score.sink is None


def test_the_database_of_the_nights_counts_from_the_files_folder(tmp_path: Path) -> None:
    text = GOOD + "score: {sink: {connection: 'sqlite:///nights.sqlite', schema: shop}}\n"

    sink = load_params(written(tmp_path, text)).score.sink

    assert sink is not None
    assert (sink.connection, sink.db_schema) == (f"sqlite:///{tmp_path}/nights.sqlite", "shop")


@pytest.mark.parametrize("schema", ["''", '"a\\tb"', "ä" * 32], ids=["empty", "control", "64 bytes"])
def test_a_schema_that_no_database_keeps_as_it_is_is_refused(tmp_path: Path, schema: str) -> None:
    sink = f"score.sink={{connection: 'sqlite:///x', schema: {schema}}}"

    (problem,) = problems(tmp_path, GOOD, (sink,))

    assert "score.sink.schema" in problem


def test_the_parameters_name_their_file_in_what_is_said_of_them(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(GOOD)

    params = load_params(path)

    copied = params.model_copy(update={"timezone": "Europe/Berlin"})
    travelled = pickle.loads(pickle.dumps(params))
    places = [each.locate("label.table") for each in (params, copied, travelled)]
    assert places == ["shop.yaml: label.table"] * 3
    assert params.file == "shop.yaml"


def test_the_name_of_the_file_is_no_parameter(tmp_path: Path) -> None:
    params = load_params(written(tmp_path, GOOD))

    renamed = params.of_file("shop.yaml")

    assert params.file == "params.yaml"
    assert renamed.model_dump() == params.model_dump()
    assert renamed.label_id == params.label_id
    assert problems(tmp_path, f"{GOOD}\nfile: x") == ("params.yaml: file is not a parameter.",)


def test_an_override_wins_over_the_file(tmp_path: Path) -> None:
    params = load_params(
        written(tmp_path, GOOD), ["train.seed=11", "label.horizon_days=14", "engine.threads=1"]
    )

    assert (params.train.seed, params.label.horizon_days, params.engine.threads) == (11, 14, 1)


@pytest.mark.parametrize("section", ["score: {sink: null}", "score: {}", "score:", ""])
def test_an_override_fills_a_section_that_is_switched_off(tmp_path: Path, section: str) -> None:
    overrides = ["score.sink.connection=sqlite:///nights.sqlite"]

    params = load_params(written(tmp_path, f"{GOOD}\n{section}\n"), overrides)

    assert params.score.sink is not None
    assert params.score.sink.connection.startswith("sqlite:///")


def test_an_override_below_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError) as caught:
        load_params(written(tmp_path, GOOD), ["label.horizon_days.x=3"])

    assert "'horizon_days' is a value, not a section" in str(caught.value)


def test_a_value_in_the_sql_of_a_table_is_used_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE", "in use")
    where = "site = 'http://shop/?p=1' and state = '${STATE}'"

    text = GOOD.replace("orders: {}", f'orders: {{where: "{where}"}}')
    params = load_params(written(tmp_path, text))

    assert params.tables["orders"].where == "site = 'http://shop/?p=1' and state = 'in use'"


def test_a_port_a_day_and_a_table_from_the_environment_stay_in_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"DB_PORT": "5432", "DB_NAME": "customers", "FIRST_DAY": "2024-05-01", "DB_PASSWORD": "4711"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    text = GOOD.replace("company", "postgresql://ana:${DB_PASSWORD}@db:${DB_PORT}/${DB_NAME}")
    text = text.replace("orders: {}", "orders: {where: \"day >= '${FIRST_DAY}'\"}")

    load_params(written(tmp_path, text))

    assert hide_secrets("5432 rows of customers from 2024-05-01") == "5432 rows of customers from 2024-05-01"
    assert hide_secrets("4711 is wrong") == "*** is wrong"


@pytest.mark.parametrize(
    ("line", "is_cut"),
    [
        ("source: postgresql://ana:pa #ss@db/shop", True),
        ("source: postgresql://ana:12 #ss@db/shop", True),
        ("source: duckdb:///shop.duckdb  # ask ana@example.com", False),
        ("source: raw\ntracking: {uri: http://mlflow:5000}  # ask ana@example.com", False),
        ("source: postgresql://db/shop  # ask ana@example.com", False),
    ],
)
def test_an_address_that_a_comment_cuts_is_named_and_an_honest_comment_is_not(
    tmp_path: Path, line: str, is_cut: bool
) -> None:
    path = written(tmp_path, f"{line}\n")

    try:
        load_params(path)
        message = ""
    except ParamsError as error:
        message = str(error)

    assert ("the address is cut" in message) == is_cut


def test_a_name_in_braces_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE", "/lake")

    params = load_params(written(tmp_path, GOOD.replace("company", "${LAKE}/company")))

    assert params.source == "/lake/company"


def test_parameters_cannot_be_changed(tmp_path: Path) -> None:
    params = load_params(written(tmp_path, GOOD))

    with pytest.raises(ValueError, match="frozen"):
        params.label.horizon_days = 7  # type: ignore[misc]


def test_the_label_id_follows_the_definition_and_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    one = load_params(path)

    assert load_params(path, ["output=elsewhere", "engine.threads=4"]).label_id == one.label_id
    assert load_params(path, ["label.gap_days=7"]).label_id != one.label_id


def test_a_sign_off_does_not_make_another_label(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)

    signed = load_params(path, ["label.accept_reactivation=sold to, not signed up"])

    assert signed.label_id == load_params(path).label_id


ORDERS = "label={kind: inactivity, table: orders, horizon_days: 28}"
VISITS = "label={kind: inactivity, table: visits, horizon_days: 28}"
CONTRACT = "label={kind: contract, horizon_days: 31}"
UNPAID = "label={kind: contract, horizon_days: 31, leaving: involuntary}"


@pytest.mark.parametrize(
    ("label", "place", "mapped", "another"),
    [
        (ORDERS, "tables.orders", "{where: amount > 100}", True),
        (ORDERS, "tables.orders", "{from: baskets}", True),
        (ORDERS, "tables.orders", "{query: SELECT * FROM orders}", True),
        (ORDERS, "tables.orders", "{columns: {ordered_at: paid_at}}", True),
        (ORDERS, "tables.orders", "{time_format: '%d.%m.%Y'}", True),
        (ORDERS, "tables.orders", "{distinct: true}", True),
        (ORDERS, "tables.orders", "{}", False),
        (ORDERS, "tables.payments", "{where: amount > 100}", False),
        (ORDERS, "tables.customers", "{static: [country]}", False),
        (VISITS, "events.visits", "{where: seconds > 5}", True),
        (VISITS, "tables.orders", "{where: amount > 100}", False),
        (CONTRACT, "tables.subscriptions", "{where: plan != 'trial'}", True),
        (CONTRACT, "tables.payments", "{where: amount > 100}", False),
        (UNPAID, "tables.subscriptions", "{where: plan != 'trial'}", True),
        (UNPAID, "tables.payments", "{where: amount > 100}", True),
        (UNPAID, "tables.orders", "{where: amount > 100}", False),
    ],
)
def test_another_mapping_of_what_decides_the_label_is_another_label(
    tmp_path: Path, label: str, place: str, mapped: str, another: bool
) -> None:
    path = written(tmp_path, GOOD)
    tables = ["tables={customers: {}, orders: {}, subscriptions: {}, payments: {}}", "events={visits: {}}"]

    ids = {load_params(path, [*tables, label, *more]).label_id for more in ([], [f"{place}={mapped}"])}

    assert (len(ids) == 2) == another


def test_payments_decide_which_way_somebody_left_only_where_they_are_mapped(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    tables = ("{customers: {}, subscriptions: {}}", "{customers: {}, subscriptions: {}, payments: {}}")

    ids = [
        {load_params(path, [f"tables={t}", label]).label_id for t in tables} for label in (UNPAID, CONTRACT)
    ]

    assert [len(each) for each in ids] == [2, 1]


def test_each_kind_of_leaving_is_a_label_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    stated = ("", ", leaving: voluntary", ", leaving: involuntary", ", leaving: involuntary, {}")

    ids = [
        load_params(path, [f"label={{kind: contract, horizon_days: 31{more}}}"]).label_id
        for more in (one.format("involuntary_reasons: [unpaid]") for one in stated)
    ]

    assert len(set(ids)) == len(stated)


@pytest.mark.parametrize("more", ["leaving: any", "involuntary_reasons: [unpaid]"])
def test_without_a_kind_of_leaving_the_label_is_the_one_of_old(tmp_path: Path, more: str) -> None:
    path = written(tmp_path, GOOD)
    contract = "label={kind: contract, horizon_days: 31"

    asked = load_params(path, [f"{contract}, {more}}}"])

    assert asked.label_id == load_params(path, [f"{contract}}}"]).label_id


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("{kind: inactivity, table: orders, leaving: voluntary}", "belong to kind contract"),
        ("{kind: inactivity, table: orders, involuntary_reasons: [x]}", "belong to kind contract"),
        ("{kind: contract, accept_reactivation: so be it}", "contracts have a grace"),
    ],
)
def test_what_belongs_to_the_other_kind_of_label_is_refused(tmp_path: Path, label: str, said: str) -> None:
    [problem] = problems(tmp_path, GOOD, (f"label={label[:-1]}, horizon_days: 28}}",))

    assert said in problem


def patterns_in(schema: Any) -> Iterator[str]:
    """Yield the patterns of all texts in a JSON schema."""
    if isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from patterns_in(part)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("trian: {}", "trian is not a parameter. Did you mean 'train'?"),
        ("train: {num_leafs: 3}", "train.num_leafs is not a parameter. Did you mean 'num_leaves'?"),
        ("score: {budget: {shares: 1}}", "score.budget.shares is not a parameter. Did you mean 'share'?"),
        ("events: {visits: {form: t}}", "events.visits.form is not a parameter. Did you mean 'from'?"),
        (
            "timezone: Europe/Berln",
            "timezone ('Europe/Berln'): is not a time zone. Did you mean 'Europe/Berlin'?",
        ),
        (
            "train: {memory_limit: 500MB}",
            "train.memory_limit ('500MB'): must be at least 1GiB: the libraries and the fits of few rows "
            "hold 750 MB.",
        ),
        ("engine: {threads: 0}", "engine.threads (0): must be greater than or equal to 1."),
        (
            "events: {My Visits: {}}",
            "events.My Visits is not a usable name: use lower-case letters, digits and _.",
        ),
        (
            "tables: {loginz: {}}",
            "tables.loginz is not a canonical table. Did you mean 'logins'? Further event tables go under "
            "'events:'.",
        ),
        (
            "events: {orders: {}}",
            "events.orders has the name of a canonical table; put the table under 'tables:'.",
        ),
        (
            "tables: {customers: {history: {plan: x}}}",
            "tables.customers.history.plan ('x'): must be a section with keys of its own, "
            "such as {key: value}.",
        ),
        (
            "tables: {customers: {history: {plan: {form: t}}}}",
            "tables.customers.history.plan.form is not a parameter. Did you mean 'from'?",
        ),
        (
            "tables: {customers: {history: {plan: {columns: {value: plan}}}}}",
            "tables.customers.history.plan: 'from' or 'query' is missing: the table that holds the "
            "attribute's history.",
        ),
        (
            "train: {candidates: [tree]}",
            "train.candidates.0 ('tree'): must be 'trees', 'extra_trees', 'logistic' or 'blend'.",
        ),
        ("train: {candidates: []}", "train.candidates ([]): must not be empty."),
        ("train: {seed: -1}", "train.seed (-1): must be greater than or equal to 0."),
        (
            "evaluate: {seed: 2147483648}",
            "evaluate.seed (2147483648): must be less than or equal to 2147483647.",
        ),
        (
            "evaluate: {profit: {contact_cost: .inf}}",
            "evaluate.profit.contact_cost (inf): must be a finite number.",
        ),
        (
            "evaluate: {profit: {incentive_cost: 1.0e+308}}",
            "evaluate.profit.incentive_cost (1e+308): must be less than or equal to 1000000000.",
        ),
        (
            "evaluate: {test_cutoffs: [0001-01-01]}",
            "evaluate.test_cutoffs.0 (0001-01-01): must be greater than or equal to 1970-01-02.",
        ),
        (
            "snapshot: {watermark: 9999-12-31}",
            "snapshot.watermark (9999-12-31): must be less than or equal to 2199-12-31.",
        ),
        *(
            (
                f"engine: {{memory_limit: {limit}}}",
                f"engine.memory_limit ('{limit}'): must be between 64MiB and 64TiB, such as 4GiB.",
            )
            for limit in ("0KB", "1KB", "0.5MiB", "999999TiB")
        ),
        (
            "snapshot: {every: monat}",
            "snapshot.every ('monat'): must be month, week, or a number of days, such as 10 days.",
        ),
        (
            "engine: {memory_limit: 4 gigabytes}",
            "engine.memory_limit ('4 gigabytes'): must be a number and a unit, such as 4GiB or 500 MB.",
        ),
        (
            "contact: {quiet_hours: {begin: 8 pm}}",
            "contact.quiet_hours.begin ('8 pm'): must be a time of day from 00:00 to 23:59, such as 08:00.",
        ),
        (
            "contact: {holidays: Bayern}",
            "contact.holidays ('Bayern'): must be a country, or a country and a region, such as DE or DE-BY.",
        ),
        (
            "evaluate: {profit: {contact_cost: 4,20}}",
            "evaluate.profit: the key 20 is not text. If this key is the end of a number such as 4,20, write "
            "the number with a point: 4.20. Otherwise put the key in quotes.",
        ),
        (
            "output: ${NOT_SET}/x",
            "output uses ${NOT_SET}, which is not set in the environment. Export NOT_SET first.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_way_out(tmp_path: Path, wrong: str, said: str) -> None:
    good = GOOD.replace("tables: {customers: {}, orders: {}}", "") if "tables:" in wrong else GOOD

    assert problems(tmp_path, f"{good}\n{wrong}") == (f"params.yaml: {said}",)


def test_each_form_of_a_text_has_a_rule_in_words() -> None:
    forms = set(patterns_in(Params.model_json_schema()))

    assert len(forms) >= 5
    assert forms <= RULES.keys()


def test_a_table_may_be_named_if_it_is_canonical() -> None:
    assert set(TABLES) == set(CANONICAL_TABLES)


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("horizon_days", "horizon_day").replace("orders: {}", "order: {}")

    found = problems(tmp_path, f"{text}\ntrian: {{}}\nmodels: ${{NOT_SET}}", ("nonsense",))

    assert len(found) == 6
    assert any("tables.order is not a canonical table. Did you mean 'orders'?" in line for line in found)
    assert any("horizon_day is not a parameter. Did you mean 'horizon_days'?" in line for line in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source: [", "not YAML"),
        ("just words", "the file needs sections"),
        ("- a\n- b", "the file needs sections"),
    ],
)
def test_a_file_that_holds_no_sections_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in problems(tmp_path, text)[0]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="no such file"):
        load_params(tmp_path / "params.yml")


def test_an_open_question_stops_with_its_choices_and_an_answer_settles_it(tmp_path: Path) -> None:
    text = GOOD.replace("orders: {}", "orders: {time_format: \"? '%d/%m/%Y' or '%m/%d/%Y'\"}")

    refused = problems(tmp_path, text)

    assert len(refused) == 1
    assert refused[0].startswith("params.yaml: tables.orders.time_format holds a question")
    assert "'%d/%m/%Y' or '%m/%d/%Y'" in refused[0]
    answered = load_params(written(tmp_path, text), ["tables.orders.time_format='%m/%d/%Y'"])
    assert answered.tables["orders"].time_format == "%m/%d/%Y"


def test_every_open_question_is_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("orders: {}", "orders: {from: '? a or b', columns: {amount: '?'}}")

    refused = problems(tmp_path, text)

    assert [problem.split(" ")[1] for problem in refused] == [
        "tables.orders.from",
        "tables.orders.columns.amount",
    ]


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("[9999-12-31, 'NULL', 0]", ("9999-12-31", "NULL", "0")),
        ("n/a", ("n/a",)),
        ("['null', '']", ("null", "")),
    ],
)
def test_words_for_no_value_are_texts(tmp_path: Path, words: str, read: tuple[str, ...]) -> None:
    text = GOOD.replace("orders: {}", f"orders: {{missing: {{returned_at: {words}}}}}")

    assert load_params(written(tmp_path, text)).tables["orders"].missing == {"returned_at": read}


@pytest.mark.parametrize("words", ["null", "[null]", "[no]", "[]"])
def test_a_word_for_no_value_that_yaml_reads_as_something_else_is_refused(tmp_path: Path, words: str) -> None:
    text = GOOD.replace("orders: {}", f"orders: {{missing: {{returned_at: {words}}}}}")

    (refused,) = problems(tmp_path, text)

    assert "tables.orders.missing.returned_at" in refused
