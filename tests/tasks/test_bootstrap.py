"""What a worker works with: made once, of the configuration, and given back at the end."""

from pathlib import Path

import pytest

from sync_tasks.config.settings import Settings
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.errors import ConfigurationError
from sync_tasks.link_tokens import UnsubscribeLinks
from sync_tasks.tasks.bootstrap import account_mapping_of, close, worker_resources


def test_each_account_knows_its_own_newsletters_alone() -> None:
    settings = Settings.model_validate(
        {
            "accounts": {"news": {}, "sports": {}},
            "newsletters": {
                "daily": {"list_id": 3, "account": "news", "unsubscribed_attribute": "DAILY_OFF"},
                "goals": {"list_id": 3, "account": "sports"},
            },
            "attributes": {"city": "CITY"},
            "anonymize": {"email": "gone-{token}@example.org", "text": "GONE"},
        }
    )
    reported = ({"city": "CITY"}, "gone-{token}@example.org", "GONE")
    assert account_mapping_of(settings, "news") == AccountMapping(
        {"daily": Subscribable(3, "DAILY_OFF")}, *reported, "news", links=UnsubscribeLinks("news")
    )
    assert account_mapping_of(settings, "sports") == AccountMapping(
        {"goals": Subscribable(3)}, *reported, "sports", links=UnsubscribeLinks("sports")
    )
    assert account_mapping_of(settings, "news").flags == {"DAILY_OFF"}


@pytest.mark.usefixtures("worker_environment")
def test_a_process_makes_them_once_and_gives_them_back() -> None:
    first = worker_resources()
    assert worker_resources() is first
    assert list(first.gateways) == list(first.mappings) == ["default"]
    assert first.gateways["default"] is not None
    close()
    close()
    assert worker_resources() is not first


def test_a_broken_configuration_stops_the_start(worker_environment: Path) -> None:
    worker_environment.write_text("[newsletters.daily]\nlist_id = 0\ncolour = 1\n")
    with pytest.raises(ConfigurationError) as caught:
        worker_resources()
    assert len(str(caught.value).splitlines()) == 2
