"""The format `segment`: calls of Segment's and RudderStack's SDKs (page, screen, track, identify, group, alias).

Event time: `timestamp` as the collector corrected it; a call that has not passed a collector keeps `sentAt`, so that the
decoder can correct it. Event id: messageId, else a digest of the call without its sending and reception times. Older spellings
(`action`, user_id, anonymous_id) and any case of the call's type are understood. Source: the Segment and RudderStack specs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.envelope import EPOCH
from schemas.formats.payload import MAX_BATCH, Headers, Mapped, digest_id, later_touchpoint, parse_json
from schemas.formats.segment_events import EVENTS, LINKED, SITE_PROPERTIES, TrackEvent, canonical
from schemas.identifiers import Document
from schemas.outcomes import Ignore, Silence
from schemas.rejections import Reason, Refusal

SOURCE = "segment"
TRANSPORT = frozenset({"sentAt", "sent_at", "receivedAt", "received_at", "request_ip", "writeKey", "_metadata"})
"""What a retry of the same call may change."""

SITE_FAMILIES = ("page.", "element.", "search.", "navigation.", "error.", "cart.", "checkout.", "task.", "payment.")
MEDIUMS = {
    "cpc": "paid",
    "ppc": "paid",
    "paid": "paid",
    "paidsearch": "paid",
    "paidsocial": "paid",
    "cpm": "display",
    "banner": "display",
}
"""utm_medium -> acquisition; what is not listed is taken as it is."""

_TABLET = re.compile(r"iPad|Tablet|Android(?!.*Mobile)", re.IGNORECASE)
_MOBILE = re.compile(r"Mobi|iPhone|iPod|Android|Dalvik", re.IGNORECASE)
_BOT = re.compile(r"bot\b|crawler|spider|headless|lighthouse", re.IGNORECASE)
_APP_LIBRARY = re.compile(r"android|ios|swift|kotlin|react-native|flutter|cordova|analytics-objc", re.IGNORECASE)
_WEB_LIBRARY = re.compile(r"javascript|analytics\.js|\bjs\b|^web", re.IGNORECASE)


def map_segment(value: bytes, headers: Headers) -> Mapped:
    """The calls of one record: one call, a list of them, or the HTTP API's {"batch": [...]}."""
    return _map(value, headers, views=True)


def map_segment_page_calls(value: bytes, headers: Headers) -> Mapped:
    """The same for sites whose page() calls count the page views: `Product Viewed` and its like are then ignored."""
    return _map(value, headers, views=False)


def _map(value: bytes, _headers: Headers, *, views: bool) -> Mapped:
    payload = parse_json(value)
    if isinstance(payload, Refusal):
        return payload
    calls = [payload]
    if isinstance(payload, list):
        calls = payload
    elif isinstance(payload, dict) and isinstance(payload.get("batch"), list):
        shared = {key: item for key, item in payload.items() if key in ("sentAt", "receivedAt", "context")}
        calls = [{**shared, **call} if isinstance(call, dict) else call for call in payload["batch"]]
    if len(calls) > MAX_BATCH:
        return Refusal(Reason.BATCH_TOO_LARGE, f"{len(calls)} calls, at most {MAX_BATCH}")
    documents: list[Document] = []
    for index, call in enumerate(calls):
        mapped = _call(call, views=views) if isinstance(call, dict) else Refusal(Reason.NOT_AN_OBJECT)
        if isinstance(mapped, Refusal):
            return Refusal(mapped.reason, f"[{index}] {mapped.detail}" if len(calls) > 1 else mapped.detail)
        if not isinstance(mapped, Ignore):
            documents.extend(mapped)
    if documents:
        return documents
    return Ignore(Silence.UNMAPPED_EVENT if calls else Silence.EMPTY_BATCH)


