"""A day at the desk, and every page of it, in a real browser."""

from pathlib import Path

from django.urls import reverse
from playwright.sync_api import Page, expect

from contacts.models import Contact
from messaging.tests.factories import StoredMediaFactory
from tests.desk import CSV, NARROW, WIDE, Desk, in_a_browser
from uploads.models import FileUpload

pytestmark = in_a_browser


def test_a_day_at_the_desk(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "december.csv"
    file.write_text(CSV)

    def day(page: Page) -> None:
        # Who wrote, and what is owed
        page.locator("#nav-sidebar-apps").get_by_text("Contacts", exact=True).click()
        page.get_by_placeholder("Name, username").fill("asha")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Asha Verma").click()
        conversation = page.locator("#conversation")
        expect(conversation).to_contain_text("Ok sir will pay tomorrow by UPI")
        expect(conversation).to_contain_text("🙏")
        expect(page.locator("#loan-entries tbody tr")).to_have_count(3)

        # What became of her loan, and of everybody's since last month
        page.locator("#loan-entries").get_by_role(
            "link", name="+919800002001"
        ).first.click()
        expect(page.locator("#history tbody tr")).to_have_count(3)
        expect(page.locator("#history")).to_contain_text("paid down by ₹6,250")
        expect(page.locator("#conversation")).to_contain_text("Ok sir will pay")
        page.get_by_role("link", name="sunrise-dues").first.click()
        page.get_by_role("link", name="What changed").click()
        page.locator("#totals").get_by_role("link", name="gone").click()
        expect(page.locator("#loans")).to_contain_text("Lakshmi Narayanan")
        page.goto("/admin/contacts/contact/?q=2001")
        page.get_by_role("link", name="Asha Verma").click()

        # Naming her
        page.fill("#id_name", "Asha K Verma")
        page.click("button[name=_save]")
        expect(page.locator("#result_list")).to_contain_text("Asha K Verma")

        # The same file twice: the second time somebody says that it is meant
        for sent in range(2):
            page.goto("/admin/uploads/fileupload/add/")
            page.set_input_files("input[type=file]", file)
            page.click("button[name=_save]")
            if sent:
                page.get_by_label("Load it again").check()
            page.get_by_role("button", name="Start", exact=True).click()
            sentence = page.get_by_role("status")
            expect(sentence).to_contain_text(
                "Upload completed: 3 successful, 0 failed", timeout=20_000
            )
            notice = page.get_by_text("The same file came before")
            expect(notice).to_have_count(sent)

        # And both are hers
        page.goto("/admin/contacts/contact/?q=2001")
        page.get_by_role("link", name="Asha K Verma").click()
        expect(page.locator("#loan-entries tbody tr")).to_have_count(5)

    desk.visit(day, user="priya")

    asha = Contact.objects.get(phone_number="919800002001")
    assert (asha.name, asha.name_source) == ("Asha K Verma", "staff")
    assert FileUpload.objects.filter(original_name="december.csv").count() == 2
    assert desk.complaints == []


def test_a_picture_is_not_kept_by_the_browser(desk: Desk) -> None:
    media = StoredMediaFactory.create(
        content=b"\xff\xd8\xff a photo", message__contact__tenant_id=1
    )
    address = reverse("message-media", args=[media.pk])
    seen: list[object] = []

    def look_twice(page: Page) -> None:
        for cache in ("default", "only-if-cached"):
            fetched = """([url, cache]) => fetch(url, {cache, mode: "same-origin"})
                .then(answer => answer.status, () => "not kept")"""
            seen.append(page.evaluate(fetched, [address, cache]))

    desk.visit(look_twice, user="priya")

    assert seen == [200, "not kept"]


def test_every_page_opens_without_complaint_and_fits_any_window(desk: Desk) -> None:
    seen: list[str] = []
    too_wide: list[str] = []

    def tour(page: Page) -> None:
        lists = page.locator("#nav-sidebar-apps a").evaluate_all(
            "links => links.map(link => new URL(link.href).pathname)"
        )
        for address in lists:
            look_at(page, address)
            row = page.locator("#result_list a[href*='/change/']").first
            found = row.evaluate("link => link.pathname") if row.count() else None
            if page.locator(f"a[href^='{address}add/']").count():
                look_at(page, f"{address}add/")
            if found:
                look_at(page, found)

    def look_at(page: Page, address: str) -> None:
        page.goto(address)
        seen.append(address)
        for width in (NARROW, WIDE):
            page.set_viewport_size({"width": width, "height": 850})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                too_wide.append(f"{address} at {width}")

    desk.visit(tour)

    assert desk.complaints == []
    assert too_wide == []
    assert len(seen) > 20
