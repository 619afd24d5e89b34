"""Turn each fault of the machine or of a library into a message and the exit code for this kind of fault.

Such faults are a full disk, a folder without permission, damaged bytes in a file, too little memory, or a
library that refuses the user's data. The message about each of them names a place, a reason and a way out. A
fault that only this program caused is a bug, and gets no such message. Examples of bugs are a missing file of
the program, and a wrong path that comes from the program, not from the command line or params.yaml.
"""

from __future__ import annotations

import errno
import os
import sysconfig
import tempfile
import traceback
from pathlib import Path

import churn
from churn.errors import CallError, ChurnError, ModelError, ParamsError, SignalError, SourceError
from churn.model.runs_database import database_path
from churn.params import FILE, Params
from churn.secrets import hide_secrets

REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space"),
    errno.EDQUOT: ("the quota of the disk is used up", "Free some space"),
    errno.EROFS: ("the disk is read-only", "Name a folder that can be written"),
    errno.EACCES: ("permission denied", "Change the permissions, or name another folder"),
    errno.EPERM: ("permission denied", "Change the permissions, or name another folder"),
    errno.ENOTDIR: ("a file is where a folder should be", "Move the file, or name another folder"),
    errno.EEXIST: ("a file is where a folder should be", "Move the file, or name another folder"),
    errno.EISDIR: ("a folder is where a file should be", "Move the folder, or name another file"),
    errno.ENOENT: ("no such file or folder", "Check for a dangling link"),
    errno.ELOOP: ("a link points to itself", "Correct the link"),
    errno.ENAMETOOLONG: ("the name is too long", "Name a folder with a shorter path"),
    errno.ENOTEMPTY: ("another program wrote into the folder meanwhile", "Run the verb again"),
    errno.EMFILE: ("too many files are open", "Raise the limit with `ulimit -n`"),
    errno.ENFILE: ("too many files are open on this machine", "End other programs"),
    errno.ENOMEM: ("too little memory", "End other programs, or lower engine.memory_limit"),
    errno.EFBIG: ("the file is larger than the disk allows", "Raise the limit with `ulimit -f`"),
    errno.EIO: ("the disk failed to read or write", "Check the disk"),
    errno.ESTALE: ("the network folder is gone", "Mount it again"),
    errno.EINVAL: ("the disk refuses the name or the operation", "Name another folder"),
}
"""For each error of the operating system, the reason and the way out."""

PATH_ERRORS = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
"""Errors that a wrong path of this program also causes: only for a path of the user they are no bug."""

PROGRAM_FOLDERS = (
    *(Path(module).parent for module in (churn.__file__, __file__)),
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")),
)
"""The folders of this program, of its libraries and of Python."""

SQLITE_REASONS = {"database or disk is full": errno.ENOSPC, "disk I/O error": errno.EIO}
"""For each message of SQLite about the disk, the error of the operating system."""

SIGNAL_FOLDERS = ("features/signals", "features/generic")
"""The folders of signals, below the package; an error in there is a mistake in a signal."""

MAX_LENGTH = 400


def fault_in_words(error: Exception, params: Params | None) -> ChurnError | None:
    """Return the error that reports a fault of the machine or of a library; None if the fault is a bug.

    Args:
        error: The fault.
        params: The parameters; None if they could not be read yet.
    """
    for cause in _chain(error):
        if fault := _of_one(cause, params):
            return fault
    return None


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return an error and the errors that caused it; the message of a library often hides the real reason."""
    errors: list[BaseException] = []
    while error is not None and error not in errors:
        errors.append(error)
        error = error.__cause__ or error.__context__
    return errors


def _of_one(error: BaseException, params: Params | None) -> ChurnError | None:
    module, name = type(error).__module__.partition(".")[0], type(error).__name__
    if isinstance(error, MemoryError) or "OutOfMemory" in name:
        return ParamsError(
            f"{_file(params)}: engine.memory_limit: too little memory: {_text(error)}. Raise the "
            "limit if the machine has more memory, or lower engine.threads."
        )
    if isinstance(error, OSError) and error.errno in PATH_ERRORS and not _is_of_user(error, params):
        return _of_working_folder() if error.filename is None else None
    if isinstance(error, OSError) and error.errno in REASONS:
        return _of_system(error, params)
    if isinstance(error, OSError) and error.errno is None and "No space left" in str(error):
        return _of_system(OSError(errno.ENOSPC, str(error)), params)
    if signal := _place_in_signal(error):
        return SignalError(f"{signal}: {name}: {_text(error)}. Correct the signal.")
    if module in ("duckdb", "_duckdb", "pyarrow") or module.startswith("adbc"):
        return _of_reader(error, params)
    if module in ("mlflow", "sqlalchemy", "alembic") or module == "sqlite3":
        for words, number in SQLITE_REASONS.items():
            if words in str(error):
                return _of_system(OSError(number, words, _database(params)), params)
        return ModelError(
            f"{_file(params)}: tracking.uri: MLflow stopped with an error: {_text(error)}. Check the "
            "database or the server, then run the verb again."
        )
    if module == "lightgbm":
        return ModelError(
            f"LightGBM stopped with an error: {_text(error)}. Rename or leave out the signal that causes the "
            "error."
        )
    if name == "BrokenProcessPool":
        return ParamsError(
            f"{_file(params)}: engine.processes: a process that computes signals was ended from outside, "
            "most often because the memory was used up. Lower engine.processes or engine.memory_limit."
        )
    return None


def _is_of_user(error: OSError, params: Params | None) -> bool:
    """Return whether the user named the path in an error, or a folder above this path.

    The user names paths on the command line and in params.yaml.
    """
    path = error.filename2 or error.filename
    if not isinstance(path, str | Path):
        return "temporary directory" in str(error)  # TMPDIR
    try:
        absolute_path = Path(os.path.abspath(path))
    except FileNotFoundError:  # the working folder was removed
        return True
    if any(absolute_path.is_relative_to(folder) for folder in PROGRAM_FOLDERS):
        return False
    if params is None:  # the path of the call
        return True
    named_folders = [folder for folder, _, _ in _folders_of(params)]
    more_files = [params.score.playbook, *params.contact.suppression]
    folders = [Path(params.file).parent, Path(tempfile.gettempdir()), *more_files, *named_folders]
    return any(absolute_path.is_relative_to(os.path.abspath(folder)) for folder in folders)


def _of_working_folder() -> ChurnError | None:
    """Return the error for a working folder that was removed; None if the folder is there."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return CallError("the working folder was removed. Change to a folder that exists.")
    return None


