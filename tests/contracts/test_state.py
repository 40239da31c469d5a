"""Whatever outlives a call is listed here, with whose it is: who adds some says so.

What is about an account is declared with a key that names it (`Whose`, `CompanyId`,
`AccountName`), so that none of it can be had by another's call.
"""

from __future__ import annotations

import re

from ..state import in_source

KEYED = {
    "accounts.auth.Auth": "_not_before _renewals _seen _unsaved",
    "gateway.breaker.Breakers": "_of",
    "gateway.budget.Budget": "_full_until _turns",
    "gateway.cache.Cache": "_flying _kept",
    "gateway.companies.Companies": "_known _unwritten",
    "gateway.connections.Connections": "_shares",
    "gateway.continuations.Continuations": "_courses _weights",
    "gateway.zones.Zones": "_of",
    "safety.company.Company": "_numbers _known _named",
    "workflows.call_log.CallLog": "_kept",
    "workflows.contacts.Contacts": "_shelves",
    "workflows.place_call.PlaceCall": "_untold",
    "safety.plans.Plans": "_busy",
}
"""What is about an account or its company, by these."""
OF_ONE = {
    "events.poller.Poller": (
        "_asked _beat _covered _heard_since _look _state _sweep _told _turn _waiting _written"
    ),
    "gateway.breaker.Breaker": "_failed _open_until _probing",  # made for one company
    "gateway.budget.Slot": "_settle",
    "accounts.login.Loopback": "_asking _authorization _port _server",
    "events.event.Arrival": "digest",
    "gateway.given.Given": "_at _left crowded full items leaves twice",
    "gateway.intents.Entry": "_abandoned _earlier_doubt _intent begun doubt refused",
    "gateway.walk.Walk": "_steps note reply",
    "ground.asgi.Counting": "body chunks requests",
    "ground.clients.Stream": "_fruitless _socket whole",
    "scripts.functions.Functions": "_open _over _steps _under_way calls partial reads sandbox",
    "offer.shape.Shaped": "_items _texts",
    "offer.shape.Cut": "_cuts _keys _lists _shortened _trimmed size steps",
    "offer.shape._List": "sizes",
    "offer.shape._Trim": "_sizes",
    "offer.walk.Walk": "_steps told",
    "search.reading.Reading": "best possible",
    "workflows.call_log._Course": "known",
    "workflows.call_log._Reading": "_error _steps _stop",
    "workflows.call_log._Segment": "pages totals",
    "workflows.call_filter.Meant": "notes query tests words",
    "workflows.kpis.Figures": "back_after reasons time_to_answer",
    "workflows.names.Names": "_at _known _next _sorted",
    "workflows.place_call.Account": "call left notes tagged",
    "workflows.scan_transcripts.Scan": "found without",
}
"""Objects made for one company, call, connection or answer, and gone with it."""
TASKS = {
    "accounts.auth.Auth": "_closing _savings",
    "console.console.Console": "_kept _listening _origin _shown _until _wanted",
    "events.forwarding.deliver.Forwarder": "_waited",
    "events.receiver.Receiver": "_filled _looked _open _tasks",
    "events.watcher.Watcher": "_newest _task _waiting",
    "gateway.budget.Budget": "_ended _flush",  # slots by their ids
    "gateway.continuations.Continuations": "_weight",  # of all that is kept
    "gateway.effects.Effects": "_under_way",
    "gateway.ledger.Ledger": "_count",
    "ground.weight.Aside": "_executor done",
    "protocol.resources.Resources": "_watching",
    "protocol.instant.Instant": "_awaited _rest",
    "protocol.opening.Opening": "_version told",
    "protocol.stdio._Lines": "_anew _calls _come _idle _only_discovered _told",
    "scripts.interpreter.Interpreter": "_pool",  # of processes that serve one script each
}
"""What runs and waits, and how often: nothing that an answer is made of."""
STORES = {
    "accounts.accounts.Accounts": "_brought",  # records by account and field, as in the vault
    "accounts.shelf.Memory": "_epoch _kept",
    "events.events.Events": "log resources rules tools vault",
    "events.log.EventLog": "_closes _mailbox",
    "gateway.connections.Connections": "_context _networks",
    "gateway.journal.Journal": "_boot _state",  # rows by company
    "gateway.ledger.Ledger": "_state",  # rows by company
    "safety.safety._Brought": "_looked",
    "storage.lock.Lock": "_descriptor",
    "storage.sqlite.database": "_abandoned",
    "storage.sqlite.state.InMemory": "_connection",
    "storage.sqlite.database.Database": "_connection _file _lock _process _thread",
    "toolkit.blocking.ToolkitSync": "_portal _stack",
    "vault.keys.keyring.KeyringHolder": "_found _silent_until _waiting",
    "vault.keys.passphrase.PassphraseHolder": "_new",
    "vault.manifest.Manifest": "_owners",
    "vault.vault.Vault": "_holders _key _known",
    "vault.verified.Verified": "_state",
    "workflows.cards.Cards": "_mailbox",
    "workflows.contacts.Contacts": "_cards",
    "workflows.kit.Kit": "contacts",
}
"""A file that is open, a key, a connection: one for all, whose content is by account."""
OTHERWISE = {
    "events.forwarding.deliver.Forwarder": "_clients _resting",  # by destination
    "events.receiver.Receiver": "_digests _families",  # by webhook
    "ground.admission.Admission": "_from _held _told _turned _visits _waiting",  # by connection
    "offer.walk": "_ways",  # by the names of fields that an answer marks
    "offer.walk._Ways": "everywhere nested",  # by the name of a field: what is done with it
    "protocol.http._Ready": "_ends",  # by version and method
    "protocol.mcp_server.AircallServer": "_lists",  # by offer
    "protocol.resources.Resources": "_sessions",  # by URI and connection
    "protocol.sessions.Sessions": "_idle _used",  # by session
    "toolkit.toolkit._Opened": "shown",  # by view, of one toolkit
    "toolkit.forms.langchain": "_turns",  # by task of a graph, while one of its calls is answered
    "scripts.scripts.Scripts": "_turns",  # by principal, while one of its scripts runs
    "safety.drafts.Drafts": "_kept",  # by id, of one principal and one account each
    "workflows.choices.Choices": "_asked",  # by principal and account, while it is asked for
    # Of all accounts: what is secret to one is masked in the answers of the others, too.
    "ground.secrets.Scrubber": "_forms _known _stale",
    "ground.secrets._Sought": "_starts",
}
"""What is kept by something else than an account."""
OURS = {
    "desk.Desk": "index",
    "ground.command": "_typed",  # of this installation
    "ground.addresses": "one_host",  # of how hosts are spelled
    "ground.times": "_day",  # of the calendar
    "ground.operation.Operation": "_by_name _validator _wire_names",
    "offer.offer.Offer": "prompts tools",
    "safety.destinations": "destination_of",  # of the numbering plans
    "safety.policy_file.PolicyFile": "_came_from _policy _telling",  # the owner's file
    "search.lexical.Lexical": "_names _words",
    "search.model": "load",
    "search.model.Model": "company",
    "search.names.Names": "_by_name _by_route",
    "workflows.inflection": "_BASES _stemmer bases",
    "workflows.short_names": "_groups _nicknames _ours called cousins",  # tables of first names
    "workflows.sounds": "sound",
    "workflows.counting": "_table",
    "workflows.romanisation": "_table",
    "workflows.verbs": "_known",
    "workflows.workflows.Workflows": "_kit _log _made directory",
}
"""Made of the description of Aircall and of our words alone."""
ALL = (KEYED, OF_ONE, TASKS, STORES, OTHERWISE, OURS)
_KEY = re.compile(r"\b(Whose|CompanyId|AccountName|_Place|Key)\b")


def named(table: dict[str, str]) -> set[str]:
    return {f"{owner}.{one}" for owner, names in table.items() for one in names.split()}


def test_all_that_outlives_a_call_is_listed_with_whose_it_is() -> None:
    found, listed = set(in_source()), [one for table in ALL for one in named(table)]
    assert sorted(found - set(listed)) == [], "say of these in this file whose they are"
    assert sorted(set(listed) - found) == [], "these are no more"
    assert len(listed) == len(set(listed))


def test_what_is_about_an_account_is_declared_by_a_key_that_names_it() -> None:
    declared = in_source()
    assert [one for one in sorted(named(KEYED)) if not _KEY.search(declared[one])] == []
