"""Run the measures in their order and print them beside the figures to reach."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from benchmarks import dedupe, import_export_bulk, people, uploads, webhook
from benchmarks.load import percentile
from benchmarks.programs import running_product

WAYS = {
    "/webhooks/whatsapp/": "group commit (the product)",
    "/one-insert-each/": "one INSERT each",
    "/upsert-by-orm/": "upsert in the request, ORM",
}


def measure_and_print(folder: Path, *, parts: Sequence[str], rows: int) -> None:
    call_command("migrate", verbosity=0)
    _print_machine()
    if "webhook" in parts:
        _measure_webhook(folder)
    if "files" in parts:
        _measure_files(folder, rows)
    if "dedupe" in parts:
        for line in dedupe.report(dedupe.measure(contacts=rows)):
            print(line)
    load = os.getloadavg()[0]
    print(f"\nOther work on the machine shows as load: {load:.1f} at the end.")


def _measure_webhook(folder: Path) -> None:
    people.register_number()
    print(f"Medians of {webhook.ROUNDS} rounds, in turn.\n")
    _print_drain(webhook.drain_rates())
    with running_product(folder) as port:
        _print_visible(webhook.visible_latencies(port))
        _print_accepted(webhook.accept_rates(port, list(WAYS)))


def _measure_files(folder: Path, rows: int) -> None:
    small, big = uploads.write_files(folder, rows=rows)
    log = folder / "loader.log"
    two = uploads.load_by_workers(small, big, workers=2, log=log)
    one = uploads.load_by_workers(small, big, workers=1, log=log)
    raw = uploads.copy_ready_rows(folder)
    rival = import_export_bulk.load_ready_rows(rows=uploads.IMPORT_EXPORT_ROWS)
    print(
        f"\nCustomer file, {rows:,} rows x 14 columns, every index live\n"
        f"{'':<30}{'rows/s':>10}{'seconds':>9}{'MB each':>9}  reach"
    )
    for name, way, reach in (
        ("two workers", two, "50,000/s, 150 MB"),
        ("one worker", one, "30,000/s, 150 MB"),
        ("raw COPY of the ready rows", raw, ""),
        ("django-import-export, bulk", rival, ""),
    ):
        if way is not None:
            peak = f"{max(way.peaks):.0f}" if way.peaks else ""
            figures = f"{name:<30}{way.rate:>10,.0f}{way.seconds:>9.1f}{peak:>9}"
            print(f"{figures}  {reach}".rstrip())
    print(f"two workers / raw COPY: {two.rate / raw.rate:.2f}  (reach: 0.7)")
    if rival is None:
        print("django-import-export is not installed: `make bench` installs it.")
    else:
        ratio = two.rate / rival.rate
        print(f"two workers / django-import-export: {ratio:.1f}  (reach: 15)")


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
    print("Client, web, worker and database share the cores.")


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