def _call(call: Document, *, views: bool) -> Mapped:
    kind = call.get("type") or call.get("action")
    if kind is None or kind == "":
        return Refusal(Reason.MISSING_TYPE, "type: is missing")
    kind = kind.strip().lower() if isinstance(kind, str) else ""
    if kind == "track":
        name = call.get("event")
        if not isinstance(name, str) or not name.strip():
            return Refusal(Reason.MISSING_TYPE, "event: a track call needs a name")
        event = EVENTS.get(canonical(name)) if len(name) < 200 else None
        if event is None or (event.view and not views):
            return Ignore(Silence.UNMAPPED_EVENT)
        return _documents(call, event)
    if kind in ("page", "screen"):
        return _documents(call, TrackEvent("page.viewed", channel="web" if kind == "page" else "app"))
    if kind in ("identify", "group", "alias"):
        return _documents(call, LINKED, alias=kind == "alias")
    return Refusal(Reason.UNKNOWN_TYPE, "type: is no call of the spec")


def _documents(call: Document, event: TrackEvent, *, alias: bool = False) -> Mapped:
    time, sent_at, received_at = _times(call)
    if time is None:
        return Refusal(Reason.MISSING_TIME, "timestamp: is missing, and so are originalTimestamp, receivedAt and sentAt")
    context, properties, traits = _part(call, "context"), _part(call, "properties"), _traits(call)
    data: Document = {"channel": _channel(call, context, event), **event.constants}
    data |= {"sent_at": sent_at, "received_at": received_at, "device": _device(context)}
    data["acquisition"] = _acquisition(context)
    if _BOT.search(_text(context.get("userAgent") or context.get("user_agent"))):
        data["traffic"] = "bot"
    if event.type == "page.viewed":
        page = _part(context, "page")
        name = _text(call.get("name")) or _pick(properties, ("name",)) or (_text(call.get("event")) if not event.view else "")
        data["page"] = _pick(properties, ("path", "url")) or _pick(page, ("path", "url")) or name
        data.setdefault("page_group", _pick(properties, ("category",)) or _text(call.get("category")) or name)
    for field, names in event.properties.items():
        found = _pick(properties, names)
        if found is not None:
            data[field] = found
    if event.channel == "chat" and "contact_id" not in data:
        # Other things are called `Message Sent` too; without a conversation this is none.
        return Ignore(Silence.UNMAPPED_EVENT)
    identifiers = _identifiers(call, context, traits, properties, event)
    document = {
        "id": call.get("messageId") or call.get("message_id") or digest_id(call, TRANSPORT),
        "source": SOURCE,
        "type": event.type,
        "time": time,
        "data": {name: value for name, value in data.items() if value not in (None, "")} | {"identifiers": identifiers},
    }
    return [document] if not alias else _alias(document, call)


def _alias(document: Document, call: Document) -> list[Document]:
    """An alias says that previousId and userId are one person. Where the call also has another anonymous id, that is a
    second statement, since an event carries one identifier of a kind.
    """
    identifiers = document["data"]["identifiers"]
    previous = call.get("previousId") or call.get("previous_id")
    if previous is None:
        return [document]
    kind = "email" if isinstance(previous, str) and "@" in previous else "anonymous_id"
    linked = {**document, "data": {**document["data"], "identifiers": {**identifiers, kind: previous}}}
    if identifiers.get(kind) in (None, previous):
        return [linked]
    return [linked, {**document, "id": later_touchpoint(document["id"], 1)}]


def _identifiers(call: Document, context: Document, traits: Document, properties: Document, event: TrackEvent) -> dict[str, Any]:
    """Person, reference and group identifiers wherever the specs put them."""
    device = _part(context, "device")
    # A site's page call may carry a device too, but a browser is told apart by its anonymous id.
    found = {
        "user_id": call.get("userId", call.get("user_id")),
        "anonymous_id": _either(call.get("anonymousId", call.get("anonymous_id")), traits.get("anonymousId")),
        "email": _either(traits.get("email"), properties.get("email") if event.type.startswith("account.") else None),
        "phone": _either(traits.get("phone"), properties.get("phone") if event.type.startswith("account.") else None),
        "device_id": device.get("id"),
        "account_id": _either(call.get("groupId", call.get("group_id")), context.get("groupId")),
        "visit_id": _either(context.get("sessionId"), call.get("session_id")),
    }
    if event.type.startswith((*SITE_FAMILIES, "order.")):
        for kind, names in SITE_PROPERTIES.items():
            found[kind] = _either(found.get(kind), _pick(properties, names))
    # Anything that is not text or a number in these places is a mistake that should not cost the event.
    return {kind: value for kind, value in found.items() if isinstance(value, str | int) and not isinstance(value, bool)}


