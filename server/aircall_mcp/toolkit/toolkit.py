"""The tools for a program: `async with Toolkit(account="acme") as aircall`.

Every call goes to the same desk as a call over MCP does: validation, policy, budget, journal and
answers are the same. Nothing of any framework is imported before its form is asked for.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeGuard, cast

from ..errors import ArgumentError, Declined, NotOffered, SettingsError, ToolError, quoted
from ..ground.caller import Caller
from ..ground.effects import EFFECTS
from .tool import Approve
from .view import WHOLE, InSight, View, Words

if TYPE_CHECKING:
    from ..app import App
    from ..desk import Desk, Outcome, Question
    from ..ground.operation import Operation
    from .asked import Asked
    from .tool import Tool

log = logging.getLogger(__name__)

Json = dict[str, Any]


RANKED = 12
"""Matches that are ranked for a narrower view, so that enough of its own tools are among them."""


@dataclass(slots=True)
class _Opened:
    """The one app that a toolkit and all its views share."""

    flags: Mapping[str, Any]
    environment: Mapping[str, str] | None
    app: App | None = None
    shown: set[Hashable] = field(default_factory=set[Hashable])
    """The views whose tools a loop has taken: only they accept a response."""


class Toolkit:
    """The tools for your own LLM loop. See the module docstring.

    `account` is the account to act for, if there are several; `surface` is `full`, `tasks` or
    `search`; `options` are the other settings by their names in `config.toml` (`toolsets`,
    `read_only`, `time_zone`, …). `approve` is called with each question to a person and returns
    True or False; a yes counts as grade 1, like that of a client's form. Without `approve`, and for
    grade 2, the call returns the `needs_confirmation` error, which names the ways to say yes.
    `environment` replaces the process's environment variables. Raises `SettingsError` at
    `async with`.
    """

    def __init__(
        self,
        *,
        account: str | None = None,
        surface: Literal["full", "tasks", "search"] | None = None,
        approve: Approve | None = None,
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        flags = {"account": account, "surface": surface, **options}
        if approve is not None and flags.get("sandbox") and flags.get("ask") is None:
            flags["ask"] = True
        self._opened = _Opened(flags, environment)
        self._view = WHOLE
        self._approve = approve

    @classmethod
    def sandbox(cls, **options: Any) -> Self:
        """A toolkit for the built-in sandbox: no account, and no phone rings. With `ask=True` or
        `approve` a person's yes is needed there, too."""
        return cls(sandbox=True, **options)

    async def __aenter__(self) -> Self:
        from ..app import open_app
        from ..ground.config import settings_from

        if self._opened.app is not None:
            raise RuntimeError("This toolkit is open already.")
        flags, environment = self._opened.flags, self._opened.environment
        if self._approve is not None and not callable(self._approve):
            raise SettingsError(
                f"`approve` must be a function, not {type(self._approve).__name__}:"
                " it is called with each question.",
                hint="`def approve(question): return input(question.preview) == 'yes'`",
            )
        if self._approve is not None and flags.get("sandbox") and not flags.get("ask"):
            raise SettingsError(
                "With `ask=False` the sandbox asks nobody, and `approve` would never be called.",
                hint="Leave out one of them.",
            )
        app = open_app(settings_from(flags, environment, typed=False), environment)
        try:
            self._view.hold_against(app.desk.registry, app.desk.offer())
        except BaseException:
            await app.aclose()
            raise
        self._opened.app = app
        return self

    async def __aexit__(self, *_: object) -> None:
        app, self._opened.app = self._opened.app, None
        if app is not None:
            await app.aclose()

    # narrower

    def bind(self, **fixed: Any) -> Self:
        """A toolkit in which `user`, `number`, `account` or other arguments are fixed: they are
        removed from the schemas and filled in for every tool. Users and numbers can be given by id,
        name or address. If one matches nobody or several, each call that needs it returns an
        error. Raises `SettingsError` for a value that cannot be fixed."""
        return self._seen_by(self._view.bind(fixed))

    def only(
        self,
        *,
        effects: Words | None = None,
        toolsets: Words | None = None,
        names: Words | None = None,
    ) -> Self:
        """A toolkit with only the tools that match everything given. Raises `SettingsError` for an
        unknown word, and if no tool is left."""
        return self._seen_by(self._view.only(effects, toolsets, names))

    def _seen_by(self, view: View) -> Self:
        if self._opened.app is not None:
            view.hold_against(self._desk.registry, self._desk.offer())
        other = object.__new__(type(self))
        other._opened, other._view, other._approve = self._opened, view, self._approve
        return other

    # search, load, execute

    @property
    def _app(self) -> App:
        if self._opened.app is None:
            raise RuntimeError("Open it first: `async with Toolkit(…) as aircall`.")
        return self._opened.app

    @property
    def _desk(self) -> Desk:
        return self._app.desk

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools that this view shows."""
        return self._view.tools(self._desk.offer())

    def search(self, query: str, limit: int = 3) -> Json:
        """The tools for a need in plain words (seven languages), as `aircall_search` returns them:
        `{"confident", "matches": [{"tool", "effect", "required", "example", …}]}`. Tools that are
        not offered here come last, marked `not_offered`."""
        from ..offer.tools import matches_of

        desk = self._desk
        seen, known = InSight(self._view, desk.offer()), desk.registry.ids
        most = limit if self._view.whole else max(limit, RANKED)
        found = matches_of(desk.rank(query, most), offered=seen, known=known, surface="full")
        if not self._view.whole:
            if found["confident"]:
                found["confident"] = "not_offered" not in found["matches"][0]
            found["matches"] = sorted(found["matches"], key=lambda one: "not_offered" in one)[
                :limit
            ]
            for match in found["matches"]:
                if "not_offered" in match:
                    match.pop("example", None)
                    match.pop("input_schema", None)
                    continue
                tool = self._view.tool(desk.registry.find(match["tool"]))
                match["required"] = [n for n in match["required"] if n in tool.schema["properties"]]
                match |= {"example": tool.example} if "example" in match else {}
                match |= {"input_schema": tool.schema} if "input_schema" in match else {}
        return found

    def load(self, name: str) -> Tool:
        """The tool with this name: `send_message`, `aircall_send_message` or `METHOD /path`. Raises
        `ArgumentError` if it is not offered."""
        return self._view.tool(self._found(name))

    async def execute(self, name: str, arguments: Mapping[str, Any] | None = None) -> Json:
        """Call a tool and return its answer: `{"data": …}`, or `{"error": {"kind", "message",
        "hint"}}`. Errors that a caller can act on are returned, not raised."""
        return (await self.outcome(name, {} if arguments is None else arguments)).payload

    async def handle(self, response: Any) -> list[Json]:
        """Perform the tool calls in a model's `response`, and return the results to send back, in
        the same order. Reads run in parallel, effects one after the other.

        `response` is from OpenAI Responses or Chat, Anthropic or Gemini: an object of the SDK or
        its JSON, one message of it, or the complete response at the end of a stream. A malformed or
        unknown call becomes an error result; without tool calls the list is empty. Call it on the
        view whose tools the model got. Raises `RuntimeError` if only tools of other views were
        taken, and `TypeError` if this is not a response.
        """
        from .calls import answers

        if self._opened.shown and self._view.key not in self._opened.shown:
            raise RuntimeError(
                "The tools were taken from another view: keep it, `view = aircall.only(…)`, take"
                " `view.openai()` or another form of it, and give it the response: "
                "`view.handle(response)`."
            )
        return await answers(self, response)

    async def outcome(
        self,
        name: str,
        arguments: Any,
        *,
        client: str = "",
        approve: Approve | None = None,
        way: str = "callback",
    ) -> Outcome:
        """`execute` for the forms: the desk's own outcome. `client` is the framework, `approve` its
        way of asking a person, in the words of `way`."""
        # Also where there is one account alone, and no argument that names it: it may be another.
        caller = Caller(
            interface="toolkit",
            client=client,
            deadline=self._app.settings.call_timeout,
            account=self._view.fixed.get("account"),
        )
        try:
            operation = self._found(name)
            if not isinstance(arguments, Mapping):
                raise ArgumentError("The arguments must be one JSON object.")
            placed = self._placed(operation, cast("Mapping[str, Any]", arguments), caller)
            tool, given = await placed
        except ToolError as error:
            return _failure(error)
        outcome = await self._desk.call(tool, given, caller)
        approve = approve or self._approve
        if approve is None or not _asked(outcome):
            return outcome
        said = await _said(approve, outcome)
        if said is None:
            return outcome
        await self._desk.answer(outcome.approval, yes=said, grade=1, way=way)
        if not said:
            return _failure(Declined())
        return await self._desk.call(tool, given, caller)

    async def asks(self, name: str, arguments: Any, *, client: str = "") -> bool:
        """Whether this call would need a yes of grade 1. Nothing is done, and no yes is used up."""
        if not isinstance(arguments, Mapping):
            return False
        tried = {**cast("Mapping[str, Any]", arguments), "dry_run": True}
        payload = (await self.outcome(name, tried, client=client)).payload
        data = payload.get("data")
        told = cast("Json", data) if isinstance(data, dict) else {}
        return told.get("say") == "ask" and told.get("grade") == 1

    @property
    def asked(self) -> Asked:
        """For the forms: what is known of a call that comes again."""
        from .asked import Asked

        acts = self._app.settings.account  # a home is that of several, and a task may have them all
        fixed = {"account": acts, **self._view.fixed} if acts else self._view.fixed
        return Asked(self._app.safety, fixed)

    def _found(self, name: str) -> Operation:
        registry, offer = self._desk.registry, self._desk.offer()
        with suppress(NotOffered):
            operation = registry.find(name)
            by_effect = registry.ids[operation.effect]  # performs what is not listed
            within = offer.surface in (*operation.surfaces, *by_effect.surfaces)
            if within and operation in offer and self._view.shows(operation):
                return operation
        from ..ground.nearest import nearest

        there = (one for one in registry.known if one in offer and self._view.shows(one))
        close = nearest(name, [word for one in there for word in (one.tool, one.id)])
        raise ArgumentError(
            f"There is no tool {quoted(name, 80)} in this view.",
            hint=f"{close} A search in plain words finds one.".strip(),
        )

    async def _placed(
        self, operation: Operation, arguments: Mapping[str, Any], caller: Caller
    ) -> tuple[str, Json]:
        """The tool to call and its arguments, with those filled in that are fixed: in what another
        operation is called with, too. What is not listed is called by the tool of its effect."""
        if operation.id in EFFECTS:
            inner: Any = arguments.get("arguments")
            named: Any = arguments.get("operation")
            if self._view.whole or not isinstance(named, str):
                return operation.tool, dict(arguments)
            if not isinstance(inner, Mapping | None):
                raise ArgumentError("`arguments` must be one JSON object.")
            found = self._found(named)
            filled = await self._filled(found, cast("Json", inner or {}), caller)
            return operation.tool, {**arguments, "arguments": filled}
        filled = await self._filled(operation, arguments, caller)
        if self._desk.offer().surface in operation.surfaces:
            return operation.tool, filled
        return f"aircall_{operation.effect}", {"operation": operation.tool, "arguments": filled}

    async def _filled(
        self, operation: Operation, arguments: Mapping[str, Any], caller: Caller
    ) -> Json:
        """The arguments with those that are fixed; who is bound by a name is looked up, each time
        anew: names change hands."""
        directory = self._app.workflows.directory
        ids = {
            kind: (await directory.one(kind, said, caller)).id
            for kind, said in self._view.named(operation).items()
        }
        return self._view.filled(operation, arguments, ids)

    # forms

    def _taken(self) -> tuple[Tool, ...]:
        """The tools, for a loop whose responses come to this view."""
        tools = self.tools
        self._opened.shown.add(self._view.key)
        return tools

    def json_schema(self) -> list[Json]:
        """For all else: `{"name", "description", "parameters", "effect", "parallel_safe"}` each."""
        from .forms import plain

        return plain.form(self._taken())

    def openai(
        self,
        api: Literal["responses", "chat"] = "responses",
        *,
        strict: bool = True,
        defer_loading: bool = False,
        programmatic: bool = False,
    ) -> list[Json]:
        """For `tools=` of `responses.create` or `chat.completions.create`. `defer_loading` adds
        OpenAI's tool search; `programmatic` lets a model's code call tools that only read."""
        from .forms import openai

        if api not in ("responses", "chat"):
            raise ValueError(f"`api` is 'responses' or 'chat', not {api!r}.")
        if api == "chat":
            return openai.chat(self._taken(), strict=strict)
        return openai.responses(
            self._taken(), strict=strict, defer_loading=defer_loading, programmatic=programmatic
        )

    def anthropic(
        self,
        *,
        strict: bool | Sequence[str] = True,
        defer_loading: bool = False,
        programmatic: bool = False,
        examples: bool = True,
    ) -> list[Json]:
        """For `tools=` of `messages.create`. As many tools are strict as the API accepts in one
        request, those with effects first, or at most the ones named in `strict`; the others are
        not. `defer_loading` adds Anthropic's tool search, and `programmatic` lets a model's code
        call tools that only read."""
        from .forms import anthropic

        return anthropic.form(
            self._taken(),
            strict=strict,
            defer_loading=defer_loading,
            programmatic=programmatic,
            examples=examples,
        )

    def gemini(self) -> list[Json]:
        """For `tools` of `GenerateContentConfig`."""
        from .forms import gemini

        return gemini.form(self._taken())

    def agents_sdk(self, *, strict: bool = True, defer_loading: bool = False) -> list[Any]:
        """`FunctionTool`s of the OpenAI Agents SDK. If the policy asks a person, the call needs the
        run's own approval (`needs_approval`), unless `approve` is given."""
        from .forms import agents_sdk

        return agents_sdk.form(self, strict=strict, defer_loading=defer_loading)

    def pydantic_ai(self, *, strict: bool | None = None) -> list[Any]:
        """`Tool`s of Pydantic AI. If the policy asks a person, the call raises `ApprovalRequired`,
        which ends a run with `DeferredToolRequests`, unless `approve` is given."""
        from .forms import pydantic_ai

        return pydantic_ai.form(self, strict=strict)

    def langchain(self) -> list[Any]:
        """`StructuredTool`s of LangChain and LangGraph. If the policy asks a person, the call
        interrupts the graph, unless `approve` is given. For an interrupt `one`,
        `Command(resume={one.id: one.value["yes"]})` is a yes and `one.value["no"]` a no; an answer
        that names no approval does not count: docs/loops.md."""
        from .forms import langchain

        return langchain.form(self)

    @property
    def approves(self) -> bool:
        """Whether `approve` answers questions, so that no framework has to."""
        return self._approve is not None


async def _said(approve: Approve, question: Question) -> bool | None:
    """The callback's answer; None if it failed, which is no answer."""
    try:
        said: Any = approve(question)
        said = await said if inspect.isawaitable(said) else said
    except Exception as error:
        if type(error).__module__ == "langgraph.errors":
            # Swallowed, it takes the answer to another question once the graph is resumed.
            raise RuntimeError(
                "`approve` cannot interrupt a graph: leave it out, and the tools do so themselves."
            ) from None
        log.exception(
            "`approve` broke off, so nobody answered. A question has attributes, no keys:"
            " `question.preview`, `.effect`, `.arguments`, `.grade`"
        )
        return None
    if not isinstance(said, bool):
        log.warning("`approve` gave %s: only True is a yes", type(said).__name__)
    return said is True


def _failure(error: ToolError) -> Outcome:
    from ..desk import Failure
    from ..offer.tools import error_of

    return Failure(error_of(error))


def _asked(outcome: Outcome) -> TypeGuard[Question]:
    """Whether a person is asked, at grade 1."""
    from ..desk import Question

    return isinstance(outcome, Question) and outcome.grade == 1
