"""``python -m sync_tasks`` is the command ``sync-tasks``."""

from sync_tasks.cli import main

if __name__ == "__main__":
    main()
