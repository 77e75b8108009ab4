"""Feelings that the person names herself, found by the lexicon and by how the word is used.

A word of `lexicon.tsv` counts only in its frame: `be` words ("I'm anxious"), `feel` words that need a verb of feeling
("I feel small"), `situation` words said of a thing ("it was overwhelming"), nouns ("my guilt"), verbs ("I regret") and
whole phrases. Negated, wished-for, imagined, asked-about and other people's feelings are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from insight_journey.analysis.phrases import Phrases
from insight_journey.analysis.sentences import Sentence, Token
from insight_journey.analysis.words import (
    ADVERBS,
    AUXILIARIES,
    BE,
    BOOSTERS,
    COORDINATORS,
    COPULAS,
    FEEL,
    HANDLING,
    HEDGES,
    HYPOTHETICAL,
    NEGATIONS,
    NOUN_OPENERS,
    OTHERS,
    PEOPLE,
    SELF,
    THINGS,
    TO_IS_REAL,
)  # fmt: skip

# How often readers of GoEmotions' train split gave a text with a hit of this frame a feeling of its group (docs/accuracy.md),
# drawn to the mean of all frames as by 20 more hits: nouns and phrases are rare there.
CONFIDENCE = {"situation": 0.88, "fragment": 0.86, "be": 0.83, "verb": 0.82, "phrase": 0.79, "noun": 0.73, "feel": 0.56}
REACH = 12  # words before the feeling that are looked at
LATER = frozenset({"i'll", "will", "can", "could", "maybe", "try", "should", "going", "might", "would"})
COMPARISONS = ("less", "least", "rarely")
STILL_REAL = ("not only", "not just", "can't help", "couldn't help", "can't stop", "couldn't stop", "never felt so", "never been so")
DOUBTED = ("don't think", "didn't think", "not sure", "not sure if", "not sure that", "don't feel like", "can't say", "doubt")
WISHED = ("if", "whenever", "until", "unless", "wish", "hope")
POLITE = {
    "afraid": ("so", "not", "i can't", "i cannot", "i don't", "i won't", "i have to", "we can't", "that's", "it's not"),
    "happy": ("to", "with that", "new", "birthday"), "glad": ("to",), "proud": ("of you",), "sad": ("to say",), "confused": ("by you",),
    "curious": ("to see", "to hear", "what you"), "excited": ("to see you",), "appreciate": ("it if", "if you"), "fear": ("not",),
    "hate": ("to say", "to ask"), "good": ("at", "enough", "to go"), "low": ("energy",), "calm": ("down", "myself"),
}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A line of the lexicon. `strength` 1..3 is that of the bare word."""

    code: str
    frame: str
    strength: int


@dataclass(frozen=True)
class Feeling:
    """A feeling in a sentence. [start, end) in the moment, from the person's own "I" (where there is one) to the word.

    `frame`: that of the word, or "fragment" where nobody is named ("Honestly, a bit nervous").
    """

    code: str
    start: int
    end: int
    intensity: int
    frame: str

    @property
    def confidence(self) -> float:
        return CONFIDENCE[self.frame]


