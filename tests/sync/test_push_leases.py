"""A push that takes longer than its lease: it lengthens the lease before each write, and ends if it was lost."""

from collections.abc import Callable

import pytest

from sync_tasks.domain.diff import Change
from sync_tasks.domain.priority import Priority
from sync_tasks.errors import LeaseLostError
from sync_tasks.providers import Permit
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.store import Lease, Sighting
from sync_tasks.sync.push import Push
from tests.support.pipeline import MakePipeline, Pipeline

LEASE_OF_ANOTHER = f"{10**16 - 1}another"
LOOK = Sighting(user_id="anna")


class Watched(Limiter):
    """Asks no limits; notes the lease of Anna at each request, and lets another have it at one of them."""

    lost_at: int | None = None
    leases: tuple[str, ...] = ()

    def acquire(
        self,
        account: str,
        bucket: str,
        priority: Priority = Priority.ORDINARY,
        meanwhile: Callable[[], None] = lambda: None,
        part: str = "",
        *,
        begun: bool = False,
    ) -> Permit:
        contact = self._store.key("contacts:anna")
        self.leases += (str(self._store.redis.hget(contact, "lease")),)
        if len(self.leases) == self.lost_at:
            self._store.redis.hset(contact, "lease", LEASE_OF_ANOTHER)
        return super().acquire(account, bucket, priority, meanwhile, part, begun=begun)

    def ask_ahead(self) -> None:
        return None


def create(pipeline: Pipeline) -> None:
    pipeline.update("anna", previous_email="anna.tal@portal.org")
    pipeline.subscribe("anna", first_name="Anna")


def change(pipeline: Pipeline) -> None:
    create(pipeline)
    pipeline.work()
    pipeline.store.mark_changed("default", [LOOK])
    pipeline.update("anna", first_name="Anne")
    pipeline.subscribe("anna", "weekly")


def erase(pipeline: Pipeline) -> None:
    create(pipeline)
    pipeline.work()
    pipeline.brevo.edit("anna@portal.org", {"attributes": {"HOBBY": "chess"}})
    pipeline.store.mark_changed("default", [LOOK])
    pipeline.anonymize("anna")


def swap(pipeline: Pipeline) -> None:
    for user_id in ("anna", "berta"):
        pipeline.subscribe(user_id)
    pipeline.work()
    pipeline.update("anna", email="berta@portal.org")
    pipeline.update("berta", email="anna@portal.org")


Prepare = Callable[[Pipeline], None]


def sync_anna(make_pipeline: MakePipeline, prepare: Prepare, lost_at: int | None = None) -> tuple[Watched, list[str]]:
    """Let somebody work on Anna; return who watched that, and the requests that Brevo got."""
    pipeline = make_pipeline(Watched)
    pipeline.store.redis.flushdb()
    pipeline.brevo.reset()
    prepare(pipeline)
    limiter = pipeline.resources.limiter
    assert isinstance(limiter, Watched)
    limiter.leases, limiter.lost_at = (), lost_at
    with pipeline.requests() as requests:
        pipeline.sync("anna")
    return limiter, requests


@pytest.mark.parametrize("prepare", [create, change, erase, swap])
def test_whoever_lost_the_lease_writes_nothing_more(make_pipeline: MakePipeline, prepare: Prepare) -> None:
    _, whole = sync_anna(make_pipeline, prepare)
    assert any(not request.startswith("GET") for request in whole[1:])
    for lost_at in range(1, len(whole)):
        _, requests = sync_anna(make_pipeline, prepare, lost_at)
        assert requests[:lost_at] == whole[: min(lost_at, len(requests))]
        assert not [request for request in requests[lost_at:] if not request.startswith("GET")]


@pytest.mark.parametrize("prepare", [change, erase, swap])
def test_each_write_after_the_first_request_finds_the_lease_lengthened(
    make_pipeline: MakePipeline, prepare: Prepare
) -> None:
    limiter, requests = sync_anna(make_pipeline, prepare)
    assert len(limiter.leases) == len(requests)
    for number, request in enumerate(requests):
        if number and not request.startswith("GET"):
            assert limiter.leases[number] > limiter.leases[number - 1]


@pytest.mark.parametrize("act", [lambda push: push.read(7), lambda push: push.send(7, Change(join=frozenset({5})))])
def test_whoever_lost_the_lease_neither_reads_nor_writes(pipeline: Pipeline, act: Callable[[Push], object]) -> None:
    pipeline.subscribe("anna")
    store, lease = pipeline.store, pipeline.store.lease("anna", 60)
    assert isinstance(lease, Lease)
    gateway, mapping = pipeline.resources.gateways["default"], pipeline.resources.mappings["default"]
    store.redis.hset(store.key("contacts:anna"), "lease", LEASE_OF_ANOTHER)
    with pipeline.requests() as requests, pytest.raises(LeaseLostError):
        act(Push("default", mapping, gateway, store, lease, just_leased=False))
    assert requests == []


def test_whoever_lost_the_lease_does_not_look_for_a_contact_that_could_not_be_created(
    make_pipeline: MakePipeline,
) -> None:
    def refuse(pipeline: Pipeline) -> None:
        pipeline.subscribe("anna")
        pipeline.brevo.add_fault("status", status=402, method="POST", path="contacts$")

    _, whole = sync_anna(make_pipeline, refuse)
    created = whole.index("POST /v3/contacts")
    assert whole[created + 1 :] == ["GET /v3/contacts/anna%40portal.org"]
    _, requests = sync_anna(make_pipeline, refuse, lost_at=created + 1)
    assert requests == whole[: created + 1]
