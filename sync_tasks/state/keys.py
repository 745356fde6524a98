"""The names of the keys of contacts, below ``<namespace>:``.

Keys without a lifetime here are kept for ever. Only ``state/`` reads and writes these keys:

==================== ============================================================ =======================
``contacts:<user>``  the fields of a user (see ``codec``)                         until erased
``addresses:<part>`` keyed hash of an address to the user who has it
``waiting:<hash>``   users who want an address too, by since when                 until one has it
``vacated:<hash>``   an address given up: hash of who did, or ``several``         two days
``tombstones``       keyed hash of an erased user's id to when
``erased:<account>`` the ids of all contacts whose users were erased
``evidence``         proofs of consent that ended, by keyed hash of the user      for ``consent_days``
``secret``           the key of those hashes
``dirty``            users by since when Brevo disagrees                          until Brevo agrees
``due``              users by when to look again                                  until Brevo agrees
``urgent``           users with an opt-out or an erasure without an outcome       until it has one
``pending:<kind>``   users with such an event, such wishes, without an outcome    until it has one
``history:<user>``   the last 30 outcomes of a user                               30 days
``attributes:<acc>`` the attributes sent to an account and read back once
``suspect``          the lease of the one contact whose worker died twice         as long as that lease
``dead_letters``     id to letter                                                 until closed
``unaccepted``       user and letter of an event that reached no state            until closed
``closed_letters``   the last 10,000 letters dealt with
``letter_counts``    how many were opened, by error, and closed, by why
``filling``          users of a first load, the first loaded first                a week
``swept``            when a worker swept last
``server``           which run of the server was swept last
==================== ============================================================ =======================

Other rooms own keys that hold no contact. ``rate_limits`` owns pauses and limits; ``reconcile`` owns checkpoints, locks
and reports of comparisons. ``sync/accounts`` owns owners; ``tasks`` owns the locks of the sweep and the night. The
architecture's table names them all.
"""

import hashlib

from sync_tasks.state import codec

DIRTY = "dirty"
DUE = "due"
URGENT = "urgent"
TOMBSTONES = "tombstones"
SWEPT = "swept"
FILLING = "filling"
CLOSED_LETTERS = "closed_letters"
LETTER_COUNTS = "letter_counts"
SECRET = "secret"  # noqa: S105 - the name of the key, not what it holds
DEAD_LETTERS = "dead_letters"
UNACCEPTED_LETTERS = "unaccepted"


def contact_key(user_id: str) -> str:
    """Return the name of the hash of a user's fields."""
    return f"contacts:{user_id}"


def paused_users_key(name: str) -> str:
    """Return the name of the set of users who wait for the end of a part's pause."""
    return f"paused_users:{name}"


def history_key(user_id: str) -> str:
    """Return the name of the list of a user's history."""
    return f"history:{user_id}"


def pending_key(kind: str) -> str:
    """Return the name of the set of users who have an event of this kind pending (``task:newsletter``)."""
    return f"pending:{kind}"


def erased_ids_key(account: str) -> str:
    """Return the name of the set of ids of an account's contacts whose users were erased."""
    return f"erased:{account}"


def attributes_key(account: str) -> str:
    """Return the name of the set of attributes that were sent to an account and read back."""
    return f"attributes:{account}"


def keyed_hash(secret: str, text: str) -> str:
    """Return what stands for a text in keys: ``keyed_hash`` of the scripts; tests hold the two together."""
    return hashlib.sha1((secret + text).encode(), usedforsecurity=False).hexdigest()[:24]


def address_hash(secret: str, address: str) -> str:
    """Return what stands for an address in keys; the scripts hash it as it lies in the state."""
    return keyed_hash(secret, codec.seal(address))


def address_place(hashed: str) -> tuple[str, str]:
    """Return hash and field where the owner of an address lies: ``owner_of`` of the scripts."""
    return f"addresses:{hashed[:4]}", hashed[4:]


def vacated_key(hashed: str) -> str:
    """Return the name of the mark that an address was given up lately."""
    return f"vacated:{hashed}"
