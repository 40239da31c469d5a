"""What an attacker tries, tried for real: a program that attacks, and a count of what arrived.

What belongs here attacks a finished server from outside, as whoever it defends against would:
over stdio, HTTP, a socket, a file in the home, an answer of Aircall, an event. It starts the real
thing (a process, or the assembled app on a real port), lets it speak to an upstream of its own
that counts (`tests/foreign.py`, `tests/upstream.py`), and asserts on what arrived there, what
was stored, or what came out; not on the words of a refusal alone. One file is one hole or one
threat of `docs/security.md`, and its name says which. A unit test of the code that closes the
hole lies with that code, not here.

`make attacks` runs the long forms (`--attacks=full`): thousands of spellings, hundreds of
connections, every offset. With every `make test` the same functions run in a short form, told
apart by the fixture `full`; all short forms together may cost some ten seconds of processor time.
Numbers are bounded in both forms, all addresses are of loopback, and nothing sleeps.
"""
