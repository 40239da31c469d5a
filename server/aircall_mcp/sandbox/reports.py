"""Analytics exports, ready some time after they were asked for."""

from __future__ import annotations

import re

from . import views
from .deed import Answer, Json, Request, absent, bad, performs
from .entities import Export
from .world import World

_LINK_LIFETIME = 3600
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@performs("create_analytics_export")
def create_analytics_export(world: World, request: Request) -> Answer:
    asked: Json = request.body["input"]
    dates: Json | None = asked["filter"]["dateFilter"].get("absoluteRange")
    if dates is not None:
        start, end = dates["fromDate"], dates["toDate"]
        if not _DAY.fullmatch(start) or not _DAY.fullmatch(end):
            raise bad("absoluteRange: fromDate and toDate are written YYYY-MM-DD")
        if start > end:
            raise bad("absoluteRange: fromDate lies after toDate")
    options: Json = asked.get("exportOptions", {})
    default = asked["reportName"].lower().replace("_", "-")
    export = Export(
        id=world.uuid(),
        name=str(options.get("exportName") or default),
        created=request.now,
        zipped=bool(options.get("isZipCompressed")),
    )
    world.exports[export.id] = export
    return Answer(201, _export(world, export, request.now))


@performs("get_analytics_export")
def get_analytics_export(world: World, request: Request) -> Answer:
    export = world.exports.get(request.path["export_id"].lower())
    if export is None:
        raise absent("Export")
    return Answer(200, _export(world, export, request.now))


def _export(world: World, one: Export, now: float) -> Json:
    shown: Json = {"exportID": one.id, "createdAt": views.iso(one.created), "status": "PENDING"}
    if now < one.created + world.pace.export:
        return shown
    kind = "zip" if one.zipped else "csv"
    expires = int(now) + _LINK_LIFETIME
    return {
        **shown,
        "status": "COMPLETED",
        "format": "CSV",
        "exportName": one.name,
        "isZipCompressed": one.zipped,
        "downloadUrl": f"https://media.aircall.example/exports/{one.id}.{kind}?expires={expires}",
        "downloadUrlExpiresAt": views.iso(expires),
    }
