"""Names and values of the data are text in every Markdown that is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

import pytest
from markdown_it import MarkdownIt

from churn.evaluation.result import EvaluationResult
from churn.guards.verdict import Gate, Verdict
from churn.reporting.markdown import code_span, escape_markdown, escape_sentence
from churn.reporting.mlflow_log import run_note
from churn.reporting.model_card import render_card, summarize_card
from churn.reporting.promotion_page import render_promotion_summary
from tests.unit.reporting.test_model_card import SPEC, evaluated, number

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- a comment",
    "<http://evil.example>",
    "[x](http://evil.example)",
    "![i](http://evil.example/i.png)",
    "[x]",
    "[x]: http://evil.example",
    "[1, 2](http://evil.example)",
    "[x](javascript:alert(1))",
    "see http://evil.example or www.evil.example or eve@evil.example",
    "`code` and ``more`` and `",
    "`<b>`",
    "a|b|c",
    r"a\|b \ c\\",
    "a\n\n# heading\n- item\r\n> quote",
    "first\n    code\n```\nfence",
    "**bold** __bold__ *a* _a_ a*b*c ~~gone~~",
    "# heading",
    "> quote",
    "- item",
    "+ item",
    "1. item",
    "---",
    "===",
    "    code",
    "\tcode",
    "&lt;b&gt; &#60;b&#62;",
    "plan\x1b[31m\u202etxt",
]
HONEST = [
    "plan_type",
    "O'Brien",
    "R&D",
    "a < b",
    "5 * 3",
    "-0.05",
    "2024-01-29",
    "Größe (€)",
    "50%",
    "basic 1.5",
]
ALLOWED_TAGS = {
    "h1",
    "h2",
    "p",
    "ul",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "strong",
    "code",
    "",
}


@dataclass(frozen=True)
class Shown:
    """What a reader sees: the tags, the texts of blocks, and the addresses of links."""

    tags: list[str]
    texts: list[str]
    links: list[str]
    kinds: set[str]


def read(text: str) -> Shown:
    """Parse Markdown with tables and HTML, as GitHub does."""
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    inlines = [block for block in blocks if block.type == "inline"]
    tokens = [*blocks, *(token for inline in inlines for token in inline.children or [])]
    return Shown(
        tags=[token.tag for token in tokens if token.nesting >= 0],
        texts=["".join(token.content for token in inline.children or []) for inline in inlines],
        links=[str(token.attrs["href"]) for token in tokens if token.type == "link_open"],
        kinds={token.type for token in tokens},
    )


def one_line(name: str) -> str:
    text = re.sub(r"\s*[\r\n]\s*", " ", name).replace("\x1b", r"\x1b").replace("\u202e", r"\u202e")
    return text.strip()


def has_bare_address(text: str) -> bool:
    """Whether a dialect that links bare addresses would find one outside of code."""
    return bool(re.search(r"https?://|www\.\w|\w@\w+\.", re.sub(r"`[^`]*`", "", text)))


@pytest.mark.parametrize("name", [*HOSTILE, *HONEST])
@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ("{}", ["p"]),
        ("before {} after", ["p"]),
        ("- {}", ["ul", "li", "p"]),
        ("# {}", ["h1"]),
        (
            "| a | b |\n|---|---|\n| {} | {} |",
            ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"],
        ),
    ],
    ids=["line", "words", "item", "heading", "cell"],
)
def test_a_value_is_text_wherever_it_stands(line: str, tags: list[str], name: str) -> None:
    text = line.replace("{}", escape_markdown(name))

    shown = read(text)

    assert [tag for tag in shown.tags if tag] == tags
    assert one_line(name) in shown.texts[-1]
    assert "html_inline" not in shown.kinds
    assert not has_bare_address(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_in_code_and_a_name_in_a_sentence_are_text(name: str) -> None:
    code = read(f"- in {code_span(name)} and")
    sentence = read(f"- {escape_sentence(f'guard: {name}: run `churn train` and `{name}` again.')}")

    assert [tag for tag in code.tags if tag] == ["ul", "li", "p", "code"]
    assert " ".join(one_line(name).split()) in " ".join(code.texts[0].split())
    assert {tag for tag in sentence.tags if tag} <= {"ul", "li", "p", "code"}
    assert not sentence.kinds & {"html_inline", "html_block", "link_open", "image"}


@pytest.mark.parametrize("name", HONEST)
def test_honest_names_are_written_as_they_are(name: str) -> None:
    assert escape_markdown(name) == name
    assert escape_sentence(f"guard: {name}: run `churn train`.") == f"guard: {name}: run `churn train`."
    assert code_span("a_b*c") == "`a_b*c`"


def hostile_evaluation(name: str) -> tuple[EvaluationResult, Verdict]:
    """An evaluation and a verdict with a name of the data at each place of the card."""
    found = {
        "guard": "alone",
        "place": name,
        "found": f"{name} tells.",
        "way_out": "See.",
        "severity": "warn",
    }
    level = {"level": name, "rows": 90, "churners": 9, "observed_expected": number(1.1)}
    content = evaluated(
        model={"version": "3", "run_id": "r1"},
        signal={"found": "signal", "words": f"{name}: AUC 0.7."},
        segments={name: [level]},
        calibration_by_segment={
            "all": {"observed_expected": number(0.98)},
            "groups": {name: [level | {"judged": True, "off": True}]},
        },
        importance_by_family=[{"family": name, "share": 0.6}],
        guards={"looked": ["alone"], "found": [found]},
        cohort={"cutoff": "2024-01-29", "rows": 500, "excluded": {name: 12}},
        horizons={"days": {}, "missing": {60: name}},
        notes={"bg_nbd": f"{name} is not judged."},
    )
    gate = Gate("signal", False, 0.7, 0.69, 0.71, "above one half", f"promote: {name}: refused.")
    return content, Verdict((gate,), (f"{name} is new.",), (f"alone: {name} Accepted: {name}",))


def hostile_spec(name: str) -> dict[str, object]:
    return SPEC | {"model": name, "label": SPEC["label"] | {"table": name}, "timezone": name}


def written_with(name: str) -> dict[str, str]:
    """The texts in Markdown of an evaluation and a verdict with this name."""
    content, verdict = hostile_evaluation(name)
    spec = hostile_spec(name)
    summary = summarize_card(content, spec, verdict)
    return {
        "card": render_card(content, spec, {name: 0.6}, verdict),
        "note": run_note("3", "Evaluated.", summary, {"charts": "#/charts"}),
        "verdict": render_promotion_summary("3", verdict),
    }


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_on_the_card_in_the_note_and_in_the_verdict(name: str) -> None:
    honest = written_with("plan")

    for title, text in written_with(name).items():
        shown, expected = read(text), read(honest[title])
        assert not shown.kinds & {"html_inline", "html_block", "image", "fence", "code_block", "hr"}, title
        assert shown.links == expected.links == (["#/charts"] if title == "note" else []), title
        assert set(shown.tags) - {"a", "br"} <= ALLOWED_TAGS, title
        for tag in ("h1", "h2", "table", "tr", "td", "li", "p", "strong"):
            assert shown.tags.count(tag) == expected.tags.count(tag), (title, tag)
        assert not has_bare_address(re.sub(r"(`+) .*? \1(?!`)", "", text)), title


def test_honest_names_look_on_the_card_as_they_are() -> None:
    content, verdict = hostile_evaluation("plan_type")

    card = render_card(content, hostile_spec("plan_type"), {"a_b*c": 0.6}, verdict)
    summary = summarize_card(content, hostile_spec("plan_type"), verdict)

    for line in (
        "# Model card: plan_type, version 3",
        "| plan_type | plan_type | 90 | 9 | too few | 1.10 [1.09, 1.11] |",
        "- warn: alone: plan_type: plan_type tells.",
        "The signals with the largest contributions: `a_b*c` 60.0%.",
    ):
        assert line in card
    assert "- plan_type plan_type: 1.10 [1.09, 1.11]" in summary
    assert "\\" not in card + summary
    assert "&" not in card + summary


def test_no_template_writes_a_value_between_its_own_backticks_or_code_into_a_cell() -> None:
    folder = resources.files("churn.reporting").joinpath("templates")
    templates = [file for file in folder.iterdir() if file.name.endswith(".md")]

    lines = [line for file in templates for line in file.read_text(encoding="utf-8").splitlines()]

    assert len(templates) == 3
    assert [line for line in lines if re.search(r"`\{\{|\}\}`|\|\s*safe\b", line)] == []
    assert [line for line in lines if line.startswith("| ") and re.search(r"\|(code|prose) \}\}", line)] == []
