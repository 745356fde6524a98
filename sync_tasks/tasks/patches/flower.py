"""Flower's pages with links to the operator's page: Flower 2.2.0 has no place for a link of ours.

Its navigation is one of its templates: the link stands at the end of the first list there. The page of a task links to
its user before the fields that Flower adds. If another release has no such places, there is no link. To drop this:
Flower takes links as an option.
"""

from ast import literal_eval
from html import escape
from pathlib import Path
from urllib.parse import quote

from flower.urls import settings
from tornado.template import Loader, Template

_NAVIGATION = "navbar.html"
_ENTRY = '<li class="nav-item"><a class="nav-link" href="{}" rel="noreferrer">Operate</a></li>'
_TASK = "task.html"
_FIELDS = "{% for name in task._fields %}"
_USER = """{{% from sync_tasks.tasks.patches.flower import link_to_user %}}
      {{% set who = link_to_user(task.kwargs) %}}{{% if who %}}
      <div class="detail-row task-data-row">
        <dt>User</dt>
        <dd><a href="{}{{{{ who }}}}" rel="noreferrer">on the operator's page</a></dd>
      </div>
      {{% end %}}"""


class LinkingLoader(Loader):
    """Loads Flower's own templates, and puts the link into its navigation."""

    def __init__(self, folder: str, url: str) -> None:
        super().__init__(folder)
        self._entry, self._user = _ENTRY.format(escape(url)), _USER.format(escape(url.rstrip("/")))

    def _create_template(self, name: str) -> Template:
        text = (Path(self.root) / name).read_text(encoding="utf-8")
        if name == _NAVIGATION:
            text = text.replace("</ul>", f"{self._entry}</ul>", 1)
        if name == _TASK:
            text = text.replace(_FIELDS, self._user + _FIELDS, 1)
        return Template(text, name=name, loader=self)


def link_to(url: str) -> None:
    """Let each page of Flower link to a URL."""
    settings["template_loader"] = LinkingLoader(settings["template_path"], url)


def link_to_user(kwargs: object) -> str:
    """Return where the user of a task is, below the operator's page; nothing if its arguments name none."""
    try:
        user_id = literal_eval(str(kwargs))["user_id"]
    except (ValueError, SyntaxError, TypeError, KeyError):
        return ""
    return f"/people?user={quote(str(user_id), safe='')}"
