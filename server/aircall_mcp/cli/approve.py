"""`aircall-mcp approve`: pending approvals."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..errors import ArgumentError, SettingsError, quoted
from ..ground.config import settings_from
from . import screen
from .options import as_json, print_json

if TYPE_CHECKING:
    from ..safety.approvals import Approval
    from ..safety.safety import Safety

NOTHING = "No approval is pending."
WAY = "terminal"


@click.command("approve")
@click.argument("name", metavar="[ID]", required=False)
@click.option(
    "--refuse",
    is_flag=True,
    help="Say no, also after a yes that was not used yet; stop the plan ID.",
)
@click.option("--list", "only_list", is_flag=True, help="Only show pending approvals.")
@click.option("--page", is_flag=True, help="Do it on a page in your browser instead.")
@as_json
def command(name: str | None, refuse: bool, only_list: bool, page: bool, as_json: bool) -> None:
    """Say yes or no to what a model wants to do: to ID, or to each pending approval.

    A yes is valid for exactly this call, once, for a quarter of an hour. It needs a terminal, since
    a program could answer otherwise. With --page the terminal shows a code, which the browser asks
    for once an hour.
    """
    import anyio

    if page and (refuse or only_list or as_json):
        raise click.UsageError("--page cannot be combined with --refuse, --list or --json.")
    if not page:
        anyio.run(_approve, name, refuse, only_list, as_json)
        return
    with suppress(KeyboardInterrupt):
        anyio.run(_page, name)


async def _approve(name: str | None, refuse: bool, only_list: bool, as_json: bool) -> None:
    from ..safety.safety import Safety

    with closing(Safety.of(settings_from().home)) as safety:
        waiting = [one for one in await safety.approvals.waiting() if name in (None, one.id)]
        if as_json:
            print_json([asdict(one) for one in waiting])
            return
        if name is not None and not waiting:
            if refuse and await safety.planned.end(name, "stopped", "a person stopped it"):
                screen.say(
                    "Stopped. What was done stays done; the rest of the plan will not be done.\n"
                )
                return
            if refuse and await safety.approvals.answer(name, yes=False, grade=2, way=WAY):
                screen.say("No. The earlier yes is cancelled; nothing was done with it.\n")
                return
            raise await _gone(safety, name)
        if not waiting:
            screen.say(NOTHING)
        if not (only_list or refuse) and waiting:
            at_terminal()
        if only_list:
            for plan in await safety.planned.running():
                screen.out(f"Plan {plan.id}: {plan.done} of {len(plan.items)} steps are done.")
                screen.next_step(f"To stop it: aircall-mcp approve {plan.id} --refuse")
        for one in waiting:
            screen.preview(one.preview, err=not only_list)
            whose = f"(id {one.id}, asked by {one.principal}, account {one.account})\n"
            screen.show(whose, err=not only_list)
            if not only_list:
                yes = not refuse and screen.confirmed("Do it?")
                await _answered(safety, one, yes)


async def _page(name: str | None) -> None:
    """Serve the page, and show the code for it, until interrupted, or for a quarter of an hour."""
    import anyio

    from ..console import Console
    from ..ground.browser import open_browser
    from ..safety.safety import Safety

    home = settings_from().home
    with closing(Safety.of(home)) as safety:
        if name is not None and await safety.approvals.find(name) is None:
            raise await _gone(safety, name)
        at_terminal()
        console = Console(safety, home)
        async with anyio.create_task_group() as tasks:
            await tasks.start(console.keep_once)
            url = await console.address(name or "")
            if not url:
                raise SettingsError(
                    "No page is available here.", hint="`aircall-mcp approve` asks in the terminal."
                )
            code = await safety.visitors.code("terminal")
            screen.say(f"{code} is the code for {url}")
            screen.say(
                "Type it only there, within five minutes; it opens the page in that browser for an"
                " hour. Control-C ends this."
            )
            await anyio.to_thread.run_sync(open_browser, url, abandon_on_cancel=True)


def at_terminal() -> None:
    """Raise `ArgumentError` where no person can be at a terminal."""
    if not screen.attended():
        raise ArgumentError(
            "There is no terminal to ask you in.", hint="Run it in a terminal yourself."
        )


async def _answered(safety: Safety, one: Approval, yes: bool) -> None:
    stood = await safety.approvals.answer(one.id, yes=yes, grade=2, way=WAY)
    if stood is None:
        screen.say("It is not pending any more.\n")
    elif yes:
        screen.say("Yes. The model makes the same call again now, and it goes through once.\n")
    else:
        screen.say("No. Nothing is done.\n")


async def _gone(safety: Safety, name: str) -> ArgumentError:
    found = await safety.approvals.find(name)
    stands = "is not known" if found is None else f"is not pending any more: {found.standing}"
    hint = "`aircall-mcp approve` lists pending approvals."
    if found is not None and found.standing in ("expired", "cancelled"):
        hint = "Have the model make the same call again, which asks you anew."
    return ArgumentError(f"`{quoted(name)}` {stands}.", hint=hint)
