from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn.data.own_files import write_own_json
from churn.errors import ModelError
from churn.model.bundle import load_champion, write_bundle
from churn.model.registry import Aliases, Registry
from churn.model.scorer import Scorer
from churn.params import Params

FRAME = pd.DataFrame(
    {
        "plan": pd.array(["basic", "plus", None, "gold"], dtype="str"),
        "logins": [3.0, 0.0, 7.0, 12.0],
        "days": [1.0, 30.0, np.nan, 400.0],
    }
)


def test_the_exported_champion_and_mlflow_predict_what_the_bundle_predicts(
    params: Params, bundle: Path, registered: Callable[[], str]
) -> None:
    import mlflow

    version = registered()
    Registry(params.tracking, params.models).promote(version)
    expected = Scorer.load(bundle).predict(FRAME)

    champion = load_champion(params.champion)
    loaded = mlflow.pyfunc.load_model("models:/churn@champion")
    from_folder = mlflow.pyfunc.load_model(str(params.champion))

    assert champion.version == version
    assert np.abs(champion.scorer.predict(FRAME) - expected).max() < 1e-12
    assert np.abs(np.asarray(loaded.predict(FRAME)) - expected).max() < 1e-12
    assert np.abs(np.asarray(from_folder.predict(FRAME)) - expected).max() < 1e-12
    (stored,) = (params.champion.parent.parent / "mlartifacts").rglob("MLmodel")
    for path in (stored, params.champion / "MLmodel"):
        description = path.read_text()
        assert "uri: artifacts/bundle" in description
        assert [line for line in description.splitlines() if ": /" in line or "file:/" in line] == []


def test_the_same_bytes_registered_again_are_the_same_version(
    params: Params, bundle: Path, registered: Callable[[], str]
) -> None:
    registry = Registry(params.tracking, params.models)

    versions = []
    for _ in range(2):
        with registry.run("train"):
            versions.append(registry.register(bundle))
    registry.promote(versions[0])
    with registry.run("train"):
        versions.append(registry.register(bundle))

    assert versions == ["1", "1", "1"]
    assert registry.aliases() == Aliases(champion="1")
    assert registered() == "2"


