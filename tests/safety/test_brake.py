"""The brake alone: a file that is there, or not, or of which nothing can be told."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aircall_mcp.errors import NotAllowed, StoreError
from aircall_mcp.ground.operation import Operation
from aircall_mcp.ground.private_files import Modes
from aircall_mcp.offer import Registry
from aircall_mcp.safety import Brake
from aircall_mcp.safety.brake import Pulled

from ..harness import THURSDAY, Clock


def refused(brake: Brake, operation: Operation) -> NotAllowed | None:
    try:
        brake(operation)
    except NotAllowed as error:
        return error
    return None


def test_while_it_is_pulled_every_effect_is_refused_and_every_read_is_not(
    home: Path, registry: Registry
) -> None:
    brake = Brake(home)
    assert [one.id for one in registry.known if refused(brake, one)] == []
    brake.pull()
    free = [one.id for one in registry.known if not refused(brake, one)]
    assert free == [one.id for one in registry.known if one.effect == "read"]
    assert 40 < len(free) < len(registry.known) - 40
    brake.release()
    assert [one.id for one in registry.known if refused(brake, one)] == []


def test_the_model_hears_who_may_release_it_and_how_and_nothing_of_persons(
    home: Path, registry: Registry
) -> None:
    brake = Brake(home, clock=Clock().handed())
    brake.pull(by="zoe", reason="the model dials strangers")
    os.utime(brake.path, (THURSDAY, THURSDAY))
    error = refused(brake, registry.ids["start_outbound_call"])
    assert error is not None
    assert error.kind == "not_allowed"
    assert "aircall_start_outbound_call was not sent" in error.message
    assert "2026-11-19T10:00:00Z" in error.message
    assert "`aircall-mcp resume`" in error.hint
    assert "person" in error.hint
    assert not [word for word in ("zoe", "strangers", str(home)) if word in f"{error} {error.hint}"]


def test_another_brake_of_the_home_sees_it_at_once_and_one_of_another_home_does_not(
    home: Path, tmp_path: Path
) -> None:
    ours, same, other = Brake(home), Brake(home), Brake(tmp_path / "other")
    ours.pull(by="zoe", reason="  too\tmany\x1b[31m calls  ")
    assert (same.holds(), other.holds()) == (True, False)
    pulled = same.pulled()
    assert pulled is not None
    assert (pulled.by, pulled.reason) == ("zoe", "too many[31m calls")
    assert "by zoe: too many" in str(pulled)
    assert same.release() == pulled
    assert not ours.holds()
    assert ours.release() is None


def test_pulled_again_the_first_time_stands(home: Path) -> None:
    brake = Brake(home)
    first = brake.pull(by="zoe")
    os.utime(brake.path, (THURSDAY, THURSDAY))
    again = brake.pull(by="max", reason="me too")
    assert (again.since, again.by) == (THURSDAY, first.by)


@pytest.mark.parametrize(
    ("pulled", "said"),
    [
        (Pulled(), "the emergency brake is pulled"),
        (Pulled(THURSDAY), "the emergency brake is pulled since 2026-11-19T10:00:00Z"),
        (Pulled(by="zoe"), "the emergency brake is pulled by zoe"),
        (Pulled(0.0, "zoe", "a test"),
         "the emergency brake is pulled since 1970-01-01T00:00:00Z by zoe: a test"),
        (Pulled(trouble="no disk"),
         "whether the emergency brake is pulled could not be checked (no disk)"),
    ],
)  # fmt: skip
def test_how_it_stands_is_said_in_one_sentence(pulled: Pulled, said: str) -> None:
    assert str(pulled) == said


def test_when_it_was_pulled_stands_in_it_for_a_person(home: Path) -> None:
    brake = Brake(home, clock=Clock().handed())
    brake.pull(by="zoe")
    said = {"by": "zoe", "reason": "", "at": "2026-11-19T10:00:00Z"}
    assert json.loads(brake.path.read_bytes()) == said


def a_link_to_nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


def a_directory(path: Path) -> None:
    path.mkdir()


def nonsense(path: Path) -> None:
    path.touch(0o600)
    path.write_bytes(b"\xff\x00{")


def an_odd_file(path: Path) -> None:
    path.touch(0o600)
    path.write_text('{"by": {"a": 1}, "reason": ["x"]}')


def a_list(path: Path) -> None:
    path.touch(0o600)
    path.write_text('["by", "reason"]')


@pytest.mark.parametrize("odd", [a_link_to_nowhere, a_directory, nonsense, an_odd_file, a_list])
def test_whatever_stands_there_it_is_pulled(
    home: Path, registry: Registry, odd: Callable[[Path], None]
) -> None:
    home.mkdir(mode=0o700)
    brake = Brake(home)
    odd(brake.path)
    assert refused(brake, registry.ids["create_tag"])
    assert brake.holds()
    pulled = brake.pulled()
    assert pulled is not None
    assert (pulled.by, pulled.reason, pulled.trouble) == ("", "", "")
    assert brake.pull() == pulled


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ENOTDIR, errno.ESTALE, 0])
def test_where_it_cannot_be_told_effects_are_refused_and_reads_go_on(
    home: Path, registry: Registry, number: int
) -> None:
    def look(_path: Path) -> os.stat_result:
        raise OSError(number, "said by nobody") if number else OSError()

    brake = Brake(home, look=look)
    error = refused(brake, registry.ids["create_tag"])
    assert error is not None
    assert "could not be checked" in error.message
    assert "doctor" in error.hint
    assert refused(brake, registry.ids["list_tags"]) is None
    assert brake.holds()
    pulled = brake.pulled()
    assert pulled is not None
    assert pulled.trouble


def test_a_home_that_is_a_file_lets_nothing_through(home: Path, registry: Registry) -> None:
    home.write_text("")
    assert refused(Brake(home), registry.ids["create_tag"])
    with pytest.raises(StoreError):
        Brake(home).pull()


class Full(Modes):
    """A disk that has room for names and for no content."""

    def replace(self, path: Path, content: bytes) -> None:
        del content
        raise StoreError(f"{path} cannot be used: No space left on device.")


def test_on_a_full_disk_it_is_pulled_without_a_word_of_by_whom(home: Path) -> None:
    brake = Brake(home, modes=Full())
    pulled = brake.pull(by="zoe", reason="why")
    assert (pulled.by, pulled.reason) == ("", "")
    assert Brake(home).holds()


def test_it_makes_the_home_where_there_is_none_for_its_owner_alone(home: Path) -> None:
    brake = Brake(home)
    assert not brake.holds()
    assert not home.exists()  # to look makes nothing
    brake.pull()
    assert (home.stat().st_mode & 0o777, brake.path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_to_ask_takes_less_than_a_twentieth_of_a_millisecond(
    home: Path, registry: Registry
) -> None:
    home.mkdir(mode=0o700)
    brake, effect = Brake(home), registry.ids["start_outbound_call"]
    began = time.process_time()
    for _ in range(2000):
        brake(effect)
    assert (time.process_time() - began) / 2000 < 50e-6
