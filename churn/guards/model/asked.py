"""The names of the guards of the model, under which they speak and are signed off."""

from __future__ import annotations

TRAINING = ("maturity", "disjoint", "copies", "alone", "missing", "id_like", "calendar_like")
"""What `train` asks, before anything is fitted."""

EVALUATION = ("unseen", "shuffled", "newest", "too_good", "lead_time", "calibrated", "bands")
"""What `evaluate` asks, beside all that `train` did."""

NOT_ASKED = "not_looked"
"""What speaks where the guards of the data were not asked."""

NAMES = (*TRAINING, *EVALUATION, NOT_ASKED)
