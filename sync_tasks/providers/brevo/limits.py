"""Brevo's numbers, each once, with its source. They were read in November 2026; none was announced to change.

Brevo does not say since when each holds. All others take them from ``Capabilities``.
"""

from sync_tasks.providers import Capabilities

# Contacts of a page, and of a filter's answer: "limit", at most 1000. Brevo's reference of GET /contacts.
PAGE = 1000
# Contacts of a page of a list: "limit", at most 500. https://developers.brevo.com/reference/get-contacts-from-list
MEMBERS = 500

CAPABILITIES = Capabilities(
    # Ids of one call that adds to a list or removes from it.
    # https://developers.brevo.com/reference/add-contact-to-list
    list_call_ids=150,
    page=PAGE,
    # Ids of one look: "ids", at most 20. https://developers.brevo.com/reference/get-contacts
    ids=20,
    # Bytes of an import's body: 10 MB at most, 8 MB advised; a little is left for JSON.
    # https://developers.brevo.com/reference/import-contacts
    import_bytes=7_900_000,
    # Requests to /contacts/** a second and an hour, by all keys together, in the General tier that every account has.
    # The configuration says what a higher tier grants. https://developers.brevo.com/docs/api-limits
    contacts_per_second=10.0,
    contacts_per_hour=36_000,
    # The same an hour to every other endpoint, in the General tier. The same page.
    other_per_hour=100,
    # What an attribute may be: "type" in the reference of GET /contacts/attributes; "category" is one of fixed choices.
    # The SDK of 2026 refuses "user" and "multiple-choice", which Brevo answers all the same.
    attribute_kinds=frozenset({"text", "category", "id", "float", "boolean", "date", "multiple-choice", "user"}),
)
