from __future__ import annotations

import ast

from benchmarks.sentences import docstring_sentences, document_sentences, message_sentences, sample_sentences

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
    sentences = list(docstring_sentences(ast.parse(MODULE)))

    assert sentences == [
        ("the module", "The first sentence has enough words."),
        ("verb", "Return the table of the tested rows."),
        ("verb", "table: A table that is not empty."),
    ]


def test_sentences_of_messages_show_values_as_placeholders() -> None:
    sentences = list(message_sentences(ast.parse(MODULE)))

    assert sentences == ["{…}: this table has no rows at all.", "Add some rows to it."]


def test_sentences_of_documents_are_found_without_code_and_tables() -> None:
    text = (
        "# A heading with quite many words.\n\n- This is a sentence of a list.\n\n"
        "```\nThis is code and no sentence here.\n```\n| This is a | row of a table. |"
    )

    assert list(document_sentences(text)) == ["This is a sentence of a list."]


def test_the_same_seed_draws_the_same_sentences() -> None:
    assert sample_sentences(3, 9) == sample_sentences(3, 9)
    assert len(sample_sentences(3, 9)) == 9
