"""The shared address book."""

from __future__ import annotations

import re

from . import views
from .deed import EMAIL, Answer, Request, absent, bad, performs
from .entities import Contact, Detail
from .paging import descending, page, within
from .world import World, dialled

_MOST = 20
_CHANGED = "contact.updated"
_SCALARS = ("first_name", "last_name", "company_name", "information")


def _contact(world: World, request: Request) -> Contact:
    contact = world.contacts.get(request.path["id"])
    if contact is None:
        raise absent("Contact")
    return contact


def _listed(request: Request, contacts: list[Contact], world: World) -> Answer:
    """Of the period in which they were created, whatever the order goes by."""
    found = within(request, contacts, lambda one: one.created)
    if request.query.get("order_by") == "updated_at":
        found.sort(key=lambda one: one.updated, reverse=descending(request))
    return page(request, "contacts", found, lambda one: views.contact(world, one))


@performs("list_contacts")
def list_contacts(world: World, request: Request) -> Answer:
    return _listed(request, list(world.contacts.values()), world)


@performs("search_contacts")
def search_contacts(world: World, request: Request) -> Answer:
    found = list(world.contacts.values())
    if "phone_number" in request.query:
        found = world.contacts_at(request.query["phone_number"])
    if "email" in request.query:
        wanted = _email(request.query["email"], "email").lower()
        found = [one for one in found if any(e.value.lower() == wanted for e in one.emails)]
    return _listed(request, found, world)


@performs("get_contact")
def get_contact(world: World, request: Request) -> Answer:
    return Answer(200, {"contact": views.contact(world, _contact(world, request))})


@performs("create_contact")
def create_contact(world: World, request: Request) -> Answer:
    body, now = request.body, int(request.now)
    phones = [
        Detail(world.next_id("detail"), _label(row["label"]), _phone(row["value"]))
        for row in body["phone_numbers"]
    ]
    emails = [
        Detail(world.next_id("detail"), _label(row["label"]), _email(row["value"]))
        for row in body.get("emails", ())
    ]
    contact = Contact(
        id=world.next_id("contact"),
        first_name=body.get("first_name") or None,
        last_name=body.get("last_name") or None,
        company_name=body.get("company_name") or None,
        information=body.get("information") or None,
        created=now,
        updated=now,
        phones=phones,
        emails=emails,
    )
    world.contacts[contact.id] = contact
    world.index(contact)
    made = Answer(201, {"contact": views.contact(world, contact)})
    return made.telling(contact, "contact.created")


@performs("update_contact")
def update_contact(world: World, request: Request) -> Answer:
    contact = _contact(world, request)
    given = {name: request.body[name] for name in _SCALARS if name in request.body}
    for name, value in given.items():
        if not value.strip():
            raise bad(f"{name} can't be blank")
    for name, value in given.items():
        setattr(contact, name, value)
    contact.updated = int(request.now)
    changed = Answer(200, {"contact": views.contact(world, contact)})
    return changed.telling(contact, _CHANGED)


@performs("delete_contact")
def delete_contact(world: World, request: Request) -> Answer:
    contact = _contact(world, request)
    world.unindex(contact)
    del world.contacts[contact.id]
    return Answer(204).telling(contact, "contact.deleted")


# phone numbers and e-mail addresses of a contact


def _label(text: str) -> str:
    if not text.strip():
        raise bad("label can't be blank")
    return text.strip()


def _phone(text: str) -> str:
    if not re.fullmatch(r"\+?[0-9 ().\-]{3,30}", text) or not 3 <= len(dialled(text)) <= 15:
        raise bad("value must be a phone number")
    return text.strip()


def _email(text: str, name: str = "value") -> str:
    if not EMAIL.fullmatch(text):
        raise bad(f"{name} must be an e-mail address")
    return text


def _add(
    world: World, request: Request, contact: Contact, rows: list[Detail], value: str
) -> Answer:
    if len(rows) >= _MOST:
        raise bad(f"A contact can have {_MOST} of these at most")
    label = _label(request.body["label"])
    world.unindex(contact)
    rows.append(Detail(world.next_id("detail"), label, value))
    world.index(contact)
    contact.updated = int(request.now)
    return Answer(201, views.detail(rows[-1])).telling(contact, _CHANGED)


def _detail(request: Request, rows: list[Detail]) -> Detail:
    for row in rows:
        if row.id == request.path["detail_id"]:
            return row
    raise absent("Detail")


def _change(
    world: World, request: Request, contact: Contact, row: Detail, value: str | None
) -> Answer:
    label = _label(request.body["label"]) if "label" in request.body else row.label
    world.unindex(contact)
    row.label, row.value = label, row.value if value is None else value
    world.index(contact)
    contact.updated = int(request.now)
    return Answer(202, views.detail(row)).telling(contact, _CHANGED)


def _drop(world: World, request: Request, contact: Contact, rows: list[Detail]) -> Answer:
    row = _detail(request, rows)
    world.unindex(contact)
    rows.remove(row)
    world.index(contact)
    contact.updated = int(request.now)
    return Answer(204).telling(contact, _CHANGED)


@performs("add_contact_phone_number")
def add_contact_phone_number(world: World, request: Request) -> Answer:
    contact, value = _contact(world, request), _phone(request.body["value"])
    return _add(world, request, contact, contact.phones, value)


@performs("update_contact_phone_number")
def update_contact_phone_number(world: World, request: Request) -> Answer:
    contact, given = _contact(world, request), request.body.get("value")
    row = _detail(request, contact.phones)
    return _change(world, request, contact, row, None if given is None else _phone(given))


@performs("delete_contact_phone_number")
def delete_contact_phone_number(world: World, request: Request) -> Answer:
    contact = _contact(world, request)
    return _drop(world, request, contact, contact.phones)


@performs("add_contact_email")
def add_contact_email(world: World, request: Request) -> Answer:
    contact, value = _contact(world, request), _email(request.body["value"])
    return _add(world, request, contact, contact.emails, value)


@performs("update_contact_email")
def update_contact_email(world: World, request: Request) -> Answer:
    contact, given = _contact(world, request), request.body.get("value")
    row = _detail(request, contact.emails)
    return _change(world, request, contact, row, None if given is None else _email(given))


@performs("delete_contact_email")
def delete_contact_email(world: World, request: Request) -> Answer:
    contact = _contact(world, request)
    return _drop(world, request, contact, contact.emails)
