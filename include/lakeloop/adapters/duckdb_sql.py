"""DuckDB over the Delta tables of one commit: views an analyst knows by name, without a JVM."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Self

from lakeloop.core.errors import ConfigurationError, InvalidInput, Unavailable

EXTENSIONS = ("httpfs", "delta")
RECALLED = "trust <> 'recalled'"
TRUSTED = "trust = 'trusted'"
_BATCH = 1000


class View(NamedTuple):
    """One view: the tables it shows, by case when there may be several, and the rows it keeps."""

    name: str
    tables: tuple[tuple[str, str], ...]  # (case or "", path in the lake)
    where: str = "true"
    label: str = "use_case"  # the column that says whose table a row is of, where there may be several


class Answer(NamedTuple):
    """What a query gave: the names of its columns, and its rows while they are read."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


class LakeSql:
    """An in-memory DuckDB that sees one commit of the lake; keys stay inside it."""

    def __init__(self, endpoint: str, access_key_id: str, secret_access_key: str, repository: str, commit: str) -> None:
        import duckdb

        self._root = f"s3://{repository}/{commit}"
        self._commit = commit
        self._views: dict[str, str] = {}
        self._open: set[str] = set()
        # extensions come from the installed wheels only: nothing is fetched, and nothing is kept
        self._db = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        for extension in EXTENSIONS:
            self._db.load_extension(str(_extension(extension, duckdb.__version__)))
        self._db.execute(_secret(endpoint, access_key_id, secret_access_key))

    def __enter__(self) -> Self:
        """The connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self._db.close()

    @property
    def commit(self) -> str:
        """The commit that is read."""
        return self._commit

    @property
    def views(self) -> list[str]:
        """The names of the views there are."""
        return sorted(self._views)

    def add(self, views: Sequence[View]) -> None:
        """Make views known; a table is read when a query first names its view."""
        self._views |= {view.name: _select(view, self._root) for view in views if view.tables}

    def ask(self, query: str, values: Mapping[str, Any] | None = None) -> Answer:
        """Run one query, `$name` in it standing for a value; what it cannot do is said with the views there are."""
        with self._explained():
            for name in self._named_in(query.lower()):
                self._db.execute(f'CREATE VIEW "{name}" AS {self._views[name]}')
                self._open.add(name)
            cursor = self._db.execute(query, dict(values) if values else None)
            columns = tuple(str(column[0]) for column in cursor.description or ())
        return Answer(columns, self._rows(cursor))

    def _named_in(self, query: str) -> list[str]:
        """Views not yet opened that a query may mean; a query about what there is means all."""
        is_open_ended = any(word in query for word in ("show", "information_schema", "duckdb_"))
        return [name for name in self.views if name not in self._open and (is_open_ended or name in query)]

    def _rows(self, cursor: Any) -> Iterator[tuple[Any, ...]]:
        with self._explained():
            while found := cursor.fetchmany(_BATCH):
                yield from found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except (duckdb.IOException, duckdb.HTTPException) as error:
            message = (
                f"the lake did not give what the query reads at {self._commit[:12]}: {_first(error)}. Next: `lakeloop status`"
            )
            raise Unavailable(message) from error
        except duckdb.CatalogException as error:
            message = f"{_first(error)} {self._there_are()}"
            raise InvalidInput(message) from error
        except duckdb.Error as error:
            raise InvalidInput(_first(error)) from error

    def _there_are(self) -> str:
        if not self._views:
            return f"Nothing is published at {self._commit[:12]} yet, so there are no views. Next: deliver and ingest a night"
        absent = [name for name in ("scores", "verdicts") if name not in self._views]
        missing = f"; {' and '.join(absent)} will be there when the first scores are published" if absent else ""
        return f"Views at {self._commit[:12]}: {', '.join(self.views)}{missing}"


def _extension(name: str, version: str) -> Path:
    spec = find_spec(f"duckdb_extension_{name}")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "extensions" / f"v{version}" / f"{name}.duckdb_extension"
        if path.is_file():
            return path
    message = (
        f"DuckDB {version} needs the wheel duckdb-extension-{name} of the same version; nothing was read. Next: install the lock"
    )
    raise ConfigurationError(message)


def _secret(endpoint: str, access_key_id: str, secret_access_key: str) -> str:
    scheme, _, host = endpoint.rpartition("://")
    options = {"KEY_ID": access_key_id, "SECRET": secret_access_key, "ENDPOINT": host, "REGION": "us-east-1", "URL_STYLE": "path"}
    said = ", ".join(f"{name} {_text(value)}" for name, value in options.items())
    return f"CREATE SECRET (TYPE s3, {said}, USE_SSL {str(scheme == 'https').lower()})"


def _select(view: View, root: str) -> str:
    parts = []
    for case, path in view.tables:
        named = f"{_text(case)} AS {view.label}, " if case else ""
        parts.append(f"SELECT {named}* FROM delta_scan({_text(f'{root}/{path}')}) WHERE {view.where}")
    return " UNION ALL BY NAME ".join(parts)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
