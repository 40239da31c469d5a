"""The synchronous twin: a thread with an event loop of its own, so that it works beside another
loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from .toolkit import Toolkit

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

    from .tool import Tool
    from .view import Words

Json = dict[str, Any]


class ToolkitSync:
    """`Toolkit` without `await`: `with ToolkitSync(account="acme") as aircall`. It blocks the
    thread that calls; within a running loop that is the loop's. `approve` is called in the other
    thread.
    """

    def __init__(self, **options: Any) -> None:
        """Takes what `Toolkit` takes."""
        self._toolkit = Toolkit(**options)
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    @classmethod
    def sandbox(cls, **options: Any) -> Self:
        """See `Toolkit.sandbox`."""
        return cls(sandbox=True, **options)

    def __enter__(self) -> Self:
        from anyio.from_thread import start_blocking_portal

        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(portal.wrap_async_context_manager(self._toolkit))
            self._portal, self._stack = portal, stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._portal = None
        self._stack.close()

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self._toolkit.tools

    def bind(self, **fixed: Any) -> Self:
        return self._of(self._toolkit.bind(**fixed))

    def only(
        self,
        *,
        effects: Words | None = None,
        toolsets: Words | None = None,
        names: Words | None = None,
    ) -> Self:
        return self._of(self._toolkit.only(effects=effects, toolsets=toolsets, names=names))

    def search(self, query: str, limit: int = 3) -> Json:
        return self._call(lambda: _aside(self._toolkit.search, query, limit))

    def load(self, name: str) -> Tool:
        return self._toolkit.load(name)

    def execute(self, name: str, arguments: Mapping[str, Any] | None = None) -> Json:
        return self._call(lambda: self._toolkit.execute(name, arguments))

    def handle(self, response: Any) -> list[Json]:
        return self._call(lambda: self._toolkit.handle(response))

    def json_schema(self) -> list[Json]:
        return self._toolkit.json_schema()

    def openai(self, *args: Any, **choices: Any) -> list[Json]:
        return self._toolkit.openai(*args, **choices)

    def anthropic(self, **choices: Any) -> list[Json]:
        return self._toolkit.anthropic(**choices)

    def gemini(self) -> list[Json]:
        return self._toolkit.gemini()

    def _of(self, toolkit: Toolkit) -> Self:
        other = object.__new__(type(self))
        other._toolkit, other._stack = toolkit, ExitStack()
        other._portal = self._portal  # whoever opened it closes it
        return other

    def _call(self, work: Callable[[], Any]) -> Any:
        if self._portal is None:
            raise RuntimeError("Open it first: `with ToolkitSync(…) as aircall`.")
        return self._portal.call(work)


async def _aside(work: Callable[..., Any], *arguments: Any) -> Any:
    return work(*arguments)
