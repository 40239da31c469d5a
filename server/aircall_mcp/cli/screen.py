"""What a person sees: paragraphs and tables that fit the terminal, and effects in their colours.

Where nobody looks (a pipe, a file) nothing is wrapped and nothing is coloured. No word is broken:
one that is longer than the terminal stays whole, so that it can be copied.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import IO

import click

from ..ground.command import runnable
from ..ground.nearest import nearest
from ..ground.visible import clean

EFFECTS = {"read": "green", "write": "yellow", "reach": "magenta", "delete": "red"}
_STYLE = re.compile(r"(\x1b\[(?:0|1|2|3[0-7])m)")
"""The colours and weights used here; whatever else a text would do to a terminal is left out."""
_GAP = "  "
_ANSWERS = {"y": True, "yes": True, "n": False, "no": False, "": False}
_SENTENCE = 24
"""Columns in which a sentence still reads like one."""


def columns(stream: IO[str]) -> int | None:
    """How wide the terminal is, or None where nobody looks."""
    if not stream.isatty():
        return None
    try:
        found = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        found = shutil.get_terminal_size().columns
    return found or 80


def show(
    text: str, *, first: str = "", rest: str = "", style: str | None = None, err: bool = False
) -> None:
    """Print `text` in the colour `style`, its first line behind `first`, others behind `rest`."""
    lines = _wrapped(runnable(text), columns(sys.stderr if err else sys.stdout), first, rest)
    out("\n".join(click.style(line, fg=style) if style else line for line in lines), err=err)


def say(text: str) -> None:
    """The same on stderr, beside what a command prints."""
    show(text, err=True)


def preview(text: str, *, err: bool = True) -> None:
    """What a person is to say yes to, as `preview_of` words it; on stderr, where they are asked.

    In it a model's words stand behind ours. However long they are and whatever they hold for a
    space, no line begins with them where ours begin: neither we nor the terminal break one there.
    """
    wide = columns(sys.stderr if err else sys.stdout)
    for line in clean(text).split("\n"):
        out(line if wide is None else f"\n{_DEEP}".join(_broken(line, wide)), err=err)


_DEEP = " " * 8


def _broken(line: str, wide: int) -> list[str]:
    """`line` in parts of which the first takes no more than so many columns, and each other one no
    more behind `_DEEP`: broken at a space, or within what has none."""
    parts: list[str] = []
    room, taken, start, space = max(2, wide - 1), 0, 0, 0
    for at, letter in enumerate(line):
        taken += _cells(letter)
        if taken > room:
            end = space if space > start else at
            parts.append(line[start:end])
            start, room = end, max(2, wide - 1 - len(_DEEP))
            taken = sum(map(_cells, line[start : at + 1]))
        if letter == " ":
            space = at + 1
    return [*parts, line[start:]]


def _cells(letter: str) -> int:
    """Columns that `letter` takes at most."""
    if letter.isascii():
        return 1
    broad = unicodedata.east_asian_width(letter) in "WFA" or unicodedata.category(letter) == "So"
    return 2 if broad else 1


def error(message: str, hint: str = "") -> None:
    """What went wrong and what to do now, on stderr."""
    show(message, first=click.style("error: ", fg="red", bold=True), rest="       ", err=True)
    if hint:
        next_step(hint)


def next_step(hint: str) -> None:
    """What to do now, on stderr."""
    show(hint, first=click.style("  next: ", fg="cyan"), rest="        ", err=True)


def out(text: str, *, err: bool = False) -> None:
    """Print as it is, in colours where a terminal wants them, and nothing that is not seen."""
    parts = _STYLE.split(text)
    parts[::2] = map(clean, parts[::2])
    click.echo("".join(parts), err=err, color=False if os.environ.get("NO_COLOR") else None)


def hidden(question: str, *, confirm: bool = False, past_pipe: bool = False) -> str | None:
    """What a person types unseen, or a line of stdin where that is no terminal; None at its end.

    With `past_pipe` the person is asked all the same if there is a terminal at all: what comes
    through the pipe is something else.
    """
    if not (sys.stdin.isatty() or (past_pipe and person_there())):
        # Asked there, `getpass` would warn that all could see what nobody is looking at.
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None
    return str(click.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))


def person_there() -> bool:
    """Whether a person can be asked, be it past a pipe that stdin comes from."""
    if sys.stdin.isatty():
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def effect(name: str) -> str:
    return click.style(name, fg=EFFECTS[name])


def plainly(wrong: click.UsageError) -> tuple[str, str]:
    """What is wrong with the words of a command, as a person says it, and the nearest right one."""
    message = " ".join(wrong.format_message().split())
    for theirs, ours in _PLAINLY:
        message = theirs.sub(ours, message)
    kind = wrong.param.type if isinstance(wrong, click.BadParameter) and wrong.param else None
    given = re.search(r"'([^']*)' is not one of", message)
    close = nearest(given[1], kind.choices) if given and isinstance(kind, click.Choice) else ""
    return message, close


_PLAINLY = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r" is not a valid (?:integer|int)(?: range)?\.", " is not a whole number."),
        (r" is not a valid float(?: range)?\.", " is not a number."),
        (r" is not in the range (\S+)<=x<=\d{12,}\.", r" must be at least \1."),
        (r" is not in the range (\S+)<=x<=(\S+)\.", r" must lie between \1 and \2."),
        (r" is not in the range x>=(\S+)\.", r" must be at least \1."),
    )
)
"""How click says it, and how we do."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` under `head`; where the columns do not fit, one below the other."""
    cells = [list(row) for row in rows]
    wide = columns(sys.stdout)
    widths = _widths([list(head), *cells], wide)
    if widths is None:
        for row in cells:
            show(click.style(row[0], bold=True))
            for name, cell in zip(head[1:], row[1:], strict=True):
                if cell:
                    show(cell, first=f"  {click.style(name, dim=True)}: ", rest="    ")
        return
    for row in ([click.style(name, bold=True) for name in head], *cells):
        folded = [
            _wrapped(cell, width if wide else None) for cell, width in zip(row, widths, strict=True)
        ]
        for number in range(max(map(len, folded))):
            line = [lines[number] if number < len(lines) else "" for lines in folded]
            padded = (
                cell + " " * (width - _length(cell))
                for cell, width in zip(line, widths, strict=True)
            )
            out(_GAP.join(padded).rstrip())


