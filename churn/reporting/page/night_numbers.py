"""Numbers of a night: its facts, and sums over its scores; each number names its place in a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from churn.reporting.page.provenance import Source, show_number
from churn.reporting.page.words import Words

NIGHT_FILE = Source("night.json")


@dataclass(frozen=True)
class NightNumbers:
    """Writes the numbers of a night as elements of HTML that say from which file each number comes.

    A sum over the scores of a night has the source `night:NIGHT/NAME`, such as `night:2025-10-01/at_risk`.

    Attributes:
        words: The language of the page.
        night: The cutoff of the night.
    """

    words: Words
    night: date

    def fact(self, value: float, *steps: str | int) -> Markup:
        """Return a count from `night.json`; `steps` lead to its place in this file."""
        return show_number(self.words, value, NIGHT_FILE.at(*steps))

    def share(self, value: float, *steps: str | int) -> Markup:
        """Return a share from `night.json` in per cent, with one decimal; `steps` lead to its place."""
        return show_number(self.words, value, NIGHT_FILE.at(*steps), 1, scale=100) + self.words.unit("%")

    def count(self, value: float, name: str, night: date | None = None) -> Markup:
        """Return a sum over the scores of a night, such as the number of customers at risk, without decimals.

        The default of `night` is the night of the page.
        """
        return show_number(self.words, value, self.source(name, night))

    def money(self, value: float, name: str, night: date | None = None) -> Markup:
        """Return an amount of money, summed over the scores of a night; below 100, it has cents."""
        return show_number(self.words, value, self.source(name, night), self._digits(value))

    def change(self, value: float, name: str, before: date, *, is_money: bool) -> Markup:
        """Return how much a sum has changed since an earlier night, with its sign.

        Args:
            value: The change of the sum.
            name: The name of the sum, such as `at_risk`.
            before: The cutoff of the earlier night.
            is_money: Whether the sum is an amount of money.
        """
        source = f"{self.source(name)} - {self.source(name, before)}"
        return show_number(self.words, value, source, self._digits(value) if is_money else 0, signed=True)

    def source(self, name: str, night: date | None = None) -> str:
        """Return the source of a sum over the scores of a night, such as `night:2025-10-01/at_risk`.

        The default of `night` is the night of the page.
        """
        return f"night:{night or self.night}/{name}"

    def _digits(self, amount: float) -> int:
        return 0 if abs(amount) >= 100 else 2
