"""The command ``sync-tasks``, also as ``python -m sync_tasks``."""

import sys

from sync_tasks.config.environment import needing
from sync_tasks.errors import ConfigurationError


def main() -> None:
    """Run the command line, or say what to install for it: what a portal installs does not bring it."""
    try:
        with needing("worker"):
            from sync_tasks import cli
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - what prints in colours is what is missing
        sys.exit(2)
    cli.main()


if __name__ == "__main__":
    main()
