"""Speaker turns in written text: `[10:05] Alex: ...`, `ALEX: ...`, `Alex (10:05): ...`, a name or a clock on a line of its own.

Not every `Word: text` is a speaker. A label is one when a clock stands with it, when a header or its own role word names
that person (`Therapist:`), or when it comes back and such lines are at least half of the text; `Note`, `Mood` and their
kin never are, however often they come. Headings and `Date:` lines at the top are a header, not speech. Where the header
names people, nothing but turns is speech: what stands before the first, or after a rule, is narration and left out.
Without, a text that begins with no speaker is somebody's own, and is that again after an empty line.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from insight_journey.transcription import clock, roles
from insight_journey.transcription.clock import CLOCK, Clock

CLOCK_FIRST = re.compile(rf"(?P<open>[\[(]\s*)?(?P<clock>{CLOCK})\s*[\])]?\s*(?:[-–—|]\s+)?(?P<rest>.*)", re.S)
NAME = r"[^\W\d_][\w.'’& -]{0,48}?"
LABEL = re.compile(
    rf"(?:\[(?P<boxed>{NAME})\]|(?P<name>{NAME}))(?:\s*[\[(](?P<inside>[^()\[\]]{{1,40}})[\])])?"
    rf"\s*(?P<clock>{CLOCK})?\s*[:：](?!//|\d\d\b)\s*(?P<text>.*)", re.S,
)  # fmt: skip
ALONE = re.compile(rf"(?P<name>{NAME})\s+[\[(]?(?P<clock>{CLOCK})[\])]?")
COLON_INSIDE = re.compile(rf"\[(?P<name>{NAME})\s*[:：]\]")
RULE = re.compile(r"[-*_=~]{3,}")
PARTICLES = frozenset(["van", "von", "de", "der", "den", "di", "da", "del", "la", "le", "bin", "al", "el", "of", "the", "and", "&", "y"])
HEADERS = frozenset(
    ["date", "time", "start time", "end time", "session", "session number", "duration", "location", "place", "participants", "title",
     "subject", "setting", "datum", "uhrzeit", "name"]
)  # fmt: skip
NO_NAMES = HEADERS | frozenset(
    ["note", "notes", "mood", "sleep", "energy", "gratitude", "grateful", "goal", "goals", "day", "morning", "afternoon", "evening",
     "night", "today", "tomorrow", "yesterday", "pros", "cons", "ps", "todo", "to do", "question", "summary", "situation", "thought",
     "thoughts", "feeling", "feelings", "emotion", "emotions", "trigger", "triggers", "evidence", "action", "actions", "result", "re",
     "fwd", "http", "https", "tip", "warning", "example", "update", "edit", "rating", "weather", "food", "exercise", "highlight",
     "highlights", "win", "wins", "rose", "thorn", "bud", "plan", "next", "first", "second", "third", "finally", "one", "two", "three",
     "problem", "solution", "idea", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "conclusion",
     "reminder", "topic", "topics", "insight", "lesson", "step", "because", "but", "and", "so", "also", "low", "high", "important",
     "fact", "belief", "challenge", "intention"]
)  # fmt: skip
HEADER_LINES = 25
MAX_WORDS_OF_HEADER = 12
HALF, MOST = 0.5, 0.66  # of the lines
MOST_HEADERS = 2  # some are pasted below each other


@dataclass(frozen=True)
class Line:
    """One line as it may be read: the clock and label it begins with, and the text after them. `raw` is the whole."""

    raw: str
    text: str
    label: str | None = None
    clock: Clock | None = None
    boxed: bool = False  # the clock stands in brackets


@dataclass(frozen=True)
class Turn:
    """What one speaker said in one go; `lines` as written. Seconds come later."""

    speaker: str | None
    clock: Clock | None
    lines: list[str]


@dataclass(frozen=True)
class Header:
    """What stands above a session: names with their roles, and the time it began."""

    people: Mapping[str, str] = field(default_factory=dict)
    time: Clock | None = None
    found: bool = False


def read(text: str) -> tuple[Header, list[Turn], dict[str, str]]:
    """Header, turns and the roles that labels give (speaker -> role). One turn without a speaker where nothing tells of any."""
    lines = [_read_line(line) for line in text.split("\n")]
    header, body = _split_header(lines)
    speakers = _speakers(body, header)
    clocked = sum(line.clock is not None for line in body) >= 2
    return header, list(_turns(body, speakers, clocked, bool(speakers and header.people))), roles_of(speakers)


def speakers_of(texts: Sequence[str]) -> dict[str, str]:
    """Label -> speaker of lines that something else has cut."""
    return _speakers([_labelled(text, text, None, False) for text in texts], Header())


def label_of(text: str) -> tuple[str | None, str]:
    """The label that a line may begin with, and what comes after it."""
    line = _labelled(text, text, None, False)
    return line.label, line.text


def roles_of(speakers: Mapping[str, str]) -> dict[str, str]:
    """Speaker -> role, by the words of the labels (label -> speaker)."""
    return {speakers[label]: role for label in speakers if (role := roles.role_word(_inner(label)) or roles.role_word(label))}


def _inner(label: str) -> str:
    match = roles.BRACKETS.search(label)
    return match.group().strip("[]()") if match else ""


# -- lines -----------------------------------------------------------------------------------------------------------


def _read_line(raw: str) -> Line:
    raw = COLON_INSIDE.sub(r"[\g<name>]:", raw.strip(), count=1)
    first = CLOCK_FIRST.fullmatch(raw)
    time = clock.read(first["clock"]) if first else None
    if not first or not time:
        return _labelled(raw, raw, None, False)
    return _labelled(raw, first["rest"], time, bool(first["open"]))


def _labelled(raw: str, rest: str, time: Clock | None, boxed: bool) -> Line:
    match = LABEL.fullmatch(rest)
    if match and _may_be_name(match["boxed"] or match["name"]):
        inside = match["inside"] or ""
        own = clock.read(inside) or (clock.read(match["clock"]) if match["clock"] else None)
        role = f" ({inside})" if inside and not clock.read(inside) else ""
        return Line(raw, match["text"], (match["boxed"] or match["name"]).strip() + role, time or own, boxed)
    alone = None if time else ALONE.fullmatch(rest)
    if alone and _may_be_name(alone["name"]):
        return Line(raw, "", alone["name"].strip(), clock.read(alone["clock"]), boxed)
    return Line(raw, rest, None, time, boxed)


def _may_be_name(name: str) -> bool:
    words = name.split()
    return len(words) <= 5 and (len(words) == 1 or all(word[0].isupper() or word[0].isdigit() or word in PARTICLES for word in words))


# -- the header ------------------------------------------------------------------------------------------------------


def _split_header(lines: Sequence[Line]) -> tuple[Header, list[Line]]:
    speaking = {_key(line) for line in lines if line.label and not _is_short(line)}
    counts = Counter(_key(line) for line in lines if line.label)
    speaking |= {label for label, count in counts.items() if count > MOST_HEADERS}
    header, end = Header(), 0
    for index, line in enumerate(lines[:HEADER_LINES]):
        if _is_header(line, speaking):
            header, end = _with(header, line), index + 1
        elif line.raw and not _is_title(line):
            break
    body = list(lines[end:])
    return (header, body) if any(line.raw for line in body) else (Header(), list(lines))


def _key(line: Line) -> str:
    return roles.bare(line.label or "").casefold()


def _is_short(line: Line) -> bool:
    return len(line.text.split()) <= MAX_WORDS_OF_HEADER and not line.text.endswith((".", "!", "?"))


def _is_header(line: Line, speaking: set[str]) -> bool:
    if not line.label or line.clock or not _is_short(line):
        return False
    named = roles.role_word(line.label) and line.text and _may_be_name(roles.bare(line.text).partition(",")[0])
    return _key(line) in HEADERS or bool(named and _key(line) not in speaking | roles.ONESELF)


def _is_title(line: Line) -> bool:
    """A heading such as `Session 1/24`, or a rule."""
    short = len(line.raw.split()) <= MAX_WORDS_OF_HEADER and not line.raw.endswith((".", "!", "?", ","))
    return not line.clock and not line.label and (short or bool(RULE.fullmatch(line.raw)))


def _with(header: Header, line: Line) -> Header:
    role = roles.role_word(line.label or "")
    if role:
        name = roles.bare(line.text).partition(",")[0].strip()
        return replace(header, people={**header.people, name: role}, found=True)
    if _key(line) in ("time", "start time", "uhrzeit"):
        return replace(header, time=clock.read(line.text), found=True)
    return replace(header, found=True)


# -- who speaks ------------------------------------------------------------------------------------------------------


def _speakers(lines: Sequence[Line], header: Header) -> dict[str, str]:
    """Label -> speaker, of the labels that are speakers."""
    labels = [line.label for line in lines if line.label and _key(line) not in NO_NAMES]
    counts = Counter(labels)
    sure = {line.label for line in lines if line.label in counts and line.clock}
    sure |= {label for label in counts if any(roles.same_person(label, name) for name in header.people)}
    if len(labels) > 1:
        sure |= {label for label in counts if roles.role_word(label)}
    repeated = {label for label, count in counts.items() if count > 1}
    if sure or _share(lines, repeated) >= HALF or _in_capitals(lines, counts):
        sure |= repeated
        dense = _share(lines, counts) >= MOST
        sure |= {label for label in counts if _is_capital(label) or (dense and _is_personal(label))}
    kept = [label for label in counts if label in sure]
    return {label: name for label, name in roles.people(kept, header.people).items() if label in sure}


def _is_capital(label: str) -> bool:
    return label.isupper() and len(label) > 1


def _is_personal(label: str) -> bool:
    """Whether a label that comes once may be a name: one or two words, none of them of a heading."""
    words = roles.tokens(label)
    return len(words) <= 2 and not words & NO_NAMES


def _share(lines: Sequence[Line], labels: Collection[str]) -> float:
    """How much of what is written stands on lines with these labels, or right below one that is alone on its line."""
    written = [line for line in lines if line.raw and (line.label or not line.clock or line.text) and not _is_aside(line)]
    labelled = sum(2 if not line.text else 1 for line in written if line.label in labels)
    return labelled / len(written) if written else 0.0


def _is_aside(line: Line) -> bool:
    """A rule, or a stage direction on a line of its own."""
    return bool(RULE.fullmatch(line.raw)) or (line.raw[0] in "([" and line.raw[-1] in ")]")


def _in_capitals(lines: Sequence[Line], counts: Mapping[str, int]) -> bool:
    """A short dialogue in which nobody speaks twice: `ALEX: ...`, `DR. KIM: ...`, and nothing else."""
    capitals = [label for label in counts if _is_capital(label)]
    return len(capitals) > 1 and _share(lines, capitals) >= 1


# -- the turns -------------------------------------------------------------------------------------------------------


def _turns(lines: Sequence[Line], speakers: Mapping[str, str], clocked: bool, only_turns: bool) -> Iterator[Turn]:
    """A clock on a line of its own is the next turn's. An unlabelled line goes on with the turn before it."""
    turn, waiting = Turn(None, None, []), None
    narrated = only_turns
    own = not only_turns and next((line.label for line in lines if line.raw), None) not in speakers
    for line in lines:
        if line.label in speakers:
            yield from _worth(turn, narrated)
            turn, waiting, narrated = Turn(speakers[line.label or ""], line.clock or waiting, [line.text]), None, False
        elif speakers and (RULE.fullmatch(line.raw) or (own and not line.raw and any(turn.lines))):
            yield from _worth(turn, narrated)
            turn, narrated = Turn(None, None, []), only_turns
        elif line.clock and (clocked or line.boxed) and not line.label:
            if line.text:
                yield from _worth(turn, narrated)
                turn = Turn(turn.speaker, line.clock, [line.text])
            waiting = None if line.text else line.clock
        else:
            turn.lines.append(line.raw)
    yield from _worth(turn, narrated)


def _worth(turn: Turn, narrated: bool) -> Iterator[Turn]:
    if any(turn.lines) and not narrated:
        yield turn
