"""Hooks of the schemathesis command: what is drawn is not to take minutes."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Ask for a few tokens where a body does not say."""
    if isinstance(case.body, dict):
        case.body.setdefault("max_output_tokens" if case.path.endswith("responses") else "max_tokens", 4)
