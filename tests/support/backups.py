"""A backup of all of Redis, and the day it is brought back."""

from dataclasses import dataclass

from redis import Redis


@dataclass(frozen=True)
class Backup:
    """What Redis held at one moment: each key's bytes, and for how many milliseconds more it lives."""

    keys: dict[str, tuple[bytes, int]]

    def restore(self, redis: Redis) -> None:
        """Let Redis hold this and nothing else, as after an older disk."""
        # A pipeline opens a connection of its client, which closes it.
        with _raw(redis) as raw, raw.pipeline() as pipeline:
            pipeline.flushall()
            for name, (reported, left) in self.keys.items():
                pipeline.restore(name, max(left, 0), reported)
            pipeline.execute()


def back_up(redis: Redis) -> Backup:
    """Return what Redis holds now."""
    keys = dict[str, tuple[bytes, int]]()
    with _raw(redis) as raw:
        for name in raw.scan_iter():
            reported, left = raw.dump(name), raw.pttl(name)
            if reported:  # else it has gone since
                keys[name.decode()] = (reported, left)
    return Backup(keys)


def _raw(redis: Redis) -> Redis:
    """Return a client that leaves bytes as they are."""
    reported = redis.connection_pool.connection_kwargs
    return Redis(host=reported.get("host", "localhost"), port=reported.get("port", 6379), db=reported.get("db", 0))
