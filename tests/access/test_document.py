"""deploy/security.md grants what the code uses, and no more."""

from __future__ import annotations

import re

from streams.doctor.rights import reading, working
from streams.store.keys import Keys
from tests.rig.kafka import REPOSITORY
from tests.rig.secure import kafka_acls, redis_users

FOR_DOCTOR = {"info", "time", "acl|whoami", "acl|dryrun", "function|list", "smembers", "ping"}


def granted(user: str) -> set[str]:
    (line,) = [line for line in redis_users().splitlines() if line.startswith(f"user {user} ")]
    return {word[1:] for word in line.split() if word.startswith("+")}


def test_a_worker_may_do_what_its_functions_do() -> None:
    source = (REPOSITORY / "streams" / "store" / "commit.lua").read_text("utf-8")
    named = set(re.findall(r"(?:redis\.call|batches)\('([A-Z]+)'", source))
    assert len(named) > 15
    used = {name.lower() for name in named}
    assert used <= working(Keys("shop")).keys()
    assert granted("journey-worker") - FOR_DOCTOR == working(Keys("shop")).keys() - FOR_DOCTOR
    assert "smembers" in used


def test_the_exporter_only_reads() -> None:
    assert granted("journey-exporter") - FOR_DOCTOR == set(reading(Keys("shop")))
    assert not granted("journey-exporter") & {"fcall", "hset", "set", "del", "scan"}


def test_nobody_is_granted_a_whole_category() -> None:
    for line in redis_users().splitlines():
        words = line.split()
        assert "-@all" in words
        assert not [word for word in words if word.startswith("+@") or word in {"allkeys", "allcommands", "~*", "nopass"}]


def test_no_kafka_user_may_do_everything() -> None:
    acls = kafka_acls()
    assert {acl.principal for acl in acls} == {"User:journey-producer", "User:journey-worker", "User:journey-operator"}
    assert {acl.operation.name for acl in acls} == {"READ", "WRITE", "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS"}
