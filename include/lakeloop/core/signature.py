"""What a model asks for, and what a case gives: features by name, in their order, each a number or a text; pure."""

from collections.abc import Iterator, Mapping

from lakeloop.core.use_case import UseCase
from lakeloop.core.value import Value
from lakeloop.core.words import counted

NUMBER, TEXT = "number", "text"


class Feature(Value):
    """One column of a model's input."""

    name: str
    kind: str  # number, text, or a type that only XGBoost knows
    learnt: int | None = None  # of a text in a model: how many of its values have a number
    unseen: float | None = None  # of a text in a model: the share of the later rows' values that have none


Signature = tuple[Feature, ...]


def signature_of(case: UseCase) -> Signature:
    """What the case computes: every frame of features is checked for exactly this, in training and in scoring."""
    return tuple(Feature(name=name, kind=TEXT if name in case.categories else NUMBER) for name in case.feature_names)


def names(signature: Signature) -> tuple[str, ...]:
    """The features' names, in their order."""
    return tuple(one.name for one in signature)


def differences(asked: Signature, live: Signature) -> list[str]:
    """What a model asks for otherwise than it is given, in words; nothing where the two are alike."""
    found = list(_differing({one.name: one.kind for one in asked}, {one.name: one.kind for one in live}))
    return found or (["they come in another order"] if names(asked) != names(live) else [])


def _differing(asked: Mapping[str, str], live: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(asked.keys() | live.keys()):
        if name not in live:
            yield f"{name} is not computed"
        elif name not in asked:
            yield f"{name} was not learnt"
        elif asked[name] != live[name]:
            yield f"{name} was learnt as a {asked[name]} and is a {live[name]}"


def described(signature: Signature) -> str:
    """`23 features`, and how many values were learnt of those that are texts."""
    texts = [f"{one.name} ({counted(one.learnt or 0, 'value')})" for one in signature if one.kind == TEXT]
    return counted(len(signature), "feature") + (f", of these as text {', '.join(texts)}" if texts else "")
