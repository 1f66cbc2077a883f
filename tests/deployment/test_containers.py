"""The images and the Compose file say what the documentation says of them."""

import re
import shlex
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from settings import Settings
from tests.support.forked_commands import ROOT

DEPLOY = ROOT / "deploy"
OURS = ("server-1", "server-2", "worker", "migrate", "smtp-catcher")
INSTRUCTIONS = {
    "FROM", "RUN", "ENV", "USER", "WORKDIR", "VOLUME", "ENTRYPOINT", "CMD", "EXPOSE",
    "STOPSIGNAL", "HEALTHCHECK",
}  # fmt: skip


def instructions() -> Iterator[tuple[str, str, str]]:
    """The stage, the instruction and its arguments."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE)
    stage = ""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            instruction, _, arguments = line.strip().partition(" ")
            stage = arguments.split()[2] if instruction == "FROM" else stage
            yield stage, instruction, arguments.strip()


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_an_image_is_one_kind_of_process_as_an_ordinary_user() -> None:
    parts = list(instructions())
    commands = {stage: arguments for stage, name, arguments in parts if name == "CMD"}

    assert {name for _, name, _ in parts} == INSTRUCTIONS
    assert commands == {
        "server": '["serve", "--no-worker"]',
        "worker": '["worker"]',
        "migrate": '["migrate"]',
        "smtp-catcher": '["--listen", "0.0.0.0:8025", "--class", "aiosmtpd.handlers.Debugging", "stdout"]',
    }
    assert [arguments for _, name, arguments in parts if name == "USER"] == ["10001:10001"]
    bases = {stage: arguments.split()[0] for stage, name, arguments in parts if name == "FROM"}
    assert bases == {"program": "debian:bookworm-slim", **dict.fromkeys(commands, "program")}


def test_an_image_is_installed_by_the_script_of_all_other_machines() -> None:
    runs = [shlex.split(arguments) for stage, name, arguments in instructions() if name == "RUN"]

    assert any("/source/deploy/install" in words and "--image" in words for words in runs)
    # Neither a second list of packages nor a second way to install them.
    assert not {"apt-get", "pip", "pip3", "apt"} & {word for words in runs for word in words}


def test_what_an_image_is_built_from_has_no_secrets() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert {".*", "tests", "bench"} <= {*ignored}


def test_containers_write_to_volumes_and_temporary_folders_only() -> None:
    services = compose()["services"]

    for name in OURS:
        service = services[name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["tmpfs"] == ["/tmp"], name  # noqa: S108
        assert "ports" not in service, name
    assert services["nginx"]["read_only"] is True
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]


def test_each_service_is_built_from_its_stage() -> None:
    stages = {stage for stage, _, _ in instructions()}
    built = {name: compose()["services"][name]["build"]["target"] for name in OURS}

    assert built == {
        "server-1": "server", "server-2": "server", "worker": "worker", "migrate": "migrate",
        "smtp-catcher": "smtp-catcher",
    }  # fmt: skip
    assert {*built.values()} < stages


@pytest.mark.parametrize("name", OURS[:4])
def test_the_settings_of_containers_are_settings(name: str) -> None:
    environment = compose()["services"][name]["environment"]
    values = {key: _filled_in(value) for key, value in environment.items()}

    settings = Settings.model_validate({key.lower(): value for key, value in values.items()})

    assert {key.lower() for key in values} <= Settings.model_fields.keys()
    assert settings.database_url is not None
    # Only the migration can change tables.
    assert ("MIGRATION_DATABASE_URL" in environment) == (name == "migrate")


def test_the_proxy_knows_the_addresses_of_the_servers_and_they_its_own() -> None:
    file = compose()
    (subnet,) = file["networks"]["inside"]["ipam"]["config"]
    addresses = {
        name: service["networks"]["inside"]["ipv4_address"]
        for name, service in file["services"].items()
        if isinstance(service["networks"], dict)
    }
    upstream = re.findall(
        r"^server (\S+):8000 max_fails=0;$", (DEPLOY / "compose-servers.conf").read_text(), re.M
    )

    assert upstream == [addresses["server-1"], addresses["server-2"]]
    for name in ("server-1", "server-2"):
        trusted = ip_network(file["services"][name]["environment"]["TRUSTED_PROXIES"])
        assert [*trusted.hosts()] == [ip_address(addresses["nginx"])]
    assert all(ip_address(each) in ip_network(subnet["subnet"]) for each in addresses.values())


def test_the_files_that_containers_mount_are_there() -> None:
    mounts = [
        mount.split(":")[0]
        for service in compose()["services"].values()
        for mount in service.get("volumes", [])
        if mount.startswith("./")
    ]

    assert len(mounts) == 4
    assert [mount for mount in mounts if mount != "./tls" and not (DEPLOY / mount).is_file()] == []


def test_a_container_stops_more_slowly_than_its_processes() -> None:
    for name in ("server-1", "server-2"):
        service = compose()["services"][name]
        delay_seconds = int(service["environment"]["SHUTDOWN_DELAY_SECONDS"])
        assert int(service["stop_grace_period"].removesuffix("s")) > delay_seconds + 15
    for unit in Path(DEPLOY, "systemd").glob("*.service"):
        assert "TimeoutStopSec=60\n" in unit.read_text()


def _filled_in(value: str) -> str:
    """The value with the variables that must be set, and the defaults of others."""
    key = "A" * 43
    value = re.sub(r"\$\{\w+_KEY:\?set it\}", key, value)
    return re.sub(r"\$\{\w+:[-?]([^}]*)\}", lambda match: match[1].replace("set it", "secret"), value)
