"""Connection strings as libpq reads them, with refusals of what is not supported."""

from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from postgresql_dsn import SSL_MODES, Dsn, Host, KeepAlive, parse
from settings import Settings

PREFIX = "postgresql://"
OF_SEVERAL: dict[str, Any] = {"target_session_attrs": "read-write", "connect_timeout_seconds": 2.0}
"""What is different by default where there are several hosts."""


@pytest.fixture(autouse=True)
def _no_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TARGETSESSIONATTRS", "HOST", "PORT", "CONNECT_TIMEOUT", "LOADBALANCEHOSTS", "SSLMODE"):
        monkeypatch.delenv(f"PG{name}", raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("/team", {"database": "team"}),
        ("ada@/team", {"user": "ada", "database": "team"}),
        ("ada:secret@db.example:5433/team", {
            "user": "ada", "password": "secret", "hosts": (Host("db.example", 5433),), "database": "team"
        }),
        ("one:1,two,[::1]:3,[fe80::1]/team", {
            "hosts": (Host("one", 1), Host("two", None), Host("::1", 3), Host("fe80::1", None)),
            "database": "team", **OF_SEVERAL
        }),
        ("a%40b:p%3A%2F%40%25%2B+@db/t%2Fx", {
            "user": "a@b", "password": "p:/@%++", "hosts": (Host("db", None),), "database": "t/x"
        }),
        ("%2Fvar%2Frun%2Fpg:6432/team", {"hosts": (Host("/var/run/pg", 6432),), "database": "team"}),
        ("ada@/team?host=/run/pg&port=6432", {
            "user": "ada", "database": "team", "hosts": (Host("/run/pg", 6432),)
        }),
        ("?host=one,two&port=5432", {"hosts": (Host("one", 5432), Host("two", 5432)), **OF_SEVERAL}),
        ("?host=one,two&port=1,2", {"hosts": (Host("one", 1), Host("two", 2)), **OF_SEVERAL}),
        ("?host=one,two&port=1,", {"hosts": (Host("one", 1), Host("two", None)), **OF_SEVERAL}),
        ("one:1,two:2?target_session_attrs=any&connect_timeout=5", {
            "hosts": (Host("one", 1), Host("two", 2)), "connect_timeout_seconds": 5.0
        }),
        ("one,two?hostaddr=192.0.2.1,::1&port=3,4", {
            "hosts": (Host("192.0.2.1", 3), Host("::1", 4)), **OF_SEVERAL
        }),
        ("one:7?hostaddr=192.0.2.1&sslmode=require", {
            "hosts": (Host("192.0.2.1", 7),), "tls": {"sslmode": "require"}
        }),
        ("?hostaddr=192.0.2.1,192.0.2.2&port=5", {
            "hosts": (Host("192.0.2.1", 5), Host("192.0.2.2", 5)), **OF_SEVERAL
        }),
        ("x:1/a?host=one&port=2&dbname=b&user=u&password=p%20q", {
            "hosts": (Host("one", 2),), "database": "b", "user": "u", "password": "p q"
        }),
        ("?port=6432", {"hosts": (Host("localhost", 6432),)}),
        ("db?sslmode=disable&sslmode=require", {"hosts": (Host("db", None),), "tls": {"sslmode": "require"}}),
        ("db?ssl=true", {"hosts": (Host("db", None),), "tls": {"sslmode": "require"}}),
        ("db?sslrootcert=system", {
            "hosts": (Host("db", None),), "tls": {"sslmode": "verify-full"}, "trusts_system": True
        }),
        ("?application_name=my%20app", {"server_settings": {"application_name": "my app"}}),
        ("?fallback_application_name=app", {"server_settings": {"application_name": "app"}}),
        ("?options=-c%20search_path%3Dteam", {"server_settings": {"options": "-c search_path=team"}}),
        ("?target_session_attrs=read-write", {"target_session_attrs": "read-write"}),
        ("?connect_timeout=3", {"connect_timeout_seconds": 3.0}),
        ("?connect_timeout=0", {"connect_timeout_seconds": 4.0}),
        ("?keepalives=0", {"keep_alive": None}),
        ("?keepalives=1&keepalives_idle=30&keepalives_interval=0&keepalives_count=5&tcp_user_timeout=0", {
            "keep_alive": KeepAlive(30, None, 5, None)
        }),
        ("?tcp_user_timeout=8000", {"keep_alive": KeepAlive(2, 1, 3, 8_000)}),
        ("?load_balance_hosts=random", {"in_random_order": True}),
        ("?passfile=/run/pgpass", {"passfile": "/run/pgpass"}),
        ("?client_encoding=UTF8&channel_binding=prefer&gssencmode=disable&sslsni=1&sslcompression=0", {}),
    ],
)  # fmt: skip
def test_a_url_is_one_value(text: str, expected: dict[str, Any]) -> None:
    assert parse(PREFIX + text) == Dsn(**expected)
    assert parse("postgres://" + text) == Dsn(**expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host=db.example port=5433 user=ada password=secret dbname=team", {
            "user": "ada", "password": "secret", "hosts": (Host("db.example", 5433),), "database": "team"
        }),
        ("dbname = team\n", {"database": "team"}),
        (r"password='a \'b\\' user=c\ d\'%40 dbname=x=y", {
            "user": "c d'%40", "password": "a 'b\\", "database": "x=y"
        }),
        ("host=one,/run/pg port=1,2", {"hosts": (Host("one", 1), Host("/run/pg", 2)), **OF_SEVERAL}),
        ("host=one,two hostaddr='::1,192.0.2.2' port=1,2 keepalives_idle=9", {
            "hosts": (Host("::1", 1), Host("192.0.2.2", 2)), "keep_alive": KeepAlive(9), **OF_SEVERAL
        }),
        ("host='' password='' dbname=a dbname=b", {"database": "b"}),
        ("sslmode=require options='-c search_path=team' connect_timeout=3", {
            "tls": {"sslmode": "require"}, "server_settings": {"options": "-c search_path=team"},
            "connect_timeout_seconds": 3.0,
        }),
    ],
)  # fmt: skip
def test_pairs_of_names_and_values_are_one_value(text: str, expected: dict[str, Any]) -> None:
    assert parse(text) == Dsn(**expected)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("password='s3cret", "must look like"),
        ("password='s3cret'dbname=team", "must look like"),
        ("password=s3cret\\", "must look like"),
        ("password=s3cret dbname", "must look like"),
        ("password=s3cret =team", "must look like"),
        ("password=s3cret port=0", "1 to 65535"),
        ("password=s3cret sslmode=yes", ", ".join(SSL_MODES)),
        ("password=s3cret service=team", "parameter service"),
        ("postgres//ada:s3cret=1@db/team", "other characters than a to z"),
    ],
)
def test_pairs_that_are_not_understood_are_refused(text: str, hint: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"database_url": text})

    (problem,) = refusal.value.errors()
    assert hint in problem["msg"]
    assert "s3cret" not in problem["msg"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ada:se@cret@db", "%40"),
        ("ada:s3cret %zz@db", "%20"),
        ("ada:%ff@db", "UTF-8"),
        ("ada:%00@db", "NUL"),
        ("db:0", "1 to 65535"),
        ("db:65536", "1 to 65535"),
        ("db:543210", "1 to 65535"),
        ("db:port", "1 to 65535"),
        ("db:٣", "1 to 65535"),
        ("one,,two", "name or an address"),
        (":5432", "name or an address"),
        ("::1", "name or an address"),
        ("[::1", "name or an address"),
        ("?host=one,", "host=one,two"),
        ("?host=one,two,three&port=1,2", "as many as hosts"),
        ("db?sslmode", "a value for each"),
        ("db?sslmode=yes", ", ".join(SSL_MODES)),
        ("db?ssl=require", "parameter ssl"),
        ("db?sslmode=require&sslrootcert=system", "verify-full"),
        ("db?sslrootcert=/nowhere/ca.pem", "sslrootcert"),
        ("db?sslcert=/nowhere/me.pem", "sslcert"),
        ("db?sslnegotiation=direct", "sslmode=require"),
        ("db?ssl_min_protocol_version=SSLv3", "TLSv1.2"),
        ("db?target_session_attrs=read-only", "read-write"),
        ("db?target_session_attrs=prefer-standby", "read-write"),
        ("db?connect_timeout=soon", "whole seconds"),
        ("db?connect_timeout=-1", "whole seconds"),
        ("db?connect_timeout=999999999999", "whole seconds"),
        ("db?channel_binding=require", "channel_binding"),
        ("db?gssencmode=require", "gssencmode"),
        ("db?client_encoding=latin1", "client_encoding"),
        ("db?service=team", "parameter service"),
        ("db?hostaddr=db", "IP addresses"),
        ("db?hostaddr=127.0.0.1,", "IP addresses"),
        ("db?hostaddr=127.0.0.1,127.0.0.2", "as many addresses"),
        ("db?hostaddr=127.0.0.1&port=1,2", "as many as hosts"),
        ("db?hostaddr=127.0.0.1&sslrootcert=system", "no hostaddr with sslmode=verify-full"),
        ("db?keepalives=2", "keepalives: 0, 1"),
        ("db?keepalives_idle=soon", "whole seconds up to 3,600 as its keepalives_idle"),
        ("db?keepalives_interval=-1", "whole seconds up to 3,600 as its keepalives_interval"),
        ("db?keepalives_count=101", "a number up to 100 as its keepalives_count"),
        ("db?tcp_user_timeout=1s", "whole milliseconds up to 3,600,000 as its tcp_user_timeout"),
        ("db?pgbouncer=true", "parameter pgbouncer"),
        ("db?search_path=team", "parameter search_path"),
        ("db?s3cret%40=1", "other characters than a to z"),
        ("db?load_balance_hosts=often", "random"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, hint: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"database_url": PREFIX + text})

    (problem,) = refusal.value.errors()
    assert problem["loc"] == ("database_url",)
    assert hint in problem["msg"]
    assert "s3cret" not in problem["msg"]