def test_a_registration_that_was_killed_after_its_version_was_created_keeps_that_version(
    params: Params, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_here(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    registry = Registry(params.tracking, params.models)
    with monkeypatch.context() as patch:
        for step in ("set_model_version_tag", "get_registered_model"):  # whichever comes first
            patch.setattr(registry._client, step, end_here)
        with suppress(KeyboardInterrupt), registry.run("train"):
            registry.register(bundle)

    with registry.run("train"):
        version = registry.register(bundle)

    versions = registry._client.search_model_versions(f"name = '{params.tracking.model}'")
    assert [str(item.version) for item in versions] == [version] == ["1"]


def test_a_version_whose_files_are_gone_is_registered_anew(
    params: Params, bundle: Path, tmp_path: Path
) -> None:
    registry = Registry(params.tracking, params.models)
    with registry.run("train"):
        registry.register(bundle)
    (kept,) = (tmp_path / "mlartifacts").rglob("booster_0.txt")
    kept.unlink()

    with registry.run("train"):
        version = registry.register(bundle)

    assert version == "2"
    registry.promote(version)


def test_a_description_that_is_too_long_ends_at_a_line_and_says_where_it_goes_on(
    params: Params, registered: Callable[[], str]
) -> None:
    import mlflow

    registry = Registry(params.tracking, params.models)
    version = registered()

    registry.describe_version(version, "# Card\n" + "a line of it\n" * 1000, "no run")

    told = mlflow.MlflowClient(params.tracking.uri).get_model_version("churn", version).description
    assert len(told) <= 5000
    assert told.startswith("# Card")
    assert "a line of it\n\n…" in told
    assert "evaluate/card.md" in told


def test_the_exported_champion_holds_its_whole_card_and_so_does_the_previous_one_after_a_rollback(
    params: Params, registered: Callable[[], str], tmp_path: Path
) -> None:
    registry = Registry(params.tracking, params.models)
    for number in ("1", "2"):
        version = registered()
        card = tmp_path / "card.md"
        card.write_text(f"# Card {number}\n" + "a line of it\n" * 1000)
        with registry.run("train") as run_id:
            registry.log_file(card, "evaluate")
        registry.describe_version(version, card.read_text(), run_id)
        registry.promote(version)

    shown = (params.champion / "README.md").read_text()
    registry.rollback()

    assert shown == card.read_text()
    assert (params.champion / "README.md").read_text().startswith("# Card 1\n")


def test_a_version_that_was_never_evaluated_is_exported_without_a_card(
    params: Params, registered: Callable[[], str]
) -> None:
    Registry(params.tracking, params.models).promote(registered())

    assert not (params.champion / "README.md").exists()


def test_mlflow_gives_reasons_on_request(params: Params, bundle: Path, registered: Callable[[], str]) -> None:
    import mlflow

    registered()
    loaded = mlflow.pyfunc.load_model("models:/churn@challenger")
    scorer = Scorer.load(bundle)

    table = loaded.predict(FRAME, params={"contributions": True})

    assert list(table.columns) == ["churn_probability", "days", "logins", "plan", "baseline"]
    assert np.abs(table["days"] - scorer.contributions(FRAME)["days"]).max() < 1e-12


def test_the_signature_says_what_is_a_number_and_what_is_text(
    params: Params, registered: Callable[[], str]
) -> None:
    import mlflow

    registered()

    schema = mlflow.models.get_model_info("models:/churn@challenger").signature.inputs

    assert [(column["name"], column["type"], column["required"]) for column in schema.to_dict()] == [
        ("days", "double", False),
        ("logins", "double", False),
        ("plan", "string", False),
    ]


def test_mlflow_refuses_a_wrong_schema_in_few_words_and_takes_nobody(
    params: Params, registered: Callable[[], str]
) -> None:
    import mlflow

    registered()
    loaded = mlflow.pyfunc.load_model("models:/churn@challenger")

    with pytest.raises(mlflow.MlflowException) as refused:
        loaded.predict(FRAME.drop(columns=["days", "logins"]))
    with pytest.raises(mlflow.MlflowException, match="Incompatible input types for column days"):
        loaded.predict(FRAME.assign(days="long ago"))
    with pytest.raises(mlflow.MlflowException, match="none of the model's columns"):
        loaded.predict(FRAME[["plan"]].rename(columns={"plan": "plam"}))
    assert len(loaded.predict(FRAME.iloc[:0])) == 0

    refused.value.message = f"{FRAME} {refused.value.message}"  # what MLflow's server does
    assert refused.value.message == (
        "The columns do not fit the model: 'days' is missing. 'logins' is missing."
    )


def test_for_mlflow_a_column_that_was_missing_in_training_may_be_absent(
    params: Params, registered: Callable[[], str], spec: dict[str, Any], bundle: Path
) -> None:
    import mlflow

    shares = {"days": 0.2, "logins": 0.0, "plan": 0.1}
    for signal in spec["signals"]:
        signal["missing_share"] = shares[signal["name"]]
    registered()
    loaded = mlflow.pyfunc.load_model("models:/churn@challenger")
    expected = Scorer.load(bundle).predict(FRAME.assign(days=np.nan, plan=None))

    assert np.array_equal(loaded.predict(FRAME[["logins"]]), expected)
    with pytest.raises(mlflow.MlflowException, match="'logins' is missing"):
        loaded.predict(FRAME[["days", "plan"]])


def test_aliases_move_on_and_a_rollback_moves_them_back(
    params: Params, registered: Callable[[], str]
) -> None:
    registry = Registry(params.tracking, params.models)
    seen = []

    for _ in range(2):
        registry.promote(registered())
        seen.append(registry.aliases())
    registry.rollback()

    assert seen == [Aliases(champion="1"), Aliases(champion="2", previous="1")]
    assert registry.aliases() == Aliases(champion="1", previous="2")
    assert load_champion(params.champion).version == "1"
    assert json.loads((params.models / "previous" / "champion.json").read_text())["version"] == "2"


class Killed(BaseException):
    """Stands for the process ending there and then."""


@contextmanager
def dying_at(step: int, registry: Registry) -> Iterator[list[str]]:
    """Let the process die before the n-th alias is moved or folder renamed or deleted; yield the steps."""
    steps: list[str] = []

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if len(steps) == step:
                raise Killed
            steps.append(name)
            return real(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for place, name in (
            (registry._client, "set_registered_model_alias"),
            (registry._client, "delete_registered_model_alias"),
            (shutil, "rmtree"),
            (Path, "rename"),
        ):
            patch.setattr(place, name, counted(name, getattr(place, name)))
        with suppress(Killed):
            yield steps


def exported(params: Params, name: str) -> str:
    return str(json.loads((params.models / name / "champion.json").read_text())["version"])


@pytest.mark.parametrize("call", ["promote", "rollback"])
def test_wherever_a_move_is_cut_short_the_next_call_ends_it(
    params: Params, registered: Callable[[], str], call: str
) -> None:
    registry = Registry(params.tracking, params.models)
    for _ in range(2):
        registry.promote(registered())
    now, other = "2", "1"

    for step in count():
        move = partial(registry.promote, other) if call == "promote" else registry.rollback
        with dying_at(step, registry) as steps:
            move()
        whole = len(steps) < step
        if not whole:
            _ = registry.repair() or (registry.aliases().champion == other) or move()

        now, other = other, now
        assert registry.aliases() == Aliases(champion=now, previous=other), steps
        assert (load_champion(params.champion).version, exported(params, "previous")) == (now, other), steps
        if whole:
            break
    assert step > 6


def test_a_champion_folder_that_is_not_the_registrys_champion_is_exported_again(
    params: Params, registered: Callable[[], str]
) -> None:
    registry = Registry(params.tracking, params.models)
    for _ in range(2):
        registry.promote(registered())
    shutil.rmtree(params.champion)
    (params.models / "previous").rename(params.champion)

    mended = registry.repair()
    again = registry.repair()

    assert mended is not None
    assert mended.version == "2"
    assert again is None
    assert (load_champion(params.champion).version, exported(params, "previous")) == ("2", "1")


@pytest.mark.parametrize("name", ["spec.json", "booster_0.txt"])
def test_a_damaged_champion_is_exported_again(
    params: Params, registered: Callable[[], str], name: str
) -> None:
    registry = Registry(params.tracking, params.models)
    registry.promote(registered())
    (params.champion / "artifacts" / "bundle" / name).write_text("{}")

    mended = registry.repair()

    assert mended is not None
    assert load_champion(params.champion).version == "1"


def test_a_version_whose_files_were_swapped_for_others_is_not_exported(
    params: Params, registered: Callable[[], str], spec: dict[str, Any], text: str, tmp_path: Path
) -> None:
    registry = Registry(params.tracking, params.models)
    version = registered()
    (kept,) = (path.parent for path in (tmp_path / "mlartifacts").rglob("booster_0.txt"))
    write_bundle(kept, spec | {"label_id": "another"}, {"booster_0.txt": text})

    with pytest.raises(ModelError, match=f"version {version}"):
        registry.promote(version)

    assert registry.aliases() == Aliases(challenger=version)
    assert not list(params.models.iterdir())


def test_there_is_nothing_to_mend_before_the_first_promotion(
    params: Params, registered: Callable[[], str]
) -> None:
    registered()

    assert Registry(params.tracking, params.models).repair() is None
    assert not params.models.exists()


def test_the_exported_folder_holds_no_leftovers(params: Params, registered: Callable[[], str]) -> None:
    registry = Registry(params.tracking, params.models)

    for _ in range(3):
        registry.promote(registered())

    assert sorted(path.name for path in params.models.iterdir()) == ["champion", "previous"]


@pytest.mark.parametrize(
    ("promoted", "advice"),
    [(0, "nothing was promoted yet"), (1, "the promotion of another version creates one")],
)
def test_no_rollback_without_a_previous_champion(
    params: Params, registered: Callable[[], str], promoted: int, advice: str
) -> None:
    for _ in range(promoted):
        Registry(params.tracking, params.models).promote(registered())

    with pytest.raises(ModelError, match=advice):
        Registry(params.tracking, params.models).rollback()

    assert Registry(params.tracking, params.models).aliases() == Aliases(champion="1" if promoted else None)


def test_a_missing_champion_is_an_error_with_a_way_out(params: Params) -> None:
    with pytest.raises(ModelError, match="churn promote"):
        load_champion(params.champion)


@pytest.mark.parametrize(
    "name", ["champion.json", *(f"artifacts/bundle/{n}.json" for n in ("spec", "manifest"))]
)
def test_a_damaged_file_of_the_champion_is_named(
    params: Params, registered: Callable[[], str], name: str
) -> None:
    Registry(params.tracking, params.models).promote(registered())
    path = params.champion / name
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(ModelError, match=Path(name).name.replace(".", r"\.")):
        load_champion(params.champion)


@pytest.mark.parametrize("name", ["MLmodel", "scorer.py"])
@pytest.mark.parametrize("fault", ["is missing", "has changed"])
def test_a_file_with_which_mlflow_serves_the_champion_is_watched_too(
    params: Params, registered: Callable[[], str], name: str, fault: str
) -> None:
    Registry(params.tracking, params.models).promote(registered())
    (params.champion / "README.md").write_text("the words of a person")
    assert load_champion(params.champion).version == "1"
    path = params.champion / name
    path.unlink() if fault == "is missing" else path.write_bytes(path.read_bytes() + b"\n")

    with pytest.raises(ModelError, match=f"{name} {fault}"):
        load_champion(params.champion)


def test_a_bundle_swapped_for_another_whole_one_is_noticed(
    params: Params, registered: Callable[[], str]
) -> None:
    Registry(params.tracking, params.models).promote(registered())
    about = json.loads((params.champion / "champion.json").read_text())
    write_own_json(params.champion / "champion.json", about | {"digest": "0" * 64})

    with pytest.raises(ModelError):
        load_champion(params.champion)


def test_artefacts_lie_beside_the_database_whatever_the_working_directory(
    params: Params, registered: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    registered()

    assert not list(elsewhere.iterdir())
    assert list((tmp_path / "mlartifacts").rglob("booster_0.txt"))


def test_the_champion_is_read_without_importing_mlflow(params: Params, registered: Callable[[], str]) -> None:
    Registry(params.tracking, params.models).promote(registered())
    program = (
        "import sys\nfrom pathlib import Path\nfrom churn.model.bundle import load_champion\n"
        f"print(load_champion(Path({str(params.champion)!r})).version, 'mlflow' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ)

    assert done.stdout.split() == ["1", "False"], done.stderr


def test_a_registry_that_cannot_be_opened_is_named(params: Params) -> None:
    wrong = params.tracking.model_copy(update={"uri": "nonsense://nowhere"})

    with pytest.raises(ModelError, match="nonsense"):
        Registry(wrong, params.models)


@pytest.mark.parametrize(
    "uri", ["postgresql+nodriver://ana:hu%40sh@db/runs", "http://ana:hu%40sh@127.0.0.1:1"]
)
def test_a_password_in_the_address_is_never_told(params: Params, uri: str, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracking = params.tracking.model_copy(update={"uri": uri})
    secret = params.model_copy(update={"tracking": tracking})

    with pytest.raises(ModelError) as raised:
        Registry(secret.tracking, secret.models)
    registry = Registry(params.tracking, params.models)
    registry.tracking = secret.tracking

    told = str(raised.value) + registry.link("abc")
    assert "tracking.uri" in told
    assert not any(word in told for word in ("ana", "hu%40sh", "hu@sh"))


def test_an_experiment_deleted_in_mlflow_is_named_with_the_way_out(params: Params) -> None:
    import mlflow

    number = Registry(params.tracking, params.models).experiment_id
    mlflow.MlflowClient(params.tracking.uri).delete_experiment(number)

    with pytest.raises(ModelError, match=f"'work' was deleted.*--experiment-id {number}"):
        Registry(params.tracking, params.models)


def days(drawn: str) -> list[date]:
    return [date.fromisoformat(day) for day in drawn.split()]


LOOKS = [
    # label, the test cutoffs, and how often the one looked at most has now been looked at
    ("abc", "2025-06-01 2025-07-01 2025-08-01", 1),
    ("abc", "2025-06-01 2025-07-01 2025-08-01", 2),
    ("abc", "2025-08-01", 3),
    ("abc", "2025-07-01 2025-09-01", 3),
    ("abc", "2025-09-01", 2),
    ("abc", "2025-10-01", 1),
    ("xyz", "2025-08-01", 1),
    ("abc", "2025-06-01 2025-07-01 2025-08-01", 4),
]


def test_looks_are_counted_by_label_and_cutoff_and_the_cutoff_looked_at_most_counts(
    params: Params, registered: Callable[[], str]
) -> None:
    import mlflow

    registered()
    registry = Registry(params.tracking, params.models)
    with registry.run("train") as run_id:
        counted = [
            registry.count_test_set_use(run_id, label, days(cutoffs), f"evaluation{number}")
            for number, (label, cutoffs, _) in enumerate(LOOKS)
        ]
        repeated = [registry.count_test_set_use(run_id, "abc", days("2025-06-01"), "evaluation0")] * 2

    assert counted == [looks for _, _, looks in LOOKS]
    assert repeated == [3, 3]
    tags = mlflow.MlflowClient(params.tracking.uri).get_run(run_id).data.tags
    assert tags["looks_at_test"] == "3"


def test_links_open_the_page_for_models(params: Params) -> None:
    registry = Registry(params.tracking, params.models)

    assert registry.link("abc").endswith(
        f"/experiments/{registry.experiment_id}/runs/abc?workflowType=machine_learning"
    )


def test_links_to_the_pages_of_a_run_open_the_page_for_models(params: Params) -> None:
    pages = Registry(params.tracking, params.models).pages("abc", "1")

    assert {"charts", "promotion", "metrics", "registered model"} == set(pages)
    assert all(page.endswith("?workflowType=machine_learning") for page in pages.values())


def test_experiment_and_model_say_what_they_are_and_keep_a_persons_words(
    params: Params, registered: Callable[[], str]
) -> None:
    import mlflow

    registered()
    client = mlflow.MlflowClient(params.tracking.uri)
    number = Registry(params.tracking, params.models).experiment_id
    first = client.get_experiment(number).tags, client.get_registered_model("churn").description
    client.set_experiment_tag(number, "mlflow.note.content", "ours")
    client.update_registered_model("churn", "ours")

    registered()

    assert "nats" in first[0]["mlflow.note.content"]
    assert first[0]["mlflow.experimentKind"] == "custom_model_development"
    assert "`champion` is the version in use" in first[1]
    assert client.get_experiment(number).tags["mlflow.note.content"] == "ours"
    assert client.get_registered_model("churn").description == "ours"


def test_a_parameter_that_a_run_knows_with_another_value_becomes_a_tag(params: Params) -> None:
    import mlflow

    registry = Registry(params.tracking, params.models)
    with registry.run("train") as run_id:
        registry.log_params_or_tags({"share": 0.1, "cost": 1})
    with registry.run("train", run_id):
        registry.log_params_or_tags({"share": 0.2, "cost": 1})

    data = mlflow.MlflowClient(params.tracking.uri).get_run(run_id).data
    assert data.params == {"share": "0.1", "cost": "1"}
    assert {name: data.tags.get(name) for name in data.params} == {"share": "0.2", "cost": None}
