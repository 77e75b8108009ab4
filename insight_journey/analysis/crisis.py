"""Words of self-harm: found before anything else, so that they are never filed as a belief, an insight or a plan.

Wide on purpose: a false alarm here only leaves some elements of one moment unfiled.
"""

import re

from insight_journey.analysis.sentences import plain

PHRASES = re.compile(
    r"\b(?:"
    r"(?:kill|hurt|harm|cut|hang|drown|shoot)(?:ing|ting)? (?:my ?self|me)\b|suicid\w*|self[- ]?harm\w*|unalive"
    r"|(?:end|ending|take|taking) (?:my (?:own )?life|it all)\b"
    r"|(?:want(?:ed)?|ready|going|wish(?:ed)? i could|rather|like) (?:to )?(?:just )?(?:die|be dead)\b|wish (?:that )?i (?:was|were) dead"
    r"|wish (?:that )?i (?:had never been|was never|were never|hadn't been|wasn't) (?:born|alive|here)"
    r"|(?:don't|do not|didn't|not|no longer|never) (?:really )?(?:want(?:ed)? to|wanna) (?:live|be alive|be here|exist|wake up|go on)\b"
    r"|should ?(?:not|n't) (?:be|have been|even be) (?:alive|here|born)|not (?:be|being) (?:alive|here any ?more)"
    r"|better off (?:dead|without me|if i (?:was|were) (?:dead|gone))"
    r"|(?:no|any) (?:reason|point) (?:to|in) (?:live|living|be(?:ing)? alive|going on)"
    r"|can(?:'t|not) (?:go on|do this life|live like this)\b|(?:go to sleep|fall asleep) and (?:not|never) wake up|never wak(?:e|ing) up"
    r"|(?:jump|jumping) (?:off|in front)|overdos\w+|slit my|(?:disappear|gone) (?:forever|for good)|not worth living"
    r")"
)


def is_crisis(text: str) -> bool:
    """Whether these words may speak of self-harm or of not wanting to live."""
    return PHRASES.search(plain(text)) is not None
