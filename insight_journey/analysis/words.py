"""Closed word classes of English that the rules lean on (`words.txt`). All lower case, as `sentences.plain` gives them."""

from importlib.resources import files


def _read() -> dict[str, frozenset[str]]:
    classes: dict[str, list[str]] = {}
    name = ""
    for line in (files("insight_journey.analysis") / "words.txt").read_text(encoding="utf-8").splitlines():
        if line.endswith(":"):
            name = line[:-1]
        elif not line.startswith("#"):
            classes.setdefault(name, []).extend(line.split())
    return {name: frozenset(words) for name, words in classes.items()}


_CLASSES = _read()
SELF = _CLASSES["self"]
OTHERS = _CLASSES["others"]
PEOPLE = _CLASSES["people"]
THINGS = _CLASSES["things"]
FEEL = _CLASSES["feel"]
BE = _CLASSES["be"]
COPULAS = _CLASSES["copulas"]
AUXILIARIES = _CLASSES["auxiliaries"]
COORDINATORS = _CLASSES["coordinators"]
BOOSTERS = _CLASSES["boosters"]
HEDGES = _CLASSES["hedges"]
ADVERBS = _CLASSES["adverbs"] | BOOSTERS | HEDGES
NEGATIONS = _CLASSES["negations"]
HYPOTHETICAL = _CLASSES["hypothetical"]
TO_IS_REAL = _CLASSES["to_is_real"]
NOUN_OPENERS = _CLASSES["noun_openers"]
FILLERS = _CLASSES["fillers"]
NO_PLAN = _CLASSES["no_plan"]
ENGLISH = _CLASSES["english"]
FOREIGN = _CLASSES["foreign"]
HANDLING = _CLASSES["handling"]
