"""The oracle's contacts and survey answers."""

from __future__ import annotations

from streams.core.model import Identifier, Touchpoint, Value
from tests.oracle.book import DAY_MS, MINUTE_MS, Book, tags_of
from tests.oracle.identity import References, named
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
        inbound = stated(tree, "direction") != "outbound"
        if inbound:
            book.add(opening.at, "contacts", 1, tags)
            book.add(opening.at, "complaints", int(any(fact.fields.get("complaint") for fact in tree)), tags)
            book_response(tree, tags, book)
            book_resolution(tree, opening, tags, book)
        for contact in {references.contact(fact) for fact in tree}:
            part = [fact for fact in tree if references.contact(fact) == contact]
            book_contact(part, tags, book)
            if inbound:
                book_open(part, tags, book)


def book_response(tree: list[Touchpoint], tags: dict[str, str], book: Book) -> None:
    """Books how long it took until somebody of the company said something."""
    began = [fact.at for fact in tree if fact.type in ("contact.opened", "contact.queued")]
    said = [
        fact.at
        for fact in tree
        if fact.type == "contact.answered" or (fact.type == "contact.replied" and fact.fields.get("by") == "agent")
    ]
    later = [at for at in said if began and at >= min(began)]
    if later:
        book.spread(min(later), "first_response", min(later) - min(began), tags)


def resolves(fact: Touchpoint) -> bool:
    """Whether a fact says that the problem is solved."""
    return fact.type == "contact.resolved" or (fact.type == "contact.ended" and fact.fields.get("resolved") is True)


def book_resolution(tree: list[Touchpoint], opening: Touchpoint, tags: dict[str, str], book: Book) -> None:
    """Books the last solution, unless the problem was taken up again after it."""
    turns = [fact for fact in tree if resolves(fact) or fact.type == "contact.reopened"]
    if turns and resolves(turns[-1]):
        solved = turns[-1].at
        book.spread(solved, "resolution", max(0, solved - opening.at), tags)
        book.add(solved, "resolution_channels", len({fact.dimensions.channel for fact in tree}), tags)


def book_open(facts: list[Touchpoint], tags: dict[str, str], book: Book) -> None:
    """Books +1 and -1 as a contact opens and closes, and under the minute of its opening likewise."""
    since: int | None = None
    for number, fact in enumerate(facts):
        opens = number == 0 or fact.type == "contact.reopened"
        closes = fact.type in ("contact.resolved", "contact.ended", "contact.abandoned", "contact.transferred")
        if opens and since is None:
            since = fact.at
            book.add(fact.at, "open_contacts", 1, tags)
            book.add(fact.at, f"open_since.t{since // MINUTE_MS}", 1, {})
        if closes and since is not None:
            book.add(fact.at, "open_contacts", -1, tags)
            book.add(fact.at, f"open_since.t{since // MINUTE_MS}", -1, {})
            since = None


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
            book.add(answered.at, "waits", 1, tags)
            book.add(answered.at, "waits_short", int(wait <= 20_000), tags)
    else:
        gave_up = first(facts, "contact.abandoned")
        if gave_up:
            book.add(gave_up.at, "waits", 1, tags)
            book.add(gave_up.at, "contacts_abandoned", 1, tags)
    ended = first(facts, "contact.ended")
    if ended:
        hold = milliseconds(ended, "hold_ms")
        if answered or hold is not None or milliseconds(ended, "talk_ms") is not None:
            if hold is None:
                hold = sum(milliseconds(fact, "hold_ms") or 0 for fact in facts if fact.type == "contact.held")
            book.spread(ended.at, "hold", hold, tags)
            talk, after = milliseconds(ended, "talk_ms"), milliseconds(ended, "wrap_up_ms") or 0
            if talk is not None:
                book.spread(ended.at, "handle", talk + hold + after, tags)
            elif answered:
                book.spread(ended.at, "handle", max(0, ended.at - answered.at) + after, tags)


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
        if answer.fields.get("instrument") == "sus":
            book_sus(answer, tags, book)
        elif milliseconds(answer, "score") is not None:
            book_score(answer, tags, book)


