"""A random model over single bytes that reads text, and a server of it in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager

from syntagma.automata.vocabulary import Vocabulary
from syntagma.sampling import RandomModel


class ByteModel(RandomModel):
    """A random model over single bytes that reads text."""

    def __init__(self, pause=0.0):
        tokens = [bytes([b]) for b in range(256)]
        super().__init__(Vocabulary.from_tokens(tokens, [256], {"</s>": 256}), seed=3)
        self.context = 4096
        self.pause = pause
        self.rows = []

    def logp_next(self, prefixes):
        time.sleep(self.pause)
        self.rows.append(len(prefixes))
        return super().logp_next(prefixes)

    def encode(self, text):
        return list(text.encode()) or [0]

    def encode_chat(self, messages):
        return self.encode("\n".join(f"{m['role']}: {m['content']}" for m in messages))


@contextmanager
def running(model, **settings):
    """A server in a thread, and a client of it."""
    import httpx
    import uvicorn

    from syntagma.backends.server.app import Settings, create_app

    app = create_app(model, Settings(name="bytes", **settings))
    sock = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, ws="none"))
    thread = threading.Thread(target=asyncio.run, args=(server.serve([sock]),))
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
