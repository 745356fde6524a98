"""The key and the data of people travel over TLS, but for a sandbox on this machine."""

import pytest

from sync_tasks.config.base_url import check_base_url, is_loopback


@pytest.mark.parametrize(
    "url",
    [
        "https://api.brevo.com/v3",
        "http://127.0.0.1:8025/v3",
        "http://127.8.0.1/v3",
        "http://localhost:8025/v3",
        "http://[::1]:8025/v3",
        "http://LOCALHOST:8025/v3",
    ],
)
def test_tls_or_this_machine(url: str) -> None:
    assert check_base_url(url) == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://api.brevo.com/v3", "https://"),
        ("http://10.0.0.1/v3", "https://"),
        ("http://localhost.example.com/v3", "https://"),
        ("https://user:marked@api.brevo.com/v3", "password"),
        ("http://marked@localhost/v3", "password"),
        ("https://api.brevo.com/v3?api-key=marked", "variable of its own"),
        ("https://api.brevo.com/v3#marked", "variable of its own"),
        ("https://marked..brevo.com/v3", "no server has that host or that port"),
        ("https://api.brevo.com:99999/v3", "no server has that host or that port"),
        ("https://[marked/v3", "no server has that host or that port"),
    ],
)
def test_anything_else_is_refused_without_being_shown(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        check_base_url(url)
    assert "marked" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("api.brevo.com", False),
        ("192.0.2.1", False),
        ("localhost.example", False),
    ],
)
def test_only_this_machine_is_local(host: str, *, local: bool) -> None:
    assert is_loopback(host) is local
