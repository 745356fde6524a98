"""Brevo's numbers, each once, with its source. They hold as of November 2026; none was announced to change."""

from sync_tasks.providers import Capabilities

# Requests an hour to every endpoint but /contacts/**, by all keys together. https://developers.brevo.com/docs/api-limits
OTHER_PER_HOUR = 100
# Contacts of a page, and of a filter's answer. Reference of GET /contacts: "limit", at most 1000.
PAGE = 1000
# Contacts of a page of a list. Reference of GET /contacts/lists/{listId}/contacts: "limit", at most 500.
MEMBERS = 500
# Ids of one call that adds to a list or removes from it. Reference of POST /contacts/lists/{listId}/contacts/add.
LIST_CALL_IDS = 150
# Bytes of an import's body. Reference of POST /contacts/import: 10 MB at most, 8 MB advised; a little is left for JSON.
IMPORT_BYTES = 7_900_000

CAPABILITIES = Capabilities(list_call_ids=LIST_CALL_IDS, page=PAGE, import_bytes=IMPORT_BYTES)
