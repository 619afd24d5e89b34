"""A run in a folder with `key=value`, brackets, `%`, `#` or spaces in its path gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import cli
from tests.pipelines.night_files import NIGHT
from tests.run_folders import copy_finished_run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "name",
    ["amount=500/day=3/customer=7/left=1/churn_probability=0.5", "a[1] b/c%20d#e/f\\g"],
    ids=["keys and values", "marks"],
)
def test_the_verbs_give_the_same_bytes_in_any_folder(small_run: Path, tmp_path: Path, name: str) -> None:
    work = copy_finished_run(small_run, tmp_path / name / "work")
    (tmp_path / name / "raw").symlink_to(small_run / "data" / "company")
    options = ["--params", str(work / "params.yaml"), "--set", f"source={work.parent / 'raw'}"]
    (work / "output" / "scores" / f"cutoff={NIGHT}" / "scores.parquet").unlink()

    codes = [
        cli.main(verb, [*options, *rest])
        for verb, rest in (("ingest", ()), ("snapshot", ()), ("score", ("--cutoff", NIGHT)))
    ]

    assert codes == [0, 0, 0]
    assert written_in(work / "output") == written_in(small_run / "output")


def written_in(output: Path) -> dict[str, bytes]:
    patterns = ("snapshots/*/*.parquet", f"scores/cutoff={NIGHT}/scores.parquet", f"calls/cutoff={NIGHT}/*")
    paths = [path for pattern in patterns for path in output.glob(pattern)]
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(paths)}
