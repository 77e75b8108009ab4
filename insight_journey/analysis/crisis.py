"""Words of self-harm and crisis: looked for before anything else is done with a transcript, on this machine, by rules alone.

Two nets from one table (`rules/crisis.tsv`). The wide one is any wording of the table, of whomever it is said, denied or
not: such a moment is never filed as a belief, challenge, insight or plan, and neither it nor the moments beside it leave
the machine. The narrow one raises the `care` flag: the words are the person's own, about herself, not denied, and not a
turn of phrase that only sounds so. docs/safety.md tells what this is worth, and what it is not.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from insight_journey.analysis.base import AnalysisJob, Care, Moment
from insight_journey.analysis.sentences import plain
from insight_journey.analysis.words import PEOPLE, SELF
from insight_journey.transcription.base import PRACTITIONER

log = logging.getLogger(__name__)

FILLERS = (
    r"just|really|honestly|literally|actually|kinda|kind of|sorta|sort of|simply|basically|truly|totally|completely|seriously"
    r"|fuck\w*|freaking|damn|goddamn|u[hm]+|erm|hmm+|you know|i mean|i guess|i suppose|probably|maybe|perhaps|even|still"
    r"|sometimes|often|always|constantly|lowkey|secretly|quietly|genuinely|frankly|like(?=,)|so bad(?:ly)?|somehow|suddenly"
    r"|all the time|every (?:single )?(?:day|night)"
)
# What is written in many ways is made one before the rules read it; each line may rely on those above it.
SAME = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"\s+", " "),
        (r"[\u00ad\u200b-\u200d\u2060\ufeff*_~]", ""),
        (r"\bs[u1]?[i1!]?c[i1!]?d(?=es?\b|al)", "suicid"),
        (r"\bk[1!]?ll(?=ing\b|ed\b|\b)", "kill"),
        (r"\bun-?al[i1]v", "unaliv"),
        (r"\.{2,}|…", " "),
        (r"\bi(m|ve)\b", r"i'\1"),
        (r"\b(do|did|does|is|was|were|has|have|had|would|could|should|are|ca|wo|ai)nt\b", r"\1n't"),
        (r"\b(?:can not|cannot)\b", "can't"),
        (r"\bwill not\b", "won't"),
        (r"\b(do|did|does|is|was|were|has|have|had|would|could|should|are) not\b", r"\1n't"),
        (r"\bi am\b", "i'm"),
        (r"\bi would\b", "i'd"),
        (r"\bwanna\b", "want to"),
        (r"\bgonna\b", "going to"),
        (r"\bany (?:more|longer)\b", "anymore"),
        (r"\bmy self\b(?!-)", "myself"),
        (r"\b(?:no one|noone|no-one|no body|not a soul)\b", "nobody"),
        (rf",? ?\b(?:{FILLERS})\b,?", ""),
        (r"\b(\w+(?: \w+)?)(?:,? \1\b)+", r"\1"),
        (r"\s+", " "),
        (r"\bnot going to lie,? ?", ""),
        (r"\blying if i said (?:that )?i want(?:ed)? to (?:live|be alive|be here)\b", "i don't want to live"),
        (r"\bi'd be lying if i said i \w+n't|\bnot a day (?:goes|went) by (?:that|where|when|without)(?: i \w+n't)?", "i"),
        (r"\b(?:(?:a|some|one|another|big|large) )*part of me (?:that )?", "i "),
        (r"\bi (want|hope|wish|think|believe|feel|long|pray|know|need)s\b", r"i \1"),
        (r"\b(why|reason) (?:i )?(?:should|would)n't(?: i)?\b", r"\1 i should"),
        (r"\b(promis\w*(?: \w+){0,3}?) (?:not to|to not|(?:that )?i (?:wouldn't|won't))\b", r"\1 to"),
        (r" (?=[,;:.!?])|^ ", ""),
    )
)
SENTENCE_END = re.compile(r"[.!?]+(?=[\s\"')\]]|$)")
# A denial that reaches what follows: not "can't stop", "don't know whether", and not over the end of a clause.
DENIED = re.compile(
    r"(?:\b(?:no|not|never|without|neither|nor|hardly)\b|n't\b)"
    r"(?! (?:stop\w*|keep|fight\w*|escape|shake|resist|control|ignore|handle|get|guarantee|help|know|sure|see|promise|say|care|wait|only"
    r"|trust|matter|because|until|anymore|one day|a day|a night)\b)"
    r"(?:(?: (?:think|thought|believe|believed|mean|say|saying|feel|feeling|thinking|that|like|to)){1,3} i(?:'\w+)?)?"
    r"(?: (?!(?:and|but|because|so|i|i'm|i've|i'd|until|stop\w*|anymore)\b)[\w'-]+){0,5} ?$"
)
ANSWERED_NO = re.compile(
    r"^.{0,30}\bi (?:said|answered|told \w+|say|replied) (?:that )?(?:no\b|never|of course not|i (?:don't|didn't|haven't|wouldn't|never))"
)
NOT_LATELY = re.compile(r"(?:haven't|hadn't|not) (?:[\w']+ ){0,3}$")  # "I haven't cut myself in three months" tells of before
LATELY = re.compile(r"(?: [\w']+){0,2} (?:in|for|since) (?:[\w']+ ){0,3}(?:days?|weeks?|months?|years?|ages|last|\d)")
OBJECT = re.compile(
    r"\b(?:told|tell|telling|asked|ask|to|with|from|for|at|of|by|than|without|because of) (?:my|the|a|our|his|her|their) \w+"
)
WORD = re.compile(r"[a-z]+")
MINE = SELF - {"we", "ourselves"} | {"my", "mine"}
OTHERS = PEOPLE | {
    "he",
    "she",
    "they",
    "you",
    "who",
    "someone",
    "somebody",
    "everyone",
    "everybody",
    "nobody",
    "character",
    "patient",
    "guy",
    "girl",
    "boy",
}
AROUND = 70  # characters before and after a wording that can tell it to be something else
BEFORE = 300  # characters before it in which its subject or denial stands
SHORT = 8  # words of a sentence that needs no "I"


@dataclass(frozen=True)
class Rule:
    """A wording. One of `cues` stands in every text that it fits; `unless` around it makes it another thing.

    `of`: "any" counts of itself, "mine" where it is said of the speaker, "wide" never flags.
    """

    of: str
    cues: tuple[str, ...]
    wording: re.Pattern[str]
    unless: re.Pattern[str] | None

    def fits(self, said: str) -> bool:
        """Whether it is worth looking for."""
        return any(cue in said for cue in self.cues)


def of(job: AnalysisJob) -> Care:
    """What was found before the analyzer was chosen; found now where nobody looked."""
    return find(job.moments) if job.care is None else job.care


def find(moments: Sequence[Moment]) -> Care:
    """Which moments speak of self-harm or crisis.

    Never raises. A moment that cannot be judged counts as touched, so that it stays here and unfiled, and is not flagged.
    """
    flagged, touched = set(), set()
    for moment in moments:
        try:
            touches, speaks = judge(moment.text)
        except Exception as error:  # the words must not be lost, nor get out
            log.error("safety_failed", extra={"error": type(error).__name__})
            touches, speaks = True, False
        if touches:
            touched.add(moment.position)
        if speaks and moment.role != PRACTITIONER:
            flagged.add(moment.position)
    return Care(frozenset(flagged), frozenset(touched))


def is_crisis(text: str) -> bool:
    """Whether somebody says with these words that she is, or was, in danger from herself: the narrow net."""
    return judge(text)[1]


def judge(text: str) -> tuple[bool, bool]:
    """(in the wide net, in the narrow one)."""
    found = [_speaks(rule, match, said) for said in sentences(text) for rule, match in _wordings(said)]
    return bool(found), any(found)


def sentences(text: str) -> list[str]:
    """The sentences of a text as the rules read them: plain, contracted, without fillers."""
    same = plain(text)
    for pattern, to in SAME:
        same = pattern.sub(to, same)
    return SENTENCE_END.split(same)


def _wordings(said: str) -> Iterator[tuple[Rule, re.Match[str]]]:
    for rule in rules():
        if rule.fits(said):
            for match in rule.wording.finditer(said):
                yield rule, match


def _speaks(rule: Rule, match: re.Match[str], said: str) -> bool:
    if rule.of == "wide" or (rule.of == "mine" and not _is_mine(match, said)):
        return False
    around = said[max(0, match.start() - AROUND) : match.end() + AROUND]
    return not (rule.unless and rule.unless.search(around)) and not _is_denied(_before(match, said), said[match.end() :])


def _is_mine(match: re.Match[str], said: str) -> bool:
    """Whether the last person named before the wording, its first word included, is the speaker."""
    before = OBJECT.sub(" ", _before(match, said)) + match.group().split(" ")[0]
    named = [word for word in WORD.findall(before) if word in MINE or word in OTHERS]
    if named:
        return named[-1] in MINE
    words = WORD.findall(said[: 2 * BEFORE])
    return len(words) <= SHORT or (len(WORD.findall(before)) <= SHORT and not MINE.isdisjoint(words))


def _before(match: re.Match[str], said: str) -> str:
    return said[max(0, match.start() - BEFORE) : match.start()]


def _is_denied(before: str, after: str) -> bool:
    if ANSWERED_NO.search(after):
        return True
    return bool(DENIED.search(before)) and not (NOT_LATELY.search(before) and LATELY.match(after))


@cache
def rules() -> tuple[Rule, ...]:
    """The table, in its order."""
    text = (files("insight_journey.analysis") / "rules" / "crisis.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    parts = {row[0]: row[1] for row in rows if row[0].startswith("<")}
    return tuple(_rule(parts, *row) for row in rows if not row[0].startswith("<"))


def _rule(parts: dict[str, str], of: str, cues: str, wording: str, unless: str = "") -> Rule:
    for name in reversed(parts):  # later parts may be made of earlier ones
        wording, unless = wording.replace(name, parts[name]), unless.replace(name, parts[name])
    begins = r"(?:(?<![\w'])|(?=n't|'ve|'ll))"
    return Rule(
        of, tuple(cues.split("|")), re.compile(rf"{begins}(?:{wording})(?!\w)"), re.compile(rf"(?:{unless})(?!\w)") if unless else None
    )
