from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from churn.model.runs_database import database_path
from churn.model.tracking import Tracking
from churn.params import Params


def test_mlflow_shows_no_traceback_of_an_error_of_its_database(
    params: Params, capfd: pytest.CaptureFixture[str]
) -> None:
    tracking = Tracking(params.tracking)
    path = database_path(params.tracking.uri)
    assert path is not None

    with tracking.run("work"):
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("ALTER TABLE tags RENAME TO other")
        with pytest.raises(Exception, match="no such table: tags"):
            tracking.log(tags={"name": "value"})
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("ALTER TABLE other RENAME TO tags")

    assert capfd.readouterr().err == ""
