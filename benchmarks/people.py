"""What the index of an account's contacts costs: keeping it, opening it, asking it, and its size.

python benchmarks/people.py [CONTACTS]
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault.mailbox import Mailbox
from aircall_mcp.workflows.cards import MIGRATIONS, Cards, Reading
from aircall_mcp.workflows.meant import Named
from aircall_mcp.workflows.names import Names

PAGE = 50
FIRST, LAST, COMPANIES = 3_000, 30_000, 5_000
ASKED = 9
SYLLABLES = (
    "an ba be bo ca da de di do el fa ga gi ha he in jo ka ko la le li lo ma me mi mo na ne ni no"
    " ol pa pe ra re ri ro sa se si sta sch ta te ti to ul va vi wa we xi ya ze zo berg mann son"
)


def people(count: int) -> list[Named]:
    chance, syllables = random.Random(7), SYLLABLES.split()

    def words(many: int, least: int, most: int) -> list[str]:
        return [
            "".join(chance.choices(syllables, k=chance.randint(least, most))).title()
            for _ in range(many)
        ]

    first, last, company = words(FIRST, 2, 3), words(LAST, 2, 4), words(COMPANIES, 2, 3)
    made: list[Named] = []
    for n in range(count):
        a, b, c = chance.choice(first), chance.choice(last), chance.choice(company)
        address = f"{a}.{b}@{c}.example".lower()
        made.append(Named(n + 1, f"{a} {b}", "contact", (address,), (f"+1415{n:07}",), c))
    return made


async def kept(cards: Cards, known: list[Named]) -> None:
    for start in range(0, len(known), PAGE):
        reading = Reading(total=len(known), whole=start + PAGE >= len(known), began=1.0)
        await cards.keep("main", reading, known[start : start + PAGE])


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    known = people(count)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "contacts.db"
        mailbox = Mailbox(Secret(base64.b64encode(os.urandom(32)).decode()))
        cards = Cards(Database(file, MIGRATIONS, durability="state"), lambda: mailbox)
        began = time.process_time()
        asyncio.run(kept(cards, known))
        pages = -(-count // PAGE)
        took = time.process_time() - began
        print(f"keeping {count}: {took:.1f} s, {took / pages * 1e3:.1f} ms a page of {PAGE}")
        size = sum(one.stat().st_size for one in Path(folder).iterdir())
        print(f"on disk: {size / 1e6:.1f} MB, {size / count:.0f} bytes a contact")
        began = time.process_time()
        _, read = asyncio.run(cards.load("main"))
        print(f"opening them: {time.process_time() - began:.1f} s")
        cards.close()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        names = Names(read)
        took = time.process_time() - began
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(f"ready to be asked: {took:.1f} s, {grown:.0f} MB more")
    one = known[count // 2]
    first, last = one.name.split()
    for what, said in (
        ("whole name", one.name),
        ("last name first", f"{last}, {first}"),
        ("first name", first),
        ("a slip", f"{first} {last[:-1]}"),
        ("company beside", f"{first} from {one.beside}"),
        ("e-mail", one.emails[0]),
        ("domain", one.emails[0].partition("@")[2]),
        ("digits", one.phones[0][-7:]),
        ("nobody", "Qwrty Zxcvbnm"),
    ):
        times: list[float] = []
        for _ in range(ASKED):
            began = time.process_time()
            names.find(said)
            times.append(time.process_time() - began)
        print(f"{what}: {min(times) * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