def _of_system(error: OSError, params: Params | None) -> ChurnError:
    reason, way_out = REASONS[error.errno or errno.EIO]
    path = error.filename2 or error.filename
    if not isinstance(path, str | Path):
        return ParamsError(f"{_file(params)}: output: {reason}. {way_out}, then run the verb again.")
    kind, key = _key_of(Path(path), params)
    return kind(f"{_file(params)}: {key}: {path}: {reason}. {way_out}, then run the verb again.")


def _database(params: Params | None) -> str | None:
    """Return the path of MLflow's SQLite file; None if tracking.uri names no such file or is not known."""
    path = database_path(params.tracking.uri) if params is not None else None
    return str(path) if path else None


def _of_reader(error: BaseException, params: Params | None) -> ChurnError:
    text = _text(error)
    if "No space left" in text:
        return _of_system(OSError(errno.ENOSPC, text), params)
    if params is not None and str(params.output) in text and str(params.source) not in text:
        return SourceError(
            f"{params.output}: a file cannot be read or written: {text}. Delete the file and run the verb "
            "that writes it again: `churn ingest` for store/, `churn snapshot` for snapshots/, `churn train` "
            "for train/, `churn evaluate` for evaluate/, `churn score` for scores/."
        )
    return SourceError(
        f"{_file(params)}: source: the data cannot be read, or values cannot be computed from them: {text}. "
        "Correct the source or its mapping; if both are correct, delete output/store and run `churn ingest`."
    )


def _key_of(path: Path, params: Params | None) -> tuple[type[ChurnError], str]:
    """Return the error class for a fault at `path`, and the parameter that names the folder of `path`."""
    if params is None:
        return ParamsError, "the path"
    for folder, kind, key in _folders_of(params):
        if path == folder or folder in path.parents or path.name.startswith(f".{folder.name}."):
            return kind, key
    return ParamsError, "output"


def _folders_of(params: Params) -> list[tuple[Path, type[ChurnError], str]]:
    """Return each path in params.yaml, the exception class for errors there, and the parameter's name."""
    source = Path(params.source.removeprefix("duckdb:///").removeprefix("sqlite:///"))
    folders: list[tuple[Path, type[ChurnError], str]] = [
        (params.output, ParamsError, "output"),
        (params.models, ModelError, "models"),
        (source, SourceError, "source"),
    ]
    if params.tracking.uri.startswith("sqlite:///"):
        database = Path(params.tracking.uri.removeprefix("sqlite:///"))
        folders += [(database, ModelError, "tracking.uri")]
        folders += [(database.parent / "mlartifacts", ModelError, "tracking.uri")]
    return folders


def _place_in_signal(error: BaseException) -> str:
    """Return the file and the line if an error arose in the code of a signal; otherwise an empty text."""
    if isinstance(error, SyntaxError) and _is_signal(error.filename or ""):
        return f"{error.filename}, line {error.lineno}"
    own_frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/churn/" in frame.filename or "site-packages" not in frame.filename
    ]
    if not own_frames or not _is_signal(own_frames[-1].filename):
        return ""
    frame = own_frames[-1]
    return f"{frame.filename}, line {frame.lineno}, in {frame.name}"


def _is_signal(filename: str) -> bool:
    return any(f"/{folder}/" in Path(filename).as_posix() for folder in SIGNAL_FOLDERS)


def _file(params: Params | None) -> str:
    return params.file if params is not None else FILE


def _text(error: BaseException) -> str:
    return " ".join(hide_secrets(str(error)).split())[:MAX_LENGTH].rstrip(" .") or type(error).__name__
