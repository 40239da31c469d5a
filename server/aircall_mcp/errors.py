"""Everything that can go wrong, as one class tree.

    AircallMCPError
    ├── SpecError                 the compiled API description is broken      stops the start
    ├── SettingsError             a choice of the owner cannot be followed    stops the start
    ├── NotOffered                no such tool or operation                   protocol error -32602
    └── ToolError                 the model hears of it, with a hint          an isError result
        ├── ArgumentError           the arguments do not fit the schema
        ├── NotAllowed              the owner does not allow this
        ├── NeedsConfirmation       a human must say yes first
        ├── Declined                a human said no
        ├── Duplicate               the very same effect was just done, or is under way
        ├── BudgetExhausted         too many requests; says when to come back
        ├── CredentialError         no key, or a refused one; names the command to run
        ├── Refused                 Aircall said no, in its own words
        ├── StoreError              our own disk refused: full, read-only, busy or damaged
        ├── Unreachable             no answer, and nothing was done
        └── OutcomeUnknown          an effect was sent and no answer came

Anything outside this tree is a bug: logged in full, answered with nothing inside.
"""

from __future__ import annotations

from typing import ClassVar


def quoted(text: str, longest: int = 60) -> str:
    """What somebody named, for an error to say; `…` where it is longer than a name.

    It is never cut: a secret that stands where a name should is known as a whole alone.
    """
    return text if len(text) <= longest else "…"


class AircallMCPError(Exception):
    """The root. `message` says what happened, `hint` what to do next; neither holds a secret."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SpecError(AircallMCPError):
    """The API description or an overlay is wrong; names file, operation and key."""


class SettingsError(AircallMCPError):
    """A flag, a variable or a key of the configuration is not valid."""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()  # all that a program's traceback shows


class NotOffered(AircallMCPError):
    """No tool or operation of this name is offered here."""


class ToolError(AircallMCPError):
    """An error that a model gets: it becomes `{"error": {"kind", "message", "hint", ...}}`."""

    kind: ClassVar[str]

    def extra(self) -> dict[str, object]:
        """More keys for the error object, for the kinds that carry any."""
        return {}


class ArgumentError(ToolError):
    kind = "argument"


class NotAllowed(ToolError):
    kind = "not_allowed"


class NeedsConfirmation(ToolError):
    """A person must say yes first, with at least this `grade`; `account` would act. `about` is the
    bound operation that needs the yes, if it is not the one that was called."""

    kind = "needs_confirmation"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        grade: int = 1,
        account: str = "",
        about: object = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.grade = grade
        self.account = account
        self.about = about


class Declined(ToolError):
    """A person said no, and nothing was done."""

    kind = "declined"

    HINT: ClassVar = (
        "Nothing was done. Tell your user, and do not call again unless they ask for it. For a"
        " minute the same call gets this answer."
    )

    def __init__(
        self, message: str = "The person who was asked said no.", *, hint: str = HINT
    ) -> None:
        super().__init__(message, hint=hint)


class Duplicate(ToolError):
    """The same effect with the same arguments, too soon: it was not sent again."""

    kind = "duplicate"


class BudgetExhausted(ToolError):
    """Too many requests, here or at Aircall. `retry_after` is in seconds."""

    kind = "budget"

    def __init__(self, message: str, *, retry_after: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after

    def extra(self) -> dict[str, object]:
        return {"retry_after_seconds": round(self.retry_after, 1)}


class CredentialError(ToolError):
    kind = "credential"


class Refused(ToolError):
    """Aircall answered with an error. `status` is its HTTP status."""

    kind = "refused"

    def __init__(self, message: str, *, status: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status

    def extra(self) -> dict[str, object]:
        return {"status": self.status}


class StoreError(ToolError):
    """A file of ours cannot be read or written. Nothing that was there before is lost."""

    kind = "storage"


class Unreachable(ToolError):
    kind = "unreachable"


class TooMuch(Unreachable):
    """An answer is larger than the limit."""


class OutcomeUnknown(ToolError):
    kind = "outcome_unknown"
