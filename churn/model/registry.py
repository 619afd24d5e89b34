"""The registered model: its versions and aliases (champion, previous, challenger) in MLflow, and the exported
champion.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as installed_version
from pathlib import Path
from tempfile import TemporaryDirectory

from churn.errors import ModelError
from churn.model import scorer as scorer_module
from churn.model.bundle import (
    BUNDLE_FOLDER,
    ExportRecord,
    bundle_digest,
    digests_beside_bundle,
    load_champion,
)
from churn.model.scorer import CorruptError, Scorer
from churn.model.tracking import (
    WORKFLOW_QUERY,
    PortableModel,
    Tracking,
    error_text,
    remove_machine_paths,
    signature_of,
    silent_mlflow,
)
from churn.model.ui_port import read_ui_port
from churn.params import CHAMPION_FOLDER, FILE, TrackingParams
from churn.secrets import show_address

DESCRIPTION_LENGTH = 5000
"""The largest number of characters in the description of a version, which is the size of MLflow's column."""

CONTINUATION = "\n\n… The whole card is `evaluate/card.md` in the artefacts of the run.\n"
"""The text at the end of a description that was shortened."""

MODEL_DESCRIPTION = (
    "The probability that a customer at risk leaves within the horizon of the label. `champion` is the "
    "version in use, `previous` is the champion before it, and `challenger` is the newest trained version. "
    "The description of a version is a short form of its model card."
)
"""The description of the registered model."""

REQUIREMENTS = ("lightgbm", "numpy", "scipy")
"""The packages that the registered model needs, with the versions that are installed on this machine."""


@dataclass(frozen=True)
class Aliases:
    """The version to which each alias of the registered model points; None if an alias points to no
    version.
    """

    champion: str | None = None
    previous: str | None = None
    challenger: str | None = None


@dataclass(frozen=True)
class Repair:
    """The version that was exported again as the champion, and a sentence that says what was wrong with
    `models/champion`.
    """

    version: str
    problem: str


@dataclass(frozen=True)
class Rollback:
    """The versions that are the champion and the previous champion after a rollback."""

    champion: str
    previous: str


