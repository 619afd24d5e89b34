"""Raw tables in the shapes that real exports have; a test that needs them is skipped where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "cases"


def cases_folder() -> Path:
    """Return the folder of all cases: `CHURN_CASES`, or `shared/cases` beside the checkout."""
    return Path(os.environ.get("CHURN_CASES") or BESIDE_THE_CHECKOUT)


def case(name: str) -> Path:
    """Return the raw tables of a case, or skip the test."""
    raw = cases_folder() / name / "raw"
    if not raw.is_dir():
        pytest.skip(f"needs the case {name}: set CHURN_CASES to the folder of the cases")
    return raw
