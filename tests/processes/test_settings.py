"""Each setting is normalised, or refused at the start with its name and what would be valid."""

import os
import subprocess
import sys
from decimal import Decimal
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from mailer.delivery import Sent, deliver
from settings import Settings
from tests.support.commands import Command, assert_one_sentence, folder, running
from tests.support.forked_commands import ROOT
from tests.support.serving import free_port
from tests.support.smtp import a_message, smtp_server, some_settings

__all__ = ["folder"]

TEN_YEARS = 315_360_000
KEY, PUBLIC_KEY = "A" * 43, "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"
SECONDS = sorted(
    name.upper()
    for name in Settings.model_fields
    if name.endswith(("_seconds", "_hours")) and "_per_" not in name
)
NUMBERS = sorted(
    name.upper() for name, each in Settings.model_fields.items() if each.annotation in (int, float)
)


def read(name: str, value: str) -> Any:
    found = getattr(Settings.model_validate({name: value}), name)
    return found.get_secret_value() if isinstance(found, SecretStr) else found


@pytest.mark.parametrize(
    ("name", "value", "normal"),
    [
        ("mail_from", "Acme, Inc. <no-reply@acme.example>", '"Acme, Inc." <no-reply@acme.example>'),
        ("mail_from", '"Acme, Inc." <no-reply@acme.example>', '"Acme, Inc." <no-reply@acme.example>'),
        ("mail_from", r'"A \"B\"" <a@acme.example>', r'"A \"B\"" <a@acme.example>'),
        ("mail_from", "Acme (Sales): Team <a@acme.example>", '"Acme (Sales): Team" <a@acme.example>'),
        ("mail_from", "Ümlaut AG <post@bücher.example>", "Ümlaut AG <post@xn--bcher-kva.example>"),
        ("mail_from", " no-reply@acme.example ", "no-reply@acme.example"),
        ("mail_from", "a" * 64 + "@acme.example", "a" * 64 + "@acme.example"),
        ("mail_from", "A" * 200 + " <a@acme.example>", "A" * 200 + " <a@acme.example>"),
        ("smtp_url", "SMTP://Mail.Example", "smtp://mail.example:25"),
        ("smtp_url", "smtps://u:p%40%3a%2F@mail.example", "smtps://u:p%40%3A%2F@mail.example:465"),
        ("smtp_url", "smtp+starttls://u:p@:x@mail.example", "smtp+starttls://u:p%40%3Ax@mail.example:587"),
        ("smtp_url", "smtp://[::1]:2525", "smtp://[::1]:2525"),
        ("rate_limit_url", "redis://valkey", "redis://valkey"),
        ("rate_limit_url", "rediss://u:p%2Fq@valkey:6380/1", "rediss://u:p%2Fq@valkey:6380/1"),
        ("rate_limit_url", "unix:///run/valkey/socket", "unix:///run/valkey/socket"),
        ("trusted_proxies", "10.0.0.0/8, FD00::/8,", ("10.0.0.0/8", "fd00::/8")),
        ("trusted_proxies", "::ffff:10.0.0.0/104", ("10.0.0.0/8",)),
        ("trusted_proxies", "192.0.2.7,192.0.2.7/32", ("192.0.2.7/32",)),
        ("seller_country", "at", "AT"),
        ("log_level", "INFO", "info"),
        ("sign_up", "Closed", "closed"),
        ("port", " 8080 ", 8080),
        ("audit_public_key", KEY + "=", KEY),
        ("data_dir", "~/team", Path("~/team").expanduser()),
    ],
)
def test_a_setting_has_one_form(name: str, value: str, normal: object) -> None:
    assert read(name, value) == normal


def test_tax_rates_stand_beside_those_of_the_eu_or_in_their_place() -> None:
    rates = read("tax_rates", "ch=.081, DE=0.2")

    assert (rates["CH"], rates["DE"], rates["FR"]) == (Decimal("0.081"), Decimal("0.2"), Decimal("0.2"))


