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
        """Return a count from the file of facts of the night."""
        return show_number(self.words, value, NIGHT_FILE.at(*steps))

    def share(self, value: float, *steps: str | int) -> Markup:
        """Return a share from the file of facts of the night, in per cent with one decimal."""
        return show_number(self.words, value, NIGHT_FILE.at(*steps), 1, scale=100) + self.words.unit("%")

    def count(self, value: float, name: str, night: date | None = None) -> Markup:
        """Return a sum over the scores of `night` (by default, the night of the page) as a whole number."""
        return show_number(self.words, value, self.source(name, night))

    def money(self, value: float, name: str, night: date | None = None) -> Markup:
        """Return an amount that is summed over the scores of a night; an amount below 100 has cents."""
        return show_number(self.words, value, self.source(name, night), self._digits(value))

    def change(self, value: float, name: str, before: date, *, is_money: bool) -> Markup:
        """Return how much a sum has changed since an earlier night, with its sign.

        Args:
            value: The change of the sum.
            name: The name of the sum, such as `at_risk`.
            before: The cutoff of the earlier night.
            is_money: Whether the sum is an amount.
        """
        source = f"{self.source(name)} - {self.source(name, before)}"
        return show_number(self.words, value, source, self._digits(value) if is_money else 0, signed=True)

    def source(self, name: str, night: date | None = None) -> str:
        """Return the source of a sum over the scores of `night` (by default, the night of the page)."""
        return f"night:{night or self.night}/{name}"

    def _digits(self, amount: float) -> int:
        return 0 if abs(amount) >= 100 else 2
