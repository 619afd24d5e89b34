"""The files that `churn demo` and `churn init` put into a folder that has none."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent
STARTERS = ("params.yaml", "playbook.yaml")


def write_starter(folder: Path) -> tuple[str, ...]:
    """Write the demo company's params.yaml and playbook.yaml, keep what is there, return what was written.

    A folder with a params.yaml has been started already and gets nothing.
    """
    if (folder / "params.yaml").exists():
        return ()
    missing = tuple(name for name in STARTERS if not (folder / name).exists())
    for name in missing:
        shutil.copyfile(_packed(name), folder / name)
    return missing


def write_playbook(folder: Path) -> bool:
    """Write the demo company's playbook to start from; keep what is there, tell whether it was written."""
    place = folder / "playbook.yaml"
    if place.exists():
        return False
    shutil.copyfile(_packed("playbook.yaml"), place)
    return True


def _packed(name: str) -> Path:
    """Return the file inside the installed package, or that of the checkout it was packed from."""
    inside = HERE / name
    return inside if inside.exists() else HERE.parent / name
