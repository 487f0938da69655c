"""What claimed events say, and which of it is for whom."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from messaging import whatsapp
from messaging.events import ClaimedEvent, Verdict
from messaging.lines import Arrival
from messaging.routing import Routes


class Reading(NamedTuple):
    """A claimed event with what was read in it."""

    event: ClaimedEvent
    payload: whatsapp.Payload
    arrivals: Sequence[Arrival]
    problems: Sequence[str]
    unrouted_numbers: Sequence[str]

    @classmethod
    def of(cls, event: ClaimedEvent, payload: whatsapp.Payload, routes: Routes) -> Self:
        arrivals: list[Arrival] = []
        problems = [
            f"{problem.reason} ({problem.where})" for problem in payload.problems
        ]
        unrouted_numbers: list[str] = []
        for change in payload.changes:
            if not change.phone_number_id:
                continue  # about the account, kept in the event
            route = routes.find(change.phone_number_id)
            if route is None:
                if not change.is_dashboard_test:
                    unrouted_numbers.append(change.phone_number_id)
            elif routes.may_sign(route, signed_by=event.signed_by):
                arrivals.append(Arrival(event, route, change))
            else:
                problems.append(
                    f"Refused: a value for the number {change.phone_number_id} that "
                    "was signed with another Meta app's secret. Check the app secret "
                    f"of that number. ({change.where})"
                )
        return cls(
            event, payload, arrivals, problems, list(dict.fromkeys(unrouted_numbers))
        )

    def verdict(self, failures: Sequence[str] = ()) -> Verdict | None:
        """Return why the event is not finished, or None when it is."""
        if not (self.problems or self.unrouted_numbers or failures):
            return None
        return Verdict(
            event=self.event,
            problems=self.problems,
            unrouted_numbers=self.unrouted_numbers,
            failures=failures,
        )


def read_events(events: Sequence[ClaimedEvent]) -> list[Reading]:
    """Read each event, and find the registered numbers that all of them name."""
    payloads = [whatsapp.parse(event.body) for event in events]
    named = {change.phone_number_id for p in payloads for change in p.changes}
    routes = Routes(named | {event.signed_by for event in events})
    return [
        Reading.of(event, payload, routes)
        for event, payload in zip(events, payloads, strict=True)
    ]
