"""From a use case to its name on the wire."""

import sys

from lakeloop.core.errors import ConfigurationError
from lakeloop.core.use_case import UseCase


def ref_of(case: UseCase) -> str:
    """`module:NAME` of a case, as jobs and runs carry it: the package of its features, its name in capitals."""
    package, name = case.features.partition(":")[0].rpartition(".")[0], case.name.upper()
    if getattr(sys.modules.get(package), name, None) is not case:
        message = f"the case {case.name} must stand as {name} in {package or 'a package'}, beside its features {case.features}"
        raise ConfigurationError(message)
    return f"{package}:{name}"
