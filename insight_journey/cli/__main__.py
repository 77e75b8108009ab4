"""`python -m insight_journey.cli`: the command, where nothing is on PATH."""

from insight_journey.cli import main

main(prog_name="insight-journey")
