from __future__ import annotations

import ast

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


def test_sentences_of_docstrings_are_found_with_their_owner_and_without_examples() -> None:
    sentences = list(docstring_sentences(ast.parse(MODULE), "a.py"))

    assert sentences == [
        Sentence("a.py: the module", "The first sentence has enough words."),
        Sentence("a.py: verb", "Return the table of the tested rows.", "(table)"),
        Sentence(
            "a.py: verb",
            "table: A table that is not empty.",
            "(table) Return the table of the tested rows.",
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

    view = "verb: (table) Return the table of the tested rows."
    assert sentences == [
        Sentence("a.py", "{…}: this table has no rows at all.", view),
        Sentence("a.py", "Add some rows to it.", f"{view} {{…}}: this table has no rows at all."),
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


def test_the_same_seed_draws_the_same_sentences() -> None:
    sentences = sample_sentences(3, 9)

    assert sentences == sample_sentences(3, 9)
    assert len(sentences) == 9
