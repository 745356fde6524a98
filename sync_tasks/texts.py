"""One normal form for addresses, ids and texts, the same at every door of the pipeline. Pure.

Invisible characters are trimmed at the ends and refused inside addresses and ids. NFC makes one text of ``é`` however
it was typed. A domain beyond ASCII is written in punycode, because Brevo answers 400 otherwise
(github.com/symfony/sendinblue-mailer, issue 4; not measured).
"""

import re
import unicodedata
from urllib.parse import unquote

MAX_ADDRESS = 254
# What names may be like: a newsletter, a portal field, an account of the configuration, a user's id. Each is said here
# alone, and used as a whole.
SLUG = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
SLUG_IN_WORDS = "must be a slug of at most 64 letters, digits, dots, hyphens and underscores"
FIELD_NAME = r"[A-Za-z][A-Za-z0-9_]{0,63}"
FIELD_NAME_IN_WORDS = "must be a plain name of at most 64 letters, digits and underscores, a letter first"
ACCOUNT_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"
USER_ID = r"[^\s\x00-\x1f\x7f]{1,255}"
# What stands for a name that may be personal.
UNPRINTABLE = "(unprintable)"
_LOCAL = re.compile(r"[^\s@\"<>(),:;\\\[\]\x00-\x1f]{1,64}")
_DOMAIN = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z0-9_-]{1,63}")
_PUNYCODE = "xn--"
# A mark for the form of the character before it; phones type it after many an emoji.
_EMOJI_FORM = "\ufe0f"
# Invisible, although no format characters: fillers of Hangul, joiners, form marks.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
# Control, format, unassigned, private, surrogate; line and paragraph separators.
_UNREADABLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_REPLACEMENT = "\ufffd"
_BETWEEN_LINES = "\t\n\r"
# +49 170 1234567 anywhere; 0170/1234567, (0170) 1234567, 0049-170-1234567, 555-123-4567 as a whole or after a colon.
# A plain number may be an id like any other, and nine digits are more than a date has.
_INTERNATIONAL = r"(?<![^\W_])\+[\s(]*\d(?:[\s().\-/]*\d){6,14}(?!\d)"
_TELEPHONE = re.compile(
    _INTERNATIONAL
    + r"|(?:^|[:=#|])(?=(?:\D*\d){9,15}\D*$)\s*\(?0{1,2}[1-9]\d{0,5}(?:\)\s*|\s*[\s./\-]\s*)\d(?:[\s().\-/]*\d)*\s*$"
    r"|(?:^|[:=#|])\s*\(?[1-9]\d{2}(?:\)\s*|[\s.\-])\d{3}[\s.\-]\d{4}\s*$"
)
# 030 1234567, (0171) 5551234, 0049-170-1234567, 06 12 34 56 78, 555-123-4567 anywhere in a sentence. Who counts tickets
# like that puts a # before the number.
_NATIONAL = re.compile(
    r"(?<![\w#.,/+-])(?:"
    r"\(?0{1,2}[1-9]\d{1,4}(?:\)\s*|\s*[\s./\-]\s*)(?=(?:\D?\d){6,11}(?!\d))\d(?:[\s./\-]?\d){5,10}"
    r"|0[1-9](?:[\s.]\d{2}){4}"
    r"|\(?[2-9]\d{2}(?:\)\s*|[\s.\-])\d{3}[\s.\-]\d{4})(?![\w-])"
)
# A number of three digits distinguishes an address from the fourth level of a heading, and the last number from a
# browser's version (Chrome/120.0.0.0).
_IPV4 = re.compile(r"(?<![\w.-])(?=[\d.]*\d{3})\d{1,3}(?:\.\d{1,3}){2}\.0*[1-9]\d{0,2}(?![\w-]|\.\d)")
# Short ones are addresses too if they stand alone, with a port, in a URL or behind a word for it.
_SHORT_IPV4 = re.compile(
    r"(?:(?<=^)|(?<=//)|(?<=\bip )|(?<=\bfrom ))\d{1,3}(?:\.\d{1,3}){3}(?=$|[/:\s,;)])", re.IGNORECASE
)
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]*[A-Za-z_][A-Za-z0-9_-]*|[0-9]+")
_EMOJI = frozenset({"So", "Sk"})


def trim(text: str) -> str:
    """Return a text without the white space, direction marks and other format characters around it."""
    if text.isascii():
        return text.strip()
    inside = [place for place, character in enumerate(text) if not _is_margin(character)]
    return text[inside[0] : inside[-1] + 1] if inside else ""


