"""For ``celery worker --include``: takes a part of the product out of service, to see whether the suite notices."""

import os
from collections.abc import Mapping

from sync_tasks.tasks.bootstrap import worker_resources

# What each sabotage replaces in which script. (The third, no sweeper, is a run without beat.)
CUTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "lease": {
        "lease": ("local held = redis.call('HGET', contact, 'lease')", "local held = false"),
        "renew_lease": ("not held or string.sub(held, STAMP + 1) ~= ARGV[2]", "false"),
        "settle": ("not held or string.sub(held, STAMP + 1) ~= token", "false"),
    },
    "version": {"settle": ("redis.call('HGET', contact, 'rev') ~= result.rev", "false")},
    "sweeper": {},
}


def sabotage(name: str) -> None:
    """Replace scripts of this process' store.

    Raises:
        LookupError: the script has changed: say anew what is to be cut.
    """
    store = worker_resources().store
    scripts = dict(store._scripts)
    for script, (part, instead) in CUTS[name].items():
        text = str(scripts[script].script)
        if part not in text:
            raise LookupError(f"{script}.lua no longer says {part!r}")
        scripts[script] = store.redis.register_script(text.replace(part, instead))
    vars(store)["_scripts"] = scripts


sabotage(os.environ["CHAOS_SABOTAGE"])
