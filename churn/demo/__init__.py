"""A made-up company whose customers' true chance of leaving is known.

It sells subscriptions, has all canonical tables, eighteen months of history (2024-04-01 up to the watermark
2025-10-01, local time of Europe/Berlin) and the dirt of a real export. Fixed dates and a seed give the same
bytes on every day and machine with the same libraries.
"""

from churn.demo.world import FIRST_DAY, WATERMARK
from churn.demo.write import STAMP, Summary, stamp, write_company

__all__ = ["FIRST_DAY", "STAMP", "WATERMARK", "Summary", "stamp", "write_company"]
