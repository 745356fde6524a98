"""The same meaning in another answer: other codes, words, statuses and bodies than those that Brevo is known for."""

from datetime import UTC, datetime

import pytest

from sync_tasks.domain.diff import Change
from sync_tasks.errors import (
    AccountError,
    DuplicateContactError,
    GatewayUnavailableError,
    MissingContactError,
    MissingListError,
    RejectedContactError,
)
from sync_tasks.providers.brevo import learnt
from sync_tasks.providers.brevo.client import Brevo
from tests.support.brevo_samples import ADDRESS, HTML, MISSING, NEW, RENAMED, WRONG_PATH, page, remote
from tests.support.scripted_brevo import Reply, Script, answer

OTHER_WORDS = {"code": "parametre_invalide", "message": "Ce contact existe"}
OTHER_CODE = {"code": "contact_not_found", "message": "no"}
GOOD = answer(200, {"attributes": []})
MOVED = Change(address=ADDRESS)


@pytest.mark.parametrize("body", [OTHER_CODE, {"message": "Contact does not exist"}], ids=["code", "no code"])
def test_a_404_with_another_code_is_a_missing_contact_if_the_base_url_is_right(
    script: Script, gateway: Brevo, body: dict[str, str]
) -> None:
    script.says(answer(404, body), GOOD, answer(404, body), GOOD, answer(404, body), GOOD)

    assert gateway.read(42) is None
    assert gateway.find_address(ADDRESS) is None
    with pytest.raises(MissingContactError):
        gateway.change(42, RENAMED)


@pytest.mark.parametrize("reply", [answer(404, WRONG_PATH), answer(404, HTML), answer(404)], ids=["json", "html", "no"])
def test_a_route_that_brevo_lacks_for_one_request_alone_is_no_missing_contact(
    script: Script, gateway: Brevo, reply: Reply
) -> None:
    script.says(reply, GOOD)

    with pytest.raises(RejectedContactError) as caught:
        gateway.change(42, RENAMED)
    assert type(caught.value) is RejectedContactError


@pytest.mark.parametrize("body", [OTHER_CODE, WRONG_PATH], ids=["other", "route"])
def test_a_404_at_everything_is_the_accounts_trouble(script: Script, gateway: Brevo, body: dict[str, str]) -> None:
    script.says(answer(404, body), answer(404, body))

    with pytest.raises(AccountError, match="check the base URL"):
        gateway.read(42)


@pytest.mark.parametrize("status", [400, 409, 422])
@pytest.mark.parametrize("body", [OTHER_WORDS, b"", b'{"code": "cut'], ids=["words", "empty", "cut"])
def test_a_taken_address_is_found_out_in_any_words(script: Script, gateway: Brevo, status: int, body: object) -> None:
    said = [answer(status, body)] * (1 if status == 400 else 3)
    script.says(*said, *[answer(200, {"id": 3})] * 2, answer(200, remote()))
    with pytest.raises(DuplicateContactError) as caught:
        gateway.create(NEW)
    assert caught.value.identifiers == ("email",)

    script.says(*said, answer(200, remote(7)))
    with pytest.raises(DuplicateContactError):
        gateway.change(42, MOVED)


@pytest.mark.parametrize(
    "look", [answer(404, MISSING), answer(200, remote(42)), answer(200, remote(7, email="b@example.com"))]
)
def test_an_address_that_nobody_else_has_is_no_duplicate(script: Script, gateway: Brevo, look: Reply) -> None:
    script.says(answer(400, OTHER_WORDS), look)

    with pytest.raises(RejectedContactError) as caught:
        gateway.change(42, MOVED)
    assert type(caught.value) is RejectedContactError


@pytest.mark.parametrize(("names", "missing"), [([3], True), ([3, 7], False)], ids=["lacks one", "has both"])
def test_a_list_whose_look_is_refused_is_looked_for_among_all(
    script: Script, gateway: Brevo, names: list[int], *, missing: bool
) -> None:
    lists = answer(200, {"lists": [{"id": one, "name": "x"} for one in names], "count": len(names)})
    script.says(answer(400, OTHER_WORDS), *[answer(400, OTHER_WORDS), lists] * 2, answer(404, MISSING))

    with pytest.raises(RejectedContactError) as caught:
        gateway.create(NEW)
    assert isinstance(caught.value, MissingListError) is missing


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_list_call_answered_without_a_word_confirms_nobody_and_makes_nobody_unknown(
    script: Script, gateway: Brevo, status: int
) -> None:
    script.says(answer(status))

    moved = gateway.leave_list(3, [1, 2])

    assert (moved.ids, moved.outcome_unknown) == (frozenset(), False)


def test_a_change_that_is_merely_accepted_has_an_unknown_outcome(script: Script, gateway: Brevo) -> None:
    script.says(answer(202, {}), answer(202, {"processId": 1}), answer(202, {"id": 4}))

    assert gateway.change(42, RENAMED).outcome_unknown
    assert not gateway.start_import([3], [NEW])
    assert not gateway.create(NEW).outcome_unknown


def test_a_change_answered_by_an_error_under_a_good_status_has_an_unknown_outcome(
    script: Script, gateway: Brevo
) -> None:
    script.says(answer(200, {"code": "invalid_parameter", "message": "no"}))

    with pytest.raises(GatewayUnavailableError) as caught:
        gateway.change(42, RENAMED)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("category", ["Normal", ..., "personal"])
def test_an_attribute_of_an_unheard_category_can_hold_personal_data(
    script: Script, gateway: Brevo, category: object
) -> None:
    kind = {} if category is ... else {"category": category}
    rows = [{"name": "FIRSTNAME", "type": "text", **kind}, {"name": "SUM", "category": "Calculated"}]
    script.says(answer(200, {"attributes": rows}))

    assert gateway.attribute_types() == {"FIRSTNAME": "text"}


def test_a_first_page_that_is_empty_although_there_are_more_shows_no_end(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, page(count=3)), answer(200, {"lists": [], "count": 3}))

    with pytest.raises(GatewayUnavailableError, match="although there are"):
        list(gateway.modified_since(datetime(2020, 1, 1, tzinfo=UTC)))
    with pytest.raises(GatewayUnavailableError, match="although there are"):
        gateway.list_names()


@pytest.mark.parametrize("reply", [answer(400, OTHER_WORDS), answer(200, page(remote(9)))], ids=["refused", "merged"])
def test_one_odd_look_by_ids_is_not_remembered_for_ever(
    script: Script, gateway: Brevo, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    script.says(reply, reply)
    gateway.read_several([1, 2])
    assert not gateway.reads_several

    monkeypatch.setattr(learnt, "_WITHOUT_IDS", 0.0)
    gateway.read_several([1, 2])

    assert gateway.reads_several
