"""One full native document for every touchpoint type: all fields of its family, each with a plausible value."""

from __future__ import annotations

from typing import Any

from schemas.touchpoints import FAMILY_OF

COMMON: dict[str, Any] = {
    "channel": "web",
    "role": "buyer",
    "market": "de",
    "segment": "premium",
    "device": "mobile",
    "acquisition": "email",
    "traffic": "human",
    "sent_at": "2024-05-01T12:00:01Z",
    "received_at": "2024-05-01T12:00:02Z",
    "consent": {"analytics": True},
}

OWN: dict[str, dict[str, Any]] = {
    "web": {
        "page": "/p/17",
        "page_group": "product",
        "view_id": "v1",
        "engaged_ms": 1200,
        "element": "buy",
        "nav_region": "header",
        "dead": False,
        "results": 3,
        "code": "E7",
        "kind": "system",
        "visit_id": "s1",
    },
    "task": {"task": "cart", "attempt_id": "a1", "step": "address", "reason": "price", "visit_id": "s1"},
    "commerce": {
        "order_id": "o1",
        "cart_token": "c1",
        "visit_id": "s1",
        "value": "19.99",
        "currency": "EUR",
        "promised_at": "2024-05-03",
        "promised_by": "merchant",
        "code": "declined",
        "reason": "price",
    },
    "delivery": {
        "order_id": "o1",
        "shipment_id": "h1",
        "tracking_number": "1Z99",
        "promised_at": "2024-05-03T18:00:00Z",
        "promised_by": "carrier",
        "complete": True,
        "reason": "price",
    },
    "support": {
        "contact_id": "k2",
        "root_contact_id": "k1",
        "order_id": "o1",
        "direction": "inbound",
        "medium": "phone",
        "reason": "price",
        "complaint": True,
        "by": "agent",
        "menu_steps": 6,
        "queue_seconds": 120.0,
        "hold_seconds": 300.5,
        "talk_seconds": 60.0,
        "wrap_up_seconds": 20.0,
        "resolved": False,
    },
    "message": {
        "message_id": "m1",
        "recipient": "a@example.com",
        "campaign": "spring",
        "kind": "marketing",
        "machine": False,
        "reason": "price",
    },
    "survey": {
        "instrument": "sus",
        "survey_id": "q1",
        "invitation_id": "i1",
        "response_id": "r1",
        "about": {"kind": "order_id", "id": "o1"},
        "score": 85,
        "answers": [1, 2, 3, 4, 5, 1, 2, 3, 4, 5],
        "scale_min": 1,
        "scale_max": 5,
    },
    "relationship": {
        "subscription_id": "b1",
        "plan": "family",
        "value": "9.99",
        "currency": "EUR",
        "ends_at": "2024-06-01",
        "voluntary": True,
        "reason": "price",
    },
    "voice": {"referral_id": "f1", "order_id": "o1", "rating": 4, "reason": "price"},
}


def native(kind: str = "page.viewed", /, **data: Any) -> dict[str, Any]:
    """A minimal valid event; keyword arguments are added to its data (None takes a field out)."""
    content: dict[str, Any] = {"identifiers": {"user_id": "u1"}, "channel": "web", **data}
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "//shop/web",
        "type": kind,
        "time": "2024-05-01T12:00:00Z",
        "data": {name: value for name, value in content.items() if value is not None},
    }


def full(kind: str) -> dict[str, Any]:
    """An event of that type with every field that it may have."""
    identifiers = {"user_id": "u1", "email": "a@example.com", "order_id": 17, "account_id": "family-1"}
    return native(kind, identifiers=identifiers, **COMMON, **OWN[FAMILY_OF[kind]])