@pytest.mark.parametrize("text", ["", " ", "mysql://db", "team", "postgresql:db", "postgresql+asyncpg://db"])
def test_what_is_no_url_of_postgresql_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must look like postgresql://user:password@host:5432/database"):
        parse(text)


def test_files_that_hold_no_certificate_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "good.pem")

    assert (
        parse(f"{PREFIX}db?sslmode=verify-ca&sslrootcert={tmp_path}/good.pem").tls["sslmode"] == "verify-ca"
    )
    for parameter in ("sslrootcert", "sslcert"):
        with pytest.raises(ValueError, match=f"in PEM as its {parameter}"):
            parse(f"{PREFIX}db?{parameter}={tmp_path}/ca.pem")
    with pytest.raises(ValueError, match="in PEM as its sslcert and sslkey"):
        parse(f"{PREFIX}db?sslcert={tmp_path}/good.pem&sslkey={tmp_path}/ca.pem")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
@pytest.mark.parametrize("by", ["url", "environment"])
def test_certificates_are_checked_by_some_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, by: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    url = f"{PREFIX}db?sslmode={mode}" if by == "url" else f"{PREFIX}db"
    if by == "environment":
        monkeypatch.setenv("PGSSLMODE", mode)

    with pytest.raises(ValueError, match=f"sslrootcert=system, or a file .* with sslmode={mode}"):
        parse(url)

    (tmp_path / ".postgresql").mkdir()
    trustme.CA().cert_pem.write_to_path(tmp_path / ".postgresql" / "root.crt")
    parse(url)
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "missing.pem"))
    with pytest.raises(ValueError, match=r"there is none at .*missing\.pem"):
        parse(url)


def test_a_value_shows_no_password() -> None:
    assert "s3cret" not in repr(parse(f"{PREFIX}ada:s3cret@db/team"))


def test_what_a_value_does_not_say_is_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "one,two")
    monkeypatch.setenv("PGPORT", "1,2")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    monkeypatch.setenv("PGLOADBALANCEHOSTS", "random")
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "primary")

    found, other = parse(f"{PREFIX}ada@/team"), parse(f"{PREFIX}db/team?connect_timeout=3")

    assert found.hosts == (Host("one", 1), Host("two", 2))
    assert (found.connect_timeout_seconds, other.connect_timeout_seconds) == (7.0, 3.0)
    assert (other.hosts, other.in_random_order) == ((Host("db", None),), True)
    assert found.target_session_attrs == other.target_session_attrs == "primary"
    monkeypatch.setenv("PGPORT", "1,2,3")
    with pytest.raises(ValueError, match="as many as hosts"):
        parse(PREFIX)
