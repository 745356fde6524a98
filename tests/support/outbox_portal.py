"""A portal that may be killed at any moment: each of its transactions writes a row of its own, and an event."""

import sys

from sqlalchemy import create_engine, text

from sync_tasks.portal import outbox


def main(url: str, number: int) -> None:
    """Sign up users until there are so many; each is known to the portal and sent to the pipeline, or neither."""
    engine = create_engine(url)
    with engine.connect() as connection:
        done = connection.scalar(text("SELECT count(*) FROM portal_users")) or 0
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    for user in range(done, number):
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO portal_users (id) VALUES (:user)"), {"user": user})
            person, newsletter = str(user // 2), ("daily", "weekly")[user % 2]
            outbox.subscribe_contact(connection, user_id=person, newsletter=newsletter, email=f"{person}@portal.org")
    sys.stdout.write("all written\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
