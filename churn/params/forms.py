"""The patterns that short texts in params.yaml must match, and the words of an error message for each."""

from __future__ import annotations

from collections.abc import Mapping

STEP = r"^(month|week|[1-9]\d{0,3} days?)$"
MEMORY_SIZE = r"^\d+(\.\d+)? ?([KMGT]i?B)$"
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
HOLIDAYS = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"
EVENT_NAME = r"^[^\W_][\w -]{0,39}$"
NOT_BLANK = r"\S"

RULES: Mapping[str, str] = {
    STEP: "must be month, week, or a number of days, such as 10 days",
    MEMORY_SIZE: "must be a number and a unit, such as 4GiB or 500 MB",
    CLOCK: "must be a time of day from 00:00 to 23:59, such as 08:00",
    HOLIDAYS: "must be a country, or a country and a region, such as DE or DE-BY",
    EVENT_NAME: "must be at most 40 letters, digits, spaces, _ and -, and begin with a letter or a digit",
    NOT_BLANK: "must not be empty",
}
"""The rule of each pattern, in the words that follow the value in an error message."""
