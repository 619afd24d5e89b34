"""Replace many files in one step, so that an erasure is complete even if its process is killed.

Each new file is first written beside the old file, under a hidden name. Then a journal is written that names
all new files. Last, `finish` renames the files, one by one. A process that is killed before it writes the
journal has changed nothing. If it is killed later, another call of `finish` renames the remaining files. This
call does not need the id of the customer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from churn.data.files import publish_folder, remove_unleased, sync_path
from churn.data.forgotten import FORGOTTEN_FOLDER
from churn.data.own_files import read_own_json, write_own_json
from churn.errors import Stop
from churn.privacy.search import files_below

JOURNAL_FILE = "unfinished.json"
STAGED_ENDING = ".erased"
PRIVATE_MODE = 0o600


class Journal(BaseModel):
    """The remaining steps of an erasure; the journal does not hold the id of the customer.

    Attributes:
        replaced_paths: The files to be replaced; the new file for each of them lies beside it, under a hidden
            name. A path below the output folder is relative to this folder, so that the folder may be moved.
        removed_paths: The files to be removed.
        store: The name of the folder of the new store; None if there is no store.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    replaced_paths: tuple[str, ...]
    removed_paths: tuple[str, ...]
    store: str | None


def journal_path(output: Path) -> Path:
    """Return the path of the journal, which exists only while an erasure is unfinished."""
    return output / FORGOTTEN_FOLDER / JOURNAL_FILE


def check_finished(output: Path) -> None:
    """Check that no erasure was stopped before its end.

    Raises:
        Stop: an erasure is unfinished, so some files may still hold the customer.
    """
    if journal_path(output).exists():
        raise Stop(
            f"{journal_path(output)}: `churn forget` was stopped before its end, so the customer may be "
            f"erased from only some of the files in {output}. Call `churn forget CUSTOMER "
            "--yes` again with the same id: this call completes the erasure."
        )


def staged_path(path: Path) -> Path:
    """Return the path at which the new content of a file waits, in the folder of the file."""
    return path.with_name(f".{path.name}{STAGED_ENDING}")


def stage_file(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write the new content of a file into a new file beside the old file.

    Args:
        path: The file.
        content: The new content.
        mode: The permissions of the file; by default its present permissions.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = staged_path(path)
    staged.unlink(missing_ok=True)
    if mode is None and path.exists():
        mode = stat.S_IMODE(path.stat().st_mode)
    with staged.open("xb") if mode is None else open(staged, "xb", opener=_private_opener) as file:
        file.write(content)
        file.flush()
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def _private_opener(name: str, flags: int) -> int:
    """Open a new file that only its owner may read until `stage_file` sets its permissions."""
    return os.open(name, flags, PRIVATE_MODE)


def commit(output: Path, contents: Mapping[Path, bytes | None], store_folder: Path | None) -> None:
    """Write the journal: from now on, `finish` can complete the erasure.

    Args:
        output: The output folder.
        contents: The new content of each file, which `stage_file` has written; None for a file that is
            removed.
        store_folder: The folder of the new store; None if there is no store.
    """
    folder_path = output.resolve()
    files = {path.resolve(): content is None for path, content in contents.items()}
    paths = {
        str(path.relative_to(folder_path) if path.is_relative_to(folder_path) else path): is_removed
        for path, is_removed in files.items()
    }
    journal = Journal(
        replaced_paths=tuple(sorted(path for path, is_removed in paths.items() if not is_removed)),
        removed_paths=tuple(sorted(path for path, is_removed in paths.items() if is_removed)),
        store=store_folder.name if store_folder else None,
    )
    for folder in {path.parent for path in contents}:
        sync_path(folder)
    write_own_json(journal_path(output), journal.model_dump(mode="json"))
    sync_path(journal_path(output).parent)


def finish(output: Path, advance: Callable[[], object] = lambda: None) -> bool:
    """Complete the erasure whose steps are in the journal; return False if there is no journal.

    Args:
        output: The output folder.
        advance: A function that is called before each step.

    Raises:
        SourceError: the journal is damaged.
    """
    path = journal_path(output)
    try:
        journal = read_own_json(path, Journal, way_out="Restore the output folder from a copy.")
    except FileNotFoundError:
        return False
    replaced_paths = [output / name for name in journal.replaced_paths]
    removed_paths = [output / name for name in journal.removed_paths]
    for file in replaced_paths:
        advance()
        if staged_path(file).exists():  # otherwise it was renamed before the process was killed
            os.replace(staged_path(file), file)
    for file in removed_paths:
        advance()
        file.unlink(missing_ok=True)
    for folder in {file.parent for file in (*replaced_paths, *removed_paths)}:
        sync_path(folder)
    if journal.store is not None:
        advance()
        publish_folder(output / journal.store, output / "store")
    advance()
    path.unlink()
    sync_path(path.parent)
    return True


def remove_stray_files(output: Path, roots: Sequence[Path]) -> None:
    """Remove old stores, and new files of an erasure that was killed before it wrote its journal.

    An old store that a process still reads is kept.

    Args:
        output: The output folder.
        roots: The folders in which files are replaced.
    """
    if not journal_path(output).exists():
        for path in files_below(roots):
            if path.name.startswith(".") and path.name.endswith(STAGED_ENDING):
                path.unlink(missing_ok=True)
    current = (output / "store").resolve().name
    folders = [path for path in output.glob(".store-*") if path.is_dir() and path.name != current]
    remove_unleased(folders)
