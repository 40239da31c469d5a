"""Where scripts run: a Python interpreter written in Rust, in processes that contain nothing of
ours.

A process serves one script and is gone. It has no environment, no files and no network; the names
it is handed are all that it can call, and each call is answered here. Where the system allows it,
the process is confined before it sees the program.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..errors import ArgumentError, BudgetExhausted, NotAllowed, ToolError
from ..ground.extras import how_to_have
from .confined import confine
from .crossing import FILE, RESULT, Function, crossing, kept, result_in

if TYPE_CHECKING:
    from pydantic_monty import AsyncMonty

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
"""Scripts that run at the same time."""
PATIENCE: Final = 10.0
"""Seconds that one more waits for its turn."""
LETTING_GO: Final = 0.1
"""Seconds after the end in which its threads let go of what they hold of Python: where this process
ends before they did, it aborts (seen in 4 of 105 that ended at once)."""
LONGEST_TOLD: Final = 1_500
"""Characters of what is said of a failure: its end, where the fault is."""
LONGEST_READ: Final = 100_000
"""Characters of it, from its end, that are looked at to say it: a script fails with as many as its
memory holds, and to go through those takes seconds in which nobody else is served."""
PRINTED: Final = 16_000
"""Bytes that a script may print."""
_HEAD: Final = "Traceback (most recent call last):"
_OURS: Final = re.compile(
    rf"^ *File {FILE}.*\n(?:    .*\n){{0,2}}(?:  \[Previous.*\n)?", re.MULTILINE
)
_PLACE: Final = re.compile(r'^ *File "[^"\n]*", (line \d+)(?:, in <module>)?', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """`seconds` is all that a script may take, `computing` what it may reckon by itself; `memory`
    is in bytes; `turns` are the times that it may turn to us, for whatever."""

    seconds: float = 40.0
    computing: float = 5.0
    memory: int = 64 * 1024 * 1024
    turns: int = 1_000
    depth: int = 200


@dataclass(frozen=True, slots=True)
class Ran:
    """`value` is that of the last expression, as JSON holds it."""

    value: Any
    printed: str


class Interpreter:
    """Opens nothing before the first script. Closed by `aclose`."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._pool: AsyncMonty | None = None
        self._opening = asyncio.Lock()

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.__aexit__(None, None, None)
            await asyncio.sleep(LETTING_GO)

    async def run(self, code: str, functions: Mapping[str, Function]) -> Ran:
        """Run it to its end. Raises `ArgumentError` for what is the script's fault, `NotAllowed`
        where none can run, `BudgetExhausted` where too many do."""
        try:
            code = kept(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise _unread(error) from None
        pool = await self._opened()
        import pydantic_monty as monty

        limits = self.limits
        printed = monty.CollectString(PRINTED)
        checkout = pool.checkout(
            limits={
                "max_memory": limits.memory,
                "max_feed_duration_secs": limits.computing,
                "max_suspensions": limits.turns,
                "max_recursion_depth": limits.depth,
            },
            os_policy={"sleep": "zero"},
            assert_message_annotations=False,
        )
        begun = False
        try:
            async with asyncio.timeout(limits.seconds), checkout as session:
                begun = True
                confine(session.worker_pid, computing=limits.computing, memory=limits.memory)
                across = crossing(functions)
                names = dict(across.names)
                for part, inputs in (across.first, dict(across.inputs)), (code, {}):
                    await session.feed_run(
                        part, inputs=inputs, external_lookup=names, print_callback=printed
                    )
                try:
                    given: str = await session.feed_run(across.last, print_callback=printed)
                    value = result_in(given)
                except monty.MontyRuntimeError as error:
                    raise _ungiven(error.display("msg")) from None
                except ValueError as error:
                    raise _ungiven(str(error)) from None
        except monty.MontyCrashedError:
            raise self._over("its time or its memory") from None
        except (monty.MontySyntaxError, monty.MontyRuntimeError) as error:
            raise _failed(error.display("traceback")) from None
        except TimeoutError:
            if not begun:
                raise BudgetExhausted(
                    "Too many scripts are running.", retry_after=PATIENCE, hint="Try again then."
                ) from None
            raise self._over(f"{limits.seconds:.0f} seconds") from None
        except OSError as error:
            raise self._unavailable(error) from None
        except (monty.MontyError, ValueError, TypeError, OverflowError, RecursionError):
            raise ArgumentError(
                "The script returned something that is not JSON.",
                hint="Return numbers, texts, lists and dicts.",
            ) from None
        return Ran(value, printed.output)

    def _over(self, what: str) -> ToolError:
        return ArgumentError(
            f"The script used up {what}.",
            hint="Ask for less, with a narrower period or filter, or in several scripts.",
        )

    def _unavailable(self, error: Exception) -> ToolError:
        log.warning("scripts cannot run: %s", error)
        return NotAllowed("Scripts cannot run here.", hint=how_to_have("scripts"))

    async def _opened(self) -> AsyncMonty:
        async with self._opening:
            if self._pool is None:
                try:
                    from pydantic_monty import AsyncMonty

                    pool = AsyncMonty(
                        min_processes=1,
                        max_processes=AT_ONCE,
                        checkout_timeout=PATIENCE,
                        request_timeout=self.limits.seconds,
                        max_checkouts_per_worker=1,
                    )
                    self._pool = await pool.__aenter__()
                except (ImportError, OSError) as error:
                    raise self._unavailable(error) from None
            return self._pool


_HINTS: Final = (
    ("'coroutine'", "Write `await` before each call."),
    ("can't be awaited", "Only functions of Aircall are awaited."),
    ("NameError", "A function is an operation id that is on offer: aircall_search finds them."),
    ("ModuleNotFoundError", "There are json, re, datetime, math, asyncio and a few more."),
    ("TimeoutError", "It reckons for too long by itself."),
    ("MemoryError", "It holds or prints too much."),
    ("suspension", "It calls too often."),
)  # fmt: skip


def _unread(error: Exception) -> ArgumentError:
    where = f"line {error.lineno}\n" if isinstance(error, SyntaxError) else ""
    said = error.msg if isinstance(error, SyntaxError) else "it is too long or too deep to read"
    return ArgumentError(
        f"The script failed.\n{where}SyntaxError: {said}", hint="Write it in plain Python 3.11."
    )


def _ungiven(said: str) -> ArgumentError:
    return ArgumentError(
        f"The result is no JSON, too large or too long: {_end(said)}",
        hint="Write `await` before each call."
        if "coroutine" in said
        else "Return numbers, texts, lists and dicts, and no more than is needed.",
    )


def _failed(traceback: str) -> ArgumentError:
    traceback = _OURS.sub("", traceback[-LONGEST_READ:]).replace(f"{RESULT} = ", "")
    told = _PLACE.sub(r"\1", traceback.strip().removeprefix(_HEAD)).strip()
    last = traceback.strip().rpartition("\n")[2]
    hint = next((hint for word, hint in _HINTS if word in last), "")
    return ArgumentError(f"The script failed.\n{_end(told)}", hint=hint)


def _end(told: str) -> str:
    return told if len(told) <= LONGEST_TOLD else "…" + told[-LONGEST_TOLD:]
