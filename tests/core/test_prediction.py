"""What customers will bring in, by hand."""

from __future__ import annotations

import pytest

from streams.core.metrics import compute, predicted
from streams.core.model import Bucket, Grain
from streams.core.policy import DAY, Policy

NOW = 1_714_991_420_000
POLICY = Policy()


@pytest.mark.parametrize(
    ("revenue", "customers", "churned", "before", "value"),
    [
        (1_000_0000, 100, 10, 100, 10 * 0.9 / (1 + 0.1 - 0.9)),  # over a year i is 10 %
        (1_000_0000, 100, 0, 50, 10 / 0.1),
        (1_000_0000, 100, 50, 50, 0.0),
        (1_000_0000, 0, 0, 50, None),
        (1_000_0000, 100, 0, 0, None),
    ],
)
def test_a_prediction_is_the_margin_of_all_years_to_come(
    revenue: int, customers: int, churned: int, before: int, value: float | None
) -> None:
    """Retained with r and discounted by 1 / (1 + i) each year, the first time after a year: m r / (1 + i - r)."""
    found = predicted(revenue, customers, churned, before, 365)
    assert found[0] == (None if value is None else pytest.approx(value))
    assert found[1:4] == (1_000.0, customers, customers)
    if value:
        r, m = 1 - churned / before, 10.0
        assert value == pytest.approx(sum(m * (r / 1.1) ** year for year in range(1, 2_000)))


def test_a_prediction_takes_each_part_from_where_it_is_true() -> None:
    """Revenue of the window, customers at its end, those lost of the ones at its start."""
    ever = {"revenue|currency=EUR": 900_0000, "orders_valued|currency=EUR": 9, "customers": 45, "churned_28d": 5}
    cells: dict[Bucket, dict[str, int]] = {(Grain.EVER, 0): ever}
    day = NOW // DAY
    cells[Grain.DAY, day] = {"revenue|currency=EUR": 450_0000, "customers": -5, "churned_28d": 5}
    (found,) = [v for v in compute(NOW, cells, POLICY, ["28d"], ["clv_predicted"]) if len(v.dimensions) == 1]
    assert (found.numerator, found.denominator) == (450.0, 45)
    assert found.value == predicted(450_0000, 45, 5, 50, 28)[0]
