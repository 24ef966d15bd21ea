"""A login that stands in MLflow's address: used by the client, shown nowhere."""

from __future__ import annotations

import traceback

import pytest

from lakeloop.adapters.mlflow_server.client import failing
from lakeloop.core.addresses import without_login
from lakeloop.core.errors import RegistryFailed
from lakeloop.settings import Settings
from lakeloop.story.screen import _links

URI = "https://ann:pa%20ss@w0rd@mlflow.example:5000/base"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (URI, "https://mlflow.example:5000/base"),
        (f"POST {URI}/api to http://bob@x failed", "POST https://mlflow.example:5000/base/api to http://x failed"),
        ("http://127.0.0.1:5000/?mail=a@b", "http://127.0.0.1:5000/?mail=a@b"),
        ("sqlite:///home/a@b/mlflow.db", "sqlite:///home/a@b/mlflow.db"),
        ("lakefs://lake@c0ffee/a", "lakefs://lake@c0ffee/a"),
    ],
)
def test_an_address_loses_its_login_and_nothing_else(words: str, shown: str) -> None:
    assert without_login(words) == shown


def test_an_error_of_the_registry_shows_no_login_neither_in_its_words_nor_in_its_cause() -> None:
    message = f"API request to {URI}/api/2.0 failed"
    told = pytest.raises(RegistryFailed, match="reading toy at https://mlflow.example:5000/base failed: API request to")
    with told as caught, failing(URI, "reading toy"):
        raise OSError(message)
    assert "w0rd" not in "".join(traceback.format_exception(caught.value))


def test_what_people_are_shown_of_the_settings_has_no_login_and_the_client_has_it() -> None:
    settings = Settings(mlflow_tracking_uri=URI)
    assert (settings.mlflow_tracking_uri, settings.mlflow_url) == (URI, "https://mlflow.example:5000/base")
    assert "w0rd" not in str(_links(settings))
