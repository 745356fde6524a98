"""What a sabotage takes out of service: lines of scripts, and what stands there instead."""

from collections.abc import Mapping

# What each sabotage replaces in which script. (The third, no sweeper, is a run without beat.)
CUTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "lease": {
        "lease": ("local held, address = fields.lease, fields.address", "local held, address = false, fields.address"),
        "renew_lease": ("not held or string.sub(held, STAMP + 1) ~= ARGV[2]", "false"),
        "settle": ("not held or string.sub(held, STAMP + 1) ~= token", "false"),
    },
    "version": {"settle": ("redis.call('HGET', contact, 'rev') ~= result.rev", "false")},
    "sweeper": {},
}
