"""Money as India writes it."""

from decimal import Decimal

from django.utils.formats import number_format


def rupees(amount: Decimal | None) -> str | None:
    """Return an amount with India's groups, paise only where there are some."""
    if amount is None:
        return None
    sign = "−" if amount < 0 else ""
    places = 0 if amount == amount.to_integral_value() else 2
    digits = number_format(abs(amount), places, use_l10n=True, force_grouping=True)
    return f"{sign}₹{digits}"
