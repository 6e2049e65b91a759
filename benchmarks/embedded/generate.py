"""The synthetic corpus: an endless, seeded stream of (task, user message, answer, constraint).

Run it to read samples:  python benchmarks/embedded/generate.py [--unseen] [--seed 0] [--count 20]
"""

import argparse
import random
from collections.abc import Callable, Iterator

from extraction import extraction
from tasks import Example, arithmetic, date, listing, sql, tool_call
from words import Words

TASKS: dict[str, tuple[float, Callable[[Words], Example]]] = {
    "extraction": (0.60, extraction),
    "tool_call": (0.10, tool_call),
    "sql": (0.08, sql),
    "arithmetic": (0.10, arithmetic),
    "date": (0.05, date),
    "list": (0.07, listing),
}


def stream(seed: int, *, unseen: bool = False) -> Iterator[tuple[str, Example]]:
    """Endless examples of the training mixture, each with its task's name."""
    words = Words(random.Random(seed), unseen=unseen)
    names, weights = list(TASKS), [weight for weight, _ in TASKS.values()]
    while True:
        task = words.rng.choices(names, weights)[0]
        yield task, TASKS[task][1](words)


def examples(task: str, count: int, seed: int, *, new_wording: bool = True) -> list[Example]:
    """Examples of one task with held-out words, in the held-out templates or in those of training."""
    words = Words(random.Random(seed), unseen=True, new_wording=new_wording)
    return [TASKS[task][1](words) for _ in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    for (task, (message, answer, _)), _ in zip(
        stream(options.seed, unseen=options.unseen), range(options.count), strict=False
    ):
        print(f"[{task}] {message}\n    -> {answer}")


if __name__ == "__main__":
    main()