def _is_margin(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"


def normal_id(text: str) -> str:
    """Return an id in its normal form.

    Raises:
        ValueError: it is personal, or holds an invisible character; the message quotes nothing of it.
    """
    own = trim(text)
    if _PLAIN_ID.fullmatch(own):
        return own
    own = unicodedata.normalize("NFC", own)
    shown = unicodedata.normalize("NFKC", unquote(own))
    if "@" in shown:
        what = "is an e-mail address" if is_address(shown) else "holds an @, as an e-mail address does"
        raise ValueError(f"{what}; pass the portal's own, stable id")
    if _TELEPHONE.search(shown):
        raise ValueError("holds a telephone number; pass the portal's own, stable id")
    if not own.isascii():
        _refuse_unseen(own)
    return own


def impersonal(text: str) -> str:
    """Return a free text that holds nothing which is personal by its form.

    Raises:
        ValueError: it does; the message quotes nothing of it.
    """
    shown = unicodedata.normalize("NFKC", unquote(text))
    if "@" in shown:
        raise ValueError("holds an @, as an e-mail address does")
    if re.search(_INTERNATIONAL, shown) or _NATIONAL.search(shown):
        raise ValueError("holds a telephone number")
    if any(_is_of_the_internet(found[0]) for one in (_IPV4, _SHORT_IPV4, _IPV6) for found in one.finditer(shown)):
        raise ValueError("holds an IP address")
    return text


def _is_of_the_internet(text: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(text).is_global
    except ValueError:
        return False


def normal_address(text: str) -> str:
    """Return an e-mail address in its normal form: lower case, its domain in ASCII.

    Raises:
        ValueError: it is none, or holds an invisible character.
    """
    local, at, domain = trim(text).rpartition("@")
    if not (local.isascii() and domain.isascii()):
        _refuse_unseen(local + domain.replace(_EMOJI_FORM, ""))
    local, domain = _lower(local), _ascii_domain(domain)
    address = local + at + domain
    if len(address) > MAX_ADDRESS or not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise ValueError("not an e-mail address")
    return address


def is_address(text: str) -> bool:
    """Return whether a text is an e-mail address."""
    try:
        return bool(normal_address(text))
    except ValueError:
        return False


def known_address(text: str) -> str:
    """Return the normal form of an address from Brevo or an older release; the same text if it has none."""
    if text.isascii():
        return text.strip().lower()
    try:
        return normal_address(text)
    except ValueError:
        return _lower(trim(text))


def is_international(address: str) -> bool:
    """Return whether an address may also be written with letters beyond ASCII in its domain."""
    return _PUNYCODE in address.rpartition("@")[2]


def unicode_address(address: str) -> str:
    """Return an address as people read it, with the letters instead of punycode in its domain."""
    local, at, domain = address.rpartition("@")
    return local + at + ".".join(map(_unicode_label, domain.split(".")))


def normal_text(text: str) -> str:
    """Return a name or another value without the white space around it; tabs and line breaks may be inside.

    Raises:
        ValueError: it holds control characters.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    own = unicodedata.normalize("NFC", trim(text))
    for character in own:
        if unicodedata.category(character) == "Cc" and character not in _BETWEEN_LINES:
            raise ValueError(f"holds a control character (U+{ord(character):04X})")
    return own


def escaped(text: str) -> str:
    r"""Return a text as one line without control codes: an invisible character becomes ``\n`` or ``\u202e``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) if _is_unseen(character) else character for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _is_unseen(character: str) -> bool:
    return (
        character == _REPLACEMENT
        or unicodedata.category(character) in _UNREADABLE
        or _UNSEEN.match(character) is not None
    )


def _refuse_unseen(text: str) -> None:
    for character in text:
        if not character.isspace() and _is_unseen(character):
            raise ValueError(f"holds a character that nobody can see or read (U+{ord(character):04X})")


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _ascii_domain(domain: str) -> str:
    """Return a domain as the domain name system has it (UTS 46, as browsers do it).

    Raises:
        ValueError: there can be no such domain.
    """
    if domain.isascii():
        return domain.lower()
    import idna

    try:
        mapped = idna.uts46_remap(domain, std3_rules=False, transitional=False)
        return ".".join(map(_ascii_label, mapped.split(".")))
    except (idna.IDNAError, UnicodeError):
        raise ValueError("not an e-mail address") from None


def _ascii_label(label: str) -> str:
    """Return a label in ASCII; IDNA 2008 refuses emoji, but browsers and registries take them."""
    if label.isascii():
        return label
    import idna

    try:
        return idna.alabel(label).decode("ascii")
    except idna.InvalidCodepoint:
        if not all(character.isalnum() or unicodedata.category(character) in _EMOJI for character in label):
            raise
        return _PUNYCODE + label.encode("punycode").decode("ascii")


def _unicode_label(label: str) -> str:
    if not label.startswith(_PUNYCODE):
        return label
    try:
        return label.removeprefix(_PUNYCODE).encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def is_host(text: str) -> bool:
    """Return whether a host may have this name: Python's own look for any other ends with an error nobody expects."""
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return True


def count(number: int, noun: str) -> str:
    """Return ``1 letter`` or ``2 letters``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
