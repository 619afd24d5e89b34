"""Open runs in the MLflow experiment, and log into them.

Only two files import MLflow: this module, and scorer.py, whose last part runs only inside MLflow.
"""

from __future__ import annotations

import http.client
import io
import json
import logging
import os
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

from churn.errors import ModelError
from churn.metrics.catalog import units_in_words
from churn.model.run_owner import OWNER_TAG, has_ended, owner
from churn.model.runs_database import SCHEME, database_path, ensure_database
from churn.params import FILE, TrackingParams
from churn.secrets import Address, AddressError, hide_secrets, keep_secrets_of, show_address

ANSWER_SECONDS = 8.0
"""How many seconds a tracking server may take until it answers."""

WORKFLOW_QUERY = "workflowType=machine_learning"
"""The query that every address in the MLflow UI gets; without it MLflow opens its GenAI mode."""

EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # otherwise MLflow opens its GenAI mode
    "mlflow.note.content": (
        "Models that predict which customers are about to leave. Each run is one training. Each child run is "
        "a candidate, a trial of the search, a calibration method, a fold or a baseline.\n\n"
        "The beginning of a metric's name says what the metric is:\n\n"
        "- `judged/…`: a main metric on the test cutoffs.\n"
        "- `rest/…`: any other metric on the test cutoffs.\n"
        "- `paired/…`: the challenger's log loss minus the log loss of another model on the same rows. Below "
        "0, the challenger is better.\n"
        "- `tried/…`, `out_of_time/…`: a metric that the training computed on cutoffs before the test "
        "cutoffs.\n"
        "- `within_fold/…`: a metric of a single cutoff. `churn train` logs it for cutoffs before the test, "
        f"and `churn evaluate` for the test cutoffs.\n\n{units_in_words()} The parameters `evaluate.…`, "
        "`label.…` and `data.…` hold the settings and the data with which the metrics were computed."
    ),
    "made_by": "churn",
}
"""The tags of the experiment; the description is one of them."""


