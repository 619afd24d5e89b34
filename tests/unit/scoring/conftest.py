"""The shipped playbook."""

from __future__ import annotations

import pytest

from churn.scoring.playbook import Playbook
from tests.night_company import shipped_playbook


@pytest.fixture
def default_playbook() -> Playbook:
    """The playbook that is shipped, with every signal known."""
    return shipped_playbook()
