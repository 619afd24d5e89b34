"""The files that `churn demo` puts into a folder that has no params.yaml."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent


def write_starter(folder: Path) -> tuple[str, ...]:
    """Write the demo company's params.yaml and playbook.yaml, keep what is there, return what was written.

    A folder with a params.yaml has been started already and gets nothing.
    """
    if (folder / "params.yaml").exists():
        return ()
    wanted = {
        "params.yaml": _params_file(),
        "playbook.yaml": HERE.parent / "churn" / "scoring" / "playbook.yaml",
    }
    missing = tuple(name for name in wanted if not (folder / name).exists())
    for name in missing:
        shutil.copyfile(wanted[name], folder / name)
    return missing


def _params_file() -> Path:
    """Return the file inside the installed package, or that of the checkout it was packed from."""
    packed = HERE / "params.yaml"
    return packed if packed.exists() else HERE.parent / "params.yaml"
