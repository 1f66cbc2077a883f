"""Invoices as PDFs: content, recipients and delivery."""

import asyncio
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import httpx
import pypdfium2  # type: ignore[import-untyped]
import pytest

from mailer.messages import InvoiceAttachment, Message
from models.database import Database
from resolvers import typesetting
from resolvers.billing.invoice_documents import attached_invoice
from settings import Settings
from tests.invitations.test_invitation_delivery import working
from tests.reports.test_typesetting import all_places_taken
from tests.support.changes import (
    CHANGE_ROLE,
    PURCHASE,
    UPDATE_ACCOUNT,
    UPDATE_BILLING,
    UPDATE_PROFILE,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.documents import REQUEST_INVOICE, pages, told
from tests.support.smtp import HANG_UP, Server, smtp_server
from tests.support.world import REQUEST_SIGN_IN, Person, World
from worker import CONCURRENT_EMAILS

NAMES = ["Ελληνικά", "Кириллица", "العربية", 'x" + #eval("1") $a$ \\ <b> @me *bold*', "W" * 100, "é ß ø"]


async def purchased(world: World, themes: dict[str, str], quantity: int = 3) -> dict[str, Any]:
    items = [{"themeId": themes["aurora"], "quantity": quantity}]
    payload = await world.admin.change(PURCHASE, accountId=world.account_id, items=items)
    assert not codes(payload), payload
    invoice: dict[str, Any] = payload["invoice"]
    return invoice


async def link_to(world: World, invoice: dict[str, Any], by: Person | None = None) -> str:
    """Its path."""
    payload = await (by or world.admin).change(REQUEST_INVOICE, invoiceId=invoice["id"])
    assert not codes(payload)
    return httpx.URL(payload["download"]["url"]).path


async def pdf_of(world: World, invoice: dict[str, Any]) -> bytes:
    response = await world.http.get(await link_to(world, invoice))
    assert response.status_code == 200, response.text
    return response.content


async def with_lines(world: World, invoice: dict[str, Any], count: int, description: str = "Aurora") -> None:
    """Past the trigger: so many more."""
    await world.superuser.execute(
        "BEGIN; SET LOCAL session_replication_role = replica; INSERT INTO invoice_lines (account_id,"
        " invoice_id, position, theme_id, description, quantity, currency, unit_price, amount)"
        f" SELECT account_id, invoice_id, n, theme_id, '{description} ' || n, quantity, currency, unit_price,"
        f" amount FROM invoice_lines, generate_series(2, {count}) AS n WHERE position = 1; COMMIT"
    )


async def test_an_invoice_is_downloaded_and_the_log_says_so(world: World, themes: dict[str, str]) -> None:
    invoice = await purchased(world, themes)
    payload = await world.admin.change(REQUEST_INVOICE, invoiceId=invoice["id"])
    assert payload["download"]["fileName"] == "INV-000001.pdf"
    assert payload["download"]["mediaType"] == "application/pdf"

    response = await world.http.get(httpx.URL(payload["download"]["url"]).path)

    assert response.headers["content-type"] == "application/pdf"
    (page,) = pages(response.content)
    said = ("INV-000001", "Acme", "Admin", "Team access", "Example Street 1", "Aurora", "Tax, 19 %", "1 / 1")
    assert [text for text in (*said, "EUR " + invoice["total"]["amount"]) if text not in page] == []
    event = await told(world, "INVOICE_DOWNLOADED")
    assert event["summary"] == "Admin downloaded the invoice INV-000001"
    assert event["targetId"] == invoice["id"]


async def test_the_same_invoice_is_the_same_bytes(world: World, themes: dict[str, str]) -> None:
    invoice = await purchased(world, themes)
    before = await pdf_of(world, invoice)

    await world.admin.change(UPDATE_PROFILE, name="Someone Else")
    await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name="Renamed")
    await world.superuser.execute("UPDATE themes SET name = 'Retitled', price_amount = 1")

    assert await pdf_of(world, invoice) == before


