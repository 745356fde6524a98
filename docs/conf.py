"""The documentation site: `make docs` builds it with Sphinx from the pages of this folder and the docstrings."""

from sync_tasks import __version__

project = "sync-tasks"
author = "the sync-tasks maintainers"
project_copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]

# Pages link to each other's headings as the code host does it.
myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"sync-tasks {release}"
html_show_copyright = False
html_copy_source = False
