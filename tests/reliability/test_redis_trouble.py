"""What happens to Redis, workers outlive, and the portal is told at once."""

import time

import pytest
import redis

from tests.reliability.rig import RECOVERED_WITHIN, Rig
from tests.servers import Program, wait_until

def test_kill(rig: Rig) -> None:
    worker = rig.start_worker()
    rig.subscribe("a")
    rig.wait_until_held("a")
    t = time.time()
    rig.redis.kill()
    worker.wait_for("Connection to broker lost")
    print("lost after", time.time() - t)
    rig.redis.start()
    t = time.time()
    rig.subscribe("b")
    rig.wait_until_held("b")
    print("back after", time.time() - t)
    t = time.time()
    print(worker.stop(), time.time() - t)
    print(worker.output)
