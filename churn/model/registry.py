"""Runs, versions and aliases in MLflow, and the export of the champion.

The only importer of MLflow apart from the scorer's guarded hook.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from datetime import date
from pathlib import Path
from typing import Any

from churn.data.address import hide_secret, without_secret
from churn.errors import ModelError
from churn.model import scorer as scorer_module
from churn.model.bundle import bundle_digest, write_json
from churn.model.champion import BUNDLE, load_champion, load_exported
from churn.model.scorer import Scorer
from churn.params import Params, digest_of

REQUIREMENTS = ("lightgbm", "numpy", "scipy")


class Registry:
    """The experiment and the registered model that params.yaml names under `tracking`."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.name = params.tracking.model
        self._mlflow = _quiet_mlflow()
        from sqlalchemy.exc import SQLAlchemyError  # MLflow lets those of its database through

        self._mlflow.set_tracking_uri(params.tracking.uri)
        self._mlflow.set_registry_uri(params.tracking.uri)
        try:
            self._client = self._mlflow.MlflowClient()
            self.experiment_id = self._experiment()
        except (self._mlflow.exceptions.MlflowException, SQLAlchemyError, ImportError, OSError) as error:
            raise ModelError(_in_words(params.tracking.uri, error)) from None

    @contextmanager
    def run(self, name: str, run_id: str | None = None) -> Iterator[str]:
        """Open a run, new or known, and yield its id; runs opened inside it become its children."""
        nested = self._mlflow.active_run() is not None
        name_or_id = {"run_id": run_id} if run_id else {"run_name": name}
        with self._mlflow.start_run(experiment_id=self.experiment_id, nested=nested, **name_or_id) as run:
            yield run.info.run_id

    @contextmanager
    def child(self, parent: str, name: str) -> Iterator[str]:
        """Open the child run of this name inside the open run, the one it has already or a new one."""
        found = self._client.search_runs(
            [self.experiment_id],
            f"tags.`mlflow.parentRunId` = '{parent}' and attributes.run_name = '{name}'",
            max_results=1,
        )
        with self.run(name, found[0].info.run_id if found else None) as run_id:
            yield run_id

    def log(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log into the open run; metrics that are not finite are left out."""
        if params:
            self._mlflow.log_params({key: str(value)[:500] for key, value in params.items()})
        if metrics:
            finite = {key: value for key, value in metrics.items() if value == value and abs(value) < 1e300}
            self._mlflow.log_metrics(finite)
        if tags:
            self._mlflow.set_tags(dict(tags))

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Log a file or a folder into the open run under `folder`."""
        if path.is_dir():
            self._mlflow.log_artifacts(str(path), folder)
        else:
            self._mlflow.log_artifact(str(path), folder)

    def log_tree(self, folder: Path) -> None:
        """Log a folder into the open run: plots under `plots`, the rest under the folder's name."""
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                self.log_file(path, path.name)
            elif not path.name.startswith("."):
                self.log_file(path, folder.name)

    def count_look(self, run_id: str, label_id: str, cutoffs: Sequence[date]) -> int:
        """Count one more look at the test cutoffs of a label; return how many there were.

        The registered model counts, since each training is a run of its own; the run is tagged too.
        """
        key = f"looks_at_test.{digest_of([label_id, sorted(cutoffs)])[:12]}"
        looks = int(self._client.get_registered_model(self.name).tags.get(key, "0")) + 1
        self._client.set_registered_model_tag(self.name, key, str(looks))
        self._client.set_tag(run_id, "looks_at_test", str(looks))
        return looks

    def register(self, bundle: Path) -> str:
        """Log a bundle as a model of the open run, register it as challenger and return its version."""
        scorer = Scorer.load(bundle)
        with _silence():
            logged = self._mlflow.pyfunc.log_model(
                name="model",
                python_model=scorer_module.__file__,
                artifacts={"bundle": str(bundle)},
                signature=self._signature(scorer),
                pip_requirements=_requirements(),
                registered_model_name=self.name,
            )
        version = str(logged.registered_model_version)
        self._client.set_registered_model_alias(self.name, "challenger", version)
        self._client.set_model_version_tag(self.name, version, "digest", bundle_digest(bundle))
        return version

    def aliases(self) -> dict[str, str]:
        """Return the version of each alias; empty where nothing is registered."""
        try:
            model = self._client.get_registered_model(self.name)
        except self._mlflow.exceptions.MlflowException:
            return {}
        return {alias: str(version) for alias, version in model.aliases.items()}

    def run_of(self, version: str) -> str:
        """Return the run a version came from.

        Raises:
            ModelError: the registry does not know the version.
        """
        try:
            return str(self._client.get_model_version(self.name, version).run_id)
        except self._mlflow.exceptions.MlflowException:
            raise ModelError(
                f"registry: model '{self.name}' has no version {version}. Run `churn train` again."
            ) from None

    def champion_like(self, digest: str) -> str | None:
        """Return the champion's version where its bundle has this digest, else None."""
        champion = self.aliases().get("champion")
        return champion if champion and self._digest_of(champion) == digest else None

    def promote(self, version: str) -> None:
        """Make a version champion and the old champion previous, and export it.

        The export is written aside and verified before an alias moves. The aliases say who is champion, the
        folder follows; `mend` finishes a move that was cut short between the two.
        """
        self._move(version, before=self.aliases().get("champion"))

    def mend(self) -> tuple[str, str] | None:
        """Export the champion again where `models/champion` is not whole or not the alias's version.

        Returns:
            The champion's version and what was wrong in words, or None where nothing was.

        Raises:
            ModelError: the champion cannot be exported.
        """
        champion = self.aliases().get("champion")
        if champion is None:
            return None
        try:
            exported = load_champion(self.params)
        except ModelError:
            state = "damaged" if self.params.champion.exists() else "missing"
            what, stands = f"{self.params.champion} is {state}.", None
        else:
            if exported.version == champion and exported.digest == self._digest_of(champion):
                return None
            what = (
                f"{self.params.champion} holds version {exported.version}, the registry's champion is "
                f"{champion}."
            )
            stands = exported.version if exported.digest == self._digest_of(exported.version) else None
        self._move(champion, before=stands)
        return champion, what

    def rollback(self) -> tuple[str, str]:
        """Swap champion and previous, aliases and exported folders; return the new and the old champion.

        Raises:
            ModelError: there is no previous champion.
        """
        aliases = self.aliases()
        now, before = aliases.get("previous"), aliases.get("champion")
        if now is None or before is None or now == before:
            raise ModelError(
                f"registry: model '{self.name}' has no previous champion to go back to; "
                "there is one after the second `churn promote`."
            )
        self._move(now, before)
        return now, before

    def _move(self, version: str, before: str | None) -> None:
        """Export a version aside, then move the aliases, then swap the folders.

        Wherever this is cut short, the folder still tells which version stood before.
        """
        aside = self._export_aside(version)
        self._client.set_registered_model_alias(self.name, "champion", version)
        if before and before != version:
            self._client.set_registered_model_alias(self.name, "previous", before)
        if self.aliases().get("challenger") == version:
            self._client.delete_registered_model_alias(self.name, "challenger")
        champion, previous = self.params.champion, self.params.models / "previous"
        if champion.exists() and before and before != version:
            shutil.rmtree(previous, ignore_errors=True)
            champion.rename(previous)
        shutil.rmtree(champion, ignore_errors=True)
        aside.rename(champion)

    def link(self, run_id: str) -> str:
        """Return the address of a run in the MLflow UI; a local store needs `churn ui` running."""
        uri = self.params.tracking.uri
        base = without_secret(uri).rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"
        return f"{base}/#/experiments/{self.experiment_id}/runs/{run_id}?workflowType=machine_learning"

    def _experiment(self) -> str:
        name = self.params.tracking.experiment
        known = self._client.get_experiment_by_name(name)
        if known is not None and known.lifecycle_stage == "deleted":
            raise ModelError(
                f"tracking.experiment: '{name}' was deleted in MLflow. Bring it back with `mlflow "
                f"experiments restore --experiment-id {known.experiment_id}`, or name another under "
                "tracking.experiment."
            )
        if known is not None:
            return str(known.experiment_id)
        uri = self.params.tracking.uri
        if not uri.startswith("sqlite:///"):
            return str(self._client.create_experiment(name))
        folder = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts"
        folder.mkdir(parents=True, exist_ok=True)
        return str(self._client.create_experiment(name, artifact_location=folder.resolve().as_uri()))

    def _export_aside(self, version: str) -> Path:
        """Download a version beside the champion and verify it."""
        self.params.models.mkdir(parents=True, exist_ok=True)
        aside = self.params.models / ".champion.aside"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            self._mlflow.artifacts.download_artifacts(
                f"models:/{self.name}/{version}", dst_path=str(aside), tracking_uri=self.params.tracking.uri
            )
        except (self._mlflow.exceptions.MlflowException, OSError) as error:
            raise ModelError(
                f"registry: version {version} of '{self.name}' cannot be exported: "
                f"{hide_secret(_first_line(error), self.params.tracking.uri)} Run `churn train` again."
            ) from None
        if not (aside / BUNDLE / "manifest.json").is_file():
            raise ModelError(
                f"registry: version {version} of '{self.name}' cannot be exported: its files are gone from "
                "where they were logged; MLflow keeps that place as an absolute path. Move them back, or "
                "run `churn train` again."
            )
        about = {
            "model": self.name,
            "version": version,
            "run_id": self.run_of(version),
            "digest": bundle_digest(aside / BUNDLE),
        }
        write_json(aside / "champion.json", about)
        load_exported(aside)
        if about["digest"] != self._digest_of(version):
            shutil.rmtree(aside)
            raise ModelError(
                f"registry: the files of version {version} of '{self.name}' are not those that were "
                "registered: their digest differs. Run `churn train` again."
            )
        return aside

    def _digest_of(self, version: str) -> str | None:
        """Return the digest that a version was registered with, or None where the registry knows none."""
        try:
            digest = self._client.get_model_version(self.name, version).tags.get("digest")
        except self._mlflow.exceptions.MlflowException:
            return None
        return None if digest is None else str(digest)

    def _signature(self, scorer: Scorer) -> Any:
        """Return a signature that names the columns and leaves their types to the scorer.

        MLflow refuses int64 where it was told double, and counts are int64.
        """
        from mlflow.models import ModelSignature
        from mlflow.types.schema import AnyType, ColSpec, DataType, ParamSchema, ParamSpec, Schema

        return ModelSignature(
            inputs=Schema([ColSpec(AnyType(), name) for name in scorer.names]),
            outputs=Schema([ColSpec(DataType.double, "churn_probability")]),
            params=ParamSchema([ParamSpec("contributions", DataType.boolean, False)]),
        )


def _quiet_mlflow() -> Any:
    """Import MLflow without telemetry, progress bars and log lines."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


@contextmanager
def _silence() -> Iterator[None]:
    """Keep back what MLflow prints on success and its advice to infer what was given explicitly."""
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _requirements() -> Sequence[str]:
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in REQUIREMENTS]


def _in_words(uri: str, error: Exception) -> str:
    return (
        f"params.yaml: tracking.uri '{without_secret(uri)}' cannot be opened: "
        f"{hide_secret(_first_line(error), uri)} Give sqlite:///FILE or the address of an MLflow server."
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__


def python_version() -> str:
    """Return the running Python, for the run's tags."""
    return ".".join(map(str, sys.version_info[:3]))