class Tracking:
    """The MLflow experiment that params.yaml names in the section `tracking`."""

    def __init__(
        self, tracking: TrackingParams, file: str = FILE, warn: Callable[[str], object] | None = None
    ) -> None:
        """Open the experiment, or create it if MLflow does not have it.

        Args:
            tracking: The section `tracking` of params.yaml.
            file: The name of the parameter file, for messages.
            warn: A function that is called with a sentence if an incomplete database is replaced, or if runs
                of killed processes are ended.

        Raises:
            ModelError: the store of MLflow cannot be opened, or the experiment was deleted.
        """
        self.tracking = tracking
        self.name = tracking.model
        keep_secrets_of(tracking.uri)
        uri = uri_for_mlflow(tracking.uri, file)
        check_answers(uri, file)
        self._mlflow = _quiet_mlflow()
        # MLflow does not turn the errors of its database into its own errors
        from sqlalchemy.exc import SQLAlchemyError

        self._mlflow.set_tracking_uri(uri)
        self._mlflow.set_registry_uri(uri)
        try:
            if path := database_path(tracking.uri):
                ensure_database(path, create_database, warn)
            self._client = self._mlflow.MlflowClient()
            self.experiment_id = self._experiment()
            self._end_killed_runs(warn)
        except (self._mlflow.exceptions.MlflowException, SQLAlchemyError, ImportError, OSError) as error:
            raise ModelError(_cannot_open(tracking.uri, file, error)) from None

    @contextmanager
    def run(self, name: str, run_id: str | None = None) -> Iterator[str]:
        """Open a new run, or an earlier run by its id, and yield the id of the run.

        A run that is opened inside the `with` block becomes a child of this run.
        """
        is_nested = self._mlflow.active_run() is not None
        name_or_id = {"run_id": run_id} if run_id else {"run_name": name}
        with self._mlflow.start_run(
            experiment_id=self.experiment_id, nested=is_nested, tags={OWNER_TAG: owner()}, **name_or_id
        ) as run:
            try:
                yield run.info.run_id
            except KeyboardInterrupt:  # MLflow itself would set the status FAILED
                self._mlflow.end_run("KILLED")
                raise

    def run_named(self, name: str) -> str | None:
        """Return the id of the newest run with this name; None if there is none."""
        runs = self._client.search_runs(
            [self.experiment_id], f"attributes.run_name = '{name}'", max_results=1
        )
        return str(runs[0].info.run_id) if runs else None

    @contextmanager
    def child(self, parent: str, name: str) -> Iterator[str]:
        """Open the child run with this name inside the open run, or create it if it does not exist.

        Args:
            parent: The id of the open run.
            name: The name of the child.
        """
        children = self._client.search_runs(
            [self.experiment_id],
            f"tags.`mlflow.parentRunId` = '{parent}' and attributes.run_name = '{name}'",
            max_results=1,
        )
        with self.run(name, children[0].info.run_id if children else None) as run_id:
            yield run_id

    def log(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log parameters, metrics and tags into the open run; metrics that are not finite numbers are left
        out.
        """
        if params:
            self._mlflow.log_params({key: str(value)[:500] for key, value in params.items()})
        if metrics:
            finite = {key: value for key, value in metrics.items() if value == value and abs(value) < 1e300}
            self._mlflow.log_metrics(finite)
        if tags:
            self._mlflow.set_tags(dict(tags))

    def log_params_or_tags(self, params: Mapping[str, Any]) -> None:
        """Log parameters into the open run; if the run already has another value of a parameter, the new
        value becomes a tag.

        MLflow never changes a parameter, but a second evaluation may use other costs than the first.
        """
        active = self._mlflow.active_run()
        logged_params = self._client.get_run(active.info.run_id).data.params
        texts = {name: str(value)[:500] for name, value in params.items()}
        self.log(
            params={name: text for name, text in texts.items() if name not in logged_params},
            tags={name: text for name, text in texts.items() if logged_params.get(name, text) != text},
        )

    def log_dataset(self, name: str, digest: str, folder: Path) -> None:
        """Log the data set of a training into the open run: its name, its digest and its folder.

        Args:
            name: The name of the data set.
            digest: The digest of the content of the data set; MLflow keeps its first 36 characters.
            folder: The folder that holds the files of the data set.
        """
        from mlflow.data.dataset_source_registry import resolve_dataset_source
        from mlflow.data.meta_dataset import MetaDataset

        with silent_mlflow():
            source = resolve_dataset_source(str(folder))
            dataset = MetaDataset(source, name=name, digest=digest[:36])
            self._mlflow.log_input(dataset, context="training")

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Log a file or a folder into the open run under `folder`."""
        if path.is_dir():
            self._mlflow.log_artifacts(str(path), folder)
        else:
            self._mlflow.log_artifact(str(path), folder)

    def log_tree(self, folder: Path) -> None:
        """Log the files and sub-folders of a folder.

        In the run, each sub-folder keeps its name. Files that lie directly in `folder` are put into a folder
        with the name of `folder`.
        """
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                self.log_file(path, path.name)
            elif not path.name.startswith("."):
                self.log_file(path, folder.name)

    def log_table(self, path: Path, folder: str) -> None:
        """Log a JSON file with columns and data as a table, so that MLflow can compare it between runs."""
        self.log_file(path, folder)
        self.log(
            tags={"mlflow.loggedArtifacts": json.dumps([{"path": f"{folder}/{path.name}", "type": "table"}])}
        )

    def _end_killed_runs(self, warn: Callable[[str], object] | None) -> None:
        """Set the status KILLED for each run that is still open although its process has ended."""
        open_runs = self._client.search_runs([self.experiment_id], "attributes.status = 'RUNNING'")
        killed = [run.info for run in open_runs if has_ended(run.data.tags.get(OWNER_TAG, ""))]
        for info in killed:
            self._client.set_terminated(info.run_id, "KILLED")
        if killed and warn:
            names = ", ".join(sorted({info.run_name for info in killed}))
            warn(f"MLflow: the process of these runs was killed; they are marked KILLED: {names}.")

    def _experiment(self) -> str:
        """Return the id of the experiment; if it does not exist, create it with its description."""
        experiment_id = self._find_or_create(self.tracking.experiment)
        tags = self._client.get_experiment(experiment_id).tags
        for key, value in EXPERIMENT_TAGS.items():
            if key not in tags:  # a description that a person wrote is not replaced
                self._client.set_experiment_tag(experiment_id, key, value)
        return experiment_id

    def _find_or_create(self, name: str) -> str:
        experiment = self._client.get_experiment_by_name(name)
        if experiment is not None and experiment.lifecycle_stage == "deleted":
            raise ModelError(
                f"tracking.experiment: '{name}' was deleted in MLflow. Restore the experiment with `mlflow "
                f"experiments restore --experiment-id {experiment.experiment_id}`, or name another "
                "experiment under tracking.experiment."
            )
        if experiment is not None:
            return str(experiment.experiment_id)
        uri = self.tracking.uri
        if not uri.startswith("sqlite:///"):
            return str(self._client.create_experiment(name))
        folder = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts"
        folder.mkdir(parents=True, exist_ok=True)
        return str(self._client.create_experiment(name, artifact_location=folder.resolve().as_uri()))


def signature_of(kinds: Mapping[str, str]) -> Any:
    """Return a model signature with the names and types of the columns.

    The signature makes each column optional. If a required column were missing, MLflow's error would repeat
    the whole signature and the data. Instead, the model itself refuses a request without a column that it
    needs, with a short message.

    Args:
        kinds: The kind of each column, `number` or `level` (a text), in the order of the model's columns.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema

    types = {"number": DataType.double, "level": DataType.string}
    return ModelSignature(
        inputs=Schema([ColSpec(types[kind], name, required=False) for name, kind in kinds.items()]),
        outputs=Schema([ColSpec(DataType.double, "churn_probability")]),
        params=ParamSchema(
            [ParamSpec(name, DataType.boolean, False) for name in ("contributions", "horizons")]
        ),
    )


class PortableModel:
    """MLflow's pyfunc flavor, but the paths of this machine are removed from the file MLmodel."""

    __name__ = "mlflow.pyfunc"

    def save_model(self, path: str, **arguments: Any) -> None:
        """Save a model as `mlflow.pyfunc.save_model` does; then remove this machine's paths from MLmodel."""
        _quiet_mlflow().pyfunc.save_model(path, **arguments)
        remove_machine_paths(Path(path) / "MLmodel")


def remove_machine_paths(path: Path) -> None:
    """Replace the paths of this machine in the file MLmodel by paths inside the model's folder.

    MLflow writes down where the model's files were during the training. But MLflow loads them from the
    model's folder, so these paths are not needed.
    """
    if not path.is_file():
        return
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["artifact_path"] = "model"
    flavor = content["flavors"]["python_function"]
    flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    for artifact in flavor["artifacts"].values():
        artifact["uri"] = artifact["path"]
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def uri_for_mlflow(uri: str, file: str = FILE) -> str:
    """Return the tracking address without the user and the password of a server; both go into MLflow's
    environment instead.

    The user and the password are taken out because MLflow repeats the address of a server in its messages.

    Args:
        uri: The address in params.yaml.
        file: The name of the parameter file, for messages.

    Raises:
        ModelError: The address can be understood in two ways.
    """
    if "://" not in uri or uri.startswith(SCHEME):
        return uri
    try:
        address = Address.parse(uri)
    except AddressError as error:
        raise ModelError(f"{file}: tracking.uri: {error}.") from None
    if address.scheme not in ("http", "https"):
        return address.canonical
    if address.user is not None:
        os.environ["MLFLOW_TRACKING_USERNAME"] = address.user
    if address.password is not None:
        os.environ["MLFLOW_TRACKING_PASSWORD"] = address.password
    return address.public_text


def create_database(path: Path) -> None:
    """Create MLflow's database at a path, with all tables and MLflow's default experiment."""
    _quiet_mlflow()
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(f"{SCHEME}{path}", (path.parent / "mlartifacts").resolve().as_uri())
    store.engine.dispose()
    # the file will get another name, so MLflow must not keep it open
    SqlAlchemyStore._engine_map.pop(store.db_uri, None)


def check_answers(uri: str, file: str = FILE, seconds: float = ANSWER_SECONDS) -> None:
    """Check that the server of a tracking address answers; any answer is good enough.

    Without this check, MLflow would try for minutes to reach a server that is not there. `churn train` calls
    this function before it fits a model, so that the training does not fail only at its end.

    Args:
        uri: The tracking address; only addresses of servers are checked.
        file: The name of the parameter file, for messages.
        seconds: The number of seconds to wait for the answer.

    Raises:
        ModelError: The address can be understood in two ways, or the server does not answer in time.
    """
    uri = uri_for_mlflow(uri, file)
    if not uri.startswith(("http://", "https://")):
        return
    reasons: list[str] = []
    thread = Thread(target=_ask, args=(f"{uri.rstrip('/')}/health", seconds, reasons), daemon=True)
    thread.start()  # a separate thread, because a name server may take longer than any timeout of the request
    thread.join(seconds)
    if thread.is_alive():
        reasons.append(f"no answer within {seconds:.0f} seconds")
    if reasons and reasons != [""]:
        raise ModelError(
            f"{file}: tracking.uri '{show_address(uri)}' does not answer: {reasons[0]}. Start the server, "
            "or set tracking.uri to sqlite:///FILE."
        )


def _ask(address: str, seconds: float, reasons: list[str]) -> None:
    """Ask the address. If it answers, append an empty text to `reasons`, otherwise the cause of failure."""
    try:
        with urllib.request.urlopen(address, timeout=seconds):
            reasons.append("")
    except urllib.error.HTTPError:
        reasons.append("")  # a refusal counts as an answer, too
    except (OSError, ValueError, http.client.HTTPException) as error:
        reasons.append(error_text(error).removeprefix("<urlopen error ").rstrip(">.") or "no answer")


def _quiet_mlflow() -> Any:
    """Import MLflow without telemetry, progress bars and log lines."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # MLflow logs an error of the database with its traceback and then raises it. The log line is hidden here,
    # because a verb reports the error in words.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    return mlflow


@contextmanager
def silent_mlflow() -> Iterator[None]:
    """Hide MLflow's warnings and its lines on stderr.

    Some appear although all goes well, such as advice to set a value that is already set.
    """
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _cannot_open(uri: str, file: str, error: Exception) -> str:
    return (
        f"{file}: tracking.uri '{show_address(uri)}' cannot be opened: "
        f"{error_text(error)} Set tracking.uri to sqlite:///FILE or to the address "
        "of an MLflow server."
    )


def error_text(error: Exception) -> str:
    """Return the first line of the message of an error, without passwords."""
    lines = hide_secrets(str(error)).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
