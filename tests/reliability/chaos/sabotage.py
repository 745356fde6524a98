"""For ``celery worker --include``: takes a part of the product out of service, to see whether the suite notices."""

import os

from sync_tasks.tasks.bootstrap import worker_resources
from tests.reliability.chaos.cuts import CUTS


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
