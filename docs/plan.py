"""Draw the layers of the package from its real imports: `python docs/plan.py`.

It writes `architecture.svg`. The layers come from the contract in `pyproject.toml`, the packages
and arrows from the code. With `--check` nothing is written: exit 1 says that the drawing is stale.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGE = ROOT / "server" / "aircall_mcp"
FILE = HERE / "architecture.svg"

WIDTH, MARGIN, GAP = 1080, 24, 18
HEAD, LINE, LAYER_GAP = 30, 15, 46
LETTER = 6.1
"""Width of a letter of the small type, as wide as it gets."""


def layers() -> list[list[str]]:
    """The packages of each layer, from the top down, as the import contract names them."""
    declared: Any = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts: list[dict[str, Any]] = declared["tool"]["importlinter"]["contracts"]
    names = next(c["layers"] for c in contracts if c.get("containers") == ["aircall_mcp"])
    return [[one.strip() for one in layer.replace("|", ":").split(":")] for layer in names]


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name without the package's own."""
    found: dict[str, Path] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """The modules that `path` imports, those of functions and type checking included."""
    here = name.split(".") if name else []
    if path.name != "__init__.py":
        here = here[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level + 1] + (node.module or "").split(".")
            target = ".".join(part for part in base if part)
            for alias in node.names:
                whole = f"{target}.{alias.name}".strip(".")
                found.add(whole if whole in known else target)
    return found


def drawn() -> str:
    """The drawing as SVG."""
    known = modules()
    plan = [[package for package in layer if package in known] for layer in layers()]
    plan = [layer for layer in plan if layer]
    packages = {package for layer in plan for package in layer}
    inside: dict[str, list[str]] = defaultdict(list)
    arrows: dict[tuple[str, str], int] = defaultdict(int)
    for name, path in known.items():
        package = name.split(".")[0]
        if package not in packages:
            continue
        if name != package:
            inside[package].append(name.split(".")[1])
        for target in imports(name, path, known):
            other = target.split(".")[0]
            if other in packages and other != package:
                arrows[package, other] += 1

    def where(package: str) -> tuple[float, float]:
        return places[package][0], places[package][1]

    places: dict[str, tuple[float, float, float, float]] = {}
    parts: list[str] = []
    y = float(MARGIN)
    for layer in plan:
        width = (WIDTH - 2 * MARGIN - GAP * (len(layer) - 1)) / len(layer)
        width = min(width, 620)
        x = (WIDTH - width * len(layer) - GAP * (len(layer) - 1)) / 2
        lines = {
            package: _wrapped(sorted(set(inside[package])), int((width - 24) / LETTER))
            for package in layer
        }
        height = HEAD + 8 + LINE * max(len(text) for text in lines.values())
        for package in layer:
            places[package] = (x, y, width, height)
            parts.append(_box(package, lines[package], x, y, width, height))
            x += width + GAP
        y += height + LAYER_GAP
    order = {package: n for n, layer in enumerate(plan) for package in layer}
    lanes = [
        _arrow(
            _share(places[a], sorted((r for q, r in arrows if q == a), key=where), b),
            places[a][1] + places[a][3],
            _share(places[b], sorted((q for q, r in arrows if r == b), key=where), a),
            places[b][1],
            count,
        )
        for (a, b), count in sorted(arrows.items())
    ]
    up = [pair for pair in arrows if order[pair[0]] >= order[pair[1]]]
    title = f"{len(packages)} packages in {len(plan)} layers, {len(arrows)} arrows, {len(up)} up"
    return _SHEET.format(
        width=WIDTH,
        height=y,
        title=escape(title),
        arrows="\n".join(lanes),
        packages="\n".join(parts),
    )


def _wrapped(names: list[str], letters: int) -> list[str]:
    lines: list[str] = []
    for name in names:
        if lines and len(lines[-1]) + len(name) + 3 <= letters:
            lines[-1] += f" · {name}"
        else:
            lines.append(name)
    return lines


def _box(name: str, lines: list[str], x: float, y: float, width: float, height: float) -> str:
    text = [f'<text class="name" x="{x + 12:.1f}" y="{y + 20:.1f}">{escape(name)}</text>']
    for n, line in enumerate(lines):
        text.append(
            f'<text class="file" x="{x + 12:.1f}" y="{y + HEAD + 8 + n * LINE:.1f}">'
            f"{escape(line)}</text>"
        )
    box = (
        f'<rect class="package" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        ' rx="5"/>'
    )
    return "\n".join([box, *text])


def _share(place: tuple[float, float, float, float], sharing: list[str], one: str) -> float:
    """Where on the edge of a box this one of several arrows begins or ends."""
    return place[0] + place[2] * (sharing.index(one) + 1) / (len(sharing) + 1)


def _arrow(x1: float, y1: float, x2: float, y2: float, count: int) -> str:
    weight = min(0.8 + count / 12, 3.5)
    third = (y2 - y1) / 3
    path = (
        f"M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + third:.1f} {x2:.1f} {y2 - third:.1f} {x2:.1f} {y2:.1f}"
    )
    return f'<path class="arrow" d="{path}" stroke-width="{weight:.1f}" marker-end="url(#tip)"/>'


_SHEET = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" role="img">
<title>{title}</title>
<style>
.package {{ fill: #fff; fill-opacity: .88; stroke: #345; }}
.name {{ font: 600 14px sans-serif; fill: #123; }}
.file {{ font: 11px sans-serif; fill: #456; }}
.arrow {{ fill: none; stroke: #79a; opacity: .6; }}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
 markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" fill="#567"/></marker></defs>
<rect width="100%" height="100%" fill="#f6f8fa"/>
{arrows}
{packages}
</svg>
"""


def main() -> int:
    """Write the drawing, or with `--check` compare. 0 = fine, 1 = stale."""
    plan = drawn()
    if "--check" in sys.argv[1:]:
        if FILE.exists() and FILE.read_text("utf-8") == plan:
            return 0
        print("docs/architecture.svg is stale; run `make docs`.", file=sys.stderr)
        return 1
    FILE.write_text(plan, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
