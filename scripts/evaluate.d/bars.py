"""What every figure must reach: the one table. Figures that are not in it are told, not judged."""

import sys

from figures import Figure

# task -> metric -> the least that it must be
AT_LEAST = {
    "emotions": {"macro_f1_28": 0.47, "macro_f1_ekman": 0.57},
    "groups": {"macro_f1": 0.42},
    "session-emotions": {"precision": 0.80, "recall": 0.75},
    "topics": {"top_1": 0.57, "top_3": 0.84},
    "retrieval": {"mrr_at_10": 0.44},
    "themes": {"top_3": 0.85},
    "rules": {
        "beliefs_precision": 0.75,
        "challenges_precision": 0.80,
        "actions_precision": 0.75,
        "insights_precision": 0.75,
        "identity_precision": 0.90,
        "beliefs_still_found": 1.0,
        "challenges_still_found": 1.0,
        "actions_still_found": 1.0,
        "insights_still_found": 1.0,
        "identity_still_found": 1.0,
    },
    "crisis": {"recall": 0.95},
    "quotes": {"verbatim": 1.0},
}
# task -> metric -> the most that it may be
AT_MOST = {
    "crisis": {"false_positives_per_1000": 5.0},
    "speed": {"seconds_600_sentences": 5.0, "resident_mb": 450.0},
}


def kept(task: str, figure: Figure) -> bool:
    """Whether a figure is as good as it must be; what is not goes to standard error."""
    least, most = AT_LEAST.get(task, {}).get(figure.name), AT_MOST.get(task, {}).get(figure.name)
    if least is not None and not figure.value >= least:
        print(f"evaluate: {task}: {figure.name} {figure.value:.4g} is below the bar of {least:g}", file=sys.stderr)
        return False
    if most is not None and not figure.value <= most:
        print(f"evaluate: {task}: {figure.name} {figure.value:.4g} is above the bar of {most:g}", file=sys.stderr)
        return False
    return True
