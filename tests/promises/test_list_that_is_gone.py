"""A newsletter whose list does not exist at Brevo holds up its own events, and nobody else's."""

from tests.reliability.conftest import MakeRig
from tests.support.processes import wait_until
from tests.support.rig import Rig, read_users, users


def delete_list(rig: Rig, list_id: int) -> None:
    rig.brevo.account.delete_list(list_id)


def create_list(rig: Rig, list_id: int, *members: str) -> None:
    """Let a list of that very id be there (again), as when a key may see it that could not, with people on it."""
    with rig.brevo.lock:
        created = rig.brevo.account.create_list("Again", 1)
        rig.brevo.account.lists[list_id] = rig.brevo.account.lists.pop(created.id)
        rig.brevo.account.lists[list_id].id = list_id
        for member in members:
            rig.brevo.edit(member, {"listIds": [list_id]})


def lists_of(rig: Rig, user_id: str) -> set[int]:
    return {number for one in rig.brevo.contacts() if one.get("ext_id") == user_id for number in one["listIds"]}  # type: ignore[attr-defined]


def test_its_sign_ups_wait_while_other_newsletters_of_the_same_people_go_on(rig: Rig) -> None:
    newcomers = users(20, "newcomer")
    delete_list(rig, 3)
    worker = rig.worker()
    for user_id in newcomers:
        rig.accept(user_id, "daily")
        rig.accept(user_id, "weekly")
    rig.nudge(*newcomers)

    wait_until(lambda: read_users(rig.brevo) == set(newcomers), "all are on the other list", 30)

    assert all(lists_of(rig, user_id) == {5} for user_id in newcomers)
    assert rig.letters() == []
    assert rig.paused() is None
    status = rig.status()
    assert status.process.returncode == 1
    assert "newsletter daily waits: account default has no list 3" in status.output
    assert worker.output.count("newsletter daily waits") == 1


def test_it_goes_on_by_itself_once_the_list_exists(rig: Rig) -> None:
    newcomers = users(20, "newcomer")
    delete_list(rig, 3)
    rig.worker()
    rig.beat()
    rig.subscribe(*newcomers)
    wait_until(lambda: not rig.queued() and not rig.unacknowledged(), "every sign-up waits", 30)

    create_list(rig, 3)

    rig.wait_until_held(*newcomers)
    rig.wait_until_clean()
    assert rig.letters() == []
    assert rig.status().process.returncode == 0


def test_it_goes_on_once_the_configuration_names_another_list(make_rig: MakeRig) -> None:
    rig = make_rig()
    newcomers = users(12, "newcomer")
    delete_list(rig, 3)
    worker = rig.worker()
    rig.beat()
    rig.subscribe(*newcomers)
    wait_until(lambda: not rig.queued() and not rig.unacknowledged(), "every sign-up waits", 30)

    worker.stop()
    configuration = rig.folder / "sync_tasks.toml"
    configuration.write_text(configuration.read_text().replace("list_id = 3", "list_id = 7"))
    rig.worker()

    rig.wait_until_held(*newcomers)
    assert all(lists_of(rig, user_id) == {7} for user_id in newcomers)
    rig.wait_until_clean()
    assert rig.status().process.returncode == 0


def test_an_opt_out_is_done_since_nobody_is_on_a_list_that_does_not_exist(rig: Rig) -> None:
    rig.worker()
    rig.beat()
    rig.subscribe("anna")
    rig.wait_until_held("anna")
    delete_list(rig, 3)

    rig.accept("anna", task="unsubscribe")
    rig.nudge("anna")
    rig.wait_until_clean()
    assert rig.letters() == []

    create_list(rig, 3, "anna@portal.org")
    wait_until(lambda: lists_of(rig, "anna") == set(), "who is on it after all leaves it", 30)
