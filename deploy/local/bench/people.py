"""Many people who each have logged in once: a user id and an e-mail address, so two identifiers a profile."""

from collections.abc import Iterator

from deploy.local.bench.shop import Sent, person


def logins(people: int) -> Iterator[Sent]:
    """Return one login of each person, a millisecond apart."""
    for number in range(people):
        yield Sent(
            number,
            {
                "type": "identify",
                "messageId": f"login-{number}",
                "userId": f"user-{number}",
                "traits": {**person(number), "email": f"person{number}@mail.example"},
                "context": {"library": {"name": "analytics.js", "version": "next-1.84.3"}, "locale": "fr-FR"},
            },
        )
