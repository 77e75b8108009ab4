"""Help lines for people in crisis, by country: `help_lines.json`, or the file that the operator names (`IJ_HELP_LINES`).

A file of the operator's replaces ours whole. It is read once, at the start, and a bad one stops it.
"""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from insight_journey.errors import Invalid

Code = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class HelpLine(BaseModel):
    """One line. At least one of `phone`, `text` (what to send where) and `url`. `languages`: ISO 639 codes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    phone: str | None = None
    text: str | None = None
    url: str | None = None
    languages: tuple[str, ...] = ()
    hours: str | None = None  # None: not known
    source: str  # the page that says so
    checked: str | None = None  # ISO day on which it was last seen there

    @model_validator(mode="after")
    def leads_somewhere(self) -> "HelpLine":
        if not (self.phone or self.text or self.url):
            raise ValueError("one of phone, text and url is needed")
        return self


class HelpLines(BaseModel):
    """All of a file. `international` stands in for every country that is not listed, so it is never empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: str = ""
    international: tuple[HelpLine, ...] = Field(min_length=1)
    countries: dict[Code, Annotated[tuple[HelpLine, ...], Field(min_length=1)]]

    def of(self, country: str | None) -> tuple[HelpLine, ...]:
        """The country's own lines, then the international ones; those alone for an unknown country."""
        return (*self.countries.get(country or "", ()), *self.international)


def load(path: Path | None = None) -> HelpLines:
    """Read a file, or ours. Raises Invalid (bad_settings) that says in a sentence what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8") if path else (files("insight_journey") / "help_lines.json").read_text(encoding="utf-8")
        return HelpLines.model_validate(json.loads(text))
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(f"it cannot be read ({type(error).__name__})") from None
    except ValidationError as error:
        raise _bad("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])) from None
    except ValueError:
        raise _bad("it is not JSON") from None


def _bad(why: str) -> Invalid:
    return Invalid(f"IJ_HELP_LINES names no usable list of help lines: {why}.", code="bad_settings")


@cache
def countries() -> frozenset[str]:
    """All codes of ISO 3166-1 alpha-2, from the time zone database's own table."""
    table = (files("tzdata.zoneinfo") / "iso3166.tab").read_text(encoding="utf-8")
    return frozenset(line.split("\t")[0] for line in table.splitlines() if not line.startswith("#"))
