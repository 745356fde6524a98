"""The portal's four events, each true as of one moment.

Validation refuses before anything is accepted and quotes no value, since a value may be personal.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
)

from sync_tasks.domain.timestamps import DATE, EPOCH, FAR_FUTURE
from sync_tasks.errors import InvalidEventError
from sync_tasks.texts import (
    FIELD_NAME,
    FIELD_NAME_IN_WORDS,
    SLUG,
    SLUG_IN_WORDS,
    UNPRINTABLE,
    USER_ID,
    impersonal,
    is_address,
    normal_address,
    normal_id,
    normal_text,
    trim,
)

# By Redis' clock, which alone decides: `accept.lua` refuses a moment further ahead.
MAX_AHEAD = timedelta(minutes=5)
AHEAD = "lies more than 5 minutes in the future by Redis' clock"
MOST_ATTRIBUTES = 100
# A refusal is one line, and fits into the column of an outbox: further faults are counted.
_MOST_FAULTS = 10

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def _in_form(normal: Callable[[str], str]) -> BeforeValidator:
    """Bring a text into its normal form before any other check; other checks refuse what is no text."""
    return BeforeValidator(lambda value: normal(value) if isinstance(value, str) else value)


def _no_address(value: str) -> str:
    if is_address(value):
        raise ValueError("is an e-mail address; pass the portal's own, stable id")
    return value


def _moment(value: object) -> object:
    # Pydantic 2 takes a text of digits for seconds since 1970, also a date without hyphens (its docs, "Datetimes").
    if not isinstance(value, datetime) and not (isinstance(value, str) and DATE.match(value)):
        raise ValueError("must be an ISO 8601 text with a zone")
    return value


def _of_our_time(value: datetime) -> datetime:
    if value < EPOCH:
        raise ValueError("lies before 1970")
    if value >= FAR_FUTURE:
        raise ValueError(AHEAD)
    return value.astimezone(UTC)


def _extra_field(value: str) -> str:
    if value in {"first_name", "last_name"}:
        raise ValueError("is an argument of its own")
    return value


def _few(value: object) -> object:
    """Refuse too many values at once, before each of them is a fault of its own; take any mapping."""
    if isinstance(value, Mapping) and len(value) > MOST_ATTRIBUTES:
        raise ValueError(f"at most {MOST_ATTRIBUTES}")
    return dict(value) if isinstance(value, Mapping) else value


def _no_whole(value: object) -> object:
    if isinstance(value, int):
        raise ValueError("a whole number")  # noqa: TRY004 - pydantic wants it so
    return value


# Pydantic runs the last validator of a row first (its docs, "Ordering of validators").
UserId = Annotated[str, StringConstraints(pattern=rf"^{USER_ID}$"), _in_form(normal_id)]
Slug = Annotated[str, StringConstraints(pattern=rf"^{SLUG}$"), _in_form(trim)]
Address = Annotated[str, _in_form(normal_address)]
Text = Annotated[str, StringConstraints(max_length=1000), _in_form(normal_text)]


_IMPERSONAL = r"^[^@]*[^@\s][^@]*$"
# A version may look like a telephone number or an IP address.
Wording = Annotated[str, StringConstraints(max_length=200, pattern=_IMPERSONAL), _in_form(normal_text)]
Impersonal = Annotated[Wording, AfterValidator(impersonal)]
FieldName = Annotated[str, StringConstraints(pattern=rf"^{FIELD_NAME}$"), AfterValidator(_extra_field)]
# A longer whole number is not exact in JSON: a reader that takes it for a float keeps another number.
_BEYOND_DIGITS = 10**15
Whole = Annotated[int, Field(gt=-_BEYOND_DIGITS, lt=_BEYOND_DIGITS)]
Fraction = Annotated[FiniteFloat, BeforeValidator(_no_whole)]
Value = Annotated[bool, Field(strict=True)] | Whole | Fraction | Text | None
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_moment), AfterValidator(_of_our_time)]


class Event(BaseModel):
    """The common part of all four events."""

    # Pydantic builds the class with the first event, so that importing the tasks costs a portal little.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True)
    task: ClassVar[str] = "event"
    urgent: ClassVar[bool] = False

    user_id: UserId = Field(description="The portal's own, stable id of the user; not an address.")
    occurred_at: Moment | None = Field(
        default=None,
        description="When it happened: ISO 8601 with a zone. In a message of another producer it is required.",
    )

    @property
    def about(self) -> str | None:
        """The newsletter, if the event is about one."""
        return None

    def __repr__(self) -> str:
        return f"<{self.task} {self.user_id}>"

    __str__ = __repr__


class Held(Event):
    """A user's id as the state holds it, even if this release would refuse such an id."""

    user_id: Annotated[str, StringConstraints(pattern=rf"^{USER_ID}$"), AfterValidator(_no_address)]