REFUSED: dict[str, tuple[str, ...]] = {
    "metrics_port": ("0", "65536", "x", "-1"),
    "metrics_host": ("127.0.0.1:9000", "http://127.0.0.1", "a b"),
    "metrics_token": ("x" * 31, "x" * 31 + " ", "x" * 20 + " " + "x" * 20, "ü" * 40),
    "mail_from": (
        *("Acme", "Acme <>", '"Acme <a@acme.example>', "A <a@acme.example> x", "a@b, c@acme.example"),
        *("Ada <a@acme.example>, Eve <e@acme.example>", "ü@acme.example", "a@acme..example"),
        *("a <a@acme.example>\nBcc: e@evil.example", "root@localhost"),
        # What SMTP servers refuse: RFC 5321, 4.5.3.1.1, and a line of more than 998 characters.
        *("a" * 65 + "@acme.example", "A" * 201 + " <a@acme.example>"),
    ),
    "smtp_url": (
        *("mail", "http://mail.example", "smtp://", "smtp://u@mail.example", "smtp://u:@mail.example"),
        *("smtp://:p@mail.example", "smtp://mail.example:0", "smtp://mail.example:65536", "smtp://a b"),
        *("smtp://mail.example/x", "smtp://mail.example?x=1", "smtp://u:p%0d%0aQUIT@mail.example"),
        *("smtp://u:%ff@mail.example", "smtp://[::1", "smtp://u:p#@mail.example"),
    ),
    "rate_limit_url": (
        *("localhost:6379", "http://localhost", "redis://", "redis://host/name", "redis://host:port"),
        *(
            "redis://host:6379/0?ssl=no",
            "redis://u:p#@host",
            "unix://",
            "unix://host/socket",
            "rediss://[::1",
        ),
    ),
    "trusted_proxies": ("10.0.0.1/8", "10.0.0.0/33", "proxy", "*", "10.0.0.0/8;fd00::/8", "fd00::1/8"),
    "tax_rates": (
        *(
            "CH=NaN",
            "CH=Infinity",
            "CH=1",
            "CH=8.1",
            "CH=-0.1",
            "CH=0.00001",
            "CH=1e-2",
            "CH=0_0.1",
            "CH=\u0660",
        ),
        *("CH", "=0.1", "CH=", "UK=0.2", "EL=0.24", "CH=0.1,CH=0.2", "Switzerland=0.081"),
    ),
    "seller_country": ("Germany", "XX", "UK", "D", "DÉ"),
    "seller_address": (",", " , ,"),
    "seller_name": ("A\x07", "\udcff", "A" * 201),
    "seller_tax_id": ("1" * 201,),
    "storage_url": (
        *("files", "/files", "file://host/files", "s3:bucket", "s3://", "ftp://a/b", "memory://"),
        *("s3://key:secret@bucket", "s3://bucket?region=eu", "file:files"),
    ),
    "audit_signing_key": ("A" * 42, "A" * 44, "?" * 43, "A" * 21 + "+" * 22, "é" * 43),
    "audit_public_key": ("A" * 42, "?" * 43),
    "sign_up": ("maybe",),
    "log_level": ("loud",),
    "workers": ("0", "-1", "65", "two", "1.5"),
    "port": ("0", "65536", "http"),
    "database_pool_size": ("1", "1001"),
    "audit_stream_private_addresses": ("perhaps",),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values]
)
def test_what_cannot_work_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({name: value})

    (problem,) = refusal.value.errors()
    assert problem["loc"] == (name,)


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({"metrics_port": "8000"}, "METRICS_PORT must be another port than PORT"),
        ({"metrics_port": "9000", "metrics_host": "::"}, "METRICS_TOKEN must be set"),
        ({"metrics_port": "9000", "metrics_host": "10.0.0.1"}, "METRICS_TOKEN must be set"),
    ],
)
def test_metrics_that_anybody_could_read_are_refused(settings: dict[str, str], setting: str) -> None:
    with pytest.raises(ValidationError, match=setting):
        Settings.model_validate(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_metrics_of_this_machine_need_no_token(host: str) -> None:
    settings = Settings.model_validate({"metrics_port": "9000", "metrics_host": host})

    assert settings.metrics_token is None


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["-1", "99999999999999999999", "1e400", "inf", "nan", "0x10", ""])
def test_a_number_is_within_its_bounds(name: str, value: str) -> None:
    """So that no sum with it is more than a time or a number can be."""
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({name.lower(): value})

    assert [problem["loc"] for problem in refusal.value.errors()] == [(name.lower(),)]


