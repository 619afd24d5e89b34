from __future__ import annotations

import ast
import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PAIRS = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_the_notebook_runs_on_a_finished_run(path: Path, finished_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder)  # mlflow writes to its data base when it is only read

    notebook = nbformat.read(path, as_version=4)
    executed = NotebookClient(
        notebook,
        timeout=None,
        startup_timeout=3600,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    ).execute()

    outputs = [cell.outputs for cell in executed.cells if cell.cell_type == "code"]
    assert any(outputs)


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_the_notebook_and_its_script_are_the_same(path: Path) -> None:
    notebook, script = jupytext.read(path), jupytext.read(path.with_suffix(".py"))

    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in script.cells
    ]


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_the_notebook_is_kept_without_outputs_and_defines_nothing(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    tree = ast.parse("\n\n".join(cell.source for cell in code))

    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda) for node in ast.walk(tree))


def test_there_is_a_notebook() -> None:
    assert PAIRS
