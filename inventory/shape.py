"""Which fields a place of the inventory may have, asked of the models themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connectors.models import Extension
from inventory.document import Document, Loc
from inventory.models import Inventory

EXTENSIONS = tuple(item.value for item in Extension)


def without_tags(loc: tuple[int | str, ...]) -> Loc:
    """Remove the extension that pydantic puts into the place of a connection's field."""
    tagged = len(loc) > 4 and loc[2] == "connections" and loc[4] in EXTENSIONS
    return (*loc[:4], *loc[5:]) if tagged else loc


def fields_at(document: Document, loc: Loc) -> Mapping[str, FieldInfo]:
    """Return the fields that the model has at a place; none where there is no model."""
    model: type[BaseModel] | None = Inventory
    for depth, part in enumerate(loc):
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if model else None
        if field is None:
            return {}
        model = _choose(document, loc[: depth + 2], tuple(_models(field.annotation)))
    return model.model_fields if model else {}


def field_at(document: Document, loc: Loc) -> FieldInfo | None:
    """Return the field of the model at a place, of a list when the place is one of its entries."""
    while loc and isinstance(loc[-1], int):
        loc = loc[:-1]
    return fields_at(document, loc[:-1]).get(str(loc[-1])) if loc else None


def wants_secret_place(field: FieldInfo | None) -> bool:
    """Say whether a field names where a secret is."""
    names = [model.__name__ for model in _models(field.annotation)] if field else []
    return names in (["SecretPlace"], ["ConnectionSecret"])


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _choose(
    document: Document, loc: Loc, models: tuple[type[BaseModel], ...]
) -> type[BaseModel] | None:
    """Choose among several models by the extension that the file gives."""
    if len(models) < 2:
        return models[0] if models else None
    extension = document.text(*loc, "extension")
    return next((m for m in models if extension in _extensions(m)), None)


def _extensions(model: type[BaseModel]) -> tuple[object, ...]:
    return get_args(model.model_fields["extension"].annotation)
