"""What the embedded cloud remembers of its requests."""

from __future__ import annotations

from sink.local.journal import REMEMBERED, Exchange, Journal


def exchange(service: str, at: float) -> Exchange:
    return Exchange(service, "Operation", 200, at, 1.0, "127.0.0.1/")


def test_a_rush_on_one_service_does_not_push_out_anothers_requests() -> None:
    """A backlog is thousands of receives, and one call to a balancer is looked for."""
    journal = Journal()
    journal.note(exchange("slb", 0))
    for at in range(1, REMEMBERED + 2):
        journal.note(exchange("mns", at))

    assert [one.service for one in journal.all()].count("slb") == 1
    assert [one.at for one in journal.all() if one.service == "mns"] == list(range(2, REMEMBERED + 2))
    assert journal.counts == {"slb": 1, "mns": REMEMBERED + 1}


def test_what_is_remembered_is_told_in_the_order_in_which_it_came() -> None:
    """Whichever service it was for, and whichever answer was first."""
    journal = Journal()
    for service, at in (("mns", 2), ("slb", 3), ("mns", 1)):
        journal.note(exchange(service, at))

    assert [(one.service, one.at) for one in journal.all()] == [("mns", 1), ("mns", 2), ("slb", 3)]
