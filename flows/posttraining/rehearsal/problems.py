"""What keeps a rehearsal from taking place."""


class RehearsalError(ValueError):
    """A rehearsal that cannot be done; the message says why, and what to change."""
