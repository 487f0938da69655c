"""From which address a request comes, through as many proxies as are trusted."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

# A web server behind a Unix socket knows no address; all it serves count as one.
UNKNOWN = "0.0.0.0"  # noqa: S104 # nothing listens on it
# Providers give every customer as many addresses as this network holds.
_PREFIX_V6 = 64


def client_address(request: HttpRequest) -> str:
    """Return the address that sent the request.

    Each proxy writes the address it was asked from at the end of X-Forwarded-For. So,
    with `TRUSTED_PROXIES` of them, the client's stands that many places from the end;
    whatever stands before it the client may have made up. With none, or with fewer
    places than proxies, it is the address of the connection.
    """
    proxies = settings.TRUSTED_PROXIES
    places = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    forwarded = _read(places[-proxies]) if 0 < proxies <= len(places) else None
    address = forwarded or _read(request.META.get("REMOTE_ADDR") or "")
    return str(address or UNKNOWN)


def counted_address(request: HttpRequest) -> str:
    """Return what counts as one address: of IPv6 the network of 64 bits."""
    address = ip_address(client_address(request))
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _PREFIX_V6), strict=False).network_address)
    return str(address)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it: bare, or with a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
