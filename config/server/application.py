"""The ASGI application: what stays on the event loop, and what gets a thread."""

from config.server.pages import PageHandler
from config.server.request_body import Memory, Receive
from config.server.responses import Scope, Send
from config.server.webhook import WebhookEndpoint

# Bodies that are received or worked on, in each process. The webhook has its own, so
# that forms do not keep messages out.
_WEBHOOK_MEMORY_BYTES = 128 * 2**20
_PAGES_MEMORY_BYTES = 64 * 2**20


class Application:
    """Answers every HTTP request of one process."""

    def __init__(self) -> None:
        self.webhook = WebhookEndpoint(memory=Memory(_WEBHOOK_MEMORY_BYTES))
        self.pages = PageHandler(memory=Memory(_PAGES_MEMORY_BYTES))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI 3 has it."""
        if scope["type"] != "http":
            raise ValueError(f"This is an HTTP server, not one of {scope['type']}.")
        if self.webhook.takes(scope):
            await self.webhook(scope, receive, send)
        else:
            await self.pages(scope, receive, send)
