"""The product in a real browser, as a member of staff uses it.

Playwright runs an event loop, in which Django forbids its ORM: the browser has a thread
of its own, and what a worker would do is done meanwhile in the test's.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, Route, expect, sync_playwright

from contacts.models import Contact
from uploads.models import ColumnMapping, FileUpload
from uploads.tasks import process_upload
from uploads.tests.factories import FileUploadFactory

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDE, NARROW = 1400, 390
CSV = """Name,Mobile,Loan No,Outstanding,Due Date
Asha Verma,9800002001,SF-2407,"80,000",2026-12-05
Ravi Iyer,9800002002,SF-2414,"1,30,000",2026-12-06
New Borrower,9800002088,SF-2990,"50,000",2026-12-07
"""
# While the first is on its way; Playwright itself would wait for its end.
CLICK_TWICE = """async () => {
  const button = document.querySelector("[name=_save]");
  button.click();
  await new Promise((passed) => setTimeout(passed, 300));
  button.click();
  return button.textContent;
}"""

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        CHROMIUM is None, reason="no chromium here: apt-get install chromium"
    ),
]


class Desk:
    """A browser with the admin of the demo open, and what it had to complain of."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.complaints: list[str] = []
        self._thread = ThreadPoolExecutor(1)

    def visit(
        self,
        scenario: Callable[[Page], None],
        *,
        width: int = WIDE,
        user: str = "admin",
    ) -> None:
        """Log in and play the scenario; workers work meanwhile."""
        visiting = self._thread.submit(self._play, scenario, user)
        work_until_done(visiting)
        visiting.result()

    def close(self) -> None:
        self._thread.shutdown()

    def _play(self, scenario: Callable[[Page], None], user: str) -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=[
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-background-networking",
                ],
            )
            page = browser.new_page(
                base_url=self.url, viewport={"width": WIDE, "height": 850}
            )
            page.set_default_timeout(20_000)
            self._listen(page)
            page.goto("/")
            page.fill("#id_username", user)
            page.fill("#id_password", user)
            page.click("button[type=submit]")
            expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
            scenario(page)
            browser.close()

    def _listen(self, page: Page) -> None:
        """Note everything a careful visitor would see in the browser's tools."""
        note = self.complaints.append
        page.on(
            "console",
            lambda said: said.type in ("error", "warning") and note(said.text),
        )
        page.on("pageerror", lambda error: note(str(error)))
        page.on("requestfailed", lambda request: note(f"failed: {request.url}"))
        page.on(
            "response",
            lambda answer: (
                answer.status >= 400 and note(f"{answer.status} {answer.url}")
            ),
        )
        page.on(
            "request",
            lambda request: (
                request.url.startswith((self.url, "data:", "blob:"))
                or note(f"another host: {request.url}")
            ),
        )


def work_until_done(visiting: "Future[None]") -> None:
    while not wait([visiting], timeout=0.1).done:
        for upload in FileUpload.objects.filter(status__in=["pending", "processing"]):
            process_upload(upload.pk)


@pytest.fixture
def desk(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Desk]:
    settings.MEDIA_ROOT = str(tmp_path / "kept")
    settings.EMBEDDED = True
    call_command("demo", verbosity=0)
    desk = Desk(live_server.url)
    yield desk
    desk.close()


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

        # The same file twice: looked at once, twice the same sentence, no refusal
        for sent in range(2):
            page.goto("/admin/uploads/fileupload/add/")
            page.set_input_files("input[type=file]", file)
            page.click("button[name=_save]")
            if not sent:
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


