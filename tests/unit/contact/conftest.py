"""The drawn company of the tests of a night."""

from __future__ import annotations

import pytest

from tests.night_company import night_company


@pytest.fixture
def company(tmp_path):
    """Everything `score_night` takes, ready to be changed before the call."""
    return night_company(tmp_path)
