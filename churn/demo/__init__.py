"""Simulate a company, so that the true probability of leaving is known for each customer.

The company sells subscriptions. The company has all canonical tables, eighteen months of history (from
2024-04-01 to the watermark 2025-10-01, local time of Europe/Berlin) and bad rows as in a real export. The
same seed gives the same files, byte for byte, on every machine with the same libraries.
"""

from churn.demo.world import FIRST_DAY, WATERMARK
from churn.demo.write import LIVED_UNTIL, STAMP_FILE, Summary, stamp, write_company

__all__ = ["FIRST_DAY", "LIVED_UNTIL", "STAMP_FILE", "WATERMARK", "Summary", "stamp", "write_company"]
