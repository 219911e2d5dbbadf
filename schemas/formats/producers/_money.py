"""Amounts in a currency's smallest unit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

ZERO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""As payment providers count: ISK and UGX have two digits there. Source: Stripe, supported currencies."""

LARGEST = 10**18


def from_minor(amount: Any, currency: object) -> str | None:
    """An amount in minor units as decimal text in the currency's unit; None where it is none."""
    if isinstance(amount, bool) or not isinstance(amount, int) or abs(amount) > LARGEST or not isinstance(currency, str):
        return None
    code = currency.upper()
    digits = 0 if code in ZERO_DECIMALS else 3 if code in THREE_DECIMALS else 2
    return str(Decimal(amount).scaleb(-digits))
