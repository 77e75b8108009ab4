"""Planned dumps answer what marshmallow's own do."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import marshmallow as ma
import pytest

from insight_journey.api.dumping import PlannedSchema
from insight_journey.api.runs import RunSchema
from insight_journey.api.sessions import SessionSchema, Speakers

ID, AT = UUID(int=7), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class InnerSchema(ma.Schema):
    text = ma.fields.String()
    at = ma.fields.DateTime()
    day = ma.fields.DateTime(format="%d.%m.%Y")
    name = ma.fields.String(attribute="called")


class EverySchema(PlannedSchema):
    id = ma.fields.UUID()
    text = ma.fields.String(data_key="words")
    count = ma.fields.Integer()
    share = ma.fields.Float()
    is_new = ma.fields.Boolean()
    at = ma.fields.DateTime()
    speakers = Speakers()
    inner = ma.fields.Nested(InnerSchema)
    many = ma.fields.List(ma.fields.Nested(InnerSchema))
    several = ma.fields.Nested(InnerSchema, many=True)
    names = ma.fields.List(ma.fields.String())
    counts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer())
    free = ma.fields.Dict()
    days = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.DateTime(format="%d.%m.%Y"))
    doubled = ma.fields.Function(lambda thing: thing["count"] * 2 if isinstance(thing, dict) else thing.count * 2)
    usual = ma.fields.String(dump_default="usual")
    secret = ma.fields.String(load_only=True)


WHOLE: dict[str, Any] = {
    "id": ID, "text": "words", "count": 3, "share": 1, "is_new": True, "at": AT, "speakers": 2,
    "inner": {"text": "a", "at": AT, "day": AT, "called": "x"},
    "many": [{"text": "b"}, SimpleNamespace(text="c", at=AT), None], "several": [{"text": "d"}], "names": ["e", None],
    "counts": {"moment": 1, "topic": None},
    "free": {"any": [1]}, "days": {"first": AT}, "secret": "x", "more": 1,
}  # fmt: skip


@pytest.mark.parametrize("thing", [WHOLE, SimpleNamespace(**WHOLE), {**dict.fromkeys(WHOLE), "count": 1}, {"count": 1}])
def test_it_works(thing: Any) -> None:
    schema = EverySchema()
    assert schema.dump(thing) == ma.Schema.dump(schema, thing)
    assert list(schema.dump(thing)) == list(ma.Schema.dump(schema, thing))
    assert EverySchema(many=True).dump([thing]) == schema.dump([thing], many=True) == [schema.dump(thing)]


@pytest.mark.parametrize("schema", [SessionSchema, RunSchema])
def test_fields_that_hold_nothing_stay(schema: type[ma.Schema]) -> None:
    planned = type("Planned", (PlannedSchema, schema), {})()
    nothing = SimpleNamespace(**dict.fromkeys(schema().fields), error_code=None)
    assert planned.dump(nothing) == schema().dump(nothing)


def test_hooks_are_called() -> None:
    class Loud(ma.Schema):
        text = ma.fields.String()

        @ma.post_dump
        def shout(self, data: dict[str, str], **_: Any) -> dict[str, str]:
            return {"text": data["text"].upper()}

    class Outer(PlannedSchema):
        inner = ma.fields.Nested(Loud)

    assert Outer().dump({"inner": {"text": "words"}}) == {"inner": {"text": "WORDS"}}
