"""Two portals with tests of their own: Django and FastAPI, from the request to the local Brevo."""

from pathlib import Path

import pytest

from tests.support.portal_tests import run_tests
from tests.support.processes import require_redis_server

DJANGO = """
from functools import partial

import django
import pytest
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    ROOT_URLCONF=__name__,
)
django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, TestCase
from django.urls import path

from sync_tasks import subscribe_contact
from sync_tasks.domain.events import Subscribe


def confirm(request, name, newsletter):
    with transaction.atomic():
        user = User.objects.get(username=name)
        reported = {"user_id": str(user.pk), "newsletter": newsletter, "email": user.email}
        transaction.on_commit(partial(subscribe_contact.delay, **reported))
    return HttpResponse(status=204)


urlpatterns = [path("confirm/<name>/<newsletter>", confirm)]


class ConfirmTest(TestCase):
    @classmethod
    def setUpClass(cls):
        call_command("migrate", verbosity=0)
        super().setUpClass()

    @pytest.fixture(autouse=True)
    def _record(self, sync_tasks_outbox):
        self.sent = sync_tasks_outbox

    def test_a_confirmed_subscription_is_sent(self):
        anna = User.objects.create(username="anna", email="anna@portal.org")
        with self.captureOnCommitCallbacks(execute=True):
            assert self.client.post("/confirm/anna/daily").status_code == 204
        assert self.sent == [Subscribe(user_id=str(anna.pk), newsletter="daily", email="anna@portal.org")]


def test_a_sign_up_reaches_brevo(sync_tasks_pipeline):
    call_command("migrate", verbosity=0)
    otto = User.objects.create(username="otto", email="otto@portal.org")
    assert Client().post("/confirm/otto/weekly").status_code == 204
    sync_tasks_pipeline.wait()
    assert sync_tasks_pipeline.contact(str(otto.pk)).newsletters == {"weekly"}
"""
FASTAPI = """
from fastapi import FastAPI
from fastapi.testclient import TestClient

from sync_tasks import subscribe_contact
from sync_tasks.domain.events import Subscribe

app = FastAPI()


@app.post("/confirm/{user_id}/{newsletter}", status_code=204)
async def confirm(user_id: str, newsletter: str) -> None:
    await subscribe_contact.adelay(user_id=user_id, newsletter=newsletter, email=f"{user_id}@portal.org")


def test_a_confirmed_subscription_is_sent(sync_tasks_outbox):
    assert TestClient(app).post("/confirm/anna/daily").status_code == 204
    assert sync_tasks_outbox == [Subscribe(user_id="anna", newsletter="daily", email="anna@portal.org")]


def test_a_sign_up_reaches_brevo(sync_tasks_pipeline):
    assert TestClient(app).post("/confirm/anna/weekly").status_code == 204
    sync_tasks_pipeline.wait()
    assert sync_tasks_pipeline.contact("anna").newsletters == {"weekly"}
"""


@pytest.mark.parametrize(("needs", "portal"), [("django", DJANGO), ("fastapi", FASTAPI)], ids=["Django", "FastAPI"])
def test_a_portal_sees_what_it_sent_and_what_came_of_it(needs: str, portal: str, tmp_path: Path) -> None:
    pytest.importorskip(needs, reason=f"{needs} is not installed: pip install {needs}")
    require_redis_server()
    assert "2 passed" in run_tests(tmp_path, portal)
