"""The table of tasks. A task is a module with `run(path, baselines, data)`, which yields its figures one by one."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from figures import Figure


@dataclass(frozen=True)
class Task:
    """`takes`: the columns of its file. `data`: the file's or folder's usual name. `own`: one that is in the repository."""

    name: str
    about: str
    takes: str
    data: str | None = None
    own: Path | None = None

    def find(self, folder: Path | None) -> Path | None:
        """What to measure on: the file of the folder, else the repository's own."""
        given = folder / self.data if folder and self.data else None
        return given if given and given.exists() else self.own

    def run(self, path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
        """The task's figures. Raises Unusable."""
        module = importlib.import_module(self.name.replace("-", "_"))
        figures: Iterator[Figure] = module.run(path, baselines, data)
        return figures


SESSIONS = "a folder with a folder of written sessions for each person"
OWN = Path(__file__).parents[2] / "tests" / "data"  # files of the repository
SAMPLE = Path(__file__).parent.parent.parent / "insight_journey" / "samples" / "session.txt"

TASKS = {
    task.name: task
    for task in (
        Task("emotions", "the head's 28 labels, and Ekman's six and neutral", "text, labels", "goemotions_dev.tsv"),
        Task("groups", "forced choice among the groups of feeling that the file has", "text, label", "isear_all.tsv"),
        Task(
            "session-emotions",
            "groups of feeling that the whole analyzer finds in a sentence",
            "text, emotions",
            "session_emotions.tsv",
            OWN / "session_emotions.tsv",
        ),
        Task("crisis", "words of self-harm and crisis, and what only sounds so", "text, label", own=OWN / "crisis.tsv"),
        Task("topics", "the labels of any file by their names and our seeds", "text, topics", "counselchat_topics_dev.tsv"),
        Task("retrieval", "questions, each among the answers to all", "question_id, question_title, answer", "counselchat_retrieval.tsv"),
        Task("themes", "a person's main theme among her sessions' first topics", SESSIONS + " and themes.tsv", "transcripts"),
        Task("rules", "what the rules file and join, as it was read", "a folder of readings, or one of them", own=OWN / "readings"),
        Task("speed", "an hour of speech on one thread", f"a session, or {SESSIONS}", "transcripts", SAMPLE),
        Task("quotes", "quotes that are what was written down", f"a session, or {SESSIONS}", "transcripts", SAMPLE),
    )
}
