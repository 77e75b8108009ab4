"""Lists go out by a plan that is made once from their schema.

marshmallow's own `dump` finds out anew, for each field of each object, how it is read and written: for a page of sessions
that took longer than their SQL. The schemas stay the one source of what an answer is. What is not planned here
(fields of our own, functions, defaults, hooks) marshmallow does, as ever.
"""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import marshmallow as ma

Write = Callable[[Any], Any]  # a value as JSON has it


class PlannedSchema(ma.Schema):
    """A schema that dumps one object by a plan; the answer is the one that marshmallow would give."""

    @cached_property
    def plan(self) -> Write:
        return planned(self)

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        return super().dump(obj, many=many) if self.many or many else self.plan(obj)


def planned(schema: ma.Schema) -> Write:
    """What dumps one object of a schema, a dict or anything with attributes."""
    if any(schema._hooks[name] for name in ("pre_dump", "post_dump")):
        return schema.dump
    steps = [(field.data_key or name, name, _write(field), field) for name, field in schema.dump_fields.items()]
    accessor = schema.get_attribute

    def dump(obj: Any) -> dict[str, Any]:
        get = obj.get if isinstance(obj, dict) else partial(getattr, obj)
        answer = {}
        for key, name, write, field in steps:
            value = field.serialize(name, obj, accessor=accessor) if write is None else get(name, ma.missing)
            if value is not ma.missing:
                answer[key] = value if write is None or value is None else write(value)
        return answer

    return dump


def _write(field: ma.fields.Field[Any]) -> Write | None:
    """How a field's value is written, if it is not None; None where marshmallow has to do it."""
    if field.attribute or field.dump_default is not ma.missing:
        return None
    if type(field) is ma.fields.Nested and not field.many:
        return planned(field.schema)
    if type(field) is ma.fields.List and (each := _write(field.inner)):
        return lambda values: [None if value is None else each(value) for value in values]
    if type(field) is ma.fields.DateTime and field.format in (None, "iso"):
        return lambda moment: moment.isoformat()
    if type(field) is ma.fields.Dict:
        return _write_dict(field)
    return PLAIN.get(type(field))


def _write_dict(field: ma.fields.Dict) -> Write | None:
    parts = (field.key_field, field.value_field)
    if parts == (None, None):
        return dict
    name, value = (_write(part) if part else None for part in parts)
    if name is None or value is None:
        return None
    return lambda pairs: {name(one): None if other is None else value(other) for one, other in pairs.items()}


PLAIN: dict[type[ma.fields.Field[Any]], Write] = {
    ma.fields.String: lambda text: text if type(text) is str else ma.utils.ensure_text_type(text),
    ma.fields.UUID: str, ma.fields.Integer: int, ma.fields.Float: float,
}  # fmt: skip
