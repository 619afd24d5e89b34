"""Markdown that shows names and values from the data as plain text.

A name in the data could bring HTML, a link, an image, a new cell or a new line into a card. So the templates
escape each value with `escape_markdown`. Only values of the type `Markup` are not escaped: they are Markdown
that the program itself wrote. A character becomes an HTML entity if a backslash before it does not
work in every dialect of Markdown.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from churn.controls import escape_controls

_ACTIVE = re.compile(
    r"(?P<interval>\[[-+\d.%]+, [-+\d.%]+\](?![(\[:]))"
    r"|(?P<entity>`|<(?=[A-Za-z/!?]|$)|&(?=#?\w+;)|\\(?=[!-/:-@\[-`{-~]|$)"
    r"|:(?=//)|(?<=\bwww)\.|(?<=\w)@(?=[\w-]+\.))"
    r"|(?P<backslash>[\[\]|~]|(?<![^\W_])_+|_+(?![^\W_])|(?<!\s)\*+|\*+(?!\s))",
    re.IGNORECASE,
)
"""The characters that Markdown, GitHub or MLflow reads as markup. Texts such as `plan_type`, `a < b`, `R&D`
and intervals contain no markup.
"""

_BLOCK = re.compile(r"\s*(?:(?P<mark>[#>=])|(?P<list>[-+])(?=[-+\s]|$)|(?P<number>\d+)(?P<dot>[.)])(?=\s|$))")
"""The characters that would begin a heading, a quotation, a list or a line if they stood at the start of a
line.
"""

_CODE = re.compile(r"(?<![`\\])`([^`]+)`(?!`)")


def escape_markdown(value: object) -> Markup:
    r"""Return a value as Markdown that shows it as plain text on one line; `Markup` is returned unchanged.

    >>> print(escape_markdown("plan_type of O'Brien: 0.70 [0.69, 0.71]"))
    plan_type of O'Brien: 0.70 [0.69, 0.71]
    >>> print(escape_markdown("<b>|[x](http://evil)"))
    &lt;b>\|\[x\](http&#58;//evil)
    """
    if isinstance(value, Markup):
        return value
    return Markup(_escape_block(_escape_inline(_one_line(str(value)))))


def escape_sentence(text: str) -> Markup:
    """Escape a sentence as `escape_markdown` does, but keep text between backticks as code.

    Markup inside code has no effect. So no name can bring HTML or a link into the sentence, even if the name
    contains backticks.

    >>> print(escape_sentence("<b>: run `churn train` again"))
    &lt;b>: run `churn train` again
    """
    if isinstance(text, Markup):
        return text
    parts = _CODE.split(_one_line(text))  # text, code, text, code, ..., text
    pieces = [f"`{part}`" if number % 2 else _escape_inline(part) for number, part in enumerate(parts)]
    return Markup(_escape_block("".join(pieces)))


def code_span(value: object) -> Markup:
    """Return a value as code, between sequences of backticks that are longer than those in the value.

    >>> print(code_span("a_b*c"), code_span("a`b"))
    `a_b*c` ``a`b``
    """
    text = _one_line(str(value))
    fence = "`" * (max((len(row) for row in re.findall("`+", text)), default=0) + 1)
    gap = " " if text[:1] in ("`", " ", "") or text[-1:] in ("`", " ") else ""
    return Markup(f"{fence}{gap}{text}{gap}{fence}")


def _one_line(text: str) -> str:
    return escape_controls(re.sub(r"\s*[\r\n]\s*", " ", text))


def _escape_inline(text: str) -> str:
    return _ACTIVE.sub(_escape_match, text)


def _escape_match(match: re.Match[str]) -> str:
    if match["interval"]:
        return match[0]
    if match["entity"]:
        return f"&{ {'<': 'lt', '&': 'amp'}.get(match[0], f'#{ord(match[0])}') };"
    return "".join(f"\\{letter}" for letter in match[0])


def _escape_block(text: str) -> str:
    # four blanks at the start of a line would begin a block of code
    text = re.sub(r"^(?: *\t| {2})\s*", " ", text)
    match = _BLOCK.match(text)
    if match is None:
        return text
    start = next(match.start(name) for name in ("mark", "list", "dot") if match[name])
    return f"{text[:start]}\\{text[start:]}"
