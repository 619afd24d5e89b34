"""The parameter file that `churn demo` puts into a folder that has none."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent


def write_starter(path: Path) -> bool:
    """Write the demo company's params.yaml unless something is there; tell whether it was written."""
    if path.exists():
        return False
    shutil.copyfile(_starter(), path)
    return True


def _starter() -> Path:
    """Return the file inside the installed package, or that of the checkout it was packed from."""
    packed = HERE / "params.yaml"
    return packed if packed.exists() else HERE.parent / "params.yaml"
