"""Random sentences of docstrings, messages and documents: `python -m benchmarks.sentences --seed 1`.

Give them to a reader who does not know the project, and ask which ones need a second reading.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = ("churn", "pipelines")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md", "docs/*.md")
MIN_WORDS = 5


def docstring_sentences(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield name and sentence for all docstrings of a module, without examples and headings of sections."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text, name = ast.get_docstring(node) or "", getattr(node, "name", "the module")
            for paragraph in re.split(r"\n\s*\n", text):
                entries = re.sub(
                    r"^\s*(?=[\w, ]+: )|^\s*\w+:$|^\s*(?:[-*]|\d+\.) ", "\n\n", paragraph, flags=re.M
                )
                for entry in entries.split("\n\n") if ">>>" not in paragraph else ():
                    yield from ((name, sentence) for sentence in _split(entry))


def message_sentences(tree: ast.AST) -> Iterator[str]:
    """Yield the sentences of all texts of a module that are no docstrings; `{…}` stands for a value."""
    nodes = list(ast.walk(tree))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    parts_of_texts = {
        id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    }
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "{…}" for part in node.values)
            yield from _split("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from () if id(node) in docstrings | parts_of_texts else _split(node.value)


def document_sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a Markdown document, without code blocks, tables and marks of bold text."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S).replace("**", "")
    text = re.sub(r"^(\||#|!\[|    ).*$", "", text, flags=re.M)
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", text):
        yield from _split(re.sub(r"^\s*(?:[-*]|\d+\.) ", "", paragraph))


def _split(text: str) -> Iterator[str]:
    """Yield the sentences of a text with enough words, and leave out SQL, regular expressions and paths."""
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z`{])", re.sub(r"\s+", " ", text).strip()):
        words = re.findall(r"[A-Za-z]{2,}", sentence)
        is_sql = re.search(r"\b(SELECT|FROM|WHERE|JOIN|COALESCE|OVER)\b|::|\|\||\w\|\w|\\w|\)\?", sentence)
        if len(words) >= MIN_WORDS and not is_sql and sentence[-1:] in ".?!:":
            yield sentence


def sample_sentences(seed: int, count: int) -> list[tuple[str, str]]:
    """Return random sentences with the file of each, as many of docstrings as of messages and documents.

    Args:
        seed: The seed of the draw.
        count: The number of sentences; a third of each kind.
    """
    kinds: list[list[tuple[str, str]]] = [[], [], []]
    for path in sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py")):
        tree, name = ast.parse(path.read_text(encoding="utf-8")), str(path.relative_to(ROOT))
        kinds[0] += ((f"{name}: {owner}", sentence) for owner, sentence in docstring_sentences(tree))
        kinds[1] += ((name, sentence) for sentence in message_sentences(tree))
    for path in sorted(path for pattern in DOCUMENTS for path in ROOT.glob(pattern)):
        sentences = document_sentences(path.read_text(encoding="utf-8"))
        kinds[2] += ((str(path.relative_to(ROOT)), sentence) for sentence in sentences)
    draw = random.Random(seed)
    return [item for kind in kinds for item in draw.sample(sorted(set(kind)), count // len(kinds))]


def main() -> None:
    """Print numbered sentences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    arguments = parser.parse_args()
    for number, (file, sentence) in enumerate(sample_sentences(arguments.seed, arguments.count), start=1):
        print(f"{number}. [{file}] {sentence}")


if __name__ == "__main__":
    main()
