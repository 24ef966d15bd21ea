"""Pages for people, kept in the lake: one file each, without outside resources, on one style."""

from importlib.resources import files
from typing import Any


def render(package: str, template: str, **context: Any) -> str:
    """A template of a package as a page; everything in it is escaped, and a name that is not given is an error."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    style = Markup(files("lakeloop").joinpath("page.css").read_text("utf-8"))  # noqa: S704  # our own file
    text = files(package).joinpath(template).read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(text)
    return page.render(style=style, **context)
