"""When operators logged out: every login from before is over, also that of a copied cookie.

Key under ``<namespace>:``: ``logouts``, operator to the moment (a stamp); a week after the last one.
"""

from sync_tasks.state.store import Store

# No login lasts longer (``operate.hours``).
_KEPT = 7 * 86_400


def end_logins(store: Store, operator: str) -> None:
    """Let every login of an operator be over."""
    pipeline = store.redis.pipeline()
    pipeline.hset(store.key("logouts"), operator, store.now())
    pipeline.expire(store.key("logouts"), _KEPT)
    pipeline.execute()


def is_over(store: Store, operator: str, since: int) -> bool:
    """Report whether a login of that moment (a stamp) is over."""
    return since <= int(store.redis.hget(store.key("logouts"), operator) or 0)
