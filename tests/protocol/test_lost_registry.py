"""A registry whose database is gone counts from one again: what the lake knows under these numbers stays what it was."""

from typing import Any

import pytest

from lakeloop.core.errors import RegistryFailed
from lakeloop.core.lake import model_tag
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.promotion import promote
from lakeloop.steps.training.fit import fit
from tests.protocol.challengers import approval, challenger, on_registry
from tests.protocol.promotions import p as p  # the fixture
from tests.protocol.world import run

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import


def fitted(p: Platform, seed: int) -> dict[str, Any]:
    """A version that was registered, as its fit's next try finds it."""
    gated = challenger(p, seed)
    return gated | fit(p, run("train"), gated | {"branch": run("train").branch("toy")})


def test_a_number_that_the_lake_knows_as_another_training_is_refused_and_says_what_was_lost(p: Platform, mlflow_uri: str) -> None:
    first = fitted(p, 1)
    promote(p, run("train"), first, approval(first))
    again = on_registry(p, mlflow_uri)  # empty
    words = (
        "the registry counts the versions of toy anew: version 1 is another training's in the lake, whose tag model-toy-v1 stays "
        "as it is; nothing was promoted, the champion is unchanged. Next: bring MLflow's database back"
    )
    with pytest.raises(RegistryFailed, match=words):
        fitted(again, 2)
    assert p.lake.commit_of(model_tag("toy", 1)).id == first["commit"]
    champion = read_ledger(p.lake, "toy").champion
    assert champion is not None
    assert champion.model_sha256 == first["sha256"]