class _Personal(Event):
    first_name: Text | None = Field(default=None, description='Left out: nothing is said; "" clears it.')
    last_name: Text | None = Field(default=None, description='Left out: nothing is said; "" clears it.')
    attributes: Annotated[dict[FieldName, Value], BeforeValidator(_few)] = Field(
        default_factory=dict,
        max_length=MOST_ATTRIBUTES,
        description="Further portal fields, each mapped in the configuration; null clears one.",
    )

    @property
    def fields(self) -> Mapping[str, Json]:
        """The portal fields that this event sets, and their values."""
        names = {"first_name": self.first_name, "last_name": self.last_name}
        return {**{name: value for name, value in names.items() if value is not None}, **self.attributes}


class Consent(BaseModel):
    """What proves a consent; by rule nothing in it is personal."""

    model_config = Event.model_config

    source: Impersonal = Field(description="Where it was given, such as a form or a page.")
    version: Wording = Field(description="Which wording the person agreed to.")
    at: Moment = Field(description="When it was given: ISO 8601 with a zone.")


class Subscribe(_Personal):
    """A subscription has been confirmed."""

    task = "subscribe_contact"
    newsletter: Slug
    email: Address
    consent: Consent | None = Field(default=None, description="What proves the consent, kept with the subscription.")

    @property
    def about(self) -> str:
        """The newsletter subscribed."""
        return self.newsletter


class Update(_Personal):
    """The name or the address changed in the account settings."""

    task = "update_contact"
    email: Address | None = None
    previous_email: Address | None = Field(
        default=None, description="The address until now; needed if the pipeline has never seen the user."
    )


class Unsubscribe(Event):
    """An unsubscription has been confirmed."""

    task = "unsubscribe_contact"
    urgent = True
    newsletter: Slug
    email: Address | None = Field(default=None, description="Only identifies a user the pipeline has never seen.")

    @property
    def about(self) -> str:
        """The newsletter unsubscribed."""
        return self.newsletter


class Anonymize(Event):
    """An authorised person deleted the user."""

    task = "anonymize_contact"
    urgent = True
    email: Address | None = Field(default=None, description="Only identifies a user the pipeline has never seen.")
    requested_by: Impersonal | None = Field(
        default=None, description="Who asked for it, such as a ticket or a role; kept, so not a person's address."
    )


EVENTS: Mapping[str, type[Event]] = {kind.task: kind for kind in (Subscribe, Update, Unsubscribe, Anonymize)}


_PATTERNS = {
    f"^{USER_ID}$": "must be 1 to 255 characters without white space",
    f"^{SLUG}$": SLUG_IN_WORDS,
    f"^{FIELD_NAME}$": FIELD_NAME_IN_WORDS,
    _IMPERSONAL: "must be a text, and without an address",
}

_KINDS = {
    "dict_type": "must be an object",
    "extra_forbidden": "unknown argument",
    "missing": "missing",
    "model_type": "must be an object with source, version and at",
    "string_type": "must be a text",
    "timezone_aware": "has no zone; give it one, such as Z or +01:00",
}


def parse_event(kind: type[Event], arguments: Mapping[str, Any]) -> Event:
    """Return the event these arguments describe.

    Raises:
        InvalidEventError: they do not; the message names each field and quotes no value.
    """
    try:
        return kind.model_validate(dict(arguments))
    except ValidationError as error:
        # Pydantic refuses a value that may be of several kinds once for each kind.
        faults = [*dict.fromkeys(_fault(fault) for fault in error.errors(include_input=False, include_url=False))]
    left = len(faults) - _MOST_FAULTS
    shown = [*faults[:_MOST_FAULTS], *([f"and {left:,} more"] if left > 0 else [])]
    raise InvalidEventError(f"{kind.task} refused: {'; '.join(shown)}")


def _fault(fault: Mapping[str, Any]) -> str:
    where = ".".join(printable(part) for part in fault["loc"][:2])
    return f"{where}: {_reason(fault).removeprefix('Value error, ')}"


def _reason(fault: Mapping[str, Any]) -> str:
    match fault:
        case {"loc": ("attributes", _, kind)} if kind != "[key]":
            return (
                "must be a text of at most 1000 characters, a finite number of at most 15 digits, true, false or null"
            )
        case {"type": "string_pattern_mismatch", "ctx": {"pattern": pattern}}:
            return _PATTERNS[pattern]
        case _:
            return _KINDS.get(fault["type"], str(fault["msg"]))


def printable(name: object) -> str:
    """Return a field name fit for a log line; hide one that is not plain, as it may be personal."""
    return str(name) if isinstance(name, int) or re.fullmatch(FIELD_NAME, str(name)) else UNPRINTABLE


_SHOWN = {
    "user_id": re.compile(USER_ID),
    "newsletter": re.compile(SLUG),
    "occurred_at": re.compile(r"[0-9TZtz:.+\- ]{1,40}"),
}


def is_shown(name: str, value: object) -> bool:
    """Return whether people may see an argument: an id or a moment that looks like one."""
    if name not in _SHOWN or not isinstance(value, str) or not _SHOWN[name].fullmatch(value):
        return False
    try:
        return name != "user_id" or normal_id(value) == value
    except ValueError:
        return False
