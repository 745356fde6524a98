"""``sync-tasks doctor``: every fault is found and its remedy reported."""

from collections.abc import Callable

import pytest

from sync_tasks.cli.views import doctor_checks
from sync_tasks.cli.views.privacy_checks import check_connection
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import UnauthorizedError
from sync_tasks.monitoring import status
from sync_tasks.monitoring.status import SWEPT_WITHIN
from sync_tasks.portal.local_pipeline import lead_to
from sync_tasks.reconcile.census import keep_census
from sync_tasks.state.holds import EXAMINING, place_hold
from tests.support.desk import Desk

Break = Callable[[Desk], object]


def states(desk: Desk) -> dict[str, str]:
    return {check["what"]: check["state"] for check in desk.read("doctor", exits=1)}


def test_what_is_well_is_ok_and_only_nobody_at_work_fails(desk: Desk) -> None:
    found = states(desk)
    assert {what for what, state in found.items() if state == "fail"} == {"workers", "beat"}
    reported = desk.run("doctor", exits=1)
    assert "2 fail" in reported
    assert all(
        text in reported for text in ("start `celery -A sync_tasks worker`", "accepted by", "DAILY_UNSUBSCRIBED")
    )


def configure(text: str) -> Break:
    return lambda desk: desk.configuration.write_text(desk.configuration.read_text() + text)


@pytest.mark.parametrize(
    ("what", "break_it", "remedy"),
    [
        ("default: key", lambda desk: desk.pipeline.brevo.add_fault("status", status=401), "authorised IPs"),
        ("default: brevo", lambda desk: desk.pipeline.brevo.add_fault("status", status=500), ""),
        ("default: books", configure("[newsletters.books]\nlist_id = 99\n"), "create it at Brevo"),
        ("default: shoe", configure('shoe = "SHOE"\n'), "create SHOE at Brevo"),
        (
            "default: books attribute",
            configure('[newsletters.books]\nlist_id = 7\nunsubscribed_attribute = "CITY"\n'),
            "make it boolean",
        ),
        (
            "default: books attribute",
            configure('[newsletters.books]\nlist_id = 7\nunsubscribed_attribute = "GONE"\n'),
            "as boolean",
        ),
        (
            "default: pause",
            lambda desk: desk.pipeline.resources.limiter.pause("default", UnauthorizedError("the key is wrong")),
            "the key is wrong",
        ),
    ],
    ids=["key", "brevo away", "list", "attribute", "type", "no flag", "pause"],
)
def test_each_fault_fails_its_check_and_names_the_remedy(desk: Desk, what: str, break_it: Break, remedy: str) -> None:
    break_it(desk)
    found = {check["what"]: check for check in desk.read("doctor", exits=1)}
    assert found[what]["state"] == "fail"
    assert remedy in found[what]["advice"]


@pytest.mark.parametrize(
    ("what", "setting", "well"),
    [("eviction", ("maxmemory-policy", "allkeys-lru"), "noeviction"), ("memory", ("maxmemory", "1mb"), "0")],
)
def test_a_redis_that_cannot_hold_the_state_fails_before_anything_is_written(
    desk: Desk, what: str, setting: tuple[str, str], well: str
) -> None:
    redis = desk.pipeline.store.redis
    redis.flushall()
    redis.config_set(*setting)
    try:
        found = states(desk)
    finally:
        redis.config_set(setting[0], well)
    assert (found[f"redis {what}"], found["the rest"]) == ("fail", "warn")
    assert redis.keys() == []


def test_a_redis_that_writes_no_file_and_answers_slowly_is_warned_about(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_checks, "SLOW_REDIS", 0.0)
    redis = desk.pipeline.store.redis
    redis.config_set("appendonly", "no")
    try:
        found = states(desk)
    finally:
        redis.config_set("appendonly", "yes")
    assert (found["redis persistence"], found["redis latency"]) == ("warn", "warn")


def test_a_pipeline_at_work_fails_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "ping_workers", lambda: ["one@localhost"])
    desk.pipeline.store.redis.set("sync_tasks:swept", desk.pipeline.store.now())
    assert {check["state"] for check in desk.read("doctor")} <= {"ok", "warn"}


