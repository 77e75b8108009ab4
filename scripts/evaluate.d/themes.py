"""Whether a person's main themes are among the three topics that a session is most about, as the product ranks them.

The file `themes.tsv` tells the themes in plain words. A theme stands for the topics that `themes.json` names for it; one that stands
there not, for the topics that each of its parts (between commas) is nearest to.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import reading
import tables
import transcripts
from figures import Figure, share

from insight_journey.analysis import topics
from insight_journey.analysis.base import prominence

KNOWN = Path(__file__).parent / "themes.json"
NAME = "themes.tsv"
FEW = 3


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    """Sessions of people who have no themes in the file are left out."""
    wanted = {row["person"]: codes(row["themes"]) for row in _themes(path / NAME)}
    told = [each for each in transcripts.read(path) if each.person in wanted]
    if not told:
        raise tables.Unusable(f"{path} has no session of a person whom {NAME} names")
    first, few, counted = [], [], []
    for each in told:
        mentions = [mention for mention in each.analysis.mentions if mention.kind == "topic"]
        ranked = list(prominence((str(mention.code), mention.confidence) for mention in mentions))
        oftenest = [code for code, _ in Counter(mention.code for mention in mentions).most_common(FEW)]
        first.append(bool(wanted[each.person] & set(ranked[:1])))
        few.append(bool(wanted[each.person] & set(ranked[:FEW])))
        counted.append(bool(wanted[each.person] & set(oftenest)))
    yield share("top_3", np.array(few, float))
    yield share("top_1", np.array(first, float))
    yield share("top_3_by_number_of_mentions", np.array(counted, float))


def codes(themes: str) -> set[str]:
    """`anxiety; perfectionism, self-doubt` -> the topics that any of these stands for."""
    known = json.loads(KNOWN.read_text(encoding="utf-8"))["themes"]
    found: set[str] = set()
    for theme in (theme.strip().lower() for theme in themes.split(";")):
        found.update(known[theme] if theme in known else (_nearest(part) for part in theme.split(",") if part.strip()))
    return found


def _nearest(words: str) -> str:
    shipped = topics.load()
    return shipped.codes[int(shipped.margins(reading.encoded().vectors([words.strip()]))[0].argmax())]


def _themes(path: Path) -> list[tables.Row]:
    """The header of the second column may say more than `themes`."""
    rows = tables.read(path, "person")
    column = next((name for name in rows[0] if name.startswith("themes")), "")
    if not column:
        raise tables.Unusable(f"{path} has no column themes")
    return [{"person": row["person"], "themes": row[column]} for row in rows]
