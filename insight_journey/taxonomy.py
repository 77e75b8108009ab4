"""The taxonomies of emotions, topics and beliefs: versioned data files, checked when loaded, looked up by code.

A file (`taxonomies/<name>.json`) holds name, version, source, `levels`, `categories` and `replaces`: for each earlier
version, what became of the codes that are gone (`{"1": {"old.code": "new.code"}}`). A code is never used again for
something else. `docs/taxonomy.md` describes the fields.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from insight_journey.errors import Invalid

Name = Literal["emotions", "topics", "beliefs"]
NAMES: tuple[Name, ...] = get_args(Name)
TAXONOMY_OF_KIND: dict[str, Name] = {"emotion": "emotions", "topic": "topics", "belief": "beliefs"}
GROUPS = ("joy", "sadness", "anger", "fear", "disgust", "surprise", "shame", "guilt")


@dataclass(frozen=True)
class Category:
    """One place in a taxonomy. `level` counts from 1 at the top.

    `group` (emotions): one of GROUPS, Ekman's six with shame and guilt. `seeds` (topics, beliefs): phrases that mean
    it; `cues` (topics): lower-case words that point at it by themselves. `added`: not in the published model, `reason` says why.
    """

    code: str
    name: str
    parent: str | None
    level: int
    group: str | None = None
    seeds: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    added: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Taxonomy:
    """All categories of one file, by code, parents before children.

    Emotions also have `labels`: of a trained model by name, the code that each of its labels is filed under, and `groups`: of each of
    GROUPS, the code for a feeling of which no more is known.
    """

    name: str
    version: str
    source: str
    categories: Mapping[str, Category]
    replaces: Mapping[str, Mapping[str, str]]
    labels: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code, parents before children."""
        return tuple(self.categories)

    @property
    def leaves(self) -> tuple[str, ...]:
        """Codes that nothing lies below: what an analyzer prefers to file under."""
        parents = {category.parent for category in self.categories.values()}
        return tuple(code for code in self.categories if code not in parents)

    def belongs(self, code: str | None) -> bool:
        """Whether `code` is a code of this version."""
        return code in self.categories

    def get(self, code: str) -> Category:
        """The category of a code. Raises Invalid (`unknown_category`)."""
        try:
            return self.categories[code]
        except KeyError:
            raise Invalid(f"The taxonomy of {self.name} has no such category.", code="unknown_category") from None

    def ancestors(self, code: str) -> tuple[Category, ...]:
        """From the parent up to the top; empty for a top category. Raises Invalid (`unknown_category`)."""
        above = self.get(code).parent
        return () if above is None else (self.get(above), *self.ancestors(above))

    def current(self, code: str, version: str) -> str:
        """What a code of an earlier version is called now. Raises Invalid when it is known to neither."""
        return self.get(self.replaces.get(version, {}).get(code, code)).code


@cache
def load(name: Name) -> Taxonomy:
    """The taxonomy shipped under this name, checked. Raises Invalid (`bad_taxonomy`) naming every fault."""
    text = (files("insight_journey") / "taxonomies" / f"{name}.json").read_text(encoding="utf-8")
    return parse(json.loads(text))


def parse(document: Mapping[str, Any]) -> Taxonomy:
    """Check a taxonomy document and build it. Raises Invalid (`bad_taxonomy`) naming every fault."""
    missing = [field for field in ("name", "version", "source", "levels", "categories", "replaces") if document.get(field) in (None, "")]
    if missing:
        raise _bad(str(document.get("name", "?")), [f"{field} is missing" for field in missing])
    rows: list[dict[str, Any]] = list(document["categories"])
    if faults := _faults(rows, document):
        raise _bad(document["name"], faults)
    by_code = {row["code"]: row for row in rows}
    ordered = sorted(rows, key=lambda row: int(row["level"])) if _parents_late(rows) else rows
    categories = {row["code"]: _category(row, by_code) for row in ordered}
    return Taxonomy(
        document["name"], str(document["version"]), document["source"], categories, document["replaces"],
        labels=document.get("labels", {}), groups=document.get("groups", {}),
    )  # fmt: skip


