"""The format `shippo`: Shippo's tracking webhooks."""

from __future__ import annotations

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touches, by, first, items, part, text
from schemas.formats.producers._tracking import CARRIER, tracked
from schemas.identifiers import Document

_TYPES = {
    "TRANSIT": "shipment.dispatched",
    "DELIVERED": "delivery.delivered",
    "FAILURE": "delivery.attempted",
    "RETURNED": "delivery.returned",
}


def _track(payload: Document, _headers: Headers) -> Touches:
    track = part(payload, "data")
    number, carrier = text(track.get("tracking_number")), text(track.get("carrier"))
    history = [*items(track, "tracking_history"), part(track, "tracking_status")]
    checkpoints = [(_TYPES.get(text(one.get("status"))), one.get("status_date")) for one in history]
    identifiers = {"tracking_number": number, "order_id": first(track, "metadata") if _is_number(track.get("metadata")) else None}
    test = "test" if payload.get("test") is True or track.get("test") is True else None
    return tracked(f"{carrier}:{number}", checkpoints, identifiers, {"traffic": test}) if number else []


def _is_number(value: object) -> bool:
    """Metadata is whatever the shop wrote there; a number alone is taken for the order's."""
    return isinstance(value, str) and value.isascii() and value.isdigit()


PRODUCER = Producer(
    name="shippo",
    title="Shippo tracking webhooks",
    documents=("https://docs.goshippo.com/docs/tracking/webhooks/",),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(lambda payload: payload.get("event")),
    rows={
        "track_updated": Row(
            "its history: the first TRANSIT, the first DELIVERED, each FAILURE and RETURNED",
            ("shipment.dispatched", "delivery.delivered", "delivery.attempted", "delivery.returned"),
            _track,
        ),
        "transaction_created": Row("a label was bought, of which no customer knows"),
        "transaction_updated": Row("a label was bought, of which no customer knows"),
        "batch_created": Row("labels, of which no customer knows"),
        "batch_purchased": Row("labels, of which no customer knows"),
        "order_created": Row("the shop's own order says it"),
    },
    event_id="carrier, tracking number and the fact: every update gives the same ones",
    time="status_date",
    identifiers={"tracking_number": "tracking_number", "order_id": "metadata, where it is digits and nothing else"},
    notes=("The order is found by the tracking number, which the shop's shipment names too.", CARRIER),
)
