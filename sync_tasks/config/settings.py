"""The configuration: a TOML file, the environment on top, checked as a whole; each fault is one line."""

import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from sync_tasks.config.base_url import BREVO_URL, check_base_url
from sync_tasks.config.environment import CLOCK_TOLERANCE, MOST_TOLERANCE
from sync_tasks.config.faults import (
    BASE_URL,
    BREVO_ATTRIBUTE,
    ERASED_ADDRESS,
    HEADER,
    POST_URL,
    WEB_ADDRESS,
    describe_fault,
    find_faults,
    variable_of,
)
from sync_tasks.config.settings_file import read_settings
from sync_tasks.errors import ConfigurationError
from sync_tasks.ext_ids import ERASED_FORM, PLACE, make_token
from sync_tasks.texts import ACCOUNT_NAME, FIELD_NAME, SLUG, normal_address


def _former_list(given: object) -> str:
    """Return a list as ``number`` or ``account:number``."""
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(text, str) or not re.fullmatch(rf"({ACCOUNT_NAME}:)?[1-9][0-9]{{0,17}}", text):
        raise ValueError('must be a list, as 3, or a list of another account, as "account:3"')
    return text


# A text or `true` is no number, and nobody waits for ever.
Truth = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Seconds = Annotated[float, Field(strict=True, le=86_400)]
Hours = Annotated[float, Field(strict=True, le=8_760)]
Days = Annotated[float, Field(strict=True, le=36_525)]
AccountName = Annotated[str, StringConstraints(pattern=rf"^{ACCOUNT_NAME}$")]
Slug = Annotated[str, StringConstraints(pattern=rf"^{SLUG}$")]
BrevoAttribute = Annotated[str, StringConstraints(pattern=BREVO_ATTRIBUTE)]
FormerList = Annotated[str, BeforeValidator(_former_list)]
PortalField = Annotated[str, StringConstraints(pattern=rf"^{FIELD_NAME}$")]


_NO_PATTERN = re.compile(r"""[\s{}"'\\<>]|deleted-$""")
_TOKEN = "{token}"  # noqa: S105 - a place in a pattern


class Part(BaseModel):
    """What every table of the file has in common: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Account(Part):
    """One Brevo account."""

    base_url: Annotated[str, AfterValidator(check_base_url)] = Field(default=BREVO_URL, pattern=BASE_URL)
    requests_per_second: Number = Field(default=10, gt=0, le=1_000_000)
    requests_per_hour: Whole = Field(default=36_000, gt=0, le=1_000_000_000)
    api_key: SecretStr = SecretStr("")
    api_key_name: str = Field(default="", description="The key's name at Brevo: webhooks drop what it did itself.")

    @property
    def provider(self) -> str:
        """The name of its provider; a second provider makes this a setting."""
        return "brevo"


class Newsletter(Part):
    """One newsletter of the portal and its Brevo list; ``docs/how-to/change-newsletters.md`` says how it changes."""

    list_id: Whole = Field(gt=0, le=10**18 - 1)
    account: AccountName | None = None
    unsubscribed_attribute: BrevoAttribute | None = None
    was: tuple[Slug, ...] = Field(default=(), description="Earlier slugs: what was wished for them counts for it.")
    former_list_ids: tuple[FormerList, ...] = Field(
        default=(), description='Lists it had before, as 3, or "account:3" on another account: nobody stays on them.'
    )
    retired: Truth = Field(default=False, description="Takes opt-outs and no sign-ups; who is on its list stays.")
    manual: Truth = Field(default=False, description="Whom an editor puts on its list stays until they opt out.")

    @field_validator("was", mode="before")
    @classmethod
    def _one_or_more(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    @property
    def attribute_kinds(self) -> dict[str, str]:
        """Its attributes at Brevo, and the kind that each must be."""
        return {self.unsubscribed_attribute: "boolean"} if self.unsubscribed_attribute else {}


class Contacts(Part):
    """How a contact says whose it is."""

    ext_id: str = Field(default=PLACE, description="The ext_id of a user at Brevo; {user_id} is the portal's id.")
    former_ext_ids: list[str] = Field(default_factory=list, description="Patterns of before, understood besides.")

    @field_validator("ext_id", "former_ext_ids")
    @classmethod
    def _is_pattern(cls, given: str | list[str]) -> str | list[str]:
        for pattern in [given] if isinstance(given, str) else given:
            rest = pattern.partition(PLACE)[0] + pattern.partition(PLACE)[2]
            if pattern.count(PLACE) != 1 or _NO_PATTERN.search(rest):
                raise ValueError(
                    'must hold {user_id} once, such as "portal-{user_id}", and no spaces, quotes or braces'
                )
        return given


class Anonymization(Part):
    """What replaces the data of a deleted user."""

    email: str = Field(default=ERASED_FORM, pattern=ERASED_ADDRESS)
    text: str = Field(default="DELETED", min_length=1)

    @field_validator("email")
    @classmethod
    def _has_a_fixed_part(cls, pattern: str) -> str:
        """An address that is nothing but a token before its domain cannot be distinguished from a person's."""
        if pattern.partition("@")[0] == _TOKEN:
            raise ValueError('must hold something fixed beside {token} before the @, such as "deleted-{token}@…"')
        normal_address(pattern.replace(_TOKEN, make_token()))
        return pattern


