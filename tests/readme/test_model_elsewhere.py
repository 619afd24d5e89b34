"""The snippets of docs/model-elsewhere.md, on a finished run; the one for Spark is only compiled."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

PAGE = (Path(__file__).parents[2] / "docs" / "model-elsewhere.md").read_text(encoding="utf-8")
CUSTOMER = "C000035"
"""The customer of the page; a test asks for one of its own company."""

ALL = "import sys\nfor snippet in sys.stdin.read().split('\\0'):\n    exec(snippet, {})\n    print('ran')\n"


def scores_of(run: Path) -> Path:
    return max((run / "output" / "scores").glob("cutoff=*")) / "scores.parquet"


def a_customer(run: Path) -> str:
    return str(pq.read_table(scores_of(run), columns=["customer_id"])["customer_id"][0])


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.M | re.S)


def test_the_snippets_for_python_run_on_a_finished_run(finished_run: Path) -> None:
    customer = a_customer(finished_run)
    own = [text.replace(CUSTOMER, customer) for text in snippets("python") if "pyspark" not in text]

    process = subprocess.run(
        [sys.executable, "-c", ALL], input="\0".join(own), cwd=finished_run, capture_output=True, text=True
    )

    assert process.returncode == 0, process.stderr
    assert process.stdout.count("ran\n") == len(own) == 4
    assert f"'customer_id': '{customer}'" in process.stdout
    assert "is missing." in process.stdout  # what the scorer says of a missing column


def test_the_query_of_a_database_names_columns_of_a_night(finished_run: Path) -> None:
    (query,) = snippets("sql")
    customer = a_customer(finished_run)

    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA churn")
        connection.execute(
            "CREATE TABLE churn.scores_latest AS FROM read_parquet(?)", [str(scores_of(finished_run))]
        )
        rows = connection.execute(query.replace(CUSTOMER, customer)).fetchall()

    assert [row[0] for row in rows] == [customer]


def test_the_snippet_for_spark_is_python() -> None:
    (snippet,) = [snippet for snippet in snippets("python") if "pyspark" in snippet]

    compile(snippet, "model-elsewhere.md", "exec")
