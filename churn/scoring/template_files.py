"""Read the templates of plays and find their mistakes; the package `churn.contact` fills the templates for
customers.

A template is a file `templates/NAME.LANGUAGE.txt` in the syntax of jinja2. In a template for e-mails the
first line is `Subject: ...`. The variables are `CONTACT_VARIABLES`, every signal and the scores. A value that
is not known is `none`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from churn.errors import PlaybookError, did_you_mean
from churn.scoring.conditions import GONE_COLUMNS

CONTACT_VARIABLES = ("customer_id", "name", "owner", "channel", "play", "due_at", "reasons")
"""The variables of each template in addition to signals and scores; `reasons` is a list of sentences."""

LANGUAGES = ("en", "de")

_FILE = re.compile(r"^(?P<name>[a-z0-9][a-z0-9_-]*)\.(?P<language>[a-z]{2})\.txt$")


@dataclass(frozen=True)
class TemplateFiles:
    """The templates of a playbook.

    Attributes:
        folder: The folder of the templates; None if there is none. Without a folder, the names of templates
            in a playbook belong to another system and are not checked.
        texts: The text of each template, by name and language.
    """

    folder: Path | None = None
    texts: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """Return the names of the templates."""
        return {name for name, _ in self.texts}

    @property
    def text(self) -> str:
        """Return all templates as one text, which goes into the digest that is the id of a night."""
        return "".join(
            f"\n{name}.{language}\n{text}" for (name, language), text in sorted(self.texts.items())
        )


def read_templates(folder: Path) -> TemplateFiles:
    """Read the templates of a folder; if the folder does not exist, there are no templates.

    Raises:
        PlaybookError: a file cannot be read, or its name is not the name of a template.
    """
    if not folder.is_dir():
        return TemplateFiles()
    texts, problems = {}, []
    for path in sorted(folder.glob("*.txt")):
        match = _FILE.match(path.name)
        if match is None or match["language"] not in LANGUAGES:
            problems.append(
                f"templates/{path.name}: expected NAME.LANGUAGE.txt, such as low_rating.en.txt; the "
                f"languages are {' and '.join(LANGUAGES)}."
            )
            continue
        try:
            texts[match["name"], match["language"]] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            problems.append(f"templates/{path.name} is not a text in UTF-8, so it cannot be read.")
    if problems:
        raise PlaybookError(*problems)
    return TemplateFiles(folder, texts)


def template_problems(
    entries: Sequence[Mapping[str, Any]],
    templates: TemplateFiles,
    columns: Iterable[str],
    language: str | None,
) -> Iterable[str]:
    """Yield the mistakes in the templates to which plays refer, and in the subject lines of variants.

    Args:
        entries: The plays as they are in the file.
        templates: The templates.
        columns: The names of all signals and scores; a play for lost customers may also use `GONE_COLUMNS`.
        language: The language in which each template must exist; None if any language is enough.
    """
    cohort_variables = {*CONTACT_VARIABLES, *columns}
    looked_at: set[tuple[str, bool]] = set()
    for index, entry in enumerate(entries):
        location, is_gone = f"plays[{index}]", entry.get("for") == "gone"
        # Lost customers have no signals. A template may still use signals, and each of them is `none`.
        variables = cohort_variables | set(GONE_COLUMNS) if is_gone else cohort_variables
        uses = [(f"{location}.template", entry.get("template"))]
        variants = entry.get("variants")
        for name, variant in (variants if isinstance(variants, dict) else {}).items():
            if isinstance(variant, dict):
                uses.append((f"{location}.variants.{name}.template", variant.get("template")))
                if isinstance(subject := variant.get("subject"), str):
                    for problem in _text_problems(subject, variables):
                        yield f"{location}.variants.{name}.subject{problem}"
        for use_location, template in uses:
            if not isinstance(template, str) or templates.folder is None:
                continue
            texts = {key[1]: text for key, text in templates.texts.items() if key[0] == template}
            if not texts:
                hint = did_you_mean(template, sorted(templates.names))
                file_name = f"{template}.{language or 'en'}.txt"
                yield f"{use_location} '{template}' has no file templates/{file_name}.{hint}"
            elif language is not None and language not in texts:
                yield f"{use_location} '{template}' has no file templates/{template}.{language}.txt."
            if (template, is_gone) in looked_at:
                continue
            looked_at.add((template, is_gone))
            for lang, text in texts.items():
                for problem in _text_problems(text, variables):
                    yield f"{use_location}: templates/{template}.{lang}.txt{problem}"


def _text_problems(text: str, variables: set[str]) -> Iterable[str]:
    """Yield each mistake in a text as the end of a message; the caller puts the file or key in front."""
    environment = ImmutableSandboxedEnvironment()
    try:
        tree = environment.parse(text)
        environment.compile(tree)
    except TemplateSyntaxError as error:
        yield f", line {error.lineno}: the template breaks the syntax of jinja2: {error.message}."
        return
    unknown_names = (
        meta.find_undeclared_variables(environment.parse(text)) - variables - set(environment.globals)
    )
    for name in sorted(unknown_names):
        use = re.search(rf"\b{name}\b", text)
        line = text.count("\n", 0, use.start() if use else 0) + 1
        yield f", line {line}: '{name}' is not a variable.{did_you_mean(name, sorted(variables))}"
