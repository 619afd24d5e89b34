"""Versions and aliases of the registered model in MLflow."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from churn.errors import ModelError
from churn.model import scorer as scorer_module
from churn.model.bundle import bundle_digest
from churn.model.champion import BUNDLE
from churn.model.scorer import CorruptError, Scorer
from churn.model.tracking import WORKFLOW_QUERY, Tracking, signature_of, silence

GOES_ON = "\n\n… The whole card is `evaluate/card.md` in the artefacts of the run.\n"
DESCRIPTION_LENGTH = 5000
"""The number of characters of a version's description: the column's size in MLflow's own database."""

MODEL_DESCRIPTION = (
    "The probability that a customer at risk leaves within the horizon of the label. `champion` is the "
    "version in use, `previous` the one before it, `challenger` the one trained last. The description of a "
    "version is its model card in short."
)
"""The description of the registered model."""

REQUIREMENTS = ("lightgbm", "numpy", "scipy")


class Versions(Tracking):
    """The registered model that params.yaml names under `tracking`, and the experiment it came from."""

    def count_look(self, run_id: str, label_id: str, cutoffs: Sequence[date]) -> int:
        """Count one more look at each test cutoff of a label; return how many the one looked at most has.

        The registered model counts, since each training is a run of its own; the run is tagged too. Each
        cutoff is counted by itself, or adding one to the test would forget the looks at all others.
        """
        tags = self._client.get_registered_model(self.name).tags
        keys = [f"looks_at_test.{label_id}.{day}" for day in cutoffs]
        looks = {key: int(tags.get(key, "0")) + 1 for key in keys}
        for key, count in looks.items():
            self._client.set_registered_model_tag(self.name, key, str(count))
        most = max(looks.values())
        self._client.set_tag(run_id, "looks_at_test", str(most))
        return most

    def register(self, bundle: Path) -> str:
        """Register a bundle as challenger and return its version.

        A bundle whose very bytes are registered already keeps that version: the same model is one version,
        however often it was trained. A version whose files are gone is not taken for it.
        """
        digest = bundle_digest(bundle)
        version = self._same_as(digest) or self._log_model(bundle)
        self._client.set_model_version_tag(self.name, version, "digest", digest)
        if not self._client.get_registered_model(self.name).description:  # a person's own words stay
            self._client.update_registered_model(self.name, MODEL_DESCRIPTION)
        if self.aliases().get("champion") != version:
            self._client.set_registered_model_alias(self.name, "challenger", version)
        return version

    def describe_run(self, name: str, *, version: str, digest: str, files: Sequence[Path]) -> None:
        """Name the open run, tag it with its version and put files at the top of its artefacts."""
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

    def pages(self, run_id: str, version: str) -> dict[str, str]:
        """Return what to look at in a run and its address within the MLflow UI."""
        run = f"#/experiments/{self.experiment_id}/runs/{run_id}"
        pages = {
            "charts": f"{run}/artifacts/evaluate/report.html",
            "promotion": f"{run}/artifacts/evaluate/promotion.html",
            "metrics": f"{run}/model-metrics",
            "registered model": f"#/models/{self.name}/versions/{version}",
        }
        return {what: f"{page}?{WORKFLOW_QUERY}" for what, page in pages.items()}

    def _log_model(self, bundle: Path) -> str:
        """Log a bundle as a model of the open run and return its new version."""
        scorer = Scorer.load(bundle)
        with silence():
            logged = self._mlflow.pyfunc.log_model(
                name="model",
                python_model=scorer_module.__file__,
                artifacts={"bundle": str(bundle)},
                signature=signature_of(scorer.names),
                pip_requirements=_requirements(),
                registered_model_name=self.name,
            )
        return str(logged.registered_model_version)

    def _same_as(self, digest: str) -> str | None:
        """Return the newest version with this digest whose files are whole, else None."""
        try:
            found = self._client.search_model_versions(f"name = '{self.name}' and tag.digest = '{digest}'")
        except self._mlflow.exceptions.MlflowException:
            return None
        for version in sorted((str(one.version) for one in found), key=int, reverse=True):
            with TemporaryDirectory() as aside:
                try:
                    self._download(version, Path(aside), str(BUNDLE))
                    Scorer.load(Path(aside) / BUNDLE)
                    return version
                except (self._mlflow.exceptions.MlflowException, CorruptError, OSError):
                    continue
        return None

    def describe(self, version: str, text: str, run_id: str) -> None:
        """Make a card the description of a version; one too long for the registry ends at a line.

        Args:
            version: The version.
            text: The model card in short.
            run_id: The run whose artefacts hold the whole card as `evaluate/card.md`.
        """
        self._client.set_model_version_tag(self.name, version, "card_run", run_id)
        if len(text) > DESCRIPTION_LENGTH:
            text = text[: DESCRIPTION_LENGTH - len(GOES_ON)].rpartition("\n")[0] + GOES_ON
        self._client.update_model_version(self.name, version, text)

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

    def _download(self, version: str, into: Path, part: str = "") -> None:
        """Copy the files of a version, or a part of them, into a folder under the same paths."""
        self._mlflow.artifacts.download_artifacts(
            f"models:/{self.name}/{version}{f'/{part}' if part else ''}",
            dst_path=str(into),
            tracking_uri=self.params.tracking.uri,
        )

    def _digest_of(self, version: str) -> str | None:
        """Return the digest that a version was registered with, or None where the registry knows none."""
        try:
            digest = self._client.get_model_version(self.name, version).tags.get("digest")
        except self._mlflow.exceptions.MlflowException:
            return None
        return None if digest is None else str(digest)


def _requirements() -> Sequence[str]:
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in REQUIREMENTS]
