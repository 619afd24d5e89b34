"""Random sentences of docstrings, messages and documents: `python -m benchmarks.sentences --seed 1`.

Give them to a reader who does not know the project, and ask which ones need a second reading. With `--alone`
each sentence stands alone; without it, what a reader has read there before stands in brackets. In a document,
this is the heading and the paragraph up to the sentence, or the last sentence of the paragraph before, or the
sentence that introduces a list, and the code or table above. In a docstring, it is the arguments of the
function and the text up to the sentence. For a message, it is the arguments and the summary of the function,
and the message up to the sentence. The summaries of the module and the class are in view, too.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
CODE = ("churn", "pipelines")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md", "docs/*.md")
MIN_WORDS = 5
MAX_BLOCK_LENGTH = 700
BLOCK_MARK = "\0"
END_OF_SENTENCE = r"(?<=[.!?])\s+(?=[A-Z`{])"

Owner = ast.Module | ast.ClassDef | ast.FunctionDef


class Sentence(NamedTuple):
    """A sentence, and what a reader has in view beside it.

    Attributes:
        location: The file, and the name of the class or function.
        text: The sentence.
        view: What a reader has read there before the sentence; empty if it stands at the beginning.
    """

    location: str
    text: str
    view: str = ""


def docstring_sentences(tree: ast.AST, file: str) -> Iterator[Sentence]:
    """Yield the sentences of all docstrings of a module, without examples and headings of sections."""
    for node, above in _owners(tree):
        text, location = ast.get_docstring(node) or "", f"{file}: {_name(node)}"
        above = f"{above} {_arguments(node)}".strip()
        for paragraph in re.split(r"\n\s*\n", text):
            entries = re.sub(
                r"^ {4}(?=\w[\w, ]*: )|^\w+:$|^\s*(?:[-*]|\d+\.) ", "\n\n", paragraph, flags=re.M
            ).split("\n\n")
            for entry in entries if ">>>" not in paragraph else ():
                for before, sentence in _with_text_before(entry):
                    yield Sentence(location, sentence, f"{above} {before}".strip())
            if len(entries) == 1 and ">>>" not in paragraph:
                above = f"{above} {_one_line(paragraph)}".strip()


def message_sentences(tree: ast.AST, file: str) -> Iterator[Sentence]:
    """Yield the sentences of all texts of a module that are no docstrings; a value is shown as its name."""
    nodes = list(ast.walk(tree))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    parts_of_texts = {
        id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    }
    views = dict(_views(tree))
    for node in nodes:
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(_text_of(part) for part in node.values)
        elif isinstance(node, ast.Constant) and id(node) not in docstrings | parts_of_texts:
            text = node.value if isinstance(node.value, str) else ""
        for before, sentence in _with_text_before(text):
            yield Sentence(file, sentence, f"{views[id(node)]} {before}".strip())


def _text_of(part: ast.expr) -> str:
    """Return a part of an f-string as text: a value as `{its name}`, and of two texts the second."""
    if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.IfExp):
        part = part.value.orelse
    if isinstance(part, ast.JoinedStr):
        return "".join(_text_of(inner) for inner in part.values)
    if isinstance(part, ast.Constant):
        return str(part.value)
    return f"{{{_value_name(part)}}}"


def _value_name(node: ast.expr) -> str:
    """Return the name of a variable, an attribute or a function that gives a value; `…` for other code."""
    match node:
        case ast.FormattedValue(value=value) | ast.Subscript(value=value):
            return _value_name(value)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_")
        case ast.Call(func=ast.Name(id="str" | "len" | "repr" | "sorted" | "abs"), args=[value, *_]):
            return _value_name(value)
        case ast.Call(func=ast.Attribute(attr="join" | "dumps"), args=[value, *_]):
            return _value_name(value)
        case ast.Call(func=function):
            return _value_name(function)
    return "…"


def document_sentences(text: str, file: str) -> Iterator[Sentence]:
    """Yield the sentences of a Markdown document; code and tables are only in view for the text below."""
    blocks: list[str] = []

    def hide(block: re.Match[str]) -> str:
        blocks.append(_one_line(block[0])[:MAX_BLOCK_LENGTH])
        return f"\n\n{BLOCK_MARK}{len(blocks) - 1}\n\n"

    text = re.sub(r"(`[^`]*`)|\*\*", lambda part: part[1] or "", text)  # bold, but not a power in code
    text = re.sub(r"^```[\s\S]*?^```|(?:^\|.*\n?)+", hide, text, flags=re.M)
    text = re.sub(r"^(!\[|    ).*$", "", text, flags=re.M)
    heading = lead = last = shown = ""
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", text):
        if block := re.fullmatch(rf"\s*{BLOCK_MARK}(\d+)\s*", paragraph):
            shown = f"{shown} {blocks[int(block[1])]}".strip()
            continue
        if title := re.match(r"#+ (.+)", paragraph.strip()):
            heading, lead, last, shown = title[1], "", "", ""
        paragraph, n_marks = re.subn(r"^\s*(?:[-*]|\d+\.) ", "", re.sub(r"^#.*$", "", paragraph, flags=re.M))
        for before, sentence in _with_text_before(paragraph):
            lead_and_text = _one_line(f"{lead if n_marks else ''} {before}")
            above = _one_line(f"{shown} {lead_and_text}" if lead_and_text else f"{last} {shown}")
            yield Sentence(file, sentence, f"{heading}: {above}" if above else heading)
        if not n_marks and paragraph.strip():
            lead = _one_line(paragraph) if paragraph.rstrip().endswith(":") else ""
        if paragraph.strip():
            last, shown = re.split(END_OF_SENTENCE, _one_line(paragraph))[-1], ""


def _owners(node: ast.AST, above: str = "") -> Iterator[tuple[Owner, str]]:
    """Yield the module and each class and function, with the summaries of module and class around it."""
    if isinstance(node, Owner):
        yield node, above
    if isinstance(node, ast.Module | ast.ClassDef):
        above = _one_line(f"{above} {_title(node)}")
    for child in ast.iter_child_nodes(node):
        yield from _owners(child, above)


def _views(node: ast.AST, view: str = "", above: str = "") -> Iterator[tuple[int, str]]:
    """Yield the id of each node with the summaries of the module, the class and the function around it."""
    if isinstance(node, Owner):
        view = _one_line(f"{above} {_title(node)}")
    if isinstance(node, ast.Module | ast.ClassDef):
        above = view
    yield id(node), view
    for child in ast.iter_child_nodes(node):
        yield from _views(child, view, above)


def _title(node: Owner) -> str:
    """Return name, arguments and summary; nothing for a module without a summary."""
    if isinstance(node, ast.Module) and not _summary(node):
        return ""
    return f"{_name(node)}: {_arguments(node)} {_summary(node)}"


def _name(node: Owner) -> str:
    return "the module" if isinstance(node, ast.Module) else node.name


def _arguments(node: Owner) -> str:
    return f"({ast.unparse(node.args)})" if isinstance(node, ast.FunctionDef) else ""


def _summary(node: Owner) -> str:
    """Return the first paragraph of the docstring."""
    return _one_line((ast.get_docstring(node) or "").split("\n\n")[0])


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _with_text_before(text: str) -> Iterator[tuple[str, str]]:
    """Yield each sentence of a text with enough words, after the text before it.

    SQL, regular expressions and paths are left out.
    """
    text, start = _one_line(text), 0
    for sentence in re.split(END_OF_SENTENCE, text):
        words = re.findall(r"[A-Za-z]{2,}", sentence)
        is_sql = re.search(r"\b(SELECT|FROM|WHERE|JOIN|COALESCE|OVER)\b|::|\|\||\w\|\w|\\w|\)\?", sentence)
        if len(words) >= MIN_WORDS and not is_sql and sentence[-1:] in ".?!:":
            yield text[:start].strip(), sentence
        start += len(sentence) + 1


@cache
def all_sentences() -> tuple[tuple[Sentence, ...], ...]:
    """Return the different sentences of docstrings, of messages and of documents, each kind in order."""
    kinds: tuple[list[Sentence], ...] = ([], [], [])
    for path in sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py")):
        tree, file = ast.parse(path.read_text(encoding="utf-8")), str(path.relative_to(ROOT))
        kinds[0].extend(docstring_sentences(tree, file))
        kinds[1].extend(message_sentences(tree, file))
    for path in sorted(path for pattern in DOCUMENTS for path in ROOT.glob(pattern)):
        kinds[2].extend(document_sentences(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))))
    return tuple(tuple(_different(kind)) for kind in kinds)


def sample_sentences(seed: int, count: int) -> list[Sentence]:
    """Return random sentences, as many of docstrings as of messages and documents.

    Args:
        seed: The seed of the draw.
        count: The number of sentences; a third of each kind.
    """
    kinds, draw = all_sentences(), random.Random(seed)
    return [sentence for kind in kinds for sentence in draw.sample(kind, count // len(kinds))]


def _different(sentences: list[Sentence]) -> list[Sentence]:
    """Return the sentences in order; of equal sentences of a place only the first stays."""
    first: dict[tuple[str, str], Sentence] = {}
    for sentence in sentences:
        first.setdefault((sentence.location, sentence.text), sentence)
    return [first[key] for key in sorted(first)]


def main() -> None:
    """Print numbered sentences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--alone", action="store_true", help="print no words beside the sentence")
    arguments = parser.parse_args()
    for number, sentence in enumerate(sample_sentences(arguments.seed, arguments.count), start=1):
        view = f"({sentence.view}) " if sentence.view and not arguments.alone else ""
        print(f"{number}. [{sentence.location}] {view}{sentence.text}")


if __name__ == "__main__":
    main()
