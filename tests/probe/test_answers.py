"""Each open question is asked rightly, whichever the answer is."""

from collections.abc import Mapping

import pytest

from sync_tasks.providers.brevo.questions import QUESTIONS
from sync_tasks.sandbox import LimitSettings, Sandbox
from tests.support.probing import Prober, World, play

Answers = Mapping[str, str]


def unkind(brevo: Sandbox) -> None:
    play(brevo, empty_clears_all=False, empty_number_refused=False, unlink_non_member_is_refused=True)
    brevo.limits.apply(LimitSettings(contacts_per_second=1000))


UNKIND: Answers = {
    "address_look": "yes",
    "address_filter": "no",
    "ext_id_look": "yes",
    "ext_id_shown": "attribute",
    "block_sent_along": "lifted",
    "block_left_alone": "lifted",
    "import_block": "kept",
    "updating_import_block": "lifted",
    "import_time": "in time",
    "import_joins": "yes",
    "import_booleans": "dropped",
    "clear_text": "by an empty text",
    "clear_number": "by null",
    "clear_date": "by null",
    "clear_boolean": "by null",
    "clear_phone": "by an empty text",
    "stored_text": "as sent",
    "stored_number": "as sent",
    "stored_date": "as sent",
    "stored_phone": "otherwise",
    "unlink": "no",
    "erased_address": "accepted",
    "example_address": "accepted",
    "unicode_domain": "refused",
    "list_opt_outs": "yes",
    "granted": "enough",
    "granted_elsewhere": "enough",
}


def kind(brevo: Sandbox) -> None:
    play(
        brevo,
        address_filter_finds=True,
        ext_id_shown="field",
        email_change_lifts_blocklist=False,
        import_lifts_blocklist=False,
        import_joins_existing=False,
        import_drops_booleans=False,
        empty_clears_all=True,
        empty_number_refused=False,
        unlink_non_member_is_refused=False,
        unicode_domains_refused=False,
        unsubscription_per_list=False,
        values_kept="as_sent",
    )


KIND: Answers = {
    **UNKIND,
    "address_filter": "yes",
    "ext_id_shown": "field",
    "block_sent_along": "kept",
    "block_left_alone": "kept",
    "updating_import_block": "kept",
    "import_joins": "no",
    "import_booleans": "kept",
    "clear_number": "by an empty text",
    "clear_date": "by an empty text",
    "clear_boolean": "by an empty text",
    "stored_phone": "as sent",
    "unlink": "yes",
    "unicode_domain": "accepted",
    "list_opt_outs": "no",
    "granted": "not reported",
    "granted_elsewhere": "not reported",
}


def nullish(brevo: Sandbox) -> None:
    """Only null clears, and where a number may not be empty the request is refused."""
    play(
        brevo,
        empty_clears_all=False,
        empty_clears_texts=False,
        empty_number_refused=True,
        unlink_non_member_is_refused=False,
        values_kept="otherwise",
    )


NULLISH: Answers = {
    **UNKIND,
    "clear_text": "by null",
    "stored_text": "otherwise",
    "stored_number": "otherwise",
    "stored_date": "otherwise",
    "clear_phone": "by null",
    "unlink": "yes",
    "granted": "not reported",
    "granted_elsewhere": "not reported",
}


def worst(brevo: Sandbox) -> None:
    play(
        brevo,
        address_look_finds=False,
        ext_id_look_finds=False,
        ext_id_shown="nowhere",
        import_lifts_blocklist_of_untouched=True,
        null_clears=False,
        empty_clears_all=False,
        empty_clears_texts=False,
        empty_number_refused=True,
        example_addresses_refused=True,
        unlink_non_member_is_refused=False,
    )
    brevo.limits.apply(LimitSettings(contacts_per_second=900, others_per_hour=50))


WORST: Answers = {
    **UNKIND,
    "address_look": "no",
    "ext_id_look": "no",
    "ext_id_shown": "nowhere",
    "import_block": "lifted",
    "clear_text": "not at all",
    "clear_number": "not at all",
    "clear_date": "not at all",
    "clear_boolean": "not at all",
    "clear_phone": "not at all",
    "unlink": "yes",
    "erased_address": "refused",
    "example_address": "refused",
    "granted": "less",
    "granted_elsewhere": "less",
}
# Without an answer to addresses of examples in ASCII, nobody can say about letters.
WORST = {name: answer for name, answer in WORST.items() if name != "unicode_domain"}
WORLDS: Mapping[str, tuple[World, Answers]] = {
    "unkind": (unkind, UNKIND),
    "kind": (kind, KIND),
    "null alone clears": (nullish, NULLISH),
    "worst": (worst, WORST),
}


@pytest.mark.parametrize(("world", "answers"), WORLDS.values(), ids=list(WORLDS))
def test_every_question_gets_the_answer_that_brevo_plays(prober: Prober, world: World, answers: Answers) -> None:
    world(prober.brevo)
    before = prober.held()
    report = prober.run()
    assert {name: found.answer for name, found in report.found.items()} == answers
    assert dict(prober.answers()).keys() - {"asked"} == answers.keys()
    assert (report.left, report.trouble, prober.written_down()) == ([], "", [])
    assert prober.held() == before
    assert sum(report.requests.values()) <= 80
    assert report.requests["other"] <= 10
    worse = {name for name, answer in answers.items() if answer in QUESTIONS[name].worse}
    assert set(report.worse) == worse
    assert report.good is (not worse)


@pytest.mark.parametrize("ends", ["never", "failed"])
def test_an_import_that_takes_too_long_is_an_answer_and_waited_for_by_the_next_run(prober: Prober, ends: str) -> None:
    before = prober.held()
    if ends == "never":
        prober.brevo.settings.import_seconds = 3600
    else:
        play(prober.brevo, import_outcome="failed")
    report = prober.run()
    assert report.found["import_time"].answer == "longer"
    assert "import_booleans" not in report.found
    if ends == "never":
        assert any("import" in left for left in report.left)
        (process,) = prober.brevo.account.processes.values()
        process.due = 0.0
        prober.brevo.account.schedule.run_due(float("inf"))
        prober.brevo.settings.import_seconds = 0.0
        assert prober.run().left == []
    assert prober.held() == before


@pytest.mark.parametrize(("shows", "answer"), [(True, "yes"), (False, "no")])
def test_a_429_that_is_met_shows_when_to_go_on_or_not(prober: Prober, *, shows: bool, answer: str) -> None:
    play(prober.brevo, rate_limit_reset_told=shows)
    prober.brevo.add_fault("status", status=429, method="PUT", count=1)
    report = prober.run()
    assert report.found["refused_for_rate"].answer == answer
    assert (report.trouble, report.left) == ("", [])


# Played elsewhere than in the worlds.
ELSEWHERE = {("import_time", "longer"), ("refused_for_rate", "yes"), ("refused_for_rate", "no")}


def test_both_answers_of_every_question_are_played() -> None:
    played = {(name, answer) for _, answers in WORLDS.values() for name, answer in answers.items()} | ELSEWHERE
    possible = {(one.name, answer) for one in QUESTIONS.values() for answer in one.does}
    assert possible - played == set()
    assert played - possible == set()


def test_what_is_assumed_is_an_answer_and_never_a_worse_one() -> None:
    for one in QUESTIONS.values():
        assert one.assumed in one.does
        assert one.worse < set(one.does)
        assert one.assumed not in one.worse
