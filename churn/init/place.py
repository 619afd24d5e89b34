"""The source that `churn init` looks at, as it is asked for, opened, and written down."""

from __future__ import annotations

import os
import re
from pathlib import Path

from churn.data.sources.address import without_secret
from churn.errors import CallError
from churn.params import Params

SECRET = "${DATABASE_PASSWORD}"


def dialect_of(source: str) -> str:
    """Return the dialect of SQL that a source speaks; files are read by DuckDB."""
    return source.split("://")[0] if "://" in source else "duckdb"


def looking_at(source: str, params_file: Path) -> Params:
    """Return parameters that open a source named at a prompt: paths count from where the caller stands.

    Raises:
        CallError: a `${NAME}` in it is not set in the environment.
    """
    place = _from_environment(source)
    scheme, separator, path = place.partition(":///")
    if separator and scheme in ("duckdb", "sqlite"):
        place = f"{scheme}:///{Path(path).resolve()}"
    elif "://" not in place:
        place = str(Path(place).resolve())
    home = params_file.resolve().parent
    return Params.model_validate(
        {
            "source": place,
            "label": {"kind": "contract", "horizon_days": 31},
            "output": home / "output",
            "models": home / "models",
        }
    )


def said_in_params(source: str, params_file: Path) -> str:
    """Return the source as params.yaml says it: a path from that file, and no password.

    A password becomes `${DATABASE_PASSWORD}`, to be set in the environment.
    """
    if "${" in source:
        return source
    scheme, separator, path = source.partition(":///")
    if separator and scheme in ("duckdb", "sqlite"):
        return f"{scheme}:///{_from(params_file, path)}"
    if "://" not in source:
        return _from(params_file, source)
    secret = re.search(r"(?<=://)([^/?#:@]*):[^/?#]*@", source)
    return (
        source.replace(f"{secret[1]}:{secret[0].split(':', 1)[1]}", f"{secret[1]}:{SECRET}@")
        if secret
        else source
    )


def _from(params_file: Path, path: str) -> str:
    """Return a path as seen from the parameter file; one that was given whole stays whole."""
    if Path(path).is_absolute():
        return path
    return Path(os.path.relpath(Path(path).resolve(), params_file.resolve().parent)).as_posix()


def _from_environment(source: str) -> str:
    names = re.findall(r"\$\{(\w+)\}", source)
    if missing := [name for name in names if name not in os.environ]:
        raise CallError(
            f"init: --source {without_secret(source)} uses ${{{missing[0]}}}, which is not set in the "
            f"environment. Export {missing[0]} first."
        )
    return re.sub(r"\$\{(\w+)\}", lambda found: os.environ[found[1]], source)
