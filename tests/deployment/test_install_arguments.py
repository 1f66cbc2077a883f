"""`deploy/install` refuses wrong arguments before it changes anything."""

import os
import pwd
import subprocess

import pytest

from tests.support.forked_commands import ROOT

INSTALL = ROOT / "deploy" / "install"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--colour"], "--colour: expected --wheels FOLDER or --image.\n"),
        (["--wheels"], "--wheels: nothing is not a folder.\n"),
        (["--wheels", "/nowhere"], "--wheels: /nowhere is not a folder.\n"),
    ],
)
def test_wrong_arguments(arguments: list[str], sentence: str) -> None:
    refused = subprocess.run([str(INSTALL), *arguments], capture_output=True, text=True)

    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", sentence)


def test_only_root_installs() -> None:
    nobody = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None

    refused = subprocess.run(
        ["bash", "-s"], input=INSTALL.read_text(), capture_output=True, text=True, user=nobody, cwd="/"
    )

    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", "Run this as root.\n")