async def test_it_says_what_became_of_it(world: World, themes: dict[str, str]) -> None:
    invoice = await purchased(world, themes)
    (open,) = pages(await pdf_of(world, invoice))
    await world.superuser.execute("UPDATE invoices SET status = 'PAID', paid_at = '2026-12-01T10:00:00Z'")
    (paid,) = pages(await pdf_of(world, invoice))
    await world.superuser.execute("UPDATE invoices SET status = 'VOID', paid_at = NULL")
    (void,) = pages(await pdf_of(world, invoice))

    assert "Please pay by" in open
    assert "PAID" not in open
    assert "PAID" in paid
    assert "Paid on 1 December 2026" in paid
    assert "VOID" in void
    assert "nothing is owed" in void
    assert "Please pay" not in paid + void


async def test_reverse_charge_is_said(world: World, themes: dict[str, str]) -> None:
    details = {"company": "Société", "country": "FR", "addressLines": ["1, rue Neuve"]}
    details["taxId"] = "FR40303265045"
    assert not codes(await world.admin.change(UPDATE_BILLING, accountId=world.account_id, **details))

    (page,) = pages(await pdf_of(world, await purchased(world, themes)))

    said = ("Société", "1, rue Neuve", "FR", "VAT id FR40303265045", "Tax, reverse charge", "Article 196")
    assert [text for text in said if text not in page] == []


@pytest.mark.parametrize("name", NAMES)
async def test_any_name_is_written_as_it_is(world: World, themes: dict[str, str], name: str) -> None:
    """Also what typst would take for source."""
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, company=name)

    pdf = await pdf_of(world, await purchased(world, themes))

    (page,) = pages(pdf)
    written = "".join(page.replace("\u200b", "").split())
    assert "".join(name.split()) in written or name == "العربية"  # Which is read out in visual order.
    assert b"pdfaid" in pdf  # Every character has a font: else it were no PDF/A.


async def test_characters_without_a_font_are_owned_up_to(world: World, themes: dict[str, str]) -> None:
    linear_b = "Linear B \U00010000\U00010001"
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, company=linear_b)

    pdf = await pdf_of(world, await purchased(world, themes))

    assert b"pdfaid" not in pdf
    assert "Some characters are not shown" in pages(pdf)[0]


@pytest.mark.parametrize(("lines", "most_pages"), [(1, 1), (10, 1), (100, 5)])
async def test_lines_take_as_many_pages_as_they_need(
    world: World, themes: dict[str, str], lines: int, most_pages: int
) -> None:
    invoice = await purchased(world, themes)
    await with_lines(world, invoice, lines)

    found = pages(await pdf_of(world, invoice))

    assert len(found) <= most_pages
    assert all(f"{number} / {len(found)}" in page for number, page in enumerate(found, 1))
    assert all("Unit price" in page for page in found)
    words = " ".join("".join(found).split())
    assert [number for number in range(2, lines + 1) if f"Aurora {number} " not in words] == []


async def test_nothing_is_cut_off(world: World, themes: dict[str, str]) -> None:
    """Every letter lies within the page."""
    await world.admin.change(
        UPDATE_BILLING, accountId=world.account_id, company="W" * 100, addressLines=["M" * 100]
    )
    invoice = await purchased(world, themes)
    await with_lines(world, invoice, 3, "W" * 120)

    document = pypdfium2.PdfDocument(await pdf_of(world, invoice))

    for page in document:
        text = page.get_textpage()
        width = page.get_width()
        for index in range(text.count_chars()):
            left, _, right, _ = text.get_charbox(index)
            assert 40 < left <= right < width - 40, text.get_text_range(index, 1)


async def test_invoices_are_for_who_manages_billing(world: World, themes: dict[str, str]) -> None:
    invoice = await purchased(world, themes)
    second = await world.join("ADMIN", "second@example.com")
    path = await link_to(world, invoice, second)
    for person in (world.member, world.viewer):
        assert await person.errors(REQUEST_INVOICE, input={"invoiceId": invoice["id"]}) == [
            {"code": "FORBIDDEN", "permission": "MANAGE_BILLING"}
        ]
    await world.admin.change(CHANGE_ROLE, memberId=second.member_id, role="MEMBER")

    assert (await world.http.get(path)).status_code == 403
    assert await world.events(actions=["INVOICE_DOWNLOADED"], outcome="ALLOWED") == []


