"""Clock times in written transcripts, as seconds from the first one.

`1:02:03` is hours, minutes, seconds. `10:05` is hours and minutes where a.m. or p.m. stands with it, where the header's
`Time:` is the first of them, or where it can't be a recording's time; else minutes and seconds. It can't be one when
the first of them is past five minutes (recordings begin at 0) or when more than five words a second would have been
said in between. A time that goes back goes on after noon or midnight where it is a time of day, else it is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

CLOCK = r"\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?(?:\s?[AaPp]\.?[Mm]\.?(?!\w))?"
PARTS = re.compile(r"(\d{1,3}):(\d{2})(?::(\d{2}))?(?:[.,](\d{1,3}))?(?:\s?([AaPp])\.?[Mm]\.?)?")
HALF_DAY, DAY = 43_200.0, 86_400.0
RECORDING_BEGINS_BY = 5  # minutes
FASTEST = 5.0  # words a second
LONGEST_STEP = 6 * 3600.0


@dataclass(frozen=True)
class Clock:
    """A time as written: two or three numbers, a fraction of a second, and half of the day where it is told ("a", "p")."""

    numbers: tuple[int, ...]
    fraction: float = 0.0
    half: str | None = None

    def seconds(self, of_day: bool) -> float:
        """As a time of day (two numbers are hours and minutes) or of a recording (minutes and seconds)."""
        hours, minutes, seconds = self.numbers if len(self.numbers) == 3 else (*self.numbers, 0) if of_day else (0, *self.numbers)
        if self.half:
            hours = hours % 12 + (12 if self.half == "p" else 0)
        return hours * 3600 + minutes * 60 + seconds + self.fraction


def read(text: str) -> Clock | None:
    """The clock time that the text is, else None. Minutes and seconds past 59 are none."""
    match = PARTS.fullmatch(text.strip())
    if match is None or int(match[2]) > 59 or int(match[3] or 0) > 59:
        return None
    numbers = tuple(int(part) for part in match.group(1, 2, 3) if part is not None)
    return Clock(numbers, float(f"0.{match[4]}") if match[4] else 0.0, match[5].lower() if match[5] else None)


def seconds(clocks: Sequence[Clock | None], words: Sequence[int], header: Clock | None = None) -> list[float | None]:
    """Seconds from the first clock for each turn (None where it has none). `words`: how many each turn has."""
    known = [clock for clock in clocks if clock]
    if not known:
        return [None] * len(clocks)
    of_day = is_time_of_day(clocks, words, header)
    return _from_first([clock.seconds(of_day) if clock else None for clock in clocks], of_day, any(c.half for c in known))


def is_time_of_day(clocks: Sequence[Clock | None], words: Sequence[int], header: Clock | None) -> bool:
    """Whether the times are a day's, not a recording's: the rule above."""
    known = [clock for clock in clocks if clock]
    first = known[0]
    if any(clock.half for clock in known):
        return True
    if any(len(clock.numbers) == 3 or clock.fraction or clock.numbers[0] > 23 for clock in known):
        return False
    if header and header.numbers[:2] == first.numbers[:2]:
        return True
    return first.numbers[0] >= RECORDING_BEGINS_BY or _too_fast(clocks, words)


def _too_fast(clocks: Sequence[Clock | None], words: Sequence[int]) -> bool:
    times = [(index, clock.seconds(of_day=False)) for index, clock in enumerate(clocks) if clock]
    (first, begin), (last, end) = times[0], times[-1]
    return sum(words[first:last]) > FASTEST * max(0.0, end - begin) + 2 * FASTEST


def _from_first(times: list[float | None], of_day: bool, halves: bool) -> list[float | None]:
    begin = next(time for time in times if time is not None)
    placed: list[float | None] = []
    last = begin
    for time in times:
        while time is not None and of_day and time < last:
            time += DAY if halves else HALF_DAY
        if time is not None and (time < last or (of_day and time - last > LONGEST_STEP)):
            time = None
        last = last if time is None else time
        placed.append(None if time is None else round(time - begin, 3))
    return placed