def test_a_file_is_looked_at_and_started_with_the_keyboard_on_a_phone(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "visits.csv"
    file.write_text(
        "Party,Docket Reference,Outcome of the Visit,Mobile\n"
        "Asha,D-2026-000001,promised to pay,9800002001\n"
        "Uma,D-2026-000002,promised to pay,98\n"
    )
    too_wide: list[str] = []

    def fits(page: Page, what: str) -> None:
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            too_wide.append(what)

    def press(page: Page, name: str) -> None:
        page.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press("Enter")

    def review(page: Page) -> None:
        page.set_viewport_size({"width": NARROW, "height": 850})
        page.goto("/admin/uploads/fileupload/add/")
        page.set_input_files("input[type=file]", file)
        press(page, "Send the file")

        asked = page.get_by_role("alert", name="To be answered first")
        expect(asked).to_contain_text("Which column is the customer's name?")
        fits(page, "review")
        page.get_by_label("Party", exact=True).focus()
        page.keyboard.press("n")  # name
        start = page.get_by_role("button", name="Start", exact=True)
        expect(start).to_be_disabled()
        press(page, "Check again")

        expect(asked).to_have_count(0)
        expect(page.locator(".review-cell")).to_contain_text("too few digits")
        press(page, "Start")
        expect(page.get_by_role("status")).to_contain_text(
            "Upload completed: 1 successful, 1 failed", timeout=20_000
        )
        fits(page, "result")

    desk.visit(review, user="priya")

    mapping = ColumnMapping.objects.get()
    assert mapping.mapping == ["full_name", "", "", "primary_phone"]
    assert mapping.confirmed_by is not None
    assert mapping.confirmed_by.username == "priya"
    assert (too_wide, desk.complaints) == ([], [])


def test_an_impatient_clerk_sends_one_file(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "december.csv"
    file.write_text(CSV)

    sendings: list[Route] = []
    said: list[str] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            sendings.append(route)
        else:
            route.continue_()

    def hurry(page: Page) -> None:
        page.route("**/fileupload/add/", hold)
        page.goto("/admin/uploads/fileupload/add/")
        page.set_input_files("input[type=file]", file)
        said.append(page.evaluate(CLICK_TWICE))
        sendings[-1].continue_()
        page.get_by_role("button", name="Start", exact=True).dblclick()
        expect(page.get_by_role("status").first).to_contain_text(
            "Upload completed: 3 successful, 0 failed", timeout=20_000
        )

    desk.visit(hurry, user="priya")

    upload = FileUpload.objects.get(original_name="december.csv")
    assert (len(sendings), said) == (1, ["Sending…"])
    assert [act.act for act in upload.acts.all()] == ["sent", "started"]


def test_a_page_whose_server_is_silent_says_that_its_figures_may_be_old(
    desk: Desk,
) -> None:
    upload = FileUploadFactory.create(tenant_id=1, status="paused")

    def wait_in_vain(page: Page) -> None:
        page.route("**/progress/", lambda route: route.abort())
        page.goto(f"/admin/uploads/fileupload/{upload.pk}/change/")
        old = page.get_by_text("these figures may be old")
        expect(old).to_be_visible()
        page.unroute("**/progress/")
        expect(old).to_be_hidden(timeout=10_000)

    desk.visit(wait_in_vain, user="priya")


def test_a_long_name_of_a_file_fits_any_window(desk: Desk) -> None:
    upload = FileUploadFactory.create(
        tenant_id=1,
        original_name=f"{'Overdue_Mumbai_Western_Region_' * 6}.csv",
        status="completed",
        total_rows=1,
        succeeded_rows=1,
    )
    page_of, too_wide = f"/admin/uploads/fileupload/{upload.pk}/", []

    def read(page: Page) -> None:
        for address in (
            f"{page_of}change/",
            f"{page_of}compare/",
            f"{page_of}undo/",
            f"/admin/uploads/fileupload/add/?parent={upload.pk}",
            "/admin/uploads/fileupload/",
        ):
            page.goto(address)
            for width in (NARROW, WIDE):
                page.set_viewport_size({"width": width, "height": 850})
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    too_wide.append(f"{address} at {width}")
        expect(page.locator(".field-refused_rows").first).to_be_in_viewport()

    desk.visit(read, user="priya")

    assert (too_wide, desk.complaints) == ([], [])


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
