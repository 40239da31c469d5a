"""Tells a journey step by step: colour on a terminal, plain elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import click
from rich.console import Console

Json = dict[str, Any]


class Teller:
    """Tells each step: tool, arguments, answer. Colour on a terminal, plain elsewhere."""

    def __init__(self, client: Any, console: Console) -> None:
        self._client = client
        self.console = console
        self._step = 0

    def say(self, text: str) -> None:
        """What happens outside of the model's sight."""
        self._step += 1
        self.console.print(f"\n[bold]{self._step}. {_escaped(text)}[/]", soft_wrap=True)

    def show(self, value: Any) -> None:
        for line in _lines(value):
            self.console.print(f"   [dim]│[/] [green]{_escaped(line)}[/]", soft_wrap=True)

    async def call(
        self, why: str, tool: str, arguments: Json, *, show: Callable[[Json], Any]
    ) -> Json:
        """Call `tool`, print what `show` picks of the answer, and give back the whole answer."""
        self._step += 1
        self.console.print(f"\n[bold]{self._step}. {why}[/]")
        self.console.print(f"   [cyan]{tool}[/] ", end="")
        self.console.print(json.dumps(arguments, ensure_ascii=False), markup=False, soft_wrap=True)
        result = await self._client.call_tool(tool, arguments)
        answer: Json = result.structured_content or {}
        if result.is_error:
            raise click.ClickException(f"{tool}: {answer.get('error', answer)}")
        self.show(show(answer))
        return answer


def _lines(value: Any) -> list[str]:
    """JSON for the eye: one line for each member of the outermost list or object."""
    if isinstance(value, dict) and len(members := cast("Json", value)) > 1:
        inner = [f"{key}: {_compact(part)}" for key, part in members.items()]
    elif isinstance(value, list) and value:
        inner = [_compact(item) for item in cast("list[Any]", value)]
    else:
        inner = [_compact(value)]
    return inner


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
