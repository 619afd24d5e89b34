"""Write the bundle of a model, and load the exported champion without MLflow.

The bundle is the folder that holds the files of a model.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from churn.data.files import json_text
from churn.data.own_files import read_own_json, write_own_json
from churn.errors import ModelError
from churn.model.scorer import CorruptError, Scorer, manifest_text

CHAMPION_FILE = "champion.json"
EXPORT_AGAIN = "Export the model again with `churn promote`."
"""The way out of the error that a file of the champion is damaged."""
BUNDLE_FOLDER = Path("artifacts") / "bundle"
"""The path of the bundle inside an exported model folder."""


def write_bundle(folder: Path, spec: Mapping[str, Any], boosters: Mapping[str, str]) -> str:
    """Write the folder that `churn.model.scorer` reads, and return the digest of its manifest.

    The same model gives the same bytes. The files are first written to a temporary folder, which then gets
    the name of the bundle.

    Args:
        folder: The folder of the bundle; an older bundle in this place is replaced.
        spec: The content of `spec.json`: the signals, the members of the model (boosters or linear models),
            the calibration, and facts about the training.
        boosters: The LightGBM models as text, by file name.
    """
    texts = {"spec.json": json_text(spec), **boosters}
    temporary = folder.with_name(f".{folder.name}.aside")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, text in texts.items():
        (temporary / name).write_bytes(text.encode())
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    manifest = manifest_text(digests).encode()
    (temporary / "manifest.json").write_bytes(manifest)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    return hashlib.sha256(manifest).hexdigest()


def bundle_digest(folder: Path) -> str:
    """Return the SHA-256 of a bundle's manifest. The manifest holds the checksums of all other files of the
    bundle.
    """
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


@dataclass(frozen=True)
class ExportRecord:
    """The content of `champion.json`: which model an exported folder holds.

    Attributes:
        model: The name of the registered model.
        version: The version of the model in the registry.
        run_id: The id of the MLflow run that made this version of the model.
        digest: The digest of the bundle.
        files: The SHA-256 of each file outside the bundle, such as `MLmodel` and `scorer.py`, by its path in
            the folder.
    """

    model: str
    version: str
    run_id: str
    digest: str
    files: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Write `champion.json` into an exported model folder."""
        write_own_json(folder / CHAMPION_FILE, asdict(self))


def digests_beside_bundle(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that MLflow needs to serve an exported model, by path.

    The files of the bundle are left out.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [
        path.relative_to(folder).as_posix() for path in paths if folder / BUNDLE_FOLDER not in path.parents
    ]
    served_names = [name for name in names if name not in (CHAMPION_FILE, "README.md")]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in served_names}


@dataclass(frozen=True)
class Champion:
    """An exported model: its scorer, its version in the registry and the digest of its bundle."""

    scorer: Scorer
    version: str
    digest: str

    @property
    def identity(self) -> dict[str, str]:
        """Return the version and the digest of the model as JSON values."""
        return {"version": self.version, "digest": self.digest}


def load_champion(folder: Path, threads: int = 0) -> Champion:
    """Load an exported model folder, such as `models/champion`, and verify every file.

    Args:
        folder: The folder of the exported model.
        threads: The number of threads for predictions; with 0 LightGBM chooses it.

    Raises:
        ModelError: there is no champion, or one of its files is damaged.
    """
    path, bundle = folder / CHAMPION_FILE, folder / BUNDLE_FOLDER
    try:
        record = read_own_json(path, ExportRecord, way_out=EXPORT_AGAIN, error=ModelError)
    except FileNotFoundError:
        raise ModelError(
            f"{folder}: there is no champion. Run `churn train` and `churn promote` first."
        ) from None
    scorer = load_scorer(bundle, threads, way_out=EXPORT_AGAIN)
    if bundle_digest(bundle) != record.digest:
        raise ModelError(
            f"{bundle / 'manifest.json'} does not belong to version {record.version} of the model: the "
            f"digest of this file is not the digest in {CHAMPION_FILE}. {EXPORT_AGAIN}"
        )
    current_files = digests_beside_bundle(folder)
    for name, file_digest in record.files.items():
        if current_files.get(name) != file_digest:
            fault = "has changed" if name in current_files else "is missing"
            raise ModelError(f"{folder / name} {fault}. {EXPORT_AGAIN}")
    return Champion(scorer, record.version, record.digest)


def load_scorer(bundle: Path, threads: int = 0, *, way_out: str) -> Scorer:
    """Load the scorer of a bundle, and verify every file.

    Args:
        bundle: The folder of the bundle.
        threads: The number of threads for predictions; with 0 LightGBM chooses it.
        way_out: A sentence that says which verb of the program writes the bundle again.

    Raises:
        ModelError: a file of the bundle is missing or damaged, or the files do not describe a model.
    """
    try:
        scorer = Scorer.load(bundle, threads)
        _check_facts(bundle, scorer.spec)
    except CorruptError as error:
        raise ModelError(f"{error} {way_out}") from None
    return scorer


class _SignalFacts(BaseModel):
    """The facts that a model needs about each of its signals.

    `spec.json` may hold more facts about a signal; `_check_facts` does not check them.
    """

    model_config = ConfigDict(strict=True)

    name: str
    kind: Literal["number", "level"]
    levels: tuple[str, ...] = ()
    family: str = ""
    riskier_when: str = ""
    reason: Mapping[str, str] = {}
    definition: str | None = None


class _ModelFacts(BaseModel):
    """The facts about a model that the program needs for reports and checks, but not for predictions."""

    model_config = ConfigDict(strict=True)

    label_id: str
    mature_on: date
    trained_cutoffs: tuple[date, ...]
    base_rate: Annotated[float, Field(ge=0, le=1)]
    recipe: Mapping[str, Any]
    signals: tuple[_SignalFacts, ...]


def _check_facts(bundle: Path, spec: Mapping[str, Any]) -> None:
    """Check that `spec.json` holds the facts of `_ModelFacts`, with the right types.

    The checksum of `spec.json` cannot replace this check: another program may have written both the file and
    its checksum.

    Args:
        bundle: The folder of the bundle, for messages.
        spec: The content of `spec.json`.

    Raises:
        CorruptError: facts are missing or wrong; the error names the first five of them.
    """
    try:
        _ModelFacts.model_validate_json(json.dumps(spec))
    except ValidationError as problems:
        mistakes = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems.errors()[:5]
        )
        raise CorruptError(
            f"{bundle / 'spec.json'}: the file does not describe a model: {mistakes}."
        ) from None


def load_champion_if_any(folder: Path, threads: int = 0) -> Champion | None:
    """Load an exported model folder, or return None if the folder does not exist.

    Raises:
        ModelError: a file of the model is damaged.
    """
    return load_champion(folder, threads) if os.path.lexists(folder) else None