def book_score(answer: Touchpoint, tags: dict[str, str], book: Book) -> None:
    """Books one answer by one number."""
    score, low, high = (milliseconds(answer, name) for name in ("score", "scale_min", "scale_max"))
    assert score is not None
    usual = {"csat": (1, 5), "nps": (0, 10), "ces2": (1, 7)}.get(str(answer.fields.get("instrument")), (0, 0))
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    if not low <= score <= high:
        return
    if answer.fields.get("instrument") == "csat":
        boxes = top_boxes(low, high)
        if boxes:
            book.add(answer.at, "csat", 1, tags)
            book.add(answer.at, "csat_top", int(score > high - boxes), tags)
    elif answer.fields.get("instrument") == "nps" and (low, high) == usual:
        book.add(answer.at, "nps", 1, tags)
        book.add(answer.at, "nps_promoters", int(score >= 9), tags)
        book.add(answer.at, "nps_detractors", int(score <= 6), tags)
    elif answer.fields.get("instrument") == "ces2" and (low, high) == usual:
        book.add(answer.at, "ces", 1, tags)
        book.add(answer.at, "ces_sum", score, tags)
        book.add(answer.at, "ces_easy", int(score in (5, 6, 7)), tags)


def book_invitations(events: list[Touchpoint], references: References, as_of: int, book: Book) -> None:
    """Books invitations whose two weeks are over."""
    cases: dict[str, list[Touchpoint]] = {}
    for event in events:
        if event.type.startswith("survey.") and (case := references.case(event, "survey")):
            cases.setdefault(case, []).append(event)
    for facts in cases.values():
        sent = first(facts, "survey.sent")
        if sent and sent.at + 14 * DAY_MS <= as_of:
            end, tags = sent.at + 14 * DAY_MS, tags_of(sent.dimensions, "channel", "market", "segment")
            answered = any(fact.type == "survey.answered" and fact.at <= end for fact in facts)
            book.add(end, "invitations", 1, tags)
            book.add(end, "invitations_answered", int(answered), tags)


def book_reviews(events: list[Touchpoint], book: Book) -> None:
    """Books reviews of people who are known."""
    for event in events:
        rating = event.fields.get("rating")
        if event.type == "review.posted" and event.persons and isinstance(rating, int):
            tags = tags_of(event.dimensions, "channel", "market", "segment")
            book.add(event.at, "reviews", 1, tags)
            book.add(event.at, "review_points", rating, tags)


def book_referrals(events: list[Touchpoint], as_of: int, book: Book) -> None:
    """Books each referral once, and after 90 days whether it led to anything by then."""
    cases: dict[str, list[Touchpoint]] = {}
    for event in events:
        for reference in named(event, "referral_id")[:1]:
            if event.type.startswith("referral."):
                cases.setdefault(reference, []).append(event)
    for facts in cases.values():
        made = first(facts, "referral.made")
        if made:
            tags = tags_of(made.dimensions, "market", "segment", "acquisition")
            book.add(made.at, "referrals", 1, tags)
            until = made.at + 90 * DAY_MS
            if until <= as_of:
                came = any(fact.type == "referral.converted" and fact.at <= until for fact in facts)
                book.add(until, "referrals_settled", 1, tags)
                book.add(until, "referrals_converted", int(came), tags)


def book_messages(events: list[Touchpoint], as_of: int, book: Book) -> None:
    """Books messages whose week is over."""
    cases: dict[Identifier, list[Touchpoint]] = {}
    for event in events:
        if event.type.startswith("message."):
            for reference in event.references:
                if reference.startswith("message_id:"):
                    cases.setdefault(reference, []).append(event)
    for facts in cases.values():
        sent = first(facts, "message.sent") or facts[0]
        end = sent.at + 7 * DAY_MS
        if end > as_of:
            continue
        tags = tags_of(sent.dimensions, "channel", "market", "segment")
        done = {fact.type.split(".")[1] for fact in facts if fact.at <= end}
        by_people = {fact.type.split(".")[1] for fact in facts if fact.at <= end and fact.fields.get("machine") is not True}
        book.add(end, "messages_sent", 1, tags)
        book.add(end, "messages_bounced", int("bounced" in done), tags)
        received = {"delivered", "opened", "clicked", "complained", "unsubscribed"}
        book.add(end, "messages_delivered", int(bool(done & received)), tags)
        book.add(end, "messages_opened", int("opened" in by_people), tags)
        for what in ("clicked", "complained", "unsubscribed"):
            book.add(end, f"messages_{what}", int(what in done), tags)


def book_sus(answer: Touchpoint, tags: dict[str, str], book: Book) -> None:
    """Books ten answers from 1 to 5."""
    parts = str(answer.fields.get("answers") or "").split(",")
    if len(parts) == 10 and set(parts) <= set("12345"):
        numbers = [int(part) for part in parts]
        odd, even = numbers[0::2], numbers[1::2]
        book.add(answer.at, "sus", 1, tags)
        book.add(answer.at, "sus_points", sum(x - 1 for x in odd) + sum(5 - x for x in even), tags)
