"""The oracle's contacts and survey answers."""

from __future__ import annotations

from streams.core.model import Touchpoint, Value
from tests.oracle.book import Book, tags_of
from tests.oracle.identity import References
from tests.oracle.orders import first


def milliseconds(fact: Touchpoint, name: str) -> int | None:
    """A duration or number of a fact, None where it says nothing."""
    value = fact.fields.get(name)
    return value if isinstance(value, int) else None


def stated(facts: list[Touchpoint], name: str) -> str:
    """The first thing that is said under a name, empty if nothing is."""
    return next((str(fact.fields[name]) for fact in facts if fact.fields.get(name)), "")


def book_contacts(events: list[Touchpoint], references: References, book: Book) -> None:
    """Books each tree of contacts once, and the waits and holds of each of its contacts."""
    trees: dict[str, list[Touchpoint]] = {}
    for event in events:
        if event.type.startswith("contact."):
            trees.setdefault(references.root(references.contact(event)), []).append(event)
    for tree in trees.values():
        opening = first(tree, "contact.opened") or tree[0]
        tags = tags_of(opening.dimensions, "channel", "market", "segment")
        tags |= {"medium": stated(tree, "medium"), "reason": stated(tree, "reason")}
        if stated(tree, "direction") != "outbound":
            book.add(opening.at, "contacts", 1, tags)
        for contact in {references.contact(fact) for fact in tree}:
            book_contact([fact for fact in tree if references.contact(fact) == contact], tags, book)


def book_contact(facts: list[Touchpoint], tags: dict[str, str], book: Book) -> None:
    """Books the wait and the hold of one contact."""
    answered = first(facts, "contact.answered")
    if answered:
        since = first(facts, "contact.queued") or first(facts, "contact.opened")
        wait = milliseconds(answered, "queue_ms")
        if wait is None and since:
            wait = answered.at - since.at
        if wait is not None:
            book.spread(answered.at, "queue_wait", max(0, wait), tags)
    ended = first(facts, "contact.ended")
    if ended:
        hold = milliseconds(ended, "hold_ms")
        if answered or hold is not None or milliseconds(ended, "talk_ms") is not None:
            if hold is None:
                hold = sum(milliseconds(fact, "hold_ms") or 0 for fact in facts if fact.type == "contact.held")
            book.spread(ended.at, "hold", hold, tags)


def top_boxes(low: int, high: int) -> int:
    """How many of the best scores of a scale count as satisfied; 0 where the scale is not one of csat's."""
    return {2: 1, 3: 1, 5: 2, 7: 2, 10: 2}.get(high - low + 1, 0)


def book_surveys(events: list[Touchpoint], references: References, book: Book) -> None:
    """Books the last answer with each instrument to each response or invitation."""
    last: dict[tuple[str, Value], Touchpoint] = {}
    for event in events:
        if event.type == "survey.answered":
            last[references.case(event, "survey") or event.eid.hex(), event.fields.get("instrument")] = event
    for answer in last.values():
        tags = tags_of(answer.dimensions, "channel", "market", "segment")
        score, low, high = (milliseconds(answer, name) for name in ("score", "scale_min", "scale_max"))
        if score is None:
            continue
        if answer.fields.get("instrument") == "csat":
            low, high = 1 if low is None else low, 5 if high is None else high
            boxes = top_boxes(low, high)
            if boxes and low <= score <= high:
                book.add(answer.at, "csat", 1, tags)
                book.add(answer.at, "csat_top", int(score > high - boxes), tags)
        elif answer.fields.get("instrument") == "nps":
            low, high = 0 if low is None else low, 10 if high is None else high
            if (low, high) == (0, 10) and 0 <= score <= 10:
                book.add(answer.at, "nps", 1, tags)
                book.add(answer.at, "nps_promoters", int(score >= 9), tags)
                book.add(answer.at, "nps_detractors", int(score <= 6), tags)
