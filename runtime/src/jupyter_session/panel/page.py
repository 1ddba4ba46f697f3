"""The page that shows a session without JupyterLab: HTML alone, which a script renews where there are scripts."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from jupyter_session.panel.figures import Figure
from jupyter_session.panel.view import View

#: Seconds between two looks.
_EVERY = 10
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<noscript><meta http-equiv="refresh" content="{every};url=?"></noscript>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ margin: 2rem auto; max-width: 52rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .25rem 1rem .25rem 0;
  text-align: left; vertical-align: top; }}
meter {{ width: 10rem; }}
form {{ display: inline; }}
button {{ font: inherit; margin-right: .5rem; padding: .25rem 1rem; }}
.said {{ border-left: 4px solid currentColor; padding-left: 1rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
{said}
<p role="status">{sentence}</p>
<form method="post">{token}<button name="do" value="keep">Keep for 2 h</button></form>
<form method="post"><details><summary>Stop the session…</summary>
<p>Its kernels and terminals end, and the notebooks go back to the access point.</p>
{token}<button name="do" value="stop">Stop now</button></details></form>
<main>
{main}
</main>
<p><a href="{lab}">JupyterLab</a></p>
<script>
const say = text => {{
  const status = document.querySelector("[role=status]");
  if (status.textContent !== text) status.textContent = text;
}};
setInterval(async () => {{
  if (document.hidden) return;
  try {{
    const answer = await fetch("?no_track_activity=1");
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(page.querySelector("main"));
    say(page.querySelector("[role=status]").textContent);
  }} catch {{
    say("The session can't be reached. What follows is old.");
  }}
}}, {every} * 1000);
</script>
</body>
</html>
"""


def render_page(view: View, *, said: str, token: str, lab: str) -> str:
    """Return the page. `said` answers a click, `token` is the hidden field of the forms, `lab` JupyterLab's path."""
    answer = f'<p class="said" role="alert">{html.escape(said)}</p>' if said else ""
    main = "\n".join(_render(view, token))
    sentence = html.escape(view.problem or view.sentence)
    return _PAGE.format(
        title="Session", every=_EVERY, said=answer, sentence=sentence, token=token, main=main, lab=html.escape(lab)
    )


def _render(view: View, token: str) -> Iterable[str]:
    if view.warnings:
        yield "<h2>Warnings</h2>" + _render_list(view.warnings)
    if view.figures:
        yield "<h2>Resources</h2>" + _render_table([(each.name, each.text) for each in view.figures], view.figures)
    if view.sources:
        rows = [(each.name, "yes" if each.active else "no", each.since, each.sees) for each in view.sources]
        yield "<h2>Activity</h2>" + _render_table([("Source", "Active", "Since", "Sees"), *rows], heads=1)
    if view.saving:
        yield "<h2>Saved to the access point</h2>" + _render_list(view.saving)
    if view.arrived:
        yield f'<form method="post">{token}<button name="do" value="fetch">Fetch what is new</button></form>'
    if view.facts:
        yield "<h2>About</h2>" + _render_table(view.facts)


def _render_list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"


def _render_table(rows: Sequence[Sequence[str]], figures: Sequence[Figure] = (), *, heads: int = 0) -> str:
    """Return a table; the first `heads` rows are the headings of the columns. `figures` add what has a share."""
    lines = []
    for number, (first, *rest) in enumerate(rows):
        cells = [html.escape(cell) for cell in rest]
        if number < heads:
            lines.append("<tr>" + "".join(f'<th scope="col">{cell}</th>' for cell in (html.escape(first), *cells)))
            continue
        share = figures[number].share if figures else None
        if figures:
            bar = f'<meter min="0" max="1" high="0.9" value="{share:.3f}" aria-label="{html.escape(first)}"></meter>'
            cells.append("" if share is None else bar)
        lines.append(f'<tr><th scope="row">{html.escape(first)}</th>' + "".join(f"<td>{cell}</td>" for cell in cells))
    return f"<table>{''.join(lines)}</table>"
