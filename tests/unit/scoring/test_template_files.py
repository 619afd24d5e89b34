from __future__ import annotations

import pytest

from churn.errors import PlaybookError
from churn.scoring.playbook import read_playbook

PLAY = """plays:
  - name: p
    when: {health: {at_most: 2}}
    action: a
    owner: o
    channel: email
    due_in_days: 2
    success: stays
    template: note
"""
KINDS = {"survey_last_rating": "number"}


def read(folder, language=None, **templates):
    (folder / "playbook.yaml").write_text(PLAY)
    if templates:
        (folder / "templates").mkdir()
    for name, text in templates.items():
        (folder / "templates" / f"{name.replace('__', '.')}.txt").write_text(text)
    return read_playbook(folder / "playbook.yaml", KINDS, language)


def problems_of(*arguments, **templates):
    with pytest.raises(PlaybookError) as caught:
        read(*arguments, **templates)
    return caught.value.problems


def test_without_the_folder_the_names_of_templates_are_not_looked_at(tmp_path):
    assert read(tmp_path, "en").templates.texts == {}


def test_templates_are_read_and_are_part_of_the_text_of_the_playbook(tmp_path):
    text = "{% for reason in reasons %}{{ loop.index }} {{ reason }} {{ survey_last_rating }}{% endfor %}"

    playbook = read(tmp_path, "en", note__en=text)

    assert playbook.templates.texts == {("note", "en"): text}
    assert text in playbook.text


@pytest.mark.parametrize(
    ("language", "templates", "problem"),
    [
        (
            None,
            {"notes__en": "x"},
            "plays[0].template 'note' has no file templates/note.en.txt. Did you mean 'notes'?",
        ),
        ("de", {"note__en": "x"}, "plays[0].template 'note' has no file templates/note.de.txt."),
        (
            None,
            {"note__en": "Hello\n{{ nam }}"},
            "plays[0].template: templates/note.en.txt, line 2: 'nam' is not a variable. Did you mean 'name'?",
        ),
        (
            None,
            {"note__en": "{{ survey_last_ratng }}"},
            "plays[0].template: templates/note.en.txt, line 1: 'survey_last_ratng' is not a variable. "
            "Did you mean 'survey_last_rating'?",
        ),
    ],
)
def test_a_mistake_of_a_template_is_named_with_the_line_of_the_play(tmp_path, language, templates, problem):
    assert problems_of(tmp_path, language, **templates) == (f"playbook.yaml: line 9: {problem}",)


@pytest.mark.parametrize("text", ["{% if name %}", "{{ name | rond }}"])
def test_a_template_that_is_not_in_the_syntax_is_a_mistake(tmp_path, text):
    (problem,) = problems_of(tmp_path, None, note__en=text)

    assert "templates/note.en.txt, line 1: the template breaks the syntax of jinja2" in problem


def test_a_file_whose_name_has_no_language_is_a_mistake(tmp_path):
    assert problems_of(tmp_path, None, note="x")[0].startswith(
        "templates/note.txt: expected NAME.LANGUAGE.txt"
    )
