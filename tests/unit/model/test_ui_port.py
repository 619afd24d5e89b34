from __future__ import annotations

from pathlib import Path

import pytest

from churn.model.registry import Registry
from churn.model.ui_port import USUAL_PORT, keep_ui_port, read_ui_port
from churn.params import Params


def test_a_printed_link_holds_the_port_that_churn_ui_used_last(params: Params) -> None:
    registry = Registry(params.tracking, params.models)
    links = [registry.link("abc")]

    for port in (5055, 5056):
        keep_ui_port(params.models, port)
        links.append(registry.link("abc"))

    assert [link.partition("/#/")[0] for link in links] == [
        "http://127.0.0.1:5000",
        "http://127.0.0.1:5055",
        "http://127.0.0.1:5056",
    ]


def test_the_link_of_a_server_holds_the_address_of_the_server(params: Params) -> None:
    registry = Registry(params.tracking, params.models)
    keep_ui_port(params.models, 5055)
    registry.tracking = params.tracking.model_copy(update={"uri": "http://runs.example:8080/"})

    assert registry.link("abc").startswith("http://runs.example:8080/#/")


@pytest.mark.parametrize("content", ["", "5055 or so", "0", "70000", "-5", "\0"])
def test_a_record_that_is_no_port_gives_the_usual_port(tmp_path: Path, content: str) -> None:
    (tmp_path / ".ui-port").write_text(content)

    assert read_ui_port(tmp_path) == USUAL_PORT
