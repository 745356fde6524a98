import time, contextlib
import pytest, redis
from collections.abc import Iterator
from tests.reliability.rig import Rig, freeze, thaw

@contextlib.contextmanager
def oom(rig):
    c = redis.Redis.from_url(rig.redis.url)
    c.config_set("maxmemory", "1mb"); yield 0
    c.config_set("maxmemory", "0")

@contextlib.contextmanager
def readonly(rig):
    c = redis.Redis.from_url(rig.redis.url)
    c.replicaof("127.0.0.1", "1"); yield 0
    c.replicaof("NO", "ONE")

@contextlib.contextmanager
def frozen(rig):
    freeze(rig.redis.pid); yield 0
    thaw(rig.redis.pid)

@contextlib.contextmanager
def storm(rig):
    c = redis.Redis.from_url(rig.redis.url)
    import socket
    c.config_set("maxclients", "40")
    socks=[]
    port=rig.redis.port
    for _ in range(60):
        s=socket.create_connection(("127.0.0.1",port)); socks.append(s)
    c.client_kill_filter(_type="normal", skipme=True) if False else None
    # kick the worker's connections out so that it has to come back into the storm
    for cl in c.client_list():
        if cl["cmd"] not in ("NULL","client|list","client"): 
            try: c.client_kill_filter(_id=cl["id"])
            except Exception: pass
    for _ in range(60):
        s=socket.create_connection(("127.0.0.1",port)); socks.append(s)
    yield 0
    for s in socks: s.close()

@contextlib.contextmanager
def restart(rig):
    rig.redis.stop(); yield 0
    rig.redis.start()

@contextlib.contextmanager
def kill(rig):
    rig.redis.kill(); yield 0
    rig.redis.start()

@pytest.mark.parametrize("fault", [oom, readonly, frozen, storm, restart, kill])
def test_it(rig: Rig, fault) -> None:
    worker = rig.start_worker()
    rig.subscribe(*[f"u{i}" for i in range(50)])
    rig.wait_until_held("u3")
    with fault(rig):
        t = time.time()
        p = rig.portal(*[{"task": "subscribe_contact", "user_id": f"p{i}", "newsletter": "daily", "email": f"p{i}@portal.org"} for i in range(2)])
        p.wait_for("done", 90)
        print(p.output)
        time.sleep(8)
    if not worker.running: print("WORKER DIED", worker.process.returncode)
    t = time.time()
    try:
        rig.subscribe("b")
        rig.nudge([f"u{i}" for i in range(50)])
        rig.wait_until_held("b")
        print("back after", time.time() - t)
        rig.wait_until_settled(); print("settled", time.time()-t)
    finally:
        print(worker.stop(), "lines", worker.output.count("\n"))
        print(worker.output[2000:8000])
        print("p in brevo", [u for u in rig.held() if u.startswith("p")])