def _times(call: Document) -> tuple[Any, Any, Any]:
    """(event time, sent_at, received_at), each a datetime or what was given where that is no time, None if absent.

    With a corrected `timestamp` nothing is left to correct. Without one, originalTimestamp with both ends of the way.
    """
    given = [call.get(name) for name in ("timestamp", "originalTimestamp", "sentAt", "receivedAt")]
    corrected, original, sent, received = (_time(value) for value in given)
    if corrected is not None:
        uncorrected = original is None and received is None
        return corrected, sent if uncorrected and isinstance(sent, datetime) else None, None
    if original is not None:
        if not isinstance(sent, datetime):
            return original, None, None
        return original, sent, received if isinstance(received, datetime) else None
    return (received if received is not None else sent), None, None


def _time(value: object) -> object:
    """ISO text or epoch milliseconds (or seconds, where the number is small) as an aware datetime.

    A date alone or a time without a zone is UTC, as the specs say. What is no time is returned as it is, so that
    validation names it; absent is None.
    """
    if isinstance(value, bool) or value in (None, ""):
        return None
    try:
        if isinstance(value, int | float):
            seconds = value / 1000 if abs(value) > 10**11 else value
            return EPOCH + timedelta(milliseconds=round(seconds * 1000))
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    return value


def _channel(call: Document, context: Document, event: TrackEvent) -> str:
    """web, app or system; what can only happen on a site is a site's unless something says app."""
    if event.channel:
        return event.channel
    said = _text(call.get("channel") or context.get("channel")).strip().lower()
    if said in ("web", "browser", "client"):
        return "web"
    if said in ("mobile", "app"):
        return "app"
    library = _text(_part(context, "library").get("name"))
    device = _text(_part(context, "device").get("type")).lower()
    if device in ("ios", "android") or _APP_LIBRARY.search(library):
        return "app"
    on_site = "page" in context or _WEB_LIBRARY.search(library) or event.type.startswith(SITE_FAMILIES)
    return "web" if on_site and said not in ("server", "sources") else "system"


def _device(context: Document) -> str | None:
    """desktop, mobile or tablet by the device's type, else by the browser's name of itself."""
    agent = _text(context.get("userAgent") or context.get("user_agent"))
    if _text(_part(context, "device").get("type")).lower() in ("ios", "android", "mobile"):
        return "tablet" if "ipad" in agent.lower() else "mobile"
    hints = context.get("userAgentData")
    if isinstance(hints, dict) and hints.get("mobile") is True:
        return "mobile"
    if not agent:
        return None
    if "Mozilla" in agent and _TABLET.search(agent):
        return "tablet"
    if _MOBILE.search(agent):
        return "mobile"
    return "desktop" if "Mozilla" in agent or "Opera" in agent else "other"


def _acquisition(context: Document) -> str | None:
    medium = canonical(_text(_part(context, "campaign").get("medium")))
    return MEDIUMS.get(medium, medium) or None


def _traits(call: Document) -> Document:
    return {**_part(_part(call, "context"), "traits"), **_part(call, "traits")}


def _part(parent: Document, name: str) -> Document:
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value[:2_000] if isinstance(value, str) else ""


def _either(first: object, second: object) -> object:
    return second if first in (None, "") else first


def _pick(properties: Document, names: Iterable[str]) -> Any:
    """The first property that is not empty; a name with a dot looks into an object."""
    for name in names:
        outer, _, inner = name.partition(".")
        value = _part(properties, outer).get(inner) if inner else properties.get(outer)
        if value is not None and value != "" and not isinstance(value, dict | list):
            return value
    return None
