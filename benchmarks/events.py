"""The events that are measured: sign-ups of people who do not exist."""


def sign_up(turn: int) -> dict[str, str]:
    """Return the arguments of the sign-up of that turn, each for another person."""
    return {
        "user_id": f"user-{turn}",
        "newsletter": "daily",
        "email": f"person-{turn}@portal.example",
        "first_name": "Ada",
        "last_name": "Lovelace",
    }
