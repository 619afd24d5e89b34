"""Samples with a known effect, small enough to draw hundreds of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.snapshots.dataset import LabelledRows
from churn.uplift.sample import Sample, make_sample

Floats = npt.NDArray[np.float64]

N_SIGNALS = 6


@dataclass(frozen=True)
class World:
    """How a sample is drawn.

    Attributes:
        n: The number of units.
        control_share: The share of the control.
        effect: What a contact changes for the half with a high first signal: this share fewer leave.
        drives_away: What it changes for the others: this share more leave.
    """

    n: int
    control_share: float
    effect: float = 0.0
    drives_away: float = 0.0

    def draw(self, seed: int) -> tuple[Sample, Floats]:
        """Return a sample and the true effect on each row; without contact a fifth to a half leave."""
        rng = np.random.default_rng([16, seed])
        matrix = rng.random((self.n, N_SIGNALS))
        true_effect = np.where(matrix[:, 0] > 0.5, self.effect, -self.drives_away)
        in_treatment = rng.random(self.n) >= self.control_share
        p_left = 0.2 + 0.3 * matrix[:, 1] - np.where(in_treatment, true_effect, 0.0)
        rows = LabelledRows(
            names=tuple(f"signal_{number}" for number in range(N_SIGNALS)),
            levels={},
            matrix=matrix,
            left=(rng.random(self.n) < p_left).astype(np.float64),
            customer=np.arange(self.n),
            cutoff=np.zeros(self.n, dtype=np.int64),
        )
        names = [f"{seed}-{row}" for row in range(self.n)]
        propensity = np.full(self.n, 1 - self.control_share)
        return make_sample(rows, names, in_treatment, propensity, is_wanted=False), true_effect


WORLDS = {
    "no effect, control of a half": World(n=700, control_share=0.5),
    "no effect, control of a tenth": World(n=3200, control_share=0.1),
    "a known effect, control of a half": World(n=700, control_share=0.5, effect=0.2, drives_away=0.1),
    "a known effect, control of a tenth": World(n=3200, control_share=0.1, effect=0.2, drives_away=0.1),
}
"""Worlds with a little more than the least number of leavers in each arm."""
