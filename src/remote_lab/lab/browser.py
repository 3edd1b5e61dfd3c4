"""Opening the lab in the browser, by way of a file that leads there.

With the URL as its argument, `ps` would show other accounts the token.
"""

import html
import webbrowser

import click

from remote_lab.tools.files import write_whole
from remote_lab.transport.connection import Connection

# no-referrer: the lab does not learn where the browser comes from.
PAGE = """\
<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={url}">
<title>The lab</title>
<a href="{url}">The lab</a>
"""


def browse(connection: Connection, url: str) -> None:
    """Open a URL in the browser.

    Args:
        connection: The way to the lab's remote; the next call overwrites the file.
        url: The lab's, with the token.
    """
    page = connection.project.state / f"open-{connection.remote.name}.html"
    write_whole(page, PAGE.format(url=html.escape(url)))
    # Where the system has no program that opens files, Python may know a browser.
    if click.launch(page.as_uri()):
        webbrowser.open(page.as_uri())
