"""How figures are shown, and whether they are as good as they should be."""

import statistics
from collections.abc import Sequence


def within(name: str, value: float, bar: float, unit: str = "", more: str = "", *, least: bool = False) -> bool:
    """Print `name value bar`, and tell whether the bar is kept: the value is at most `bar`, with `least` at least."""
    kept = value >= bar if least else value <= bar
    side, unit = "at least" if least else "at most", f" {unit}" if unit else ""
    print(f"{name} {value:.4g}{unit}, bar: {side} {bar:g}{unit}: {'ok' if kept else 'MISSED'}{f' ({more})' if more else ''}", flush=True)
    return kept


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
