"""How tests are dealt out to workers: the tests of a file stay together, and so do all that share the one whole stack."""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/integration/",)  # one stack is brought up for all of them, not one a worker


class FileScheduling(LoadScopeScheduling):
    """Deals out whole files, in the order of their collection, so that what is longest is not begun last."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])
