"""Fields that several resources share."""

import unicodedata
from typing import Any

import marshmallow as ma


class Line(ma.fields.String):
    """One line of text: trimmed, composed (NFC), not empty, at most `longest` characters, no control characters."""

    def __init__(self, longest: int, **kwargs: Any) -> None:
        super().__init__(validate=ma.validate.Length(1, longest), **kwargs)

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        text = unicodedata.normalize("NFC", str(super()._deserialize(*args, **kwargs))).strip()
        if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text):
            raise ma.ValidationError("Must be one line without control characters.")
        return text