@pytest.mark.parametrize(
    ("seconds", "state", "found"),
    [
        (None, "fail", "has not swept for a day"),
        (0, "ok", "ago"),
        (SWEPT_WITHIN - 30, "ok", "ago"),
        (SWEPT_WITHIN + 30, "fail", "ago"),
    ],
)
def test_a_beat_that_has_not_swept_lately_fails(desk: Desk, seconds: float | None, state: str, found: str) -> None:
    store = desk.pipeline.store
    if seconds is not None:
        store.redis.set(store.key("swept"), int(store.now()) - int(seconds * MICROSECONDS_PER_SECOND))
    beat = {check["what"]: check for check in desk.read("doctor", exits=1)}["beat"]
    assert (beat["state"], found in beat["found"]) == (state, True)
    assert ("celery -A sync_tasks beat" in beat["advice"]) == (state == "fail")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("redis://127.0.0.1:6379/0", "on this machine"),
        ("unix:///run/redis.sock?db=0", "on this machine"),
        ("redis:///0", "on this machine"),
        ("redis://[::1]/0", "on this machine"),
        ("redis://LOCALHOST:6379", "on this machine"),
        ("sentinel://127.0.0.1:1,redis.internal:2/mymaster/0", "no password, no TLS"),
        ("redis://redis.internal:6379/0", "no password, no TLS"),
        ("redis://:pw@redis.internal:6379/0", "no TLS"),
        ("rediss://:pw@redis.internal:6379/0", "password and TLS"),
        ("rediss://:pw@redis.internal/0?ssl_cert_reqs=none", "the certificate is not checked"),
        ("sentinel://:pw@one:26379,two:26379/mymaster/0", "no TLS"),
    ],
)
def test_a_connection_that_others_can_read_is_reported(url: str, found: str) -> None:
    (check,) = check_connection("redis", url)
    assert (check.found, check.state) == (found, "ok" if found in {"on this machine", "password and TLS"} else "warn")
    assert "pw" not in check.advice


def test_a_link_without_its_attribute_fails_and_with_it_is_well(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_UNSUBSCRIBE_SECRET", "a-secret-of-more-than-32-characters!")
    before = desk.configuration.read_text()
    for attribute, state in (("GONE", "fail"), ("DAILY_UNSUBSCRIBED_NO", "fail"), ("UNSUBSCRIBE_TOKEN", "ok")):
        desk.configuration.write_text(f'{before}[unsubscribe]\nattribute = "{attribute}"\n')
        found = states(desk)
        assert (found["default: unsubscribe link"], found["unsubscribe link"]) == (state, "ok")


def test_a_slow_log_is_warned_about(desk: Desk) -> None:
    redis = desk.pipeline.store.redis
    assert states(desk)["redis slow log"] == "ok"
    redis.config_set("slowlog-log-slower-than", 10_000)
    try:
        assert states(desk)["redis slow log"] == "warn"
    finally:
        redis.config_set("slowlog-log-slower-than", -1)


def test_a_hold_fails_until_a_person_decides(desk: Desk) -> None:
    assert states(desk)["state"] == "ok"
    place_hold(desk.pipeline.store, EXAMINING)
    assert states(desk)["state"] == "ok"
    place_hold(desk.pipeline.store, "a backup")
    found = {check["what"]: check for check in desk.read("doctor", exits=1)}["state"]
    assert (found["state"], "a backup" in found["found"]) == ("fail", True)
    assert "sync-tasks state accept" in found["advice"]


def test_a_queue_that_is_away_fails_with_what_to_do(desk: Desk) -> None:
    with lead_to("redis://127.0.0.1:1/0"):
        found = {check["what"]: check for check in desk.read("doctor", exits=1)}
    assert (found["queue"]["state"], "SYNC_BROKER_URL" in found["queue"]["advice"]) == ("fail", True)
    assert "workers" not in found


def test_of_two_secrets_of_links_the_old_one_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = "a-secret-of-more-than-32-characters!", "b-secret-of-more-than-32-characters!"
    monkeypatch.setenv("SYNC_UNSUBSCRIBE_SECRET", first)
    found = {check["what"]: check for check in desk.read("doctor", exits=1)}["unsubscribe link"]
    assert (found["state"], found["found"]) == ("warn", "no attribute")
    configure('[unsubscribe]\nattribute = "UNSUBSCRIBE_TOKEN"\n')(desk)
    for secrets, number in ((first, "one secret"), (f"{first} {second}", "two secrets")):
        monkeypatch.setenv("SYNC_UNSUBSCRIBE_SECRET", secrets)
        found = {check["what"]: check for check in desk.read("doctor", exits=1)}["unsubscribe link"]
        assert (found["state"], number in found["found"]) == ("ok", True)


def test_what_the_configuration_lacks_is_warned_about(desk: Desk) -> None:
    keep_census({"n:gone": 3, "a:gone": 1}, desk.pipeline.resources.settings, desk.pipeline.store)
    found = {check["what"]: check for check in desk.read("doctor", exits=1)}["unknown: gone"]
    assert (found["state"], "3 users wish newsletter gone" in found["found"]) == ("warn", True)
