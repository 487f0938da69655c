"""What is typed into a search, before anything is looked for."""

# A name, a number or a wamid is shorter; PostgreSQL takes no word beyond 2 kB.
LONGEST = 200


def search_term_of(text: str) -> str:
    """Return a text as PostgreSQL can look for it: short, and without a NUL."""
    return text[:LONGEST].replace("\0", "").strip()