def _category(row: Mapping[str, Any], by_code: Mapping[str, Mapping[str, Any]]) -> Category:
    return Category(
        code=row["code"], name=row["name"], parent=row["parent"], level=row["level"], group=_group(row, by_code),
        seeds=tuple(row.get("seeds", ())), cues=tuple(row.get("cues", ())), added=bool(row.get("added")), reason=row.get("reason"),
    )  # fmt: skip


def _group(row: Mapping[str, Any], by_code: Mapping[str, Mapping[str, Any]]) -> str | None:
    if "ekman" in row or row["parent"] is None:
        return row.get("ekman")
    return _group(by_code[row["parent"]], by_code)


def _faults(rows: list[dict[str, Any]], document: Mapping[str, Any]) -> list[str]:
    nameless = [f"category {n} lacks {field}" for n, row in enumerate(rows) for field in ("code", "name", "level") if not row.get(field)]
    if nameless or not rows:
        return nameless or ["there are no categories"]
    by_code = {row["code"]: row for row in rows}
    faults = [f"code {code} stands twice" for code, n in Counter(row["code"] for row in rows).items() if n > 1]
    for row in rows:
        faults += _row_faults(row, by_code, document)
    return faults + _replacement_faults(by_code, document["replaces"]) + _label_faults(by_code, document)


def _row_faults(row: dict[str, Any], by_code: Mapping[str, dict[str, Any]], document: Mapping[str, Any]) -> list[str]:
    code, parent, faults = row["code"], row.get("parent"), []
    if parent is not None and parent not in by_code:
        faults.append(f"the parent of {code} does not exist")
    elif row["level"] != (1 if parent is None else by_code[parent].get("level", 0) + 1):
        # a level one below the parent's everywhere also excludes every circle
        faults.append(f"the level of {code} is not one below its parent's")
    if not 1 <= row["level"] <= document["levels"]:
        faults.append(f"the level of {code} is outside 1..{document['levels']}")
    return faults + _content_faults(row, document["name"])


def _content_faults(row: dict[str, Any], name: str) -> list[str]:
    code, faults = row["code"], []
    if name != "emotions" and row["level"] > 1 and not row.get("seeds"):
        faults.append(f"{code} has no seeds")
    if any(not str(text).strip() for text in (*row.get("seeds", ()), *row.get("cues", ()))):
        faults.append(f"{code} has an empty seed or cue")
    if "ekman" in row and row["ekman"] not in GROUPS:
        faults.append(f"{code} names an unknown group")
    if row.get("added") and not row.get("reason"):
        faults.append(f"{code} was added without a reason")
    return faults


def _replacement_faults(by_code: Mapping[str, Any], replaces: Mapping[str, Mapping[str, str]]) -> list[str]:
    pairs = [(old, new) for codes in replaces.values() for old, new in codes.items()]
    reused = [f"replaced code {old} is in use again" for old, _ in pairs if old in by_code]
    return reused + [f"{old} is replaced by {new}, which does not exist" for old, new in pairs if new not in by_code]


def _label_faults(by_code: Mapping[str, Mapping[str, Any]], document: Mapping[str, Any]) -> list[str]:
    pairs = [(label, code) for labels in document.get("labels", {}).values() for label, code in labels.items() if code is not None]
    faults = [f"label {label} is filed under {code}, which does not exist" for label, code in pairs if code not in by_code]
    for group, code in document.get("groups", {}).items():
        if code not in by_code or _group(by_code[code], by_code) != group:
            faults.append(f"group {group} is filed under {code}, which is none of its categories")
    return faults


def _parents_late(rows: list[dict[str, Any]]) -> bool:
    place = {row["code"]: n for n, row in enumerate(rows)}
    return any(row.get("parent") is not None and place[row["parent"]] > n for n, row in enumerate(rows))


def _bad(name: str, faults: list[str]) -> Invalid:
    return Invalid(f"The taxonomy of {name} is not usable: " + "; ".join(faults), code="bad_taxonomy", details={"faults": faults})
