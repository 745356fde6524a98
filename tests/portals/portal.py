"""A portal as small as can be: it calls each of the four tasks once, with a Celery application or Django of its own."""

import sys
from importlib.metadata import distributions, version


def start_django() -> None:
    """Set Django up as a portal does; the events below go out as a transaction commits."""
    import django
    from django.conf import settings

    settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
    django.setup()


def call_tasks() -> None:
    """Enqueue one event of each kind."""
    from celery import Celery

    portal = Celery("portal", broker="memory://")
    from sync_tasks import anonymize_contact, subscribe_contact, unsubscribe_contact, update_contact

    subscribe_contact.delay(user_id="anna", newsletter="daily", email="anna@portal.org", attributes={"city": "Ulm"})
    update_contact.delay(user_id="anna", email="anna@bücher.example")
    unsubscribe_contact.delay(user_id="anna", newsletter="daily")
    anonymize_contact.delay(user_id="otto")
    sys.stdout.write(f"{portal.main} called four tasks\n")


def main() -> None:
    """Call the tasks, in a transaction of Django if that is installed, and report what is installed."""
    installed = {each.name.lower() for each in distributions()}
    if "django" in installed:
        start_django()
        from django.db import transaction

        with transaction.atomic():
            transaction.on_commit(call_tasks)
    else:
        call_tasks()
    named = [f"{name} {version(name)}" for name in ("celery", "redis", "pydantic", "django") if name in installed]
    sys.stdout.write(f"{len(installed)} packages: {', '.join(named)}\n")


if __name__ == "__main__":
    main()
