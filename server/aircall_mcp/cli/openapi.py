"""`aircall-mcp openapi`."""

from __future__ import annotations

import json

import click


@click.command("openapi")
@click.option(
    "--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True
)
def command(form: str) -> None:
    """Print the OpenAPI 3.1 description of Aircall's Public API."""
    from ..spec import document

    if form == "json":
        click.echo(json.dumps(document(), ensure_ascii=False, indent=2))
        return
    import yaml

    text = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110)
    click.echo(text, nl=False)
