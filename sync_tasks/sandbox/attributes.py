"""The attributes an account has, and which values they take."""

import re
from dataclasses import dataclass, field
from datetime import date

from sync_tasks.sandbox.contact import AttributeValue
from sync_tasks.sandbox.wire import JsonObject

CATEGORIES = ("normal", "transactional", "category", "calculated", "global")
TYPES = ("text", "date", "float", "boolean", "id", "category", "multiple-choice", "user")
PHONE = re.compile(r"^(?:\+|00)?([1-9]\d{5,14})$")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field contacts may have; ``options`` are the values a choice allows, of a category their labels."""

    name: str
    type: str = "text"
    category: str = "normal"
    options: list[str] = field(default_factory=list)

    def show(self) -> JsonObject:
        """Return the attribute as Brevo lists it."""
        shown: JsonObject = {"name": self.name, "category": self.category, "type": self.type}
        if self.category == "category":
            numbered = enumerate(self.options, start=1)
            return shown | {"enumeration": [{"value": number, "label": label} for number, label in numbered]}
        return shown | ({"multiCategoryOptions": self.options} if self.type == "multiple-choice" else {})

    def accepts(self, value: object) -> bool:
        """Return whether Brevo keeps such a value; any other it ignores without a word."""
        if self.category == "category" and self.options:
            return str(value) in {*self.options, *(str(number + 1) for number in range(len(self.options)))}
        match self.type:
            case "boolean":
                return isinstance(value, bool)
            case "float":
                return isinstance(value, int | float) and not isinstance(value, bool)
            case "date":
                return isinstance(value, str) and _is_date(value)
            case "multiple-choice":
                return isinstance(value, list) and all(option in self.options for option in value)
            case _:
                return isinstance(value, str)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def read_phone(value: AttributeValue) -> str | None:
    """Return a phone number the way Brevo keeps it, digits only, or None if it is none."""
    found = PHONE.match(value) if isinstance(value, str) else None
    return found[1] if found else None