class Portal(Part):
    """What is reported to the portal."""

    suppressed_task: str | None = None
    notice_task: str | None = Field(
        default=None, description="Gets every opt-out at Brevo, what ended, and the contacts that were put back."
    )
    suppressed_url: str | None = Field(
        default=None,
        pattern=POST_URL,
        description="Gets the same as notice_task, by a POST that is signed as Standard Webhooks asks.",
    )
    suppressed_queue: str = Field(default="celery", min_length=1, description="Where the portal's workers listen.")

    @property
    def hears_all(self) -> bool:
        """Whether it gets what ended and what was put back, too."""
        return bool(self.notice_task or self.suppressed_url)


class UnsubscribeLink(Part):
    """The portal's own unsubscribe link: where its token lies at Brevo, and how the page behind it looks."""

    attribute: BrevoAttribute | None = Field(
        default=None, description="The Brevo attribute that holds a token for all newsletters."
    )
    attributes: dict[Slug, BrevoAttribute] = Field(
        default_factory=dict, description="A Brevo attribute for each newsletter, whose token holds for it alone."
    )
    titles: dict[Slug, str] = Field(default_factory=dict, description="What the page calls a newsletter.")
    template: Path | None = Field(default=None, description="An HTML file in place of the page that we bring.")
    secrets: tuple[SecretStr, ...] = ()

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """The secrets in plain text, the present one first."""
        return tuple(secret.get_secret_value() for secret in self.secrets)

    @property
    def writes(self) -> bool:
        """Whether contacts at Brevo get a token."""
        return bool(self.attribute or self.attributes)


class Reconcile(Part):
    """How far a comparison may go without asking."""

    max_changes: Whole | None = Field(
        default=None, ge=0, description="So many may lose a subscription; default 2 % of the contacts, at least 50."
    )


class Files(Part):
    """How the portal's files are written: what their columns mean, and what could mean two things."""

    encoding: str = Field(default="", description="Of files that are not UTF-8, such as windows-1252.")
    zone: str = Field(default="", description="The time zone of moments without one, such as Europe/Berlin.")
    dates: Literal["", "day-first", "month-first"] = Field(default="", description="The order of dates with slashes.")
    ignore_unknown_columns: Truth = Field(default=False, description="Leave columns out that mean nothing here.")
    columns: dict[str, str] = Field(default_factory=dict, description="What a column means.")
    values: dict[str, str] = Field(default_factory=dict, description="What rows say that say nothing there.")
    newsletters: dict[str, Slug] = Field(default_factory=dict, description="How files name a newsletter.")


class Pipeline(Part):
    """How patient the pipeline is; seconds if nothing else is said."""

    lease_seconds: Seconds = Field(
        default=25, ge=1, description="How long a push may be silent before it counts as dead."
    )
    quiet_seconds: Seconds = Field(
        default=150, ge=0, description="How long Brevo may still apply an unanswered request."
    )
    probe_seconds: Seconds = Field(default=30, gt=0, description="How often a paused account is tried.")
    grace_seconds: Seconds = Field(default=15, gt=0, description="How long a nudge may take until another is sent.")
    retries: Whole = Field(
        default=5, ge=0, le=1_000, description="Tries within the first minutes; then the event is deferred."
    )
    defer_seconds: Seconds = Field(
        default=60, gt=0, description="The first deferral; each further one is twice as long."
    )
    give_up_hours: Hours = Field(default=24, gt=0, description="Trouble of one contact this long is a dead letter.")
    audit_days: Days = Field(default=1095, gt=0, description="So long it is kept who did what (`sync-tasks audit`).")
    consent_days: Days = Field(
        default=1095, gt=0, description="So long a proof of consent is kept after the opt-out or the erasure."
    )
    clock_tolerance_seconds: Number = Field(
        default=CLOCK_TOLERANCE,
        ge=0,
        le=MOST_TOLERANCE,
        description="How far two clocks may differ: closer moments of both are a tie.",
    )

    @property
    def clock_tolerance(self) -> int:
        """How far two clocks may differ, in microseconds."""
        return int(self.clock_tolerance_seconds * 1_000_000)


class Environment(BaseSettings):
    """The variables that need no account."""

    model_config = SettingsConfigDict(env_prefix="SYNC_", extra="ignore", hide_input_in_errors=True)
    config: Path = Path("sync_tasks.toml")
    base_url: str | None = None


