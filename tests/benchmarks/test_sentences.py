from __future__ import annotations

import ast

import pytest

from benchmarks.sentences import (
    Sentence,
    docstring_sentences,
    document_sentences,
    message_sentences,
    sample_sentences,
)

MODULE = '''
"""The first sentence has enough words. Short one.

    >>> this_is_an_example_and_no_sentence()
"""

def verb(table):
    """Return the table of the tested rows.

    Args:
        table: A table that is not empty.
    """
    raise ValueError(f"{table}: this table has no rows at all. Add some rows to it.")
'''


HEAD = "the module: The first sentence has enough words. Short one."
"""What a reader of the module has read before its functions."""


def test_sentences_of_docstrings_are_found_with_their_owner_and_without_examples() -> None:
    sentences = list(docstring_sentences(ast.parse(MODULE), "a.py"))

    assert sentences == [
        Sentence("a.py: the module", "The first sentence has enough words."),
        Sentence("a.py: verb", "Return the table of the tested rows.", f"{HEAD} (table)"),
        Sentence(
            "a.py: verb",
            "table: A table that is not empty.",
            f"{HEAD} (table) Return the table of the tested rows.",
        ),
    ]


def test_items_of_a_list_in_a_docstring_are_sentences_of_their_own() -> None:
    lines = (
        '"""All tables of a night here.',
        "",
        "- The first item of the list.",
        "- The second item of the list.",
    )
    text = "class Night:\n" + "".join(f"    {line}\n" for line in (*lines, '"""'))

    assert [sentence.text for sentence in docstring_sentences(ast.parse(text), "a.py")] == [
        "All tables of a night here.",
        "The first item of the list.",
        "The second item of the list.",
    ]


def test_sentences_of_messages_show_values_as_placeholders_after_the_sentence_before() -> None:
    sentences = list(message_sentences(ast.parse(MODULE), "a.py"))

    view = f"{HEAD} verb: (table) Return the table of the tested rows."
    assert sentences == [
        Sentence("a.py", "{table}: this table has no rows at all.", view),
        Sentence("a.py", "Add some rows to it.", f"{view} {{table}}: this table has no rows at all."),
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("{result.n_rows}", "{n_rows}"),
        ("{counts[0]:,}", "{counts}"),
        ("{', '.join(sorted(names))}", "{names}"),
        ("{_share(part, whole)}", "{share}"),
        ("{len(rows)}", "{rows}"),
        ("{a + b}", "{…}"),
        ("{'one row' if n == 1 else 'all rows'}", "all rows"),
        ("{'' if n == 1 else f'{n} rows'}", "{n} rows"),
    ],
)
def test_a_value_in_a_message_is_shown_as_its_name(code: str, text: str) -> None:
    module = ast.parse(f'raise ValueError(f"the good table has quite many values: {code}.")')

    assert [sentence.text for sentence in message_sentences(module, "a.py")] == [
        f"the good table has quite many values: {text}."
    ]


def test_sentences_of_documents_are_found_under_their_heading_without_code_and_tables() -> None:
    text = (
        "# A heading with quite many words.\n\n- This is a sentence of a list. And here is one more.\n\n"
        "```\nThis is code and no sentence here.\n```\n| This is a | row of a table. |"
    )

    heading = "A heading with quite many words."
    assert list(document_sentences(text, "a.md")) == [
        Sentence("a.md", "This is a sentence of a list.", heading),
        Sentence("a.md", "And here is one more.", f"{heading}: This is a sentence of a list."),
    ]


def test_bold_marks_are_left_out_and_a_power_in_code_stays() -> None:
    text = "**The weight of a single row.** The weight is `0.5 ** (age / half_life)` at each cutoff."

    sentences = [sentence.text for sentence in document_sentences(text, "a.md")]

    assert sentences == [
        "The weight of a single row.",
        "The weight is `0.5 ** (age / half_life)` at each cutoff.",
    ]


def test_a_sentence_of_a_document_stands_after_its_paragraph_so_far_and_after_the_head_of_its_list() -> None:
    text = (
        "# Heads\n\nHere comes a list of two items:\n\n- The first item has many words.\n\n"
        "Here are some words alone. There are some more of them. And this is the last of them."
    )

    views = {sentence.text: sentence.view for sentence in document_sentences(text, "a.md")}

    assert views["The first item has many words."] == "Heads: Here comes a list of two items:"
    assert views["Here are some words alone."] == "Heads: The first item has many words."
    assert views["And this is the last of them."] == (
        "Heads: Here are some words alone. There are some more of them."
    )


def test_a_sentence_of_a_method_stands_after_its_class_and_after_the_paragraphs_before() -> None:
    text = (
        'class Night:\n    """A night with all its calls."""\n\n    def calls(self, n):\n'
        '        """Return the calls of the night.\n\n        Each call has one customer only.\n\n'
        '        Args:\n            n: The number of calls to return.\n        """\n'
    )

    views = {sentence.text: sentence.view for sentence in docstring_sentences(ast.parse(text), "a.py")}

    above = "Night: A night with all its calls. (self, n)"
    assert views["Return the calls of the night."] == above
    assert views["n: The number of calls to return."] == (
        f"{above} Return the calls of the night. Each call has one customer only."
    )


def test_the_arguments_of_a_function_without_a_docstring_are_in_view_of_its_messages() -> None:
    text = 'def refuse(table, n_rows):\n    raise ValueError(f"{table} has only {n_rows} rows in all.")\n'

    (sentence,) = message_sentences(ast.parse(text), "a.py")

    assert sentence.view == "refuse: (table, n_rows)"


def test_the_same_seed_draws_the_same_sentences() -> None:
    sentences = sample_sentences(3, 9)

    assert sentences == sample_sentences(3, 9)
    assert len(sentences) == 9


@pytest.mark.parametrize("indent", ["    ", "            "])
def test_a_line_that_begins_with_a_word_and_a_colon_goes_on_with_its_sentence(indent: str) -> None:
    text = (
        'def place():\n    """Some words stand here first.\n\n    The sentence of this paragraph has a\n'
        f'{indent}break: its second half goes on here.\n    """\n'
    )

    sentences = [sentence.text for sentence in docstring_sentences(ast.parse(text), "a.py")]

    assert sentences[1] == "The sentence of this paragraph has a break: its second half goes on here."


def test_the_code_and_the_table_above_a_sentence_of_a_document_are_in_view() -> None:
    text = (
        "# mean\n\nThe verb takes the mean of a column.\n\n"
        "```text\nana | 3\n\nben | 4\n```\n\n| ana |\n|---|\n\n"
        "Ben has a row with the number 4. And Ana has a row with 3.\n\nHere the table is no longer in view."
    )

    views = {sentence.text: sentence.view for sentence in document_sentences(text, "a.md")}

    blocks = "```text ana | 3 ben | 4 ``` | ana | |---|"
    assert views == {
        "The verb takes the mean of a column.": "mean",
        "Ben has a row with the number 4.": f"mean: The verb takes the mean of a column. {blocks}",
        "And Ana has a row with 3.": f"mean: {blocks} Ben has a row with the number 4.",
        "Here the table is no longer in view.": "mean: And Ana has a row with 3.",
    }
