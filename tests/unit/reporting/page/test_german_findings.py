"""What the guards find has a German text; the sentences are read from the code of the guards."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

import churn.guards
from churn.finding import Finding, GuardReport
from churn.guards import aggregates, as_of_today, degenerate, duplicates, names, proofs, row_times, totals
from churn.guards.model import outcomes, run
from churn.guards.sign_off import SignOffs, guard_verdict
from churn.metrics.catalog import candidate_name
from churn.params import CHURN_WORDS, LabelWords, event_words
from churn.reporting.page.words import Words, _finding_patterns, _most_fixed_first, german, speak_event
from tests.code_sentences import Sentences

UPGRADE = event_words("plan up-grade")
ARGUMENTS = ("place", "found", "way_out", "severity", "guard", "figure")
DAY = ["2025-09-30"]

PLACES = {
    "context.store.watermark": DAY,
    "context.cutoffs[0]": DAY,
    "context.cutoffs[end]": DAY,
    "empty[0].cutoff": DAY,
    "empty[-1].cutoff": DAY,
    "snapshots.watermark": DAY,
    "stated_day": DAY,
    "true_day": DAY,
    "watermark": DAY,
    "start": DAY,
    "last_day": DAY,
    "period": ["month"],
    "words.candidates": [CHURN_WORDS.candidates],
    "words.happened": [CHURN_WORDS.happened],
    "candidate_name(name)": [candidate_name("rfm")],
    "entry.why": [entry.why for entry in names.deny_list()],
    "', '.join(shares)": ["logins_28d (45%), tenure_days (7%)"],
}
"""What stands at the places of findings that hold no number."""


def parts_of(call: ast.Call) -> dict[str, ast.expr]:
    """Return what a guard found, its way out and its figure, as far as a call of `Finding` states them."""
    arguments = dict(zip(ARGUMENTS, call.args, strict=False))
    arguments |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    return {name: arguments[name] for name in ("found", "way_out", "figure") if name in arguments}


def keys_of_queries(module: ModuleType, function: str) -> list[str]:
    """Return the words of aggregates, which are keys of SQL."""
    own = Sentences(module, {})
    node = own.functions[function]
    keys = [key for each in ast.walk(node) if isinstance(each, ast.Dict) for key in each.keys]
    keys += [
        each.slice
        for each in ast.walk(node)
        if isinstance(each, ast.Subscript) and ast.unparse(each.value) == "queries"
    ]
    return list(dict.fromkeys(text for key in keys if key is not None for text in own.of(key, node)))


def copies() -> list[str]:
    """Return what `as_of_today` says of columns that copy aggregates of events up to today."""
    whole = keys_of_queries(aggregates, "aggregates")
    kinds = keys_of_queries(totals, "_of_table")
    windows = keys_of_queries(aggregates, "matching_window")
    copy = Sentences(aggregates, {}).of(ast.Name("words"), Sentences(aggregates, {}).functions["copy_match"])
    own = Sentences(as_of_today, {"match.words": copy, "aggregate.words": whole})
    sentences = own.of(ast.Name("words"), own.functions["_copy_of"])
    days = [
        ast.literal_eval(key)
        for node in ast.walk(Sentences(totals, {}).functions["__init__"])
        if isinstance(node, ast.Dict)
        for key in node.keys
        if key is not None
    ]
    which = [
        str(node.value)
        for node in ast.walk(Sentences(totals, {}).functions["_single"])
        if isinstance(node, ast.Constant) and str(node.value).startswith("customers")
    ]
    pair = [f"{kinds[0]} {joint} {kinds[1]}" for joint in ("plus", "minus")]
    total = Sentences(
        totals, {"total.words": kinds, "words": pair, "until": days, "which": which, "factor": ["30.4"]}
    )
    sentences += [
        f"{text}: the attribute holds what happened after the cutoffs."
        for function in ("_single", "_pair", "_rate")
        for text in total.returned(function)
    ]
    window = Sentences(aggregates, {"export": DAY})
    best = window.functions["_best_window"]
    sentences += [
        f"{beginning} {words} {end}"
        for node in ast.walk(best)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)
        for beginning, words, end in product(copy, windows, window.of(node.value.elts[1], best))
    ]
    return sentences


def reasons_of_exclusion() -> list[str]:
    """Return why customers are left out of a cohort: the keys of the ways out."""
    function = Sentences(degenerate, {}).functions["_empty_cutoffs"]
    tables = [node.value for node in ast.walk(function) if isinstance(node, ast.Subscript)]
    return [
        ast.literal_eval(key)
        for table in tables
        if isinstance(table, ast.Dict)
        for key in table.keys
        if key is not None
    ]


OWN_PLACES = {
    as_of_today: {"words": [*copies(), *Sentences(as_of_today, PLACES).returned("_late_dates")]},
    degenerate: {"reason": reasons_of_exclusion()},
    proofs: {"cutoff": DAY},
}


def module_places(module: ModuleType) -> dict[str, Sequence[str]]:
    notes = Sentences(duplicates, {"base_name": ["all customers", "the other rows"]})
    note = ["", *notes.returned("oversampling_note")]
    places = PLACES | OWN_PLACES.get(module, {})
    return places | {"note": note}


def sentences_of(module: ModuleType) -> list[str]:
    """Return all that the findings of a module can say, except the place."""
    own = Sentences(module, module_places(module))
    return [
        "7%" if (name, text) == ("figure", "7") else text
        for call, function in calls_of_finding(own)
        for name, node in parts_of(call).items()
        for text in own.of(node, function)
        if text
    ]


def calls_of_finding(own: Sentences) -> Iterator[tuple[ast.Call, ast.FunctionDef]]:
    """Yield the findings of the functions of a module, and those that are constants of the module."""
    yield from own.calls("Finding")
    outside = ast.parse("def constants(): ...").body[0]
    assert isinstance(outside, ast.FunctionDef)
    for statement in own.tree.body:
        call = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Finding":
            yield call, outside


MODULES = [
    module
    for each in pkgutil.walk_packages(churn.guards.__path__, "churn.guards.")
    if any(calls_of_finding(Sentences(module := importlib.import_module(each.name), {})))
]


def missing(module: ModuleType, label: LabelWords = CHURN_WORDS) -> list[str]:
    """Return the sentences of a module that have no German text."""
    words = Words("de", label)
    return [text for text in map(label.speak, sentences_of(module)) if words._finding(text) is None]


def keys_of(text: str, label: LabelWords) -> Iterator[str]:
    """Yield the keys of the catalogue that a sentence needs, with those of its parts."""
    keys = _most_fixed_first(german().findings)
    for key, (pattern, _) in zip(keys, _finding_patterns(label), strict=True):
        if match := pattern.fullmatch(text):
            yield key
            for name, part in match.groupdict().items():
                if name.endswith("_finding"):
                    yield from keys_of(part, label)


@pytest.mark.parametrize("label", [CHURN_WORDS, UPGRADE], ids=["churn", "event"])
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.removeprefix("churn.guards."))
def test_every_finding_of_the_code_has_a_german_text(module: ModuleType, label: LabelWords) -> None:
    assert missing(module, label) == []


def test_all_guards_are_read() -> None:
    n_findings = sum(1 for module in MODULES for _ in calls_of_finding(Sentences(module, {})))

    assert n_findings >= 45
    assert {as_of_today, degenerate, names, outcomes, proofs, row_times, run} <= {*MODULES}


def test_no_german_text_of_a_finding_is_left_over() -> None:
    sentences = [text for module in MODULES for text in sentences_of(module)]

    needed = {key for text in sentences for key in keys_of(text, CHURN_WORDS)}

    assert sorted(german().findings.keys() - needed) == []


def test_what_an_event_changes_in_a_finding_has_a_german_form_for_events() -> None:
    unspoken = [
        key
        for key, text in german().findings.items()
        if speak_event(key, UPGRADE) != key and text.event is None
    ]

    assert unspoken == []


PLANTED = """
from churn.finding import Finding

