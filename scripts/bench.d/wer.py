"""wer: word error rate of transcription.

DIR/audio/ holds recordings and references.tsv with lines of `id<TAB>text`, the id being a file's name without its ending.
Both sides are made comparable first: letter case, punctuation, titles, numbers. Exit 1 above 0.12.
"""

import argparse
import re
import time
from pathlib import Path

import jiwer
from installation import Lacking, folder, installation

from tests.stack import Person

MOST = 0.12
TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint"}
ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def run(arguments: argparse.Namespace) -> int:
    recordings = _recordings(folder(arguments.data / "audio"))
    began = time.monotonic()
    with installation() as stack:
        person = stack.person("Listener")
        heard = _transcribe(person, [path for path, _ in recordings])
    measured = jiwer.process_words([normalised(text) for _, text in recordings], [normalised(text) for text in heard])
    words = measured.hits + measured.substitutions + measured.deletions
    print(
        f"wer {measured.wer:.4f} n={len(recordings)} words={words} substituted={measured.substitutions} deleted={measured.deletions} "
        f"inserted={measured.insertions} wall={time.monotonic() - began:.0f}s"
    )
    return measured.wer > MOST


def _recordings(audio: Path) -> list[tuple[Path, str]]:
    """(recording, what is said in it) for each line of references.tsv."""
    references = audio / "references.tsv"
    if not references.is_file():
        raise Lacking(f"there is no {references}")
    said = dict(line.split("\t", 1) for line in references.read_text().splitlines() if "\t" in line)
    found = {path.stem: path for path in sorted(audio.iterdir()) if path != references}
    if missing := said.keys() - found.keys():
        raise Lacking(f"{audio} lacks the recordings {', '.join(sorted(missing))}")
    return [(found[name], said[name]) for name in sorted(said)]


def _transcribe(person: Person, recordings: list[Path]) -> list[str]:
    """What the product heard, through its own API: session, upload, run, transcript."""
    sessions = [person.session(path.stem) for path in recordings]
    runs = [
        person.post(f"/sessions/{session}/content", files={"file": (path.name, path.read_bytes())})["id"]
        for session, path in zip(sessions, recordings, strict=True)
    ]
    ended = [person.wait(run, 600) for run in runs]
    if failed := [run["error"] for run in ended if run["status"] != "finished"]:
        raise Lacking(f"{len(failed)} runs failed: {failed[0]}")
    return [" ".join(u["text"] for u in person.get(f"/sessions/{session}/transcript")["utterances"]) for session in sessions]


def normalised(text: str) -> str:
    """Words alone, in lower case; titles and whole numbers below a million as they are spoken."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower().replace("’", "'"))
    words = re.findall(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*", text)
    return " ".join(spoken(int(word)) if word.isdigit() else TITLES.get(word, word) for word in words)


def spoken(number: int) -> str:
    """`342` -> `three hundred forty two`."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return f"{TENS[number // 10]} {ONES[number % 10] if number % 10 else ''}".strip()
    unit, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    if number >= 1_000_000:
        return str(number)
    rest = number % unit
    return f"{spoken(number // unit)} {name}{f' {spoken(rest)}' if rest else ''}"
