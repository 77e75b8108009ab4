"""Who is who: names of one person made one, and the client told from the practitioner.

In this order: what a header says (`Client: Alex`), what a label says (`Therapist:`, `Alex (client):`), the owner's own
display name, a title (`Dr.`). Of two speakers the other one follows. A lone speaker is the client. Whoever nobody can
place is unknown.
"""

import re
from collections.abc import Iterable, Mapping

from insight_journey.transcription.base import CLIENT, PRACTITIONER, UNKNOWN

ONESELF = frozenset(["me", "i", "myself"])
CLIENT_WORDS = ONESELF | {"client", "patient", "coachee", "mentee", "counselee", "klient", "klientin", "patientin"}
PRACTITIONER_WORDS = frozenset(
    ["professional", "practitioner", "therapist", "psychotherapist", "coach", "counselor", "counsellor", "psychologist", "psychiatrist",
     "doctor", "clinician", "mentor", "facilitator", "interviewer", "moderator", "therapeut", "therapeutin", "beraterin", "berater"]
)  # fmt: skip
TITLES = frozenset(["dr", "prof", "professor", "doctor"])
MANNERS = TITLES | {"mr", "mrs", "ms", "mx", "miss", "phd", "md", "lcsw", "psyd", "the"}
MOST_NAMES = 100  # in one session; with more, names are left as they are
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
BRACKETS = re.compile(r"[\[(].*?[\])]")


def role_word(label: str) -> str | None:
    """The role that a label or header names by a word of its own: `Therapist`, `Life Coach`, `Alex (client)`."""
    words = [word.casefold() for word in WORD.findall(label)]
    if len(words) > 4:
        return None
    if words and words[-1] in CLIENT_WORDS:
        return CLIENT
    return PRACTITIONER if words and words[-1] in PRACTITIONER_WORDS else None


def bare(label: str) -> str:
    """A name without what stands in brackets after it."""
    return " ".join(BRACKETS.sub(" ", label).split()) or label


def tokens(name: str) -> frozenset[str]:
    """The words of a name that tell people apart."""
    words = frozenset(word.casefold() for word in WORD.findall(bare(name)))
    return words - MANNERS or words


def same_person(name: str, other: str) -> bool:
    """Whether one name is a shorter form of the other: `Dr. Harper` of `Dr. Harper Torres`."""
    mine, theirs = tokens(name), tokens(other)
    return bool(mine and theirs) and (mine <= theirs or theirs <= mine)


def people(labels: Iterable[str], known: Iterable[str] = ()) -> dict[str, str]:
    """Label -> the fullest name of that person, where only one can be meant. `known` names (of a header) come first."""
    names = [*dict.fromkeys([*known, *labels])]
    if len(names) > MOST_NAMES:
        return {name: name for name in names}
    fullest = {name: [o for o in names if o != name and tokens(name) < tokens(o)] for name in names}
    same = {name: next(o for o in names if tokens(o) == tokens(name)) for name in names}
    chosen = {}
    for name in names:
        roots = {same[o] for o in fullest[name] if not fullest[o]}
        chosen[name] = bare(roots.pop() if len(roots) == 1 else same[name])
    return chosen


def assign(speakers: Iterable[str], header: Mapping[str, str], labelled: Mapping[str, str], owner: str | None) -> dict[str, str]:
    """Speaker -> role. `header`: name -> role as a header says; `labelled`: speaker -> role as her own label says.

    Empty where a lone speaker is the client.
    """
    everyone = list(dict.fromkeys(speakers))
    placed = {speaker: _role(speaker, header, labelled, owner, everyone) for speaker in everyone}
    if len(everyone) == 1:
        return _alone(everyone[0], header, labelled)
    found = {role for role in placed.values() if role}
    if len(everyone) == 2 and len(found) == 1 and None in placed.values():
        other = PRACTITIONER if CLIENT in found else CLIENT
        placed = {speaker: role or other for speaker, role in placed.items()}
    return {speaker: role or UNKNOWN for speaker, role in placed.items()}


def _alone(speaker: str, header: Mapping[str, str], labelled: Mapping[str, str]) -> dict[str, str]:
    """A lone speaker is the client, unless named as the practitioner. With the client named beside, her words may be among these."""
    if (header.get(speaker) or labelled.get(speaker)) != PRACTITIONER:
        return {}
    return {speaker: UNKNOWN if CLIENT in header.values() else PRACTITIONER}


def _role(speaker: str, header: Mapping[str, str], labelled: Mapping[str, str], owner: str | None, everyone: list[str]) -> str | None:
    said = next((role for name, role in header.items() if same_person(name, speaker)), None) or labelled.get(speaker)
    if said:
        return said
    if owner and same_person(owner, speaker) and sum(same_person(owner, other) for other in everyone) == 1:
        return CLIENT
    words = WORD.findall(speaker.casefold())
    return PRACTITIONER if words and words[0] in TITLES else None