async def test_an_invoice_of_another_account_is_none(world: World, themes: dict[str, str]) -> None:
    invoice = await purchased(world, themes)
    stranger = await world.found("Other", "stranger@example.com")

    async with nothing_changes(world):
        for id in (invoice["id"], "invoice_" + "0" * 32, "x"):
            payload = await stranger.change(REQUEST_INVOICE, invoiceId=id)
            assert user_error(payload) == ("NOT_FOUND", ["invoiceId"])


# By email


def invoices_of(server: Server) -> list[EmailMessage]:
    return [email for email in server.emails if list(email.iter_attachments())]


async def test_an_invoice_is_mailed_with_its_pdf(world: World, themes: dict[str, str]) -> None:
    invoice = await purchased(world, themes)

    async with smtp_server() as server, working(world, server.port):
        await server.wait_for(lambda: bool(invoices_of(server)))

    (email,) = invoices_of(server)
    assert (email["To"], email["Subject"]) == ("admin@example.com", "Invoice INV-000001 for Acme")
    (attached,) = email.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("application/pdf", "INV-000001.pdf")
    assert attached.get_content() == await pdf_of(world, invoice)
    for kind in ("plain", "html"):
        body = email.get_body((kind,))
        assert body is not None
        assert f"EUR {invoice['total']['amount']}" in body.get_content()


async def test_it_goes_to_the_owner_and_to_the_address_for_invoices(
    world: World, themes: dict[str, str]
) -> None:
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, email="books@example.com")
    await purchased(world, themes)
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, email="admin@example.com")
    await purchased(world, themes)

    sent = [(email.to, email.subject) for email in await world.emails() if email.attachment]

    assert sent == [
        ("admin@example.com", "Invoice INV-000001 for Acme"),
        ("books@example.com", "Invoice INV-000001 for Acme"),
        ("admin@example.com", "Invoice INV-000002 for Acme"),
    ]


async def test_a_job_carries_ids_and_no_pdf(world: World, themes: dict[str, str]) -> None:
    await purchased(world, themes)

    (email,) = [email for email in await world.emails() if email.attachment]

    assert len(email.to_json()) < 7_000
    assert Message.from_json(email.to_json()) == email


async def test_it_is_tried_again_like_other_mail(world: World, themes: dict[str, str]) -> None:
    await purchased(world, themes)
    await world.superuser.execute(
        "DELETE FROM pgqueuer WHERE convert_from(payload, 'UTF8') NOT LIKE '%INV-%'"
    )

    async with smtp_server({"DATA": [HANG_UP, "451 Later"]}) as server, working(world, server.port):
        await server.wait_for(lambda: bool(invoices_of(server)))

    assert len(server.attempts) == 3
    assert len({email["Message-ID"] for email in server.attempts}) == 1


async def test_emails_whose_pdf_waits_for_its_turn_delay_no_others(
    world: World, themes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "_WAITING_SECONDS", 600)
    await world.superuser.execute("DELETE FROM pgqueuer")
    for _ in range(CONCURRENT_EMAILS + 1):
        await purchased(world, themes)
    async with smtp_server() as server, working(world, server.port):
        with all_places_taken():
            await asyncio.sleep(1)

            await world.nobody.change(REQUEST_SIGN_IN, email="ada@example.com")
            await server.wait_for(lambda: bool(server.emails))
            before_any_invoice = [str(email["To"]) for email in server.emails]

        await server.wait_for(lambda: len(invoices_of(server)) == CONCURRENT_EMAILS + 1)

    assert before_any_invoice == ["ada@example.com"]


async def test_a_purchase_that_is_refused_mails_nothing(world: World, themes: dict[str, str]) -> None:
    before = await world.emails()

    await world.admin.change(
        PURCHASE, accountId=world.account_id, items=[{"themeId": themes["aurora"], "quantity": 0}]
    )

    assert await world.emails() == before


async def test_an_invoice_that_is_not_there(database: Database, world: World, app_settings: Settings) -> None:
    missing = InvoiceAttachment(UUID(int=0), UUID(int=0))

    with pytest.raises(ValueError, match="not enough values"):
        await attached_invoice(database, missing)
