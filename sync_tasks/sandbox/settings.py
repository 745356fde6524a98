"""How a sandbox starts, and in which way it plays what is not known of Brevo."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

# "Usually within a minute", says Brevo's help of an import (article 32331116133522, November 2026).
IMPORT_SECONDS = (1.0, 60.0)
DEFAULT_LISTS: Mapping[int, str] = {number: f"List {number}" for number in range(1, 11)}


@dataclass(kw_only=True)
class Quirks:
    """Both behaviours of each open question about Brevo; the defaults are the less pleasant ones.

    Two are not. ``null_clears``: somebody clears dates with ``null`` at the real Brevo. ``example_addresses_refused``:
    the examples of the documentation, and the address that replaces an erased one by default, are such addresses.
    """

    email_change_lifts_blocklist: bool = True
    email_change_lifts_blocklist_even_if_sent: bool = True
    import_lifts_blocklist: bool = True
    import_lifts_blocklist_of_untouched: bool = False
    import_drops_booleans: bool = True
    import_joins_existing: bool = True
    import_merges_phones: bool = True
    import_outcome: Literal["completed", "failed", "cancelled"] = "completed"
    unlink_non_member_is_refused: bool = True
    null_clears: bool = True
    empty_clears_all: bool = False
    empty_clears_texts: bool = True
    address_look_finds: bool = True
    ext_id_look_finds: bool = True
    ids_look_finds: bool = True
    address_filter_finds: bool = False
    ext_id_shown: Literal["attribute", "field", "nowhere"] = "attribute"
    unsubscription_per_list: bool = True
    api_blocklisting_fires_unsubscribed: bool = False
    example_addresses_refused: bool = False
    unicode_domains_refused: bool = True
    unicode_local_parts_refused: bool = True
    phone_numbers_checked: bool = True
    empty_number_refused: bool = True
    values_kept: Literal["phones_as_digits", "as_sent", "otherwise"] = "phones_as_digits"
    statistics_left_out: bool = False
    duplicate_code_on_create: Literal["duplicate_parameter", "invalid_parameter"] = "duplicate_parameter"
    duplicates_named: Literal["exactly", "together", "in_words"] = "in_words"
    get_id_status_on_update: Literal[200, 201] = 201
    missing_list_status: Literal[400, 404] = 400
    rate_limit_reset_told: bool = True
    rate_limit_body: Literal["json", "html", "empty"] = "json"
    too_early_seconds: float = 0.0
    list_add_blind_seconds: float = 0.0


@dataclass(kw_only=True)
class LimitSettings:
    """How many requests Brevo lets an account make; the defaults are those of every account."""

    enabled: bool = True
    contacts_per_second: int = 10
    contacts_per_hour: int = 36_000
    others_per_hour: int = 100


@dataclass(kw_only=True)
class SandboxSettings:
    """What a sandbox holds and does at its start, and again after a reset.

    ``lists`` maps ids to names, ``attributes`` names to Brevo's types (beside FIRSTNAME, LASTNAME and SMS).
    ``organization`` empty: another one after each start and each reset, for its contacts are others, too.
    ``import_seconds`` None: each import takes a time drawn from ``IMPORT_SECONDS``. ``accepted_keys`` empty: every key
    is good. A ``..._limit`` is how many records are kept, None for all, 0 for none.
    """

    lists: Mapping[int, str] = field(default_factory=lambda: dict(DEFAULT_LISTS))
    attributes: Mapping[str, str] = field(default_factory=dict)
    accepted_keys: frozenset[str] = field(default=frozenset(), repr=False)
    limits: LimitSettings = field(default_factory=LimitSettings)
    quirks: Quirks = field(default_factory=Quirks)
    import_seconds: float | None = None
    owner_email: str = "owner@sandbox.example"
    organization: str = ""
    api_key_name: str = "sandbox key"
    journal_limit: int | None = 10_000
    history_limit: int | None = 100_000
    outbox_limit: int | None = 10_000
    seed: int | None = None


def change_fields(target: T, values: Mapping[str, object]) -> T:
    """Return a copy of a flat dataclass with the given fields changed.

    Raises:
        ValueError: A field is unknown or its value of another type; the message names it.
    """
    kinds = get_type_hints(type(target))
    known = {each.name for each in fields(target)}  # type: ignore[arg-type]
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"unknown field {name!r}; known: {', '.join(sorted(known))}")
        try:
            TypeAdapter(kinds[name]).validate_python(value, strict=True)
        except ValidationError:
            raise ValueError(f"{name!r} has a value of the wrong type") from None
    return replace(target, **values)  # type: ignore[type-var]
