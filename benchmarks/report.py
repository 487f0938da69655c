"""Run the measures in their order and print them beside the figures to reach."""

import os
import platform
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from benchmarks import people, webhook
from benchmarks.load import percentile
from benchmarks.programs import running_product

WAYS = {
    "/webhooks/whatsapp/": "group commit (the product)",
    "/one-insert-each/": "one INSERT each",
    "/upsert-by-orm/": "upsert in the request, ORM",
}


def measure_and_print(folder: Path) -> None:
    call_command("migrate", verbosity=0)
    people.register_number()
    _print_machine()
    _print_drain(webhook.drain_rates())
    with running_product(folder) as port:
        _print_visible(webhook.visible_latencies(port))
        _print_accepted(webhook.accept_rates(port, list(WAYS)))
    load = os.getloadavg()[0]
    print(f"\nOther work on the machine shows as load: {load:.1f} at the end.")


def _print_machine() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    print(
        f"{os.cpu_count()} cores ({cpu}), load {os.getloadavg()[0]:.1f}; "
        f"PostgreSQL {version}, Python {platform.python_version()}"
    )
    print(
        f"Medians of {webhook.ROUNDS} rounds, in turn. Client, web, worker and "
        "database share the cores.\n"
    )


def _print_drain(rates: dict[str, float]) -> None:
    print(f"{'Drained by one worker':<30}{'messages/s':>12}{'ratio':>8}  reach")
    for name, text, reach in (
        ("known", "in sets, known people", "10,000/s"),
        ("new", "in sets, everybody new", ""),
        ("singly", "one by one", ""),
    ):
        ratio = rates[name] / rates["singly"]
        print(f"{text:<30}{rates[name]:>12,.0f}{ratio:>8.1f}  {reach}".rstrip())


def _print_visible(latencies: list[float]) -> None:
    p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
    print(
        f"\nAccepted to visible at {webhook.STEADY_RATE:.0f}/s: "
        f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms  (reach: p99 1,000 ms)"
    )


def _print_accepted(ways: list[webhook.Accepted]) -> None:
    print(
        f"\n{f'Accepted, {webhook.CONNECTIONS} connections':<30}{'posts/s':>10}"
        f"{'p50 ms':>8}{'p99 ms':>8}{'rate':>8}{'p99':>8}  reach"
    )
    product = ways[0]
    for way in ways:
        # How many times as many posts the product takes, at what share of the p99.
        rate, p99 = product.rate / way.rate, product.p99 / way.p99
        reach = "p50 25 ms, p99 50 ms" if way is product else ""
        figures = (
            f"{WAYS[way.path]:<30}{way.rate:>10,.0f}{way.p50 * 1000:>8.1f}"
            f"{way.p99 * 1000:>8.1f}{f'x {rate:.2f}':>8}{f'x {p99:.2f}':>8}  {reach}"
        )
        print(figures.rstrip())
        if way.refused_count:
            print(f"  {way.refused_count} of them not answered 200")
