"""What Brevo answers to the open questions, drawn at random from the seed of a history."""

from dataclasses import replace
from random import Random
from typing import Any, get_args, get_origin, get_type_hints

from sync_tasks.sandbox.settings import Quirks

# Under either answer of these the pipeline is right, whatever the others are.
DRAWN = (
    "empty_clears_all",
    "empty_number_refused",
    "values_kept",
    "unsubscription_per_list",
    "ids_look_finds",
    "address_filter_finds",
    "import_drops_booleans",
    "import_joins_existing",
    "import_lifts_blocklist",
    "import_outcome",
    "duplicate_code_on_create",
    "get_id_status_on_update",
    "missing_list_status",
    "rate_limit_reset_told",
    "rate_limit_body",
    "api_blocklisting_fires_unsubscribed",
    "statistics_left_out",
    "email_change_lifts_blocklist",
    "import_lifts_blocklist_of_untouched",
    "null_clears",
    "duplicates_named",
)
# These are drawn last: the histories of all seeds stay what they were but for them.
DRAWN_LAST = (
    "import_merges_phones",
    "phone_numbers_checked",
    "unicode_domains_refused",
    "unicode_local_parts_refused",
    "empty_clears_texts",
)
# Under the unkind answer nothing can keep every promise. ``doctor --probe`` fails and says what to do. Why:
NOT_DRAWN = {
    "address_look_finds": "nothing else finds who was there before the pipeline: do not start it",
    "ext_id_look_finds": "nothing else finds a contact whose address changed while an outcome was unknown",
    "example_addresses_refused": "an erasure stays a dead letter until [anonymize] email is an address Brevo takes",
}
SECONDS = ("too_early_seconds", "list_add_blind_seconds")


def draw_quirks(chance: Random, **given: Any) -> Quirks:
    """Return one answer to each question: the unkind one of half of the histories, else any."""
    kinds = get_type_hints(Quirks)
    drawn: dict[str, Any] = {
        name: chance.choice(get_args(kinds[name]) if get_origin(kinds[name]) else (True, False)) for name in DRAWN
    }
    drawn |= {name: chance.choice((0.0, 0.0, 0.5, 3.0)) for name in SECONDS}
    drawn["ext_id_shown"] = chance.choice(("attribute", "field", "nowhere"))
    kept = chance.random() < 0.5
    drawn |= {name: chance.choice((True, False)) for name in DRAWN_LAST}
    return replace(Quirks(), **(({} if kept else drawn) | given))
