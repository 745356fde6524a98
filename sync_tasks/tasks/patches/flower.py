"""Flower's pages with a link to the operator's page: Flower 2.2.0 has no place for a link of ours.

Its navigation is one of its templates: the link stands at the end of the first list there. If another release has no
such list, there is no link. To drop this: Flower takes links as an option.
"""

from html import escape
from pathlib import Path

from flower.urls import settings
from tornado.template import Loader, Template

_NAVIGATION = "navbar.html"
_ENTRY = '<li class="nav-item"><a class="nav-link" href="{}" rel="noreferrer">Operate</a></li>'


class LinkingLoader(Loader):
    """Loads Flower's own templates, and puts the link into its navigation."""

    def __init__(self, folder: str, url: str) -> None:
        super().__init__(folder)
        self._entry = _ENTRY.format(escape(url))

    def _create_template(self, name: str) -> Template:
        text = (Path(self.root) / name).read_text(encoding="utf-8")
        if name == _NAVIGATION:
            text = text.replace("</ul>", f"{self._entry}</ul>", 1)
        return Template(text, name=name, loader=self)


def link_to(url: str) -> None:
    """Let each page of Flower link to a URL."""
    settings["template_loader"] = LinkingLoader(settings["template_path"], url)
