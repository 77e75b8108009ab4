"""The card of the emotion head: what stands beside its weights."""

from datetime import UTC, datetime
from pathlib import Path

from emotions import measured
from figures import Array, Figure

from insight_journey import encoder
from insight_journey.analysis.emotions import FINE, GROUP
from insight_journey.analysis.head import Model

WEAK = 0.4  # F1 below which a label is called weak

TEMPLATE = Path(__file__).with_name("card.md")


def written(model: Model, logits: Array, true: Array, **facts: object) -> str:
    """The card as Markdown, by the logits of the dev split [texts, labels]. `facts`: how the head was trained."""
    said = (logits >= model.thresholds).astype(float)
    scores = {label: _scores(said[:, n], true[:, n]) for n, label in enumerate(model.labels)}
    return TEMPLATE.read_text(encoding="utf-8").format(
        **facts, date=datetime.now(UTC).date(), encoder=encoder.NAME, sha256=encoder.SHA256, voters=len(model.heads),
        width=model.heads[0].hidden.shape[1], weights=sum(each.size for head in model.heads for each in vars(head).values()),
        n=len(true), figures="\n".join(_row(figure) for figure in measured(model, logits, true)), fine=FINE, group=GROUP, weak=WEAK,
        labels="\n".join(f"| {label} | {' | '.join(score)} |" for label, score in scores.items()),
        weak_labels=", ".join(label for label, (f1, *_) in scores.items() if float(f1) < WEAK),
    )  # fmt: skip


def _row(figure: Figure) -> str:
    return f"| {figure.name} | {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}] |"


def _scores(said: Array, true: Array) -> list[str]:
    """F1, precision, recall, and how many there are."""
    both, ours, theirs = float((said * true).sum()), float(said.sum()), float(true.sum())
    return [f"{2 * both / max(1, ours + theirs):.2f}", f"{both / max(1, ours):.2f}", f"{both / max(1, theirs):.2f}", f"{theirs:.0f}"]
