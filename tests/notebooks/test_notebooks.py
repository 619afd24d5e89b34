from __future__ import annotations

import ast
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PAIRS = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_the_notebook_runs_from_a_clean_kernel_and_draws(path: Path, measured_run: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    executed = NotebookClient(
        notebook,
        timeout=None,
        startup_timeout=3600,
        kernel_name="python3",
        resources={"metadata": {"path": str(measured_run)}},
    ).execute()

    outputs = [output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if "image/png" in output.get("data", {})]


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


def test_the_notebooks_are_those_of_the_index_of_the_documents() -> None:
    index = (NOTEBOOKS.parent / "docs" / "index.md").read_text(encoding="utf-8")

    assert PAIRS
    assert [path.stem for path in PAIRS if f"(../notebooks/{path.stem}.py)" not in index] == []
