"""Brevo's numbers, each once, with its source. They hold as of November 2026; none was announced to change."""

from sync_tasks.providers import Capabilities

# Requests an hour to every endpoint but /contacts/**, by all keys together, in the General tier of every account.
# See https://developers.brevo.com/docs/api-limits
OTHER_PER_HOUR = 100
# Contacts of a page, and of a filter's answer: "limit", at most 1000. Brevo's reference of GET /contacts.
PAGE = 1000
# Ids of one call that adds to a list or removes from it.
# https://developers.brevo.com/reference/add-contact-to-list
LIST_CALL_IDS = 150
# Bytes of an import's body: 10 MB at most, 8 MB advised; a little is left for JSON.
# https://developers.brevo.com/reference/import-contacts
IMPORT_BYTES = 7_900_000

CAPABILITIES = Capabilities(list_call_ids=LIST_CALL_IDS, page=PAGE, import_bytes=IMPORT_BYTES)
