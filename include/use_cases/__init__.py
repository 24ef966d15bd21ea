"""Use cases: one folder each; folders of this name elsewhere on the path join in, so a team's cases may live with the team."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
