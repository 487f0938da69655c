"""The product in a real browser, as a member of staff uses it.

Playwright runs an event loop, in which Django forbids its ORM: the browser has a thread
of its own, and what a worker would do is done meanwhile in the test's.
"""

import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from uploads.models import FileUpload
from uploads.tasks import process_upload

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDE, NARROW = 1400, 390
CSV = """Name,Mobile,Loan No,Outstanding,Due Date
Asha Verma,9800002001,SF-2407,"80,000",2026-12-05
Ravi Iyer,9800002002,SF-2414,"1,30,000",2026-12-06
New Borrower,9800002088,SF-2990,"50,000",2026-12-07
"""

in_a_browser = [
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
        # Whoever goes on to another page ends the requests of the one before.
        page.on(
            "requestfailed",
            lambda request: (
                "ERR_ABORTED" in (request.failure or "")
                or note(f"failed: {request.url}: {request.failure}")
            ),
        )
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