ADVICE = "Ask the team of the source."


def guard(rows, is_sure):
    words = f"{rows:,} rows are odd"
    if is_sure:
        words += ", beyond chance"
    return Finding("orders", f"{words}.", ADVICE if is_sure else "Leave the column out.", figure="odd")
"""


def test_a_finding_without_german_is_named_word_by_word(tmp_path: Path) -> None:
    path = tmp_path / "planted_guard.py"
    path.write_text(PLANTED, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("planted_guard", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert missing(module) == [
        "7 rows are odd.",
        "7 rows are odd, beyond chance.",
        "Ask the team of the source.",
        "odd",
    ]


def refusal(*findings: Finding, label: LabelWords = CHURN_WORDS) -> str:
    """Return what the gate of the guards says of findings."""
    report = GuardReport.of(["alone", "survivors"], findings)
    verdict = guard_verdict(report, SignOffs({}, {}), "params.yaml: evaluate").spoken(label)
    return verdict.gates[0].words.removeprefix("promote: ")


LATE = Finding(
    "orders",
    "from 2025-09-28 to 2025-09-30 the table has 12 rows; 1,234 rows are usual in a period of this "
    "length, and 1,100 were the fewest before. In the same period, the table logins is complete. If the rows "
    "come in later, the newest cutoff sees fewer rows than the cutoffs of training saw, and the scores are "
    "wrong.",
    "Set snapshot.watermark: 2025-09-28, or read orders again when its missing rows have come in. "
    "If the rows of this table always come in late, map the time at which a row came in as "
    "tables.orders.columns.known_at. If orders gets no more rows, leave the table out.",
    "stop",
    "trailing",
    "12 of about 1,234 rows",
)


def leak(place: str, auc: str) -> Finding:
    return Finding(
        place,
        f"the column alone predicts who leaves: its AUC is {auc} (1,234 churners, lower bound 0.97). With an "
        "AUC above 0.98, the column is almost certainly a leak of the label.",
        "Find out where the values of the column come from, and whether the source fills them in after "
        "customers left. Leave the column out (signals.leave_out), or accept the finding (sign it off).",
        "stop",
        "alone",
        f"AUC {auc}",
    )


def test_what_guards_found_is_in_german_with_german_numbers_and_days() -> None:
    text = refusal(LATE, leak("customers.plan", "0.991"), *(leak(f"s{n}", "0.985") for n in range(1, 6)))

    assert Words("de").value(text) == (
        "trailing: orders: vom 28. Sept. 2025 bis 30. Sept. 2025 sind es 12 der üblichen 1.234 Zeilen, und "
        "in so vielen Tagen waren es nie weniger als 1.100; logins ist dort vollständig. Wenn die Zeilen "
        "später kommen, sieht der neueste Stichtag weniger Zeilen als die Stichtage des Trainings, und die "
        "Wahrscheinlichkeiten sind falsch. Setzen Sie snapshot.watermark: 2025-09-28, oder lesen Sie orders "
        "erneut, wenn die Zeilen da sind. Wenn sie immer später kommen, ordnen Sie die Zeit, zu der eine "
        "Zeile ankam, als tables.orders.columns.known_at zu. Wenn orders geendet hat, lassen Sie es weg. "
        "alone: customers.plan: für sich allein sagt es mit einer AUC von 0,991 vorher, wer geht (1.234 "
        "Abwanderer, untere Grenze 0,97); über 0,98 ist es fast sicher ein Leck des Labels. Ebenso s1 (AUC "
        "0,985), s2 (AUC 0,985), s3 (AUC 0,985) und 2 weitere. Finden Sie heraus, woher seine Werte kommen, "
        "und ob die Quelle sie einträgt, nachdem Kunden gegangen sind. Lassen Sie es weg "
        "(signals.leave_out), oder billigen Sie es. Der Champion bleibt. Beheben Sie die Ursache, oder "
        "billigen Sie den Befund mit einem Grund in params.yaml: evaluate: {accept: {ORT oder WÄCHTER: der "
        "Grund}}."
    )


def test_with_a_label_of_an_event_a_finding_speaks_of_the_event() -> None:
    said = Words("de", UPGRADE).value(refusal(leak("orders.kind: a", "0.991"), label=UPGRADE))

    assert said.startswith(
        "alone: orders.kind: a: für sich allein sagt es mit einer AUC von 0,991 vorher, wer das Ereignis "
        "plan up-grade hat (1.234 Kunden mit dem Ereignis, untere Grenze 0,97)"
    )


@pytest.mark.parametrize("part", ["found", "way_out"])
def test_lines_of_which_a_part_has_no_german_stay_english(part: str) -> None:
    text = refusal(leak("s1", "0.991"), replace(LATE, **{part: "nobody wrote this."}))

    assert not Words("de").speaks(text)
    assert Words("de").value(text) == text
