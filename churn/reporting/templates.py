"""The pages' templates, with the ways in which they write numbers."""

from __future__ import annotations

from datetime import date
from importlib import resources

import jinja2

FILES = ("report.html", "evaluation.html", "promotion.html", "measures.html", "holds.html", "page.css")


def template(name: str) -> jinja2.Template:
    """Return a template; everything that comes from data is escaped, and nothing may be undefined."""
    folder = resources.files("churn.reporting")
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({file: folder.joinpath(file).read_text(encoding="utf-8") for file in FILES}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "money": money, "share": share, "day": _day}
    return environment.get_template(name)


def count(number: float) -> str:
    """Write a whole number.

    >>> count(1234.4)
    '1,234'
    """
    return f"{number:,.0f}"


def money(number: float) -> str:
    """Write an amount, small ones with cents.

    >>> money(1234.4), money(12.345)
    ('1,234', '12.35')
    """
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:,.2f}"


def share(part: float) -> str:
    """Write a share as per cent.

    >>> share(0.1234)
    '12.3%'
    """
    return f"{part:.1%}"


def _day(value: date) -> str:
    return f"{value.day} {value:%b}"
