"""How often the offline analyzer and the search are right. Each task prints one line a metric: `name value [low, high] n=N`.

The interval is the bootstrap's 95%. Ends with 0 when every bar is kept, 1 when one is missed, 2 when there is nothing to
measure on. What is said besides goes to standard error.
"""

import argparse
import sys
from pathlib import Path

import bars
import tables
from tasks import TASKS, Task


def main() -> int:
    arguments = _parser().parse_args()
    try:
        if arguments.file is not None or (arguments.task and arguments.data is None and TASKS[arguments.task].own is None):
            return _one(TASKS[arguments.task], arguments)
        return _all([TASKS[arguments.task]] if arguments.task else list(TASKS.values()), arguments)
    except tables.Unusable as unusable:
        return _lacking(str(unusable))


def _parser() -> argparse.ArgumentParser:
    what = "\n".join(f"  {task.name:18}{task.about}" for task in TASKS.values())
    parser = argparse.ArgumentParser(
        prog="scripts/evaluate", description=__doc__, epilog=f"tasks:\n{what}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=TASKS, nargs="?", metavar="TASK", help="none: all that there is data for")
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a TSV file with the task's columns, or a folder")
    parser.add_argument("--data", type=Path, help="folder in which the tasks' files have their usual names")
    parser.add_argument("--baselines", action="store_true", help="simpler methods and published figures too")
    return parser


def _one(task: Task, arguments: argparse.Namespace) -> int:
    if arguments.file is None:
        return _lacking(f"{task.name} needs a FILE ({task.takes}), or --data DIR with {task.data} in it")
    return int(not _kept(task, arguments.file, arguments))


def _all(tasks: list[Task], arguments: argparse.Namespace) -> int:
    """Run what there is data for, and say for what there is none."""
    found = {task: path for task in tasks if (path := task.find(arguments.data))}
    kept = []
    for task, path in found.items():
        print(f"# {task.name}", flush=True)
        kept.append(_kept(task, path, arguments))
    for task in tasks:
        if task not in found:
            print(f"evaluate: no data for {task.name} ({task.data or 'give a FILE'}: {task.takes})", file=sys.stderr)
    return 2 if not kept else int(not all(kept))


def _kept(task: Task, path: Path, arguments: argparse.Namespace) -> bool:
    kept = True
    for figure in task.run(path, arguments.baselines, arguments.data):
        print(figure, flush=True)
        kept &= bars.kept(task.name, figure)
    return kept


def _lacking(message: str) -> int:
    print(f"evaluate: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
