"""The rules and the dashboard in ``monitoring/``: each alarm is played, each query asks for what there is."""

import copy
import json
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram

from sync_tasks import meters
from sync_tasks.local.redis_server import free_port
from sync_tasks.monitoring.metrics import METRICS
from sync_tasks.state.dead_letters import discard
from sync_tasks.sync.batch_choice import WORTH_A_BATCH
from tests.support.processes import Program, wait_until
from tests.support.station import READY, SETTLED_WITHIN, Station

ROOT = Path(__file__).parents[2]
RULES = ROOT / "monitoring" / "alerts.yml"
PLAYED = ROOT / "tests" / "monitoring" / "alerts_test.yml"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "monitoring" / "grafana.json").read_text())
ALARMS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "alert" in rule]
RECORDED = re.compile(r"sync_tasks:[a-z0-9_:]+")


def find(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed: apt-get install prometheus")
    return path


def known_names() -> set[str]:
    """Return every name that a scrape of ours may hold."""
    names = set(METRICS)
    for one in vars(meters).values():
        if isinstance(one, Counter):
            names.add(f"{one._name}_total")
        elif isinstance(one, Histogram):
            names |= {f"{one._name}{end}" for end in ("_bucket", "_count", "_sum")}
    return names


def queries() -> Iterator[tuple[str, str]]:
    """Yield each query of the dashboard, with its panel."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_each_alarm_is_played_and_the_rules_are_sound() -> None:
    promtool = find("promtool")
    for what, path in (("check", RULES), ("test", PLAYED)):
        done = subprocess.run([promtool, what, "rules", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    played = {test["name"].split()[0] for test in yaml.safe_load(PLAYED.read_text())["tests"]}
    assert played == {rule["alert"] for rule in ALARMS}


@pytest.mark.parametrize("rule", ALARMS, ids=[rule["alert"] for rule in ALARMS])
def test_each_alarm_says_how_urgent_it_is_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert f"`{rule['alert']}`" in (ROOT / "docs" / "how-to" / "operate.md").read_text()


ASKED = {"rules": RULES.read_text(), "grafana": "\n".join(query for _, query in queries())}


@pytest.mark.parametrize("text", ASKED.values(), ids=ASKED)
def test_only_metrics_that_there_are_are_asked_for(text: str) -> None:
    asked = set(re.findall(r"\bsync_tasks_[a-z_]+", RECORDED.sub("", text)))
    assert asked
    assert asked - known_names() == set()


def test_the_dashboard_shows_each_metric() -> None:
    text = json.dumps(DASHBOARD)
    shown = {name for name in known_names() if re.sub(r"_(?:bucket|count|sum)$", "", name) in text}
    left_out = {"sync_tasks_state_reachable", "sync_tasks_hold_seconds", "sync_tasks_beat_sent_total"}
    left_out |= {"sync_tasks_comparison_timestamp_seconds", "sync_tasks_comparison_refused"}
    assert known_names() - shown == left_out
    assert all(panel["description"] for panel in DASHBOARD["panels"])


def find_lost(given: object, known: object, path: str = "") -> Iterator[str]:
    """Yield what of a document the schema did not know: its reader leaves that out."""
    if isinstance(given, dict):
        for name, value in given.items():
            if not isinstance(known, dict) or name not in known:
                yield f"{path}/{name}"
            else:
                yield from find_lost(value, known[name], f"{path}/{name}")
    elif isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        for number, (one, other) in enumerate(zip(given, known, strict=True)):
            yield from find_lost(one, other, f"{path}/{number}")
    elif given != known:
        yield path


def read_by_schema(document: dict[str, Any]) -> object:
    """Return what Grafana's own schema knows of a dashboard, panels and queries among it."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    return json.loads(json.dumps(Dashboard.from_json(copy.deepcopy(document)), cls=JSONEncoder))


def test_grafanas_own_schema_knows_all_of_the_dashboard() -> None:
    assert [*find_lost(DASHBOARD, read_by_schema(DASHBOARD))] == []
    for place, name in ((DASHBOARD, "tilte"), (DASHBOARD["panels"][0]["options"], "colourMode")):
        wrong = copy.deepcopy(DASHBOARD)
        (wrong if place is DASHBOARD else wrong["panels"][0]["options"])[name] = "a typo"
        assert [path.rpartition("/")[2] for path in find_lost(wrong, read_by_schema(wrong))] == [name]


def stir(station: Station, number: int) -> None:
    """Let some of everything happen: retries, letters, what Brevo reports, and each time enough people for a batch."""
    station.brevo.add_fault("status", status=500, method="GET" if number % 2 else "POST", count=1)
    people, before = ([f"u{turn}-{one}" for one in range(2 * WORTH_A_BATCH)] for turn in (number, number - 1))
    for user_id in people:
        station.portal.accept("subscribe", user_id=user_id, newsletter="daily", email=f"{user_id}@portal.org")
    for user_id in before if number else ():
        station.portal.accept("unsubscribe", user_id=user_id, newsletter="daily")
    station.send("sync_tasks.unsubscribe_contact", user_id=f"nobody-{number}", newsletter="daily")
    for letter in station.letters()[:1]:
        discard(station.store, letter, "ops")
    station.store.redis.hincrby("sync_tasks:webhooks:default", "noticed", 1)


def many(station: Station, worker: Program) -> None:
    """Let many subscribe while the worker stands still: one request serves them."""
    station.wait_until_settled()
    worker.process.send_signal(signal.SIGSTOP)
    for user_id in (f"{station.store.now()}-{one}" for one in range(2 * WORTH_A_BATCH)):
        station.portal.accept("subscribe", user_id=user_id, newsletter="daily", email=f"{user_id}@portal.org")
    worker.process.send_signal(signal.SIGCONT)
    station.wait_until_settled()


def test_each_query_of_the_dashboard_is_answered_from_a_pipeline_at_work(lonely_station: Station) -> None:
    prometheus, station = find("prometheus"), lonely_station
    ports = {"sync-tasks-workers": free_port(), "sync-tasks-beat": free_port()}
    jobs = [{"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for name, port in ports.items()]
    configuration = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "scrape_configs": jobs}
    file = station.folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration | {"rule_files": [str(RULES)]}))
    worker = station.start_worker(SYNC_METRICS_ADDRESS=f"127.0.0.1:{ports['sync-tasks-workers']}")
    station.celery("beat", SYNC_METRICS_ADDRESS=f"127.0.0.1:{ports['sync-tasks-beat']}")
    port = free_port()
    words = [f"--config.file={file}", f"--storage.tsdb.path={station.folder}/data"]
    station.start([prometheus, *words, f"--web.listen-address=127.0.0.1:{port}"], env=station.env)
    worker.wait_for(READY)

    def ask(query: str) -> list[Any]:
        query = query.replace("$__rate_interval", "5m").replace("$__range", "5m")
        url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                found: list[Any] = json.load(answer)["data"]["result"]
        except ConnectionError:
            return []
        return [one for one in found if one["value"][1] != "NaN"]

    wait_until(lambda: len(ask("up == 1")) == 2, "both are scraped", SETTLED_WITHIN)
    quiet = {"Pauses", "Contacts in one request"}
    silent, turns = {query: title for title, query in queries() if title not in quiet}, count()

    def is_heard() -> bool:
        stir(station, next(turns))
        for query in [query for query in silent if ask(query)]:
            del silent[query]
        return not silent

    def is_paused(metric: str) -> bool:
        station.portal.accept("subscribe", user_id=f"p{next(turns)}", newsletter="daily", email="p@portal.org")
        return any(ask(query) for title, query in queries() if title == "Pauses" and metric in query)

    try:
        wait_until(is_heard, "each panel has data", 3 * SETTLED_WITHIN)
    except AssertionError:
        pytest.fail(f"no data: {silent}")
    station.brevo.faults.clear()
    many(station, worker)
    many(station, worker)
    batches = [query for title, query in queries() if title == "Contacts in one request"]
    wait_until(lambda: ask(*batches), "a batch is made", SETTLED_WITHIN)
    firing = {one["metric"]["alertname"] for one in ask('ALERTS{alertstate="firing"}')}
    assert firing & {"SyncMetricsAbsent", "SyncRedisAway", "SyncWorkersAbsent", "SyncAccountPaused"} == set()
    station.brevo.add_fault("status", status=402, method="POST")
    wait_until(lambda: is_paused("part_pause"), "a part is paused", SETTLED_WITHIN)
    station.brevo.faults.clear()
    station.brevo.add_fault("status", status=401)
    wait_until(lambda: is_paused("sync_tasks_pause_seconds"), "the account is paused", SETTLED_WITHIN)
