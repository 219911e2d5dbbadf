"""Law 2's oracle: every live cell and every `ever` cell, from accepted touchpoints in any order.

It sorts everything, rebuilds every case from all events with plain loops, and never compacts, seals or folds. It shares
no code with `streams.core` but the types. What it takes to be meant where the definitions leave room:

- Cells that add up to zero are left out.
- Traffic other than human is dropped before anything else, so it never wins over a human payload of the same id.
- A strand is called by the least identifier that is known in time (link < fact + join_ms) to be the same person; facts and
  marks of one name walk together. A quarantined day is counted per strand, and takes out web facts only: orders,
  activity and marks of that day stay.
- A web fact without a person waits in its visit_id if it has one, else in its cart_token; never in both. An order.placed
  without a person is always a mark. Both are of the person whom the earliest live event names among those that are
  known in time (earlier than fact + join_ms) to be of the same visit, or of the same order as far as they tell.
- Batch topics never decide visits and tasks: their facts, links, claims and parents are left out there. Of the parents of
  a reference a live one goes before one of a batch topic.
- An event is part of one order tree: that of its order_id, else shipment_id, tracking_number, cart_token. Facts of an
  order are its order, delivery and shipment touchpoints; claims on it may come from any touchpoint but a contact's.
- root_contact_id:X names the contact contact_id:X. Only contact touchpoints are facts of a contact.
- An order.placed, contact or answer that has no reference is a case of its own.
- Waits and holds are booked for outbound contacts too; only `contacts` is inbound only.
- One answer with each instrument counts per survey case; an answer outside its scale counts nowhere.
- A contact is open from its first fact, and again from a reopening, until it is resolved, ended, abandoned or transferred;
  each contact of a tree for itself. First response and resolution are of the whole tree, and of inbound ones only.
- Whatever is opened, clicked, complained of or unsubscribed from was delivered, also where nobody said so.
- A message that nobody is known to have sent was sent at the first thing that is known of it.
- Clicks to complete are page views where the visit that the attempt began in has no click.
- An order is settled 30 days after its delivery, whether or not anybody said that it was placed.
- A cancellation's deadline is not before the cancellation; of several, the earliest since the last start ends it.
- Silence: activity exactly at the deadline is still in time. Reactivation is strictly after the loss; every return
  begins a new spell, from which churn counts. Only cancellations of an owned subscription are counted.
- contact.opened is own activity whoever opened it, contact.replied only if a customer did.
- Who somebody is, what belongs to whom and when somebody was active is learnt from every payload under one id; facts only
  from the one that counts.
- Active days are local days of own doing, whoever's payload says so; visited is any of it on web or app, as it happened. A customer's
  active days are these and those of orders owned.
- An order that was never placed with a value and a currency brings nothing in and gives nothing back; refunds without a currency are in
  the order's; nothing is given back before it was placed, nor once it is cancelled.
- A contact belongs to whoever claims its tree (contact.opened before others), else to the owner of the order that it is about.
- A contact is over when it was last resolved or ended; a transfer is a part of it. Who opened it again came again; of several
  reopenings the last one counts.
- Identity limits are not modelled, nor is the rule that two customer_ids never become one person: inputs keep within them.
"""

from __future__ import annotations

from collections.abc import Iterable

from streams.core.model import Identifier, Touchpoint
from streams.core.policy import Policy
from tests.oracle.book import Book, Cells
from tests.oracle.chains import book_chains
from tests.oracle.identity import People, References, accepted, payloads
from tests.oracle.life import book_lives
from tests.oracle.orders import book_orders
from tests.oracle.support import book_contacts, book_invitations, book_messages, book_referrals, book_reviews, book_surveys
from tests.oracle.ux import book_ux


def oracle(touchpoints: Iterable[Touchpoint], policy: Policy, as_of: int, watermark: int) -> Cells:
    """All cells that are not zero: (grain, index, field) -> amount.

    as_of: deadlines up to here have passed, in ms. watermark: decides which minute, hour and day buckets are live.
    """
    said = payloads(touchpoints)
    events = accepted(said)
    known = People(said)
    references = References(said)
    book = Book(policy.timezone, watermark)
    book_ux(accepted(one for one in said if not one.batch), known, references, policy, as_of, book)
    book_orders(events, references, as_of, book)
    book_contacts(events, references, book)
    book_surveys(events, references, book)
    book_invitations(events, references, as_of, book)
    book_reviews(events, book)
    book_referrals(events, as_of, book)
    book_chains(events, said, known, references, as_of, book)
    book_messages(events, as_of, book)
    book_lives(events, said, known, references, policy, as_of, book)
    return book.closed()


def people(touchpoints: Iterable[Touchpoint]) -> set[frozenset[Identifier]]:
    """The persons: connected components of person identifiers, whatever the time."""
    return People(payloads(touchpoints)).everyone()
