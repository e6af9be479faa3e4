"""A worker knows when it may have lost its runs."""

from __future__ import annotations

import math

from bot.core.servers.lease import Lease


class _Clocks:
    def __init__(self) -> None:
        self.times = [100.0, 5000.0]

    def lease(self, seconds: float) -> Lease:
        return Lease(seconds, [lambda: self.times[0], lambda: self.times[1]])

    def advance(self, seconds: float) -> None:
        self.times = [each + seconds for each in self.times]


def test_heartbeats_in_time_stay_in_one_term() -> None:
    clocks = _Clocks()
    lease = clocks.lease(8.0)
    for _beat in range(5):
        clocks.advance(7.0)
        assert lease.term == 0
        lease.renew(lease.now())
    assert lease.term == 0


def test_a_lapse_begins_another_term_with_the_next_heartbeat() -> None:
    clocks = _Clocks()
    lease = clocks.lease(8.0)
    clocks.advance(9.0)
    assert lease.term is None
    lease.renew(lease.now())
    assert lease.term == 1


def test_a_heartbeat_counts_from_when_it_was_begun() -> None:
    clocks = _Clocks()
    lease = clocks.lease(8.0)
    begun = lease.now()
    clocks.advance(60.0)
    lease.renew(begun)
    assert lease.term is None


def test_the_clock_that_went_on_counts() -> None:
    clocks = _Clocks()
    lease = clocks.lease(8.0)
    clocks.times[1] += 60.0  # the machine slept, and the other clock with it
    assert lease.term is None


def test_a_lease_without_other_workers_never_lapses() -> None:
    clocks = _Clocks()
    lease = clocks.lease(math.inf)
    clocks.advance(1e9)
    assert lease.term == 0
