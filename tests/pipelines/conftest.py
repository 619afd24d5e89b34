from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _two_charts(few_charts: None) -> None:
    """A verb that is called in this process draws two charts; one that is a program of its own draws all."""
