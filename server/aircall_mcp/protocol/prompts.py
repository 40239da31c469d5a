"""Prompts, and the completion of their arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError

from ..errors import ArgumentError, quoted
from ..ground.caller import Caller
from ..ground.prompt import Prompt
from ..ground.secrets import Scrub

Context = ServerRequestContext[Any, Any]

LONGEST_TYPED = 200
"""Characters of what is typed that are looked at."""


class Choosing(Protocol):
    """What there is to choose from: `workflows.choices`."""

    async def of(self, kind: str, typed: str, caller: Caller) -> list[str]: ...


class Prompts:
    """The handlers of all that is about prompts. `listed` gives those of a principal."""

    def __init__(
        self,
        listed: Callable[[str], Sequence[Prompt]],
        choices: Choosing | None,
        caller: Callable[[Context], Caller],
        scrub: Scrub,
    ) -> None:
        self._listed = listed
        self._choices = choices
        self._caller = caller
        self._scrub = scrub

    def handlers(self) -> dict[str, Any]:
        return {"on_list_prompts": self._list, "on_get_prompt": self._get}

    async def _list(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        if params is not None and params.cursor:
            raise MCPError(
                code=types.INVALID_PARAMS, message="Unknown cursor: the list has one page."
            )
        prompts = [
            types.Prompt(
                name=prompt.name,
                title=prompt.title,
                description=prompt.description,
                arguments=[
                    types.PromptArgument(
                        name=one.name, description=one.description, required=one.required
                    )
                    for one in prompt.arguments
                ],
            )
            for prompt in self._listed(self._caller(ctx).principal)
        ]
        return types.ListPromptsResult(prompts=prompts)

    async def _get(
        self, ctx: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        prompt = self._found(ctx, params.name)
        try:
            text = prompt.told(params.arguments or {})
        except ArgumentError as error:
            message = self._scrub(f"{error.message} {error.hint}".strip())
            raise MCPError(code=types.INVALID_PARAMS, message=message) from None
        content = types.TextContent(type="text", text=text)
        return types.GetPromptResult(
            description=prompt.description,
            messages=[types.PromptMessage(role="user", content=content)],
        )

    async def complete(
        self, ctx: Context, params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        """What is not known completes with nothing, as what is known and has nothing does."""
        caller, typed = self._caller(ctx), params.argument.value
        kinds = {
            argument.name: argument.completes
            for prompt in self._listed(caller.principal)
            if isinstance(params.ref, types.PromptReference) and prompt.name == params.ref.name
            for argument in prompt.arguments
        }
        values: list[str] = []
        kind = kinds.get(params.argument.name, "")
        if kind and self._choices is not None and len(typed) <= LONGEST_TYPED:
            found = await self._choices.of(kind, typed, caller)
            values = [self._scrub(one) for one in found]
        completion = types.Completion(values=values, total=len(values), has_more=False)
        return types.CompleteResult(completion=completion)

    def _found(self, ctx: Context, name: str) -> Prompt:
        for prompt in self._listed(self._caller(ctx).principal):
            if prompt.name == name:
                return prompt
        said = self._scrub(f"There is no prompt {quoted(name, 80)}.")
        raise MCPError(code=types.INVALID_PARAMS, message=said)
