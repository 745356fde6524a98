"""Answers over TLS, as Brevo gives them: whole pages come, and what trickles ends in time."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from urllib3 import PoolManager
from urllib3.exceptions import ProtocolError, ReadTimeoutError
from urllib3.util import Timeout

from sync_tasks.providers.brevo.transport import bound_answers
from tests.support.scripted_brevo import Reply, Script, answer, cut_off, scripted, trickling
from tests.support.servers import certify

# Longer than one record of TLS (16 kB) and than what a socket holds.
PAGE = b"0123456789abcdef" * 40_000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    certify(folder)
    return folder


@pytest.fixture
def script(certificate: Path) -> Iterator[Script]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "crt.pem", certificate / "key.pem")
    with scripted(context) as script:
        yield script


@pytest.fixture
def pools(certificate: Path) -> Iterator[PoolManager]:
    pools = PoolManager(ca_certs=str(certificate / "ca.pem"), timeout=Timeout(connect=5, read=5), retries=False)
    bound_answers(pools)
    yield pools
    pools.clear()


def test_whole_pages_come_one_after_another_on_one_connection(script: Script, pools: PoolManager) -> None:
    script.says(answer(200, PAGE), answer(201, b"next"))

    assert pools.request("GET", script.url).data == PAGE
    assert pools.request("GET", script.url).data == b"next"
    assert script.connections == 1


@pytest.mark.parametrize("slow", [0, len(answer(200, PAGE).raw) - 99], ids=["from the head on", "at the end of a page"])
def test_an_answer_that_trickles_is_given_up_in_time(script: Script, pools: PoolManager, slow: int) -> None:
    script.says(trickling(answer(200, PAGE), slow))

    with pytest.raises(ReadTimeoutError):
        pools.request("GET", script.url, timeout=Timeout(connect=5, read=0.2))


def test_an_answer_with_one_pause_shorter_than_the_time_out_is_waited_for(script: Script, pools: PoolManager) -> None:
    reply = answer(200, b"late")
    script.says(trickling(reply, len(reply.raw) - 1, gap=0.3))

    assert pools.request("GET", script.url).data == b"late"


def test_after_an_interim_answer_the_next_request_has_a_connection_of_its_own(
    script: Script, pools: PoolManager
) -> None:
    script.says(Reply(b"HTTP/1.1 103 Early Hints\r\n\r\n"), answer(200, b"of the second"))

    assert pools.request("GET", script.url).status == 103
    assert pools.request("GET", script.url).data == b"of the second"
    assert script.connections == 2


def test_an_answer_that_is_cut_off_is_no_answer(script: Script, pools: PoolManager) -> None:
    script.says(cut_off(200, PAGE[:5000]))

    with pytest.raises(ProtocolError):
        pools.request("GET", script.url)
