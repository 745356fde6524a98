"""When a client asks whose account it is: at once if somebody wants to know, and else only if that may have changed."""

from collections.abc import Callable

import pytest

from sync_tasks.providers.brevo.client import Brevo


class Owner:
    """The account's owner, who is to be asked anew or not."""

    def __init__(self, *, anew: bool) -> None:
        self.anew, self.asked, self.confirmed = anew, list[bool](), 0

    def ask_anew(self, *, surely: bool = False) -> bool:
        self.asked.append(surely)
        return self.anew

    def confirm(self, ask: Callable[[], str]) -> None:
        assert callable(ask)
        self.confirmed += 1


@pytest.mark.parametrize("anew", [True, False])
def test_whose_account_it_is_is_confirmed_at_once_if_it_is_asked_anew(*, anew: bool) -> None:
    owner = Owner(anew=anew)
    client = Brevo("xkeysib-secret", base_url="http://127.0.0.1:9/v3", owner=owner)
    client.recheck_owner()
    client.check_owner()
    assert (owner.asked, owner.confirmed) == ([False, True], 2 * anew)
    client.confirm_owner()
    assert owner.confirmed == 2 * anew + 1


def test_without_an_owner_nobody_is_asked() -> None:
    client = Brevo("xkeysib-secret", base_url="http://127.0.0.1:9/v3")
    client.recheck_owner()
    client.check_owner()
    client.confirm_owner()
