"""Events validated to dicts: the same values and the same errors as the models."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.touchpoints import DATA, MODELS, AnyTouchpoint, plain
from schemas.touchpoints.plain import read_plain
from tests.schemas.examples import full, native

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, 0, 17, -1, 2**63, 10**30, 1.5, 5.0, 1e308, "", " x ", "17", "1.5", "true", "MARKETING ", "eur", "buyer"),
        *("2024-05-01", "2024-05-01T12:00:00", "2016-07-06T11:16:50 -10:00", "9999-12-31", "x" * 5000, [], {}, [1, 2], [[]]),
        *({"kind": "order", "id": 5}, {"user_id": 1.5}, {"user_id": "u", "tax_id": {}}, {"tax_id": 1, "account_id": None}),
    ]
)


def by_model(document: dict[str, Any]) -> dict[str, Any]:
    """What the models make of a document, as a dict of what was given."""
    event = AnyTouchpoint.validate_python(document)
    given = {name: getattr(event, name) for name in event.model_fields_set}
    return {**given, "data": {name: getattr(event.data, name) for name in event.data.model_fields_set}}


def outcome(read: Any, document: dict[str, Any]) -> Any:
    try:
        return read(document)
    except ValidationError as error:
        return error.errors(include_url=False)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("document", [native, full])
def test_every_type_has_the_values_of_its_model_in_its_order(kind: str, document: Any) -> None:
    event = outcome(read_plain, document(kind))
    assert event == outcome(by_model, document(kind))
    if isinstance(event, dict):
        assert list(event["data"]) == [name for name in DATA[kind].model_fields if name in event["data"]]


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "survey.answered"])
def test_the_usual_event_needs_no_model(kind: str) -> None:
    assert plain._PLAIN.validate_python(full(kind))["type"] == kind


@given(kind=st.sampled_from(list(MODELS)), changes=st.dictionaries(st.integers(0, 99), ODD, max_size=4))
def test_anything_has_the_values_or_the_errors_of_the_models(kind: str, changes: dict[int, Any]) -> None:
    document = full(kind)
    for place, value in changes.items():
        inside = [document, document["data"], document["data"], document["data"]][place % 4]
        if isinstance(inside, dict):
            inside[[*inside, "unheard"][place // 4 % (len(inside) + 1)]] = value
        if not isinstance(document["data"], dict):
            break
    plainly, modelled = outcome(read_plain, document), outcome(by_model, document)
    assert plainly == modelled
    if isinstance(plainly, dict):  # 1, 1.0 and True are equal
        assert all(type(value) is type(modelled["data"][name]) for name, value in plainly["data"].items())
