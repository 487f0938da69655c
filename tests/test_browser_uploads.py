"""Customer files in a real browser: with the keyboard, on a phone, in a hurry."""

from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.desk import CSV, NARROW, WIDE, Desk, in_a_browser
from uploads.models import ColumnMapping, FileUpload
from uploads.tests.factories import FileUploadFactory

pytestmark = in_a_browser

# While the first is on its way; Playwright itself would wait for its end.
CLICK_TWICE = """async () => {
  const button = document.querySelector("[name=_save]");
  button.click();
  await new Promise((passed) => setTimeout(passed, 300));
  button.click();
  return button.textContent;
}"""


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
