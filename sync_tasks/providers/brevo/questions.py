"""What nobody can know of Brevo without an account: each open question, what we assume, what the pipeline does. Pure.

``sync-tasks doctor --probe`` asks them. Without an answer the pipeline is right under either one; the names are those
under which the answers are kept. Sources and the sandbox's switches: ``docs/how-to/local-development.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

YES, NO = "yes", "no"
KEPT, LIFTED, DROPPED = "kept", "lifted", "dropped"
BY_EMPTY_TEXT, BY_NULL, NOT_AT_ALL = "by an empty text", "by null", "not at all"
AS_SENT, OTHERWISE = "as sent", "otherwise"
ACCEPTED, REFUSED = "accepted", "refused"
ENOUGH, LESS, NOT_REPORTED = "enough", "less", "not reported"


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """What is asked, and for each answer what the pipeline does; ``worse`` are answers it was not built for."""

    name: str
    asks: str
    does: Mapping[str, str]
    assumed: str
    worse: frozenset[str] = field(default=frozenset())


def _clearing(name: str, what: str, assumed: str) -> OpenQuestion:
    does = {
        BY_EMPTY_TEXT: "sends an empty text",
        BY_NULL: "sends null at once",
        NOT_AT_ALL: "reports an erasure that cannot empty it: clear it by hand",
    }
    return OpenQuestion(name, f"What clears a {what}?", does, assumed, frozenset({NOT_AT_ALL}))


def _storing(name: str, what: str) -> OpenQuestion:
    does = {AS_SENT: "compares it as it is", OTHERWISE: "takes what Brevo made of it for what it wrote"}
    return OpenQuestion(name, f"How does Brevo keep a {what}?", does, OTHERWISE)


_FOUND = (
    OpenQuestion(
        "address_look",
        "Does a look by address find a contact?",
        {YES: "finds people in one request", NO: "makes dead letters of their opt-outs and erasures: do not start it"},
        YES,
        frozenset({NO}),
    ),
    OpenQuestion(
        "address_filter",
        "Does the filter find an address?",
        {YES: "believes it if the firewall refuses a look", NO: "makes a dead letter if the firewall refuses"},
        NO,
    ),
    OpenQuestion(
        "ext_id_look",
        "Does a look by ext_id find a contact?",
        {YES: "finds people with another address", NO: "may miss people whose address changed at Brevo"},
        YES,
        frozenset({NO}),
    ),
    OpenQuestion(
        "ext_id_shown",
        "Where does a contact show its ext_id?",
        {
            "attribute": "compares it in each look",
            "field": "compares it in each look",
            "nowhere": "finds it by a look, compares all else",
        },
        "nowhere",
    ),
)
_BLOCKS = (
    OpenQuestion(
        "block_sent_along",
        "Does a new address keep a block that is sent along?",
        {KEPT: "reads it back all the same", LIFTED: "reads it back and blocks again"},
        LIFTED,
    ),
    OpenQuestion(
        "block_left_alone",
        "Does a new address keep a block if none is sent?",
        {KEPT: "sends it along all the same", LIFTED: "sends it along"},
        LIFTED,
    ),
    OpenQuestion(
        "import_block",
        "Does an import of new contacts keep the block of one who was there?",
        {
            KEPT: "imports sign-ups it has not seen",
            LIFTED: "imports nobody: creates each contact alone",
        },
        KEPT,
        frozenset({LIFTED}),
    ),
    OpenQuestion(
        "updating_import_block",
        "Does an updating import keep a block?",
        {KEPT: "sends none all the same", LIFTED: "sends none"},
        LIFTED,
    ),
)
_IMPORTS = (
    OpenQuestion(
        "import_time",
        "How long does an import take?",
        {"in time": "waits and looks", "longer": "looks for each contact alone after that"},
        "in time",
        frozenset({"longer"}),
    ),
    OpenQuestion(
        "import_joins",
        "Does an import of new contacts put one who was there on the list?",
        {YES: "imports no address that somebody gave up", NO: "imports no address that somebody gave up"},
        YES,
    ),
    OpenQuestion(
        "import_booleans",
        "Does an import keep booleans?",
        {KEPT: "creates who has a true one alone all the same", DROPPED: "creates who has a true one alone"},
        DROPPED,
    ),
)
_VALUES = (
    _clearing("clear_text", "text", BY_EMPTY_TEXT),
    _clearing("clear_number", "number", BY_NULL),
    _clearing("clear_date", "date", BY_NULL),
    _clearing("clear_boolean", "boolean", BY_NULL),
    _clearing("clear_phone", "phone number", BY_EMPTY_TEXT),
    _storing("stored_text", "text with spaces around it"),
    _storing("stored_number", "number"),
    _storing("stored_date", "date"),
    _storing("stored_phone", "phone number"),
)
_REST = (
    OpenQuestion(
        "unlink",
        "Is it a success to leave a list one is not on?",
        {YES: "reads again if Brevo refuses", NO: "reads again and leaves what is there"},
        NO,
    ),
    OpenQuestion(
        "erased_address",
        "Does Brevo accept the address of erased people?",
        {ACCEPTED: "writes it over theirs", REFUSED: "erases nobody: set [anonymize] email to a domain of yours"},
        ACCEPTED,
        frozenset({REFUSED}),
    ),
    OpenQuestion(
        "example_address",
        "Does Brevo accept addresses at example.com?",
        {ACCEPTED: "sends them as any other", REFUSED: "makes a dead letter of each: use others for trials"},
        REFUSED,
    ),
    OpenQuestion(
        "unicode_domain",
        "Does Brevo accept a domain with letters beyond ASCII?",
        {ACCEPTED: "sends domains in ASCII", REFUSED: "sends domains in ASCII"},
        REFUSED,
    ),
    OpenQuestion(
        "list_opt_outs",
        "Can people unsubscribe from one list at Brevo?",
        {YES: "takes them off that newsletter", NO: "takes an opt-out for all newsletters"},
        YES,
    ),
    OpenQuestion(
        "granted",
        "Does Brevo grant the configured requests?",
        {
            ENOUGH: "sends as many as configured",
            LESS: "is refused again and again: lower requests_per_second or _per_hour",
            NOT_REPORTED: "counts its own requests alone",
        },
        ENOUGH,
        frozenset({LESS}),
    ),
    OpenQuestion(
        "granted_elsewhere",
        "Does Brevo grant 100 other requests an hour?",
        {
            ENOUGH: "asks whose account it is, and no more",
            LESS: "may wait for it",
            NOT_REPORTED: "counts its own alone",
        },
        ENOUGH,
        frozenset({LESS}),
    ),
    OpenQuestion(
        "refused_for_rate",
        "Does a 429 say when to go on?",
        {YES: "waits so long", NO: "waits for a second"},
        NO,
    ),
)
QUESTIONS: Mapping[str, OpenQuestion] = {one.name: one for one in (*_FOUND, *_BLOCKS, *_IMPORTS, *_VALUES, *_REST)}
# Brevo's types of attributes, and as what they are asked about.
_KINDS = {"text": "text", "float": "number", "date": "date", "boolean": "boolean"}


def kinds_cleared_by_null(known: Mapping[str, str]) -> frozenset[str]:
    """Return what an account clears by ``null`` and not by an empty text: ``number``, ``date`` and the like."""
    answers = ((name.removeprefix("clear_"), answer) for name, answer in known.items() if name.startswith("clear_"))
    return frozenset(kind for kind, answer in answers if answer == BY_NULL)


def kind_of(name: str, types: Mapping[str, str]) -> str:
    """Return as what an attribute is asked about; of phone numbers only ``SMS`` is."""
    return "phone" if name == "SMS" else _KINDS.get(types.get(name, ""), "")
