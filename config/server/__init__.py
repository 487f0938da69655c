"""The web server's side of a request: an event loop, and threads for Django's pages.

In: ASGI scopes. Out: answers, within bounded time, memory and disk, whoever asks.
Read in this order: request_body, webhook, file_senders, pages, responses.
"""