def _widths(rows: Sequence[Sequence[str]], wide: int | None) -> list[int] | None:
    """What each column may take, None where side by side a word, or a sentence, has no room."""
    by_column = list(zip(*rows, strict=True))
    widths = [max(map(_length, column)) for column in by_column]
    if wide is None:
        return widths
    least = [max(_length(word) for cell in column for word in cell.split(" ") or [""])
             for column in by_column]  # fmt: skip
    room = wide - len(_GAP) * (len(widths) - 1)
    if sum(least) > room:
        return None
    natural = list(widths)
    while (over := sum(widths) - room) > 0:
        give = max(range(len(widths)), key=lambda one: widths[one] - least[one])
        widths[give] -= min(over, max(1, (widths[give] - least[give]) // 2))
    cramped = any(now < min(was, _SENTENCE) for now, was in zip(widths, natural, strict=True))
    return None if cramped else widths


def _wrapped(text: str, wide: int | None, first: str = "", rest: str = "") -> list[str]:
    lines: list[str] = []
    for number, paragraph in enumerate(text.split("\n")):
        line, empty = rest if number else first, True
        for word in paragraph.split(" ") if wide else (paragraph,):
            if not empty and wide and _length(line) + 1 + _length(word) > wide:
                lines.append(line)
                line, empty = rest, True
            line, empty = line + word if empty else f"{line} {word}", False
        lines.append(line)
    return lines


def _length(text: str) -> int:
    return len(click.unstyle(text))


class Commands(click.Group):
    """A group whose help cuts no sentence short, and that knows what a slip of the finger meant."""

    def lines(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Each command with its first sentence."""
        known = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        return [(name, one.get_short_help_str(limit=200)) for name, one in known if one]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(self.lines(ctx))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = nearest(args[0], self.list_commands(ctx))
            raise click.UsageError(f"{error.message} {close}".rstrip(), ctx) from None


def confirmed(question: str) -> bool:
    """Ask for a yes or no. What was typed before the question was there is no answer to it: else a
    second Enter would be one to what nobody has read."""
    _forget_typed()
    # A loop that runs takes Control-C as a wish to its task, which waits for the answer: whoever
    # wants out of the question would be kept in it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        while (said := _typed(f"{question} [y/N]: ").strip().lower()) not in _ANSWERS:
            click.echo("Type y or n.", err=True)
        return _ANSWERS[said]
    except (KeyboardInterrupt, EOFError):
        raise click.Abort from None
    finally:
        signal.signal(signal.SIGINT, before)


def _typed(prompt: str) -> str:
    """The next line. Raises `EOFError` where none comes any more."""
    click.echo(prompt, nl=False, err=True)
    if os.name == "posix" and sys.stdin.isatty():
        _wait_for(sys.stdin)
    if not (line := sys.stdin.readline()):
        raise EOFError
    return line


def _wait_for(stream: IO[str]) -> None:
    """Also a Control-C that comes just before it waits ends this: a read would not see it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)
    try:
        select.select([stream, reading], [], [])
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


def _forget_typed() -> None:
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
    elif sys.stdin.isatty():
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def attended() -> bool:
    """Whether somebody sits at a terminal, who sees what is asked and types the answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()
