"""The day a plan names: "tomorrow", "on Sunday", "next week". Days that the words leave open stay open."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10}
DAY, MONTH, COUNT = "|".join(DAYS), "|".join(MONTHS), "|".join(COUNTS)
REPEATED = re.compile(
    rf"\b(?:every|each|most|on) (?:other )?(?:{DAY})s\b"
    rf"|\b(?:every|each|most|last) (?:other |single )?(?:{DAY}|day|week|month|morning|night)\b"
)
DATE = rf"\b(?:(?P<month>{MONTH}) (?P<d>\d{{1,2}})|(?P<d2>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month2>{MONTH}))(?:st|nd|rd|th)?\b"


def due_on(text: str, today: date) -> date | None:
    """The last day that a clause (lower case) sets for what it plans; None where it names none or a repeated one.

    A weekday is the next one after today, "next Friday" that of the next calendar week (Monday to Sunday), "this week",
    "next week" and "the weekend" mean their Sunday, "next month" its last day.
    """
    if REPEATED.search(text):
        return None
    for pattern, resolve in RULES:
        if match := pattern.search(text):
            try:
                return resolve(match, today)
            except (ValueError, OverflowError):
                return None
    return None


def _weekday(match: re.Match[str], today: date) -> date:
    ahead = (DAYS.index(match["day"]) - today.weekday()) % 7 or 7
    return today + timedelta(ahead)


def _weekday_of_next_week(match: re.Match[str], today: date) -> date:
    return today + timedelta(7 - today.weekday() + DAYS.index(match["day"]))


def _sunday(weeks: int) -> Callable[[re.Match[str], date], date]:
    return lambda _match, today: today + timedelta(6 - today.weekday() + 7 * weeks)


def _after(match: re.Match[str], today: date) -> date:
    count = COUNTS.get(match["n"]) or int(match["n"])
    return today + timedelta(count * (7 if match["unit"].startswith("week") else 1))


def _month_end(months: int) -> Callable[[re.Match[str], date], date]:
    def end(_match: re.Match[str], today: date) -> date:
        year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
        return date(year, month + 1, monthrange(year, month + 1)[1])

    return end


def _named(match: re.Match[str], today: date) -> date:
    month = MONTHS.index(match["month"] or match["month2"]) + 1
    day = date(today.year, month, int(match["d"] or match["d2"]))
    return day if day >= today else day.replace(year=today.year + 1)


RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], date]], ...] = (
    (re.compile(r"\b(\d{4}-\d\d-\d\d)\b"), lambda match, _today: date.fromisoformat(match[1])),
    (re.compile(r"\bday after tomorrow\b"), lambda _match, today: today + timedelta(2)),
    (re.compile(r"\btomorrow\b"), lambda _match, today: today + timedelta(1)),
    (re.compile(r"\b(?:today|tonight|this (?:evening|afternoon|morning))\b"), lambda _match, today: today),
    (re.compile(rf"\bnext (?P<day>{DAY})\b"), _weekday_of_next_week),
    (re.compile(rf"\b(?P<day>{DAY})\b"), _weekday),
    (re.compile(rf"\b(?:in|within) (?P<n>\d{{1,2}}|{COUNT}) (?P<unit>days?|weeks?)\b"), _after),
    (re.compile(r"\bnext (?:week|weekend)\b"), _sunday(1)),
    (re.compile(r"\b(?:this (?:coming |very )?(?:week|weekend)|the weekend|end of the week)\b"), _sunday(0)),
    (re.compile(r"\bnext month\b"), _month_end(1)),
    (re.compile(r"\b(?:this month|end of the month)\b"), _month_end(0)),
    (re.compile(DATE), _named),
)