@pytest.mark.parametrize("name", SECONDS)
def test_a_time_is_ten_years_at_most(name: str) -> None:
    most = TEN_YEARS // 3600 if name.endswith("_HOURS") else TEN_YEARS

    with pytest.raises(ValidationError):
        Settings.model_validate({name.lower(): most + 1})


def test_the_public_key_is_that_of_the_signing_key() -> None:
    assert Settings.model_validate({"audit_signing_key": KEY, "audit_public_key": PUBLIC_KEY})

    with pytest.raises(ValidationError, match="AUDIT_PUBLIC_KEY must be that of AUDIT_SIGNING_KEY"):
        Settings.model_validate({"audit_signing_key": KEY, "audit_public_key": KEY})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "smtp://ada:s3cret\x01@mail.example"),
        ("SMTP_URL", "smtp://:s3cret@mail.example"),
        ("AUDIT_SIGNING_KEY", "s3cret"),
        ("DATABASE_URL", "mysql://ada:s3cret@host/db"),
        ("RATE_LIMIT_URL", "redis://ada:s3cret@host/name"),
    ],
)
def test_a_refusal_does_not_tell_the_secret(folder: Path, name: str, value: str) -> None:
    code, out, err = Command(folder, "serve", **{name: value}).outcome()

    assert code == 2
    assert err.startswith(f"{name}: must ")
    assert "s3cret" not in out + err
    assert err.count("\n") == 1


def test_a_file_of_settings_that_is_no_text(folder: Path) -> None:
    (folder / ".env").write_bytes(b"SELLER_NAME=\xff\xfe\n")

    code, _, err = Command(folder, "serve").outcome()

    assert code == 2
    assert err == ".env: must be a file in UTF-8 that this process may read.\n"


def test_a_value_that_is_no_text(folder: Path) -> None:
    environment = {os.fsencode(name): os.fsencode(value) for name, value in os.environ.items()}
    environment |= {b"PYTHONPATH": os.fsencode(ROOT), b"SELLER_NAME": b"\xff", b"PORT": b"%d" % free_port()}

    ended = subprocess.run(
        [sys.executable, "-m", "cli", "serve"], cwd=folder, env=environment, capture_output=True, text=True
    )

    assert ended.returncode == 2
    assert ended.stderr == "SELLER_NAME: must be UTF-8 text without control characters or line breaks\n"


@pytest.mark.parametrize("name", ["DATA_DIR", "STORAGE_URL"])
def test_a_folder_that_cannot_be_written(folder: Path, database_url: str, name: str) -> None:
    (folder / "file").touch()
    path = folder / "file" / "below"
    settings = {name: path.as_uri() if name == "STORAGE_URL" else str(path)}

    code, _, err = Command(folder, "serve", DATABASE_URL=database_url, **settings).outcome()

    assert code == 1
    assert err.startswith(f"{name}: ")
    assert_one_sentence(err)


def test_folders_that_nothing_needs_are_not_made(folder: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "SMTP_URL": "smtp://127.0.0.1:1", "STORAGE_URL": "s3://bucket"}

    with running(folder, "serve", "--no-worker", **settings) as serve:
        assert serve.status() == 200

    assert not (folder / "data").exists()


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("Acme, Inc.", "no-reply@acme.example"),
        ("Ümlaut, Söhne & Co.", "no-reply@acme.example"),
        ('A "quoted" (name)', "no-reply@acme.example"),
        ("", "no-reply@acme.example"),
    ],
)
async def test_emails_come_from_the_sender_as_it_was_set(name: str, address: str) -> None:
    async with smtp_server() as server:
        settings = some_settings(server.port, mail_from=f"{name} <{address}>")
        assert isinstance(await deliver(settings, a_message()), Sent)

    (email,) = server.emails
    assert email["From"].addresses == (Address(name, addr_spec=address),)


async def test_a_password_is_sent_as_it_was_before_it_was_percent_encoded() -> None:
    async with smtp_server(password="p@:/%ü") as server:
        url = f"smtp://us%65r:p%40%3A%2F%25%C3%BC@127.0.0.1:{server.port}"
        assert isinstance(await deliver(some_settings(url), a_message()), Sent)

    assert server.logins == [(b"user", "p@:/%ü".encode())]
