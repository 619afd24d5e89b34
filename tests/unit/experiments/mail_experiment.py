"""The parameters of an experiment that the company ran by itself: a mail to half of its customers."""

from __future__ import annotations

SETTINGS = {
    "name": "mail",
    "from": "mails",
    "unit": "id",
    "arm": "arm",
    "control": "none",
    "treated": ["mail"],
    "outcome": "visit",
    "wanted": True,
}
