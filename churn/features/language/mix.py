"""Verbs (methods that a signal calls) that count and compare the kinds of a customer's rows (column `kind`).

At each cutoff, a verb passes once over the rows of its window.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churn.features.language.arithmetic import ratio
from churn.features.language.cost import Cost
from churn.features.language.reader import Array
from churn.features.language.view import View

Longs = npt.NDArray[np.int64]


class MixVerbs(View):
    """The number of kinds of rows, how evenly rows are spread over kinds, and how both have changed."""

    cost = Cost.PASSES

    def kinds(self) -> Array:
        """Count the distinct kinds of rows in the window."""
        customer, _, _ = self._mix()
        return self._where_covered(np.bincount(customer, minlength=self.reader.n).astype(np.float64))

    def kind_entropy(self) -> Array:
        """Return `-sum p ln p`, where p is the share of a kind among the rows; missing if there are no rows.

        The entropy is 0 if all rows are of one kind. Source: Shannon 1948.
        """
        customer, _, counts = self._mix()
        total = np.bincount(customer, weights=counts, minlength=self.reader.n)
        share = counts / total[customer]
        entropy = np.bincount(customer, weights=-share * np.log(share), minlength=self.reader.n)
        return np.where(total > 0, np.maximum(entropy, 0.0), np.nan)

    def kinds_new(self, days: int) -> Array:
        """Count the kinds that occur in the window's last `days` and not earlier in the window."""
        recent, before = self._pairs(self._recent(days)._mix()), self._pairs(self._earlier(days)._mix())
        new = recent[~np.isin(recent, before)]
        return self._where_covered(
            np.bincount(new // self._MAX_KINDS, minlength=self.reader.n).astype(np.float64)
        )

    def kind_shift(self, days: int) -> Array:
        """Compare the mix of kinds in the last `days` with the earlier mix: 0 if equal, 1 if no common kind.

        The value is the Jensen-Shannon distance: the square root of the divergence with logarithms to base 2
        (Lin 1991). The value is missing if the window has no rows in the last `days`, or none before.
        """
        recent, before = self._recent(days)._mix(), self._earlier(days)._mix()
        pairs = np.union1d(self._pairs(recent), self._pairs(before))
        customer = pairs // self._MAX_KINDS
        p, q = self._shares(recent, pairs), self._shares(before, pairs)
        middle = (p + q) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = np.nan_to_num(p * np.log2(p / middle)) + np.nan_to_num(q * np.log2(q / middle))
        divergence = np.bincount(customer, weights=parts, minlength=self.reader.n) / 2
        has_both = np.isin(np.arange(self.reader.n), recent[0]) & np.isin(np.arange(self.reader.n), before[0])
        return np.where(has_both, np.sqrt(np.maximum(divergence, 0.0)), np.nan)

    def kind_share(self, days: int) -> Array:
        """Divide the number of kinds in the window's last `days` by the number of kinds in the whole window.

        The value is missing if there are no kinds.
        """
        return ratio(self._recent(days).kinds(), self.kinds())

    _MAX_KINDS = 1 << 32

    def _mix(self) -> tuple[Longs, Longs, Longs]:
        """Return the customers, the kinds and the row counts of all customer-kind pairs, `[pairs]` each."""
        kind = self._kind()
        rows = self.reader.sequence(self._rows_with(kind), self.window, (kind,))
        kinds = rows.columns[kind].astype(np.int64)
        n_kinds = int(kinds.max(initial=0)) + 1
        key = rows.customer.astype(np.int64) * n_kinds + kinds
        if n_kinds * rows.n <= 4 * len(key):  # here counting is cheaper than sorting
            counts = np.bincount(key, minlength=0)
            pairs = np.flatnonzero(counts)
            counts = counts[pairs]
        else:
            pairs, counts = np.unique(key, return_counts=True)
        return pairs // n_kinds, pairs % n_kinds, counts

    def _pairs(self, mix: tuple[Longs, Longs, Longs]) -> Longs:
        return mix[0] * self._MAX_KINDS + mix[1]

    def _shares(self, mix: tuple[Longs, Longs, Longs], pairs: Longs) -> Array:
        """Return, for each pair of customer and kind, the kind's share of the customer's rows, `[pairs]`.

        The share is 0 for a pair that does not occur in `mix`.
        """
        customer, _, counts = mix
        total = np.bincount(customer, weights=counts, minlength=self.reader.n)
        shares = np.zeros(len(pairs))
        shares[np.searchsorted(pairs, self._pairs(mix))] = counts / total[customer]
        return shares
