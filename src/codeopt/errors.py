"""Errors that a person caused and can mend: one line that says what happened, one that says what to do."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right. The command line prints it without a traceback and exits with 2.

    Args:
        message: What is wrong, in one line.
        hint: What to do next, in one line.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class SandboxUnavailable(UserError):
    """The chosen kind of sandbox cannot start here (no engine, no image, no bubblewrap)."""


class SandboxBroken(Exception):
    """A session ended in the middle of a call for a reason that is not the candidate's (engine restarted)."""


class EngineRestarted(SandboxBroken):
    """The sandbox's engine was restarted under a session and answers again: a new session works."""