class Registry(Tracking):
    """The registered model that params.yaml names in the section `tracking`, and the exported champion in
    `models/champion`.

    The aliases decide which version is the champion, and the folder must agree with them. A promotion or a
    rollback changes the aliases first, and then the folder. If the process is interrupted between these two
    steps, `repair` exports the new champion to the folder.
    """

    def __init__(
        self,
        tracking: TrackingParams,
        models: Path,
        file: str = FILE,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        """Open the registry.

        Args:
            tracking: The section `tracking` of params.yaml.
            models: The folder of the exported models, which is `models` in params.yaml.
            file: The name of the parameter file, for messages.
            warn: A function that is called with a sentence if an incomplete database is replaced, or if runs
                of killed processes are ended.

        Raises:
            ModelError: the store of MLflow cannot be opened, or the experiment was deleted.
        """
        super().__init__(tracking, file, warn)
        self.models = models
        self.champion_folder = models / CHAMPION_FOLDER

    def register(self, bundle: Path) -> str:
        """Register a bundle as challenger and return its version.

        If the same bytes are already registered, the version stays the same, so a model that is trained twice
        is one version. A version whose files are missing or damaged does not count as registered.
        """
        digest = bundle_digest(bundle)
        version = self._version_with(digest) or self._log_model(bundle, digest)
        # a description that a person wrote is not replaced
        if not self._client.get_registered_model(self.name).description:
            self._client.update_registered_model(self.name, MODEL_DESCRIPTION)
        if self.aliases().champion != version:
            self._client.set_registered_model_alias(self.name, "challenger", version)
        return version

    def promote(self, version: str) -> None:
        """Export a version and make it the champion; the present champion becomes the previous champion.

        The version is exported to a temporary folder and verified before an alias changes.

        Raises:
            ModelError: the version cannot be exported.
        """
        self._move(version, replaced_version=self.aliases().champion)

    def repair(self) -> Repair | None:
        """Export the champion again if `models/champion` is damaged, is missing or holds another version.

        Returns:
            What was repaired; None if nothing was wrong.

        Raises:
            ModelError: the champion cannot be exported.
        """
        champion = self.aliases().champion
        if champion is None:
            return None
        folder = self.champion_folder
        try:
            old_export = load_champion(folder)
        except ModelError:
            problem, previous = f"{folder} is {'damaged' if folder.exists() else 'missing'}.", None
        else:
            if old_export.version == champion and old_export.digest == self._digest_of(champion):
                return None
            problem = (
                f"{folder} holds version {old_export.version}, but the registry's champion is {champion}."
            )
            previous = (
                old_export.version if old_export.digest == self._digest_of(old_export.version) else None
            )
        self._move(champion, replaced_version=previous)
        return Repair(champion, problem)

    def rollback(self) -> Rollback:
        """Exchange the champion and the previous champion: both the aliases and the exported folders.

        Raises:
            ModelError: there is no champion, or no previous champion.
        """
        aliases = self.aliases()
        if aliases.champion is None:
            raise ModelError(
                f"registry: model '{self.name}' has no champion: nothing was promoted yet, so there is no "
                "previous champion to go back to."
            )
        if aliases.previous is None or aliases.previous == aliases.champion:
            raise ModelError(
                f"registry: model '{self.name}' has no previous champion to go back to; "
                "the promotion of another version creates one."
            )
        self._move(aliases.previous, replaced_version=aliases.champion)
        return Rollback(champion=aliases.previous, previous=aliases.champion)

    def aliases(self) -> Aliases:
        """Return the version to which each alias of the registered model points."""
        try:
            model = self._client.get_registered_model(self.name)
        except self._mlflow.exceptions.MlflowException:
            return Aliases()
        versions = {alias: str(version) for alias, version in model.aliases.items()}
        return Aliases(versions.get("champion"), versions.get("previous"), versions.get("challenger"))

    def versions(self) -> Mapping[str, str]:
        """Return the newest version of each bundle; the keys are the digests of the bundles."""
        versions = self._client.search_model_versions(f"name = '{self.name}'")
        pairs = sorted((int(item.version), item.tags.get("digest")) for item in versions)
        return {str(digest): str(version) for version, digest in pairs if digest}

    def champion_with(self, digest: str) -> str | None:
        """Return the champion's version if its bundle has this digest, otherwise None."""
        champion = self.aliases().champion
        return champion if champion and self._digest_of(champion) == digest else None

    def run_of(self, version: str) -> str:
        """Return the id of the MLflow run that made a version.

        Raises:
            ModelError: the registry does not have the version.
        """
        try:
            return str(self._client.get_model_version(self.name, version).run_id)
        except self._mlflow.exceptions.MlflowException:
            raise ModelError(
                f"registry: model '{self.name}' has no version {version}. Run `churn train` again."
            ) from None

    def training_run(self, training_id: str) -> str | None:
        """Return the newest run of a training; None if there is none.

        A run is found by its tag `training_id`, which the training writes as its last step.

        Args:
            training_id: The digest of the model and of all that its training chose, such as the calibration.
        """
        runs = self._client.search_runs(
            [self.experiment_id], f"tags.training_id = '{training_id}'", max_results=1
        )
        return str(runs[0].info.run_id) if runs else None

    def count_test_set_use(
        self, run_id: str, label_id: str, cutoffs: Sequence[date], evaluation_id: str
    ) -> int:
        """Count one more use of each test cutoff, and return the highest count.

        If the same evaluation runs again, it is not counted again, because it shows nothing new.

        The counts are tags of the registered model, because counts in a run would start at 0 again with each
        training. The run gets the highest count as a tag. Each cutoff has its own count. One count for the
        whole set of cutoffs would start at 0 again as soon as a cutoff is added.

        Args:
            run_id: The id of the run of the evaluated model.
            label_id: The id of the label; each label has its own counts.
            cutoffs: The test cutoffs of the evaluation.
            evaluation_id: The digest of the model and of the settings of the evaluation.
        """
        evaluation_tag = f"evaluation.{evaluation_id}"
        is_repeated = evaluation_tag in self._client.get_run(run_id).data.tags
        tags = self._client.get_registered_model(self.name).tags
        keys = [f"looks_at_test.{label_id}.{day}" for day in cutoffs]
        counts = {key: int(tags.get(key, "0")) + (not is_repeated) for key in keys}
        if not is_repeated:
            for key, count in counts.items():
                self._client.set_registered_model_tag(self.name, key, str(count))
            self._client.set_tag(run_id, evaluation_tag, "counted")
        highest = max(counts.values())
        self._client.set_tag(run_id, "looks_at_test", str(highest))
        return highest

    def describe_run(self, name: str, *, version: str, digest: str, files: Sequence[Path]) -> None:
        """Name the open run, tag it with the model's version and digest, and store files in the run.

        Args:
            name: The name of the run.
            version: The version of the model that the run made.
            digest: The digest of the bundle of this version.
            files: The files to store.
        """
        self.log(
            tags={
                "mlflow.runName": name,
                "model_version": version,
                "digest": digest,
                "python": platform.python_version(),
            }
        )
        for path in files:
            self.log_file(path)

    def describe_version(self, version: str, text: str, run_id: str) -> None:
        """Write a model card as the description of a version; a card that is too long for the registry is
        shortened.

        Args:
            version: The version.
            text: The short form of the model card.
            run_id: The id of the run that holds the whole card as `evaluate/card.md`.
        """
        self._client.set_model_version_tag(self.name, version, "card_run", run_id)
        if len(text) > DESCRIPTION_LENGTH:
            text = text[: DESCRIPTION_LENGTH - len(CONTINUATION)].rpartition("\n")[0] + CONTINUATION
        self._client.update_model_version(self.name, version, text)

    def link(self, run_id: str) -> str:
        """Return the address of a run in the MLflow UI; if MLflow is not on a server, the address works only
        while `churn ui` runs.
        """
        uri = self.tracking.uri
        is_local = not uri.startswith("http")
        base = f"http://127.0.0.1:{read_ui_port(self.models)}" if is_local else show_address(uri)
        return f"{base.rstrip('/')}/#/experiments/{self.experiment_id}/runs/{run_id}?{WORKFLOW_QUERY}"

    def pages(self, run_id: str, version: str) -> dict[str, str]:
        """Return pages of a run and of its version: the title of each page, and its address inside the MLflow
        UI.
        """
        run = f"#/experiments/{self.experiment_id}/runs/{run_id}"
        pages = {
            "charts": f"{run}/artifacts/evaluate/report.html",
            "promotion": f"{run}/artifacts/evaluate/promotion.html",
            "metrics": f"{run}/model-metrics",
            "registered model": f"#/models/{self.name}/versions/{version}",
        }
        return {title: f"{page}?{WORKFLOW_QUERY}" for title, page in pages.items()}

    def _log_model(self, bundle: Path, digest: str) -> str:
        """Log a bundle as a model of the open run and return its new version.

        The version gets its digest in the same step that creates it. If there were two steps, a process
        killed between them would leave a version without a digest, which could never be found again.
        """
        scorer = Scorer.load(bundle)
        with silent_mlflow():
            model = self._mlflow.models.Model.log(
                artifact_path=None,
                name="model",
                flavor=PortableModel(),  # instead of mlflow.pyfunc
                python_model=scorer_module.__file__,
                artifacts={"bundle": str(bundle)},
                signature=signature_of(scorer.kinds),
                pip_requirements=[f"{package}=={installed_version(package)}" for package in REQUIREMENTS],
            )
            version = self._mlflow.register_model(model.model_uri, self.name, tags={"digest": digest})
        return str(version.version)

    def _version_with(self, digest: str) -> str | None:
        """Return the newest version that has this digest and undamaged files, otherwise None."""
        try:
            versions = self._client.search_model_versions(f"name = '{self.name}' and tag.digest = '{digest}'")
        except self._mlflow.exceptions.MlflowException:
            return None
        for version in sorted((str(item.version) for item in versions), key=int, reverse=True):
            with TemporaryDirectory() as folder:
                try:
                    self._download(version, Path(folder), str(BUNDLE_FOLDER))
                    Scorer.load(Path(folder) / BUNDLE_FOLDER)
                    return version
                except (self._mlflow.exceptions.MlflowException, CorruptError, OSError):
                    continue
        return None

    def _digest_of(self, version: str) -> str | None:
        """Return the digest with which a version was registered; None if the registry does not have it."""
        try:
            digest = self._client.get_model_version(self.name, version).tags.get("digest")
        except self._mlflow.exceptions.MlflowException:
            return None
        return None if digest is None else str(digest)

    def _move(self, version: str, replaced_version: str | None) -> None:
        """Export a version to a temporary folder, then change the aliases, then exchange the folders.

        An undamaged `models/champion` becomes `models/previous`, and the new folder becomes
        `models/champion`. If the process is interrupted, the exported folder still shows which version was
        champion.

        Args:
            version: The new champion.
            replaced_version: The version that becomes the previous champion; None if `models/champion` is
                damaged.
        """
        new_folder = self._export(version)
        self._client.set_registered_model_alias(self.name, "champion", version)
        if replaced_version and replaced_version != version:
            self._client.set_registered_model_alias(self.name, "previous", replaced_version)
        if self.aliases().challenger == version:
            self._client.delete_registered_model_alias(self.name, "challenger")
        champion, previous = self.champion_folder, self.models / "previous"
        if champion.exists() and replaced_version and replaced_version != version:
            shutil.rmtree(previous, ignore_errors=True)
            champion.rename(previous)
        shutil.rmtree(champion, ignore_errors=True)
        new_folder.rename(champion)

    def _export(self, version: str) -> Path:
        """Download a version to a temporary folder in `models`, verify it, and return the folder."""
        self.models.mkdir(parents=True, exist_ok=True)
        folder = self.models / ".champion.aside"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            self._download(version, folder)
        except (self._mlflow.exceptions.MlflowException, OSError) as error:
            raise ModelError(
                f"registry: version {version} of '{self.name}' cannot be exported: "
                f"{error_text(error)} Run `churn train` again."
            ) from None
        if not (folder / BUNDLE_FOLDER / "manifest.json").is_file():
            raise ModelError(
                f"registry: version {version} of '{self.name}' cannot be exported: its files are not where "
                "MLflow logged them. MLflow stores absolute paths, so it cannot find a moved folder. Move "
                "the files back, or run `churn train` again."
            )
        digest = bundle_digest(folder / BUNDLE_FOLDER)
        self._add_card(version, folder)
        remove_machine_paths(folder / "MLmodel")
        files = digests_beside_bundle(folder)
        ExportRecord(self.name, version, self.run_of(version), digest, files).write(folder)
        load_champion(folder)
        if digest != self._digest_of(version):
            shutil.rmtree(folder)
            raise ModelError(
                f"registry: the files of version {version} of '{self.name}' are not the registered "
                "files: their digest differs. Run `churn train` again."
            )
        return folder

    def _add_card(self, version: str, folder: Path) -> None:
        """Write the model card of a version as README.md into its folder, if the version was evaluated."""
        model_version = self._client.get_model_version(self.name, version)
        text = model_version.description
        try:
            run_id = model_version.tags["card_run"]
            with TemporaryDirectory() as temporary:
                path = self._mlflow.artifacts.download_artifacts(
                    f"runs:/{run_id}/evaluate/card.md",
                    dst_path=temporary,
                    tracking_uri=self._mlflow.get_tracking_uri(),
                )
                text = Path(path).read_text(encoding="utf-8")
        except (KeyError, self._mlflow.exceptions.MlflowException, OSError):
            pass  # the description holds only the short form of the card
        if text:
            (folder / "README.md").write_text(text, encoding="utf-8")

    def _download(self, version: str, folder: Path, part: str = "") -> None:
        """Copy the files of a version, or a part of them, into a folder; relative paths do not change."""
        self._mlflow.artifacts.download_artifacts(
            f"models:/{self.name}/{version}{f'/{part}' if part else ''}",
            dst_path=str(folder),
            tracking_uri=self._mlflow.get_tracking_uri(),
        )
