"""Write `ground/top_level.py` again: `python -m aircall_mcp.spec.domains public_suffix_list.dat`.

Only for development. The list is Mozilla's Public Suffix List, whose ICANN part holds every name of
IANA's root zone: from https://publicsuffix.org/list/ or out of a package that ships it.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from ..ground import top_level

NOWHERE = frozenset({"arpa", "onion"})
"""In the list, but no names of hosts on the internet."""
_BEGIN, _END = "===BEGIN ICANN DOMAINS===", "===END ICANN DOMAINS==="


def names_in(listed: str) -> list[str]:
    """The last labels of its rules, in ASCII."""
    rules = listed.partition(_BEGIN)[2].partition(_END)[0].split("\n")
    last = {rule.split()[0].rpartition(".")[2] for rule in rules if rule and rule[:2] != "//"}
    return sorted({name.encode("idna").decode("ascii").lower() for name in last} - NOWHERE)


def module_of(listed: str) -> str:
    """The text of the module."""
    version = listed.partition("// VERSION: ")[2].split("_")[0]
    rows = textwrap.fill(" ".join(names_in(listed)), 92, break_on_hyphens=False)
    head = (top_level.__doc__ or "").rstrip("\n")
    return (
        f'"""{head}\n"""\n\nfrom __future__ import annotations\n\nVERSION = "{version}"\n'
        '"""Day of the Public Suffix List that this was made from."""\n\n'
        f'_LISTED = """\n{rows}\n"""\nNAMES = frozenset(_LISTED.split())\n'
    )


if __name__ == "__main__":
    written = module_of(Path(sys.argv[1]).read_text("utf-8"))
    Path(top_level.__file__).write_text(written, "utf-8")
