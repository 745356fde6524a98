"""What the network does to calls: nothing is sent behind our back, and what may have arrived has an unknown outcome."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from threading import Barrier

import pytest

from sync_tasks.errors import GatewayUnavailableError, SyncError
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.connection import Patience
from tests.providers.conftest import QUICK
from tests.support.brevo_samples import NEW, RENAMED, remote
from tests.support.scripted_brevo import (
    DROPPED,
    HELD,
    Reply,
    Script,
    answer,
    babbling,
    cut_off,
    deaf,
    refusing,
    trickling,
)

WRITES: list[Callable[[Brevo], object]] = [lambda brevo: brevo.create(NEW), lambda brevo: brevo.change(42, RENAMED)]
READS: list[Callable[[Brevo], object]] = [
    lambda brevo: brevo.read(42),
    lambda brevo: brevo.find_address("a@example.com"),
    lambda brevo: brevo.find_ext_id("user-1"),
    Brevo.attribute_types,
    Brevo.list_names,
]
HALF_A_HEAD = Reply(b"HTTP/1.1 20", last=True)
NO_HTTP = Reply(b"220 mail.example ESMTP\r\n", last=True)


@contextmanager
def gateway_at(url: str, patience: Patience = QUICK) -> Iterator[Brevo]:
    brevo = Brevo("xkeysib-secret", base_url=url, patience=patience)
    yield brevo
    brevo.close()


def fail(call: Callable[[Brevo], object], gateway: Brevo) -> GatewayUnavailableError:
    with pytest.raises(GatewayUnavailableError) as caught:
        call(gateway)
    return caught.value


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize("nowhere", [refusing, deaf])
def test_a_write_that_never_left_is_certain(
    nowhere: Callable[[], AbstractContextManager[str]], call: Callable[[Brevo], object]
) -> None:
    with nowhere() as url, gateway_at(url, Patience(connect=0.1, pause=0.001)) as gateway:
        assert not fail(call, gateway).outcome_unknown


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize(
    "reply",
    [DROPPED, HALF_A_HEAD, NO_HTTP, cut_off(201, b'{"id": 4'), cut_off(502, b"<html>"), cut_off(400, b"{")],
    ids=["dropped", "half a head", "no http", "cut off", "cut off 502", "cut off 400"],
)
def test_a_write_whose_answer_got_lost_has_an_unknown_outcome_and_sent_once(
    script: Script, gateway: Brevo, reply: Reply, call: Callable[[Brevo], object]
) -> None:
    script.says(reply)

    assert fail(call, gateway).outcome_unknown
    assert len(script.asked) == 1


@pytest.mark.parametrize("call", WRITES)
def test_a_write_answered_too_late_has_an_unknown_outcome_and_sent_once(
    script: Script, hasty: Brevo, call: Callable[[Brevo], object]
) -> None:
    script.says(HELD)

    assert fail(call, hasty).outcome_unknown
    assert len(script.asked) == 1


@pytest.mark.parametrize("slow", [0, len(answer(201, {"id": 4}).raw) - 9], ids=["head", "body"])
@pytest.mark.parametrize("status", [201, 500])
def test_a_write_answered_byte_by_byte_is_given_up_in_time(
    script: Script, hasty: Brevo, slow: int, status: int
) -> None:
    script.says(trickling(answer(status, {"id": 4}), slow))

    error = fail(lambda brevo: brevo.create(NEW), hasty)

    assert error.outcome_unknown
    assert "no answer (ReadTimeoutError)" in str(error)


def test_whatever_follows_an_interim_answer_is_not_that_of_the_next_request(script: Script, gateway: Brevo) -> None:
    script.says(Reply(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"), answer(200, remote()))

    assert not fail(lambda brevo: brevo.read(42), gateway).outcome_unknown
    assert gateway.read(42)
    assert script.connections == 2


def test_a_refused_connection_is_tried_three_times(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "urllib3.connectionpool")

    with refusing() as url, gateway_at(url) as gateway:
        fail(Brevo.list_names, gateway)

    assert caplog.text.count("Starting new HTTP connection") == 3


@pytest.mark.parametrize("call", READS)
def test_a_read_that_gets_lost_is_sent_once_and_certain(
    script: Script, gateway: Brevo, call: Callable[[Brevo], object]
) -> None:
    script.says(DROPPED)

    assert not fail(call, gateway).outcome_unknown
    assert len(script.asked) == 1


@pytest.mark.parametrize("call", READS)
def test_a_read_answered_too_late_is_given_up(script: Script, hasty: Brevo, call: Callable[[Brevo], object]) -> None:
    script.says(HELD)

    assert not fail(call, hasty).outcome_unknown
    assert len(script.asked) == 1


def test_a_body_in_a_broken_encoding_is_a_lost_answer(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, b"no gzip", {"Content-Encoding": "gzip"}))

    assert not fail(Brevo.list_names, gateway).outcome_unknown


def test_something_that_speaks_no_tls_is_an_outage() -> None:
    with babbling() as url, gateway_at(url) as gateway:
        assert "no secure connection" in str(fail(Brevo.list_names, gateway))


def test_the_message_names_the_call_and_the_kind_of_trouble(script: Script, gateway: Brevo) -> None:
    script.says(DROPPED)

    error = fail(lambda brevo: brevo.change(42, RENAMED), gateway)

    assert str(error) == "PUT /contacts/{id} (contact 42): no answer (ProtocolError)"


def test_a_gateway_goes_on_after_each_kind_of_trouble(script: Script) -> None:
    with gateway_at(script.url, Patience(read=1.5)) as gateway:
        for reply in (DROPPED, HELD, HALF_A_HEAD, answer(500, b"\xff"), answer(400)):
            script.says(reply, answer(200, remote()))
            with pytest.raises(SyncError, match="contact 42"):
                gateway.read(42)
            assert gateway.read(42)


def test_connections_are_kept_for_as_many_threads_as_call_at_once(script: Script) -> None:
    threads, rounds = 16, 3
    brevo = Brevo("xkeysib-secret", base_url=script.url, pool_size=threads, patience=QUICK)
    script.says(*[answer(200, remote())] * threads * rounds)
    script.barrier = Barrier(threads)

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            assert len(list(pool.map(brevo.read, [42] * threads))) == threads
    brevo.close()

    assert script.connections == threads


def test_threads_get_their_own_answers(script: Script, gateway: Brevo) -> None:
    numbers = range(1, 41)
    script.says(*[answer(201, {"id": number}) for number in numbers])

    with ThreadPoolExecutor(10) as pool:
        written = list(pool.map(lambda _: gateway.create(NEW), numbers))

    assert {one.contact_id for one in written} == set(numbers)


def test_a_closed_gateway_opens_a_new_connection(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote()), answer(200, remote()))

    gateway.read(42)
    gateway.close()
    gateway.read(42)

    assert script.connections == 2
