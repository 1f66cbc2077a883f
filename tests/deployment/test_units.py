"""The systemd units, as systemd reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.forked_commands import ROOT

UNITS = ROOT / "deploy" / "systemd"
SERVICES = ("team-access-server@.service", "team-access-worker.service")
PROGRAM = "/opt/team-access/current/bin/team-access"
MOST_EXPOSURE = 25
"""Of `systemd-analyze security`: 0 is a service that can do nothing, 96 is one without any restriction."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that is there on every machine."""
    for unit in UNITS.iterdir():
        text = unit.read_text()
        (tmp_path / unit.name).write_text(text.replace(PROGRAM, "/bin/true"))
    return tmp_path


@needs_systemd
def test_systemd_has_nothing_to_complain_about(units: Path) -> None:
    paths = [str(path).replace("@.", "@8001.") for path in sorted(units.iterdir())]

    verified = _analyze("verify", "--man=no", "--recursive-errors=no", *paths)

    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@needs_systemd
def test_a_mistake_in_a_unit_is_reported(units: Path) -> None:
    unit = units / "team-access-worker.service"
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystem=strictly"))

    verified = _analyze("verify", "--man=no", "--recursive-errors=no", str(unit))

    assert "Failed to parse protect system value" in verified.stderr


@needs_systemd
@pytest.mark.parametrize("service", SERVICES)
def test_services_can_do_little_else(units: Path, service: str) -> None:
    path = str(units / service)

    analyzed = _analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSURE}", path)

    assert analyzed.returncode == 0, analyzed.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_services_run_what_is_installed_as_its_user(service: str) -> None:
    settings = dict(re.findall(r"^(\w+)=(.*)$", (UNITS / service).read_text(), re.MULTILINE))

    assert settings["ExecStart"].split()[0] == PROGRAM
    assert settings["User"] == "team-access"
    assert settings["EnvironmentFile"] == "/etc/team-access/settings.env"
    assert settings["StateDirectory"] == "team-access"
    assert "migration.env" not in (UNITS / service).read_text()


def _analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, env={"PATH": "/bin:/usr/bin"}
    )