class Operate(Part):
    """Who may use the operator's page, and how long a login lasts."""

    passwords: Path | None = Field(
        default=None, description="The file that `sync-tasks operate password` writes: names, roles and hashes."
    )
    hours: Number = Field(default=12, gt=0, le=168, description="How long a login lasts.")
    idle_minutes: Number = Field(
        default=60, gt=0, le=10_080, description="A login ends after so many minutes without a request."
    )
    user_header: Annotated[str, StringConstraints(pattern=HEADER)] | None = Field(
        default=None, description="The header in which a proxy names who is asking."
    )
    act: tuple[str, ...] = Field(default=(), description="Who of those that a proxy names may act; all others look.")
    flower_url: str | None = Field(default=None, pattern=WEB_ADDRESS, description="Where Flower is, to be linked.")


class Settings(Part):
    """The whole configuration."""

    accounts: dict[AccountName, Account] = Field(default_factory=lambda: {"default": Account()})
    newsletters: dict[Slug, Newsletter] = Field(min_length=1)
    attributes: dict[PortalField, BrevoAttribute] = Field(
        default_factory=lambda: {"first_name": "FIRSTNAME", "last_name": "LASTNAME"}
    )
    anonymize: Anonymization = Anonymization()
    portal: Portal = Portal()
    unsubscribe: UnsubscribeLink = UnsubscribeLink()
    pipeline: Pipeline = Pipeline()
    reconcile: Reconcile = Reconcile()
    contacts: Contacts = Contacts()
    files: Files = Files()
    operate: Operate = Operate()

    @field_validator("accounts")
    @classmethod
    def _some_account(cls, accounts: dict[str, Account]) -> dict[str, Account]:
        return accounts or {"default": Account()}

    @cached_property
    def renamed(self) -> Mapping[str, str]:
        """The present slug of each earlier one."""
        return {old: slug for slug, newsletter in self.newsletters.items() for old in newsletter.was}

    @property
    def slugs(self) -> frozenset[str]:
        """All slugs that name a newsletter, the earlier ones too."""
        return frozenset(self.newsletters) | frozenset(self.renamed)

    def find_newsletter(self, slug: str) -> Newsletter | None:
        """Return the newsletter of a slug, present or earlier."""
        return self.newsletters.get(slug) or self.newsletters.get(self.renamed.get(slug, ""))

    def account_of(self, newsletter: str) -> str | None:
        """Return the account of a newsletter, or nothing if the newsletter is unknown."""
        known = self.find_newsletter(newsletter)
        return (known.account or next(iter(self.accounts))) if known else None

    def former_lists(self, newsletter: str) -> tuple[tuple[str, int], ...]:
        """Return account and number of each list that a newsletter had before."""
        known, here = self.find_newsletter(newsletter), self.account_of(newsletter)
        parts = (former.rpartition(":") for former in (known.former_list_ids if known else ()))
        return tuple((account or here or "", int(number)) for account, _, number in parts)

    def former_on(self, account: str) -> dict[str, frozenset[int]]:
        """Return, for each slug, the lists that its newsletter had on an account before."""
        former = {
            slug: {number for where, number in self.former_lists(slug) if where == account} for slug in self.slugs
        }
        return {slug: frozenset(lists) for slug, lists in former.items() if lists}

    def link_attributes(self, account: str) -> dict[str, str]:
        """Return the attributes of an account that hold a token, each with its newsletter; empty for all of them."""
        shared = {self.unsubscribe.attribute: ""} if self.unsubscribe.attribute else {}
        names = self.unsubscribe.attributes.items()
        return shared | {name: slug for slug, name in names if self.account_of(slug) == account}

    @cached_property
    def newsletters_by_account(self) -> Mapping[str, Mapping[str, Newsletter]]:
        """The newsletters of each account."""
        return {
            account: {slug: known for slug, known in self.newsletters.items() if self.account_of(slug) == account}
            for account in self.accounts
        }


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the checked configuration.

    Raises:
        ConfigurationError: with one argument for each fault.
    """
    where = Environment()
    try:
        settings = Settings.model_validate(read_settings(where.config, where.base_url, environment))
    except ValidationError as error:
        raise ConfigurationError(
            *(f"{where.config}: {describe_fault(fault, Settings)}" for fault in error.errors())
        ) from None
    faults = list(find_faults(settings))
    if faults:
        raise ConfigurationError(*(f"{where.config}: {fault}" for fault in faults))
    return settings


def key_variables(accounts: Iterable[str]) -> frozenset[str]:
    """Return the variables that may hold these accounts' keys, or name the files that do."""
    return frozenset(f"{variable_of(account)}{end}" for account in accounts for end in ("", "_FILE"))
