from __future__ import annotations

import pytest

from churn.scoring.people import People, spoken_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE_ch", "de"),
        ("Deutsch", "de"),
        (" English ", "en"),
        ("den", None),
        ("fr", None),
        ("", None),
        (None, None),
    ],
)
def test_a_language_is_understood_as_code_or_name(text, language):
    assert spoken_language(text) == language


def test_a_customer_without_a_language_reads_the_default():
    assert People({}, {"ann": "de"}).language_of(["ann", "bob"], "en") == ["de", "en"]
