from __future__ import annotations

from pathlib import Path

import pytest

from churn.errors import CallError, SourceError
from churn.params import Params, load_params
from pipelines import demo
from pipelines.echo import Echo


@pytest.fixture
def params(tmp_path: Path) -> Params:
    return with_source(tmp_path, "data/company")


def with_source(folder: Path, source: str) -> Params:
    path = folder / "params.yaml"
    path.write_text(f"source: {source}\nlabel: {{kind: contract, horizon_days: 31}}\n")
    return load_params(path)


def test_the_company_goes_where_source_points_and_its_truth_beside_it(params: Params, tmp_path: Path) -> None:
    demo.run(params, echo=Echo(), customers=60)

    assert (tmp_path / "data/company/subscriptions.parquet").is_file()
    assert (tmp_path / "data/company-truth/probabilities.parquet").is_file()
    assert sorted(path.name for path in (tmp_path / "data").glob("[!.]*")) == ["company", "company-truth"]


def test_the_same_company_is_kept(params: Params, tmp_path: Path) -> None:
    demo.run(params, echo=Echo(), customers=60)
    written = (tmp_path / "data/company/logins.parquet").stat().st_mtime_ns

    demo.run(params, echo=Echo(), customers=60)

    assert (tmp_path / "data/company/logins.parquet").stat().st_mtime_ns == written


def test_a_company_whose_truth_is_gone_is_written_again(params: Params, tmp_path: Path) -> None:
    demo.run(params, echo=Echo(), customers=60)
    for path in (tmp_path / "data/company-truth").iterdir():
        path.unlink()
    (tmp_path / "data/company-truth").rmdir()

    demo.run(params, echo=Echo(), customers=60)

    assert (tmp_path / "data/company-truth/probabilities.parquet").is_file()


@pytest.mark.parametrize("other", [{"customers": 61}, {"customers": 60, "seed": 8}])
def test_another_company_is_not_written_over(params: Params, other: dict[str, int]) -> None:
    demo.run(params, echo=Echo(), customers=60)

    with pytest.raises(SourceError, match="holds another demo company"):
        demo.run(params, echo=Echo(), **other)


@pytest.mark.parametrize("place", ["data/company", "data/company-truth"])
def test_files_of_somebody_else_are_left_alone(params: Params, tmp_path: Path, place: str) -> None:
    theirs = tmp_path / place / "orders.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")

    with pytest.raises(SourceError, match="demo company"):
        demo.run(params, echo=Echo(), customers=60)

    assert [path.name for path in theirs.parent.iterdir()] == ["orders.csv"]
    assert theirs.read_text() == "theirs"


def test_an_empty_folder_is_written_to(params: Params, tmp_path: Path) -> None:
    (tmp_path / "data/company").mkdir(parents=True)

    demo.run(params, echo=Echo(), customers=60)

    assert (tmp_path / "data/company/customers.parquet").is_file()


@pytest.mark.parametrize(
    ("source", "words"), [("duckdb:///x.duckdb", "a connection"), ("params.yaml", "a file")]
)
def test_a_source_that_is_no_folder_is_refused(tmp_path: Path, source: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        demo.run(with_source(tmp_path, source), echo=Echo(), customers=60)


def test_all_mistakes_of_a_call_are_told_at_once(params: Params) -> None:
    with pytest.raises(CallError) as caught:
        demo.run(params, echo=Echo(), customers=0, seed=-1)

    assert len(caught.value.problems) == 2
