"""Standing tests on the tree itself: what holds for every file, whoever writes it."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-runtime.lock")
# Put together here, so that this file does not hold them itself.
FORBIDDEN = ["task_always" + "_eager", "TO" + "DO", "FIX" + "ME", "mock" + ".patch"]
SLEEP = "time.sleep" + "("


def modules(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def pins(lock: str) -> dict[str, list[tuple[Version, str]]]:
    pinned: dict[str, list[tuple[Version, str]]] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if found := re.match(r"([a-z0-9.-]+)==([^ ]+)(?: ; (.*?))? \\$", line):
            name, version, marker = found.groups()
            pinned.setdefault(name, []).append((Version(version), marker or ""))
    return pinned


def requirements(*extras: str) -> list[Requirement]:
    optional = PROJECT["optional-dependencies"]
    lines = PROJECT["dependencies"] + [line for extra in extras for line in optional[extra]]
    return [found for found in map(Requirement, lines) if found.name != PROJECT["name"]]


@pytest.mark.parametrize("path", modules("sync_tasks", "tests"), ids=relative)
def test_no_module_holds_what_the_house_forbids(path: Path) -> None:
    text = path.read_text()
    assert [word for word in FORBIDDEN if word in text] == []


def test_tests_wait_for_something_not_for_a_while() -> None:
    """Only runs of chaos and failover, which let things happen at random times, wait for nothing in particular."""
    sleeping = {relative(path) for path in modules("tests") if SLEEP in path.read_text()}
    random = ("tests/reliability/chaos/", "tests/failover/")
    assert {path for path in sleeping if not path.startswith(random)} == {"tests/support/processes.py"}


def test_a_test_changes_the_time_of_one_module_alone() -> None:
    """Others run in the same process: a sandbox whose clock jumps back may sleep for hours."""
    changing = re.compile(r"setattr\(\s*(?:\"[\w.]*\btime\.\w+\"|time,)")
    assert [relative(path) for path in modules("tests") if changing.search(path.read_text())] == []


@pytest.mark.parametrize("path", modules("sync_tasks"), ids=relative)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert not text.strip() or text.startswith('"""')


def test_ci_only_calls_make_targets_that_exist() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == [
        "make lint",
        "make test",
        "make contract ARGS=--short",
        "make simulate",
        "make chaos ARGS=--short",
        "make demo",
    ]
    assert {command.split()[1] for command in commands} <= set(make_targets())


def test_the_hosted_workflow_only_calls_make_targets_that_exist() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        made, target, *_ = command.removeprefix('sudo env "PATH=$PATH" ').split()
        assert (made, target in make_targets()) == ("make", True), command


def named_pythons() -> list[str]:
    return [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if line.startswith("Programming Language")]


def test_the_hosted_workflow_tries_every_supported_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    tried = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert tried == [version for version in named_pythons() if version.count(".")]


def test_only_the_main_branch_may_deploy_anything() -> None:
    # A hosted environment is closed to pull requests: a job that names one would fail in each of them.
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    deploying = [job for job in workflow["jobs"].values() if "environment" in job or "permissions" in job]
    assert deploying
    assert all(job["if"] == "github.ref == 'refs/heads/main'" for job in deploying)


def test_a_bot_looks_after_each_file_that_pins_something() -> None:
    bot = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())
    looked_after = {(one["package-ecosystem"], one["directory"]) for one in bot["updates"]}
    assert looked_after == {
        ("github-actions", "/"),
        ("pip", "/"),
        ("docker", "/"),
        ("docker-compose", "/"),
        ("npm", "/tests/contract"),
    }


def test_lint_checks_layers_names_sizes_and_lua() -> None:
    rule = subprocess.run(["make", "-n", "lint"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607 - from the PATH
    named = set(re.findall(r"tests/[\w/.]+", rule))
    assert named == {"tests/project/test_names.py", "tests/project/test_sizes.py"}
    assert all((ROOT / path).exists() for path in named)
    assert all(checker in rule for checker in ("lint-imports", ".ci/check-lua"))


def make_targets() -> dict[str, str]:
    return dict(re.findall(r"^([a-z-]+):(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_make_target_is_explained_by_make_alone() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607 - from the PATH
    for target, rule in make_targets().items():
        assert "## " in rule, target
        assert re.search(rf"make {target} +\w", said)


def test_every_make_target_is_phony() -> None:
    declared = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared
    assert set(declared[1].split()) == set(make_targets())


@pytest.mark.parametrize(
    ("lock", "extras"), [(LOCKS[0], ("worker", "flower", "embedded", "dev")), (LOCKS[1], ("worker", "flower"))]
)
def test_the_lock_satisfies_the_project(lock: str, extras: tuple[str, ...]) -> None:
    pinned = pins(lock)
    for requirement in requirements(*extras):
        versions = [version for version, _ in pinned[canonicalize_name(requirement.name)]]
        assert versions, requirement
        assert all(version in requirement.specifier for version in versions), requirement


def test_both_locks_agree() -> None:
    everything, runtime = (
        {name: {version for version, _ in found} for name, found in pins(lock).items()} for lock in LOCKS
    )
    assert all(versions <= everything[name] for name, versions in runtime.items())


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_has_a_hash_for_everything_and_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert len(entries) == sum(map(len, pins(lock).values()))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


@pytest.mark.parametrize("python", named_pythons())
def test_the_lock_pins_one_version_of_each_for_every_python_that_is_supported(python: str) -> None:
    worker_environment: Mapping[str, Any] = {
        **default_environment(),
        "python_version": python,
        "python_full_version": f"{python}.9",
    }
    for name, versions in pins("requirements.lock").items():
        fitting = [version for version, marker in versions if fits(marker, worker_environment)]
        assert len(fitting) <= 1, name


def fits(marker: str, worker_environment: Mapping[str, Any]) -> bool:
    return not marker or Marker(marker).evaluate(worker_environment)


def test_supported_pythons_are_reported_once() -> None:
    supported = Requirement(f"python{PROJECT['requires-python']}").specifier
    newest = max(int(version.split(".")[1]) for version in named_pythons())
    assert [f"3.{minor}" for minor in range(9, newest + 1) if f"3.{minor}" in supported] == named_pythons()


def compose() -> list[str]:
    """Docker's own plugin, else Debian's older command of the same name."""
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)  # noqa: S607 - from the PATH
        if plugin.returncode == 0:
            return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("docker compose is not installed")


def test_compose_accepts_the_file() -> None:
    done = subprocess.run(
        [*compose(), "-f", "docker-compose.yml", "config", "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=list(COMPOSE["services"]))
def test_every_container_is_watched_bounded_and_harmless(service: dict[str, Any]) -> None:
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_every_secret_is_a_file_and_none_is_in_the_environment() -> None:
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            public = {"SYNC_OPERATE_URL": "${SYNC_OPERATE_URL:-}"}
            assert (
                public.get(name) == value
                or not re.search(r"KEY|PASSWORD|AUTH|URL", name)
                or value.startswith("/run/secrets/")
            )


def test_redis_in_the_compose_file_keeps_everything() -> None:
    lines = (ROOT / "docker/redis.conf").read_text().splitlines()
    assert {
        "appendonly yes",
        "maxmemory-policy noeviction",
        "slowlog-log-slower-than -1",
        "crash-log-enabled no",
    } <= set(lines)


def test_the_image_says_the_version_of_the_package() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', (ROOT / "Dockerfile").read_text()))
    assert labels["version"] == PROJECT["version"]


def test_the_image_runs_as_an_ordinary_user() -> None:
    users = re.findall(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert users[-1] not in {"root", "0"}
