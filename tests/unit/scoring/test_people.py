from __future__ import annotations

from pathlib import Path

from churn.scoring.people import read_names
from tests.worlds import draw

LOGINS = "customer | happened_at\n ann | 2024-01-01\n bob | 2024-01-01"


def test_names_come_from_the_customers_table_as_far_as_it_has_them(tmp_path: Path) -> None:
    named = draw(
        tmp_path / "named",
        since=None,
        customers="customer | signed_up_at | name\n ann | 2023-01-01 | Ann Lee\n bob | 2023-01-01 |",
        logins=LOGINS,
    )
    nameless = draw(tmp_path / "nameless", since=None, logins=LOGINS)

    assert read_names(named.store) == {"ann": "Ann Lee"}
    assert read_names(nameless.store) == {}
