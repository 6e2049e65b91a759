"""Worker handle: an engine's process, replaced when it crashes or runs out of time.

One schema that hangs or kills its engine costs that schema only; the next one finds a fresh process.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Time for an engine to load its tokenizer, and to compile its kernels on a machine that has none yet.
SETUP_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Setting:
    """What one run of an engine is about."""

    engine: str
    tokenizer: Path
    eos: int
    width: int
    profile: str
    order: str
    timeout_s: float
    memory_gib: float
    python: str = sys.executable
    #: Sent to every new process before anything counts, so that what an engine loads or compiles lazily, once in a
    #: process, is not booked on a schema.
    warm_up: dict[str, Any] | None = None


@dataclass
class Worker:
    """A process that answers jobs; see `replay` for the lines that go to and fro."""

    setting: Setting
    #: What the process told about its set-up.
    hello: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._start()

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Send one job; a hang or a crash is an answer of its own (status "timeout" or "crash")."""
        try:
            self._send(job)
            return self._read(self.setting.timeout_s)
        except TimeoutError:
            result = {"status": "timeout", "error": f"no answer within {self.setting.timeout_s:g} s"}
        except (EOFError, BrokenPipeError):
            result = {"status": "crash", "error": self._last_words()}
        self.close()
        self._start()
        return result

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def _start(self) -> None:
        s = self.setting
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
        self.process = subprocess.Popen(
            [
                s.python,
                str(Path(__file__).with_name("replay.py")),
                s.engine,
                s.tokenizer,
                str(s.eos),
                str(s.width),
                s.profile,
                s.order,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=os.environ | {"PYTHONPATH": ""},
        )
        limit = int(s.memory_gib * 2**30)
        resource.prlimit(self.process.pid, resource.RLIMIT_AS, (limit, limit))
        try:
            self.hello = self._read(SETUP_TIMEOUT_S)
        except (EOFError, TimeoutError) as error:
            raise RuntimeError(f"{s.engine} could not be set up: {self._last_words()}") from error
        if s.warm_up is not None:
            self._send(s.warm_up)
            self.hello |= {"gc": self._read(SETUP_TIMEOUT_S)["gc"]}

    def _send(self, job: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        self.process.stdin.flush()

    def _read(self, timeout_s: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
        if not ready:
            raise TimeoutError
        line = self.process.stdout.readline()
        if not line:
            raise EOFError
        return json.loads(line)  # type: ignore[no-any-return]

    def _last_words(self) -> str:
        code = self.process.wait(timeout=10)
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return f"exit status {code}: {lines[-1] if lines else 'nothing on stderr'}"[:300]
