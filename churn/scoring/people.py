"""What the call list says about people beside the model: their name and the language they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churn.data.store import Store


@dataclass(frozen=True)
class People:
    """Names and languages by customer id, where the customers table has them."""

    names: Mapping[str, str]
    languages: Mapping[str, str]

    def language_of(self, customers: Sequence[str], default: str) -> list[str]:
        """Return each customer's language, the default where it is unknown or has no sentences."""
        return [self.languages.get(customer, default) for customer in customers]


def read_people(store: Store) -> People:
    """Read names and languages from the store."""
    there = [name for name in ("name", "language") if name in store.tables["customers"].columns]
    if not there:
        return People({}, {})
    with store.connect() as connection:
        rows = connection.sql(
            f"SELECT customer_id, {', '.join(there)} FROM {store.scan('customers')}"
        ).to_arrow_table()
    found = {
        name: dict(zip(rows["customer_id"].to_pylist(), rows[name].to_pylist(), strict=True))
        for name in there
    }
    names = {str(who): str(name) for who, name in found.get("name", {}).items() if name}
    spoken = {str(who): spoken_language(text) for who, text in found.get("language", {}).items()}
    return People(names, {who: language for who, language in spoken.items() if language})


def spoken_language(text: str | None) -> str | None:
    """Return the language of a code or a name that has sentences here, else None.

    >>> spoken_language("de-AT"), spoken_language("English"), spoken_language("fr")
    ('de', 'en', None)
    """
    word = (text or "").strip().lower().replace("_", "-").split("-")[0]
    return {"de": "de", "german": "de", "deutsch": "de", "en": "en", "english": "en", "englisch": "en"}.get(
        word
    )
