"""Records of figures: where they come from (machine, commit, load), and where they go."""

from __future__ import annotations

import datetime
import gc
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: Where records are kept.
RECORDS = ROOT / "benchmarks" / "record"


def commit() -> str:
    """The short commit id of the checkout, with "+" behind it if tracked files differ."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")


def description() -> dict[str, Any]:
    """Processor, cores, memory, load, Python, collector, date, commit."""
    cpu = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": cpu[0] if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory[0] / 2**20, 1) if memory else None,
        "load": os.getloadavg(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "gc_enabled": gc.isenabled(),
    }


def write(record: dict[str, Any], name: str, out: Path | None = None) -> Path:
    """Write a record, whose "machine" is a `description`, to `out`, by default RECORDS/DATE-COMMIT-name.json."""
    where = record["machine"]
    out = out or RECORDS / f"{where['date'][:10]}-{where['commit'].rstrip('+')}-{name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return out


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