@cache
def lexicon() -> Phrases[Word]:
    """The shipped lexicon."""
    text = (files("insight_journey.analysis") / "lexicon.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return Phrases((phrase, Word(code, frame, int(strength))) for phrase, code, frame, strength in rows)


def find(sentence: Sentence) -> list[Feeling]:
    """The feelings of one sentence, one a code: the most strongly worded."""
    best: dict[str, Feeling] = {}
    for feeling in _all(sentence):
        known = best.get(feeling.code)
        if known is None or (feeling.intensity, feeling.confidence) > (known.intensity, known.confidence):
            best[feeling.code] = feeling
    return sorted(best.values(), key=lambda feeling: (feeling.start, feeling.end, feeling.code))


def has_words(sentence: Sentence) -> bool:
    """Whether the sentence has a word for any feeling, felt or not: denied, wished for, somebody else's."""
    return next(lexicon().find(sentence.tokens), None) is not None


def worded(sentence: Sentence) -> int:
    """How strongly a sentence is worded that names no feeling: 1 weakly, 2 plainly, 3 strongly."""
    return _stepped(2, [token.word for token in sentence.tokens])


def _all(sentence: Sentence) -> Iterator[Feeling]:
    if sentence.asks:
        return
    tokens = sentence.tokens
    for first, last, word in lexicon().find(tokens):
        subject = _subject(tokens, first, word)
        if subject is None or not _framed(tokens, first, last, subject, word) or _void(tokens, first, last, subject):
            continue
        start = tokens[subject if subject >= 0 else first].start
        frame = word.frame if subject >= 0 else "fragment"
        yield Feeling(word.code, start, tokens[last - 1].end, _intensity(tokens, first, word), frame)


def _subject(tokens: Sequence[Token], first: int, word: Word) -> int | None:
    """Index of the word that says whose feeling it is; -1 when nobody is named; None when it is another's."""
    if word.frame in ("noun", "phrase") and first and tokens[first - 1].word == "my":
        return first - 1
    own_clause = _shared(tokens, first)
    for index in range(first - 1, max(-1, first - 1 - REACH), -1):
        if (whose := tokens[index].word) in SELF:
            return index
        if index >= own_clause:
            continue
        if whose in OTHERS or whose in PEOPLE:
            return None
        if whose in THINGS and word.frame != "noun":
            return index if word.frame in ("situation", "phrase") or _felt(tokens, index, first) else None
    return _fragment(tokens, first)


def _shared(tokens: Sequence[Token], first: int) -> int:
    """Index from which no other subject counts: that of the "I" whose second predicate this is ("... and felt relieved")."""
    index = first - 1
    while index >= 0 and tokens[index].word not in COORDINATORS and tokens[index].word in ADVERBS | BE | FEEL:
        index -= 1
    if index < 0 or tokens[index].word not in COORDINATORS:
        return first
    return next((n for n in range(index, max(-1, index - REACH), -1) if tokens[n].word in SELF), first)


def _fragment(tokens: Sequence[Token], first: int) -> int | None:
    allowed = ADVERBS | FEEL | NOUN_OPENERS
    return -1 if first <= 6 and all(token.word in allowed for token in tokens[:first]) else None


def _felt(tokens: Sequence[Token], thing: int, first: int) -> bool:
    """ "It feels good", "which felt great": said of a thing, but felt by the person."""
    return any(token.word in FEEL for token in tokens[thing + 1 : first])


def _framed(tokens: Sequence[Token], first: int, last: int, subject: int, word: Word) -> bool:
    before = _before(tokens, first)
    verb = tokens[before].word if before >= 0 else ""
    match word.frame:
        case "be":
            return subject < 0 or _is_state(tokens, verb, subject, first)
        case "feel":
            return verb in FEEL
        case "situation":
            return (verb in COPULAS or verb in FEEL) and verb not in SELF
        case "verb":
            return subject >= 0 and _is_said_of(tokens, subject, first)
        case "noun":
            return _is_own(tokens, first, last)
    return True


def _before(tokens: Sequence[Token], first: int) -> int:
    """Index of the nearest word before that is no adverb, hedge or booster; -1 when there is none."""
    index = first - 1
    while index >= 0 and tokens[index].word in ADVERBS:
        index -= 1
    return index


def _is_state(tokens: Sequence[Token], verb: str, subject: int, first: int) -> bool:
    """Whether an adjective is said of the person: by a verb of being, or as one more in a row of such."""
    if verb in BE or verb in FEEL or verb in ("me", "myself"):
        return True
    joint = first
    while joint > 0 and tokens[joint - 1].word in ADVERBS and tokens[joint - 1].word not in COORDINATORS and not tokens[joint].after_break:
        joint -= 1
    listed = tokens[joint].after_break or (joint > 0 and tokens[joint - 1].word in COORDINATORS)
    return listed and any(token.word in BE or token.word in FEEL for token in tokens[subject : subject + 4])


def _is_said_of(tokens: Sequence[Token], subject: int, first: int) -> bool:
    """Whether only auxiliaries and adverbs, and no punctuation, stand between "I" and the verb."""
    between = tokens[subject + 1 : first]
    return all(token.word in AUXILIARIES or token.word in ADVERBS for token in between) and not any(
        token.after_break for token in tokens[subject + 1 : first + 1]
    )


def _is_own(tokens: Sequence[Token], first: int, last: int) -> bool:
    """A noun of feeling that is the person's: "I feel guilt", "full of dread", "my anxiety kicked in"."""
    for token in reversed(tokens[max(0, first - 7) : first]):
        if token.word in FEEL or token.word in ("full", "filled"):
            return True
        if token.word not in NOUN_OPENERS and token.word not in ADVERBS and token.word not in lexicon().words:
            break
    mine = first > 0 and tokens[first - 1].word == "my" and not (first > 1 and tokens[first - 2].word in HANDLING)
    return mine and last < len(tokens) and tokens[last].word not in ("at", "of", "level", "levels") and not tokens[last].after_break


def _void(tokens: Sequence[Token], first: int, last: int, subject: int) -> bool:
    """Whether the feeling is denied, wished for, imagined or a manner of speaking."""
    begin = max(subject, first - REACH, 0)
    if subject >= 0 and tokens[subject].word in ("me", "myself"):
        begin = max(0, subject - 3)
    zone = [token.word for token in tokens[begin:first]]
    lead = [token.word for token in tokens[max(0, begin - 4) : begin]]
    return _denied(zone, lead) or _imagined(zone, lead, tokens) or _polite(tokens, first, last)


def _denied(zone: list[str], lead: list[str]) -> bool:
    said = " ".join(zone)
    if any(real in said for real in STILL_REAL):
        return False
    # "less anxious and more hopeful": a comparison denies its own word only
    if any(word in COMPARISONS for word in zone[-2:]) or any(word in NEGATIONS or word.endswith("n't") for word in zone):
        return True
    return " ".join(lead).endswith(DOUBTED)


def _imagined(zone: list[str], lead: list[str], tokens: Sequence[Token]) -> bool:
    if any(word in HYPOTHETICAL for word in zone) or any(word in WISHED for word in lead[-2:]):
        return True
    if "when" in lead[-2:] and any(token.word in LATER for token in tokens):
        return True
    return any(a not in TO_IS_REAL and b == "to" for a, b in zip(zone, zone[1:], strict=False))


def _polite(tokens: Sequence[Token], first: int, last: int) -> bool:
    after = " ".join(token.word for token in tokens[last : last + 3]) + " "
    said = " ".join(token.word for token in tokens[first:last])
    return any(after.startswith(follow + " ") for follow in POLITE.get(said, ()))


def _intensity(tokens: Sequence[Token], first: int, word: Word) -> int:
    """How strongly it was worded: 1 weakly, 2 plainly, 3 strongly."""
    index = first
    while index > 0 and tokens[index - 1].word in ADVERBS | NOUN_OPENERS and not tokens[index].after_break:
        index -= 1
    return _stepped(word.strength, [token.word for token in tokens[max(index, first - 4) : first]])


def _stepped(strength: int, near: list[str]) -> int:
    step = any(word in BOOSTERS for word in near) - any(word in HEDGES for word in near)
    return max(1, min(3, strength + step))
