"""QR codes as drawings in the page, for links that people open on their phones."""

from __future__ import annotations

from bot.platforms.web.admin.html import Html, el

_QUIET = 4  # modules of white around a code, as readers need it


def qr_code(link: str, label: str) -> Html:
    """Draw the code of a link; `label` says what it is to those who cannot see it."""
    import segno  # for the pages that have codes alone

    rows = list(segno.make(link, error="m", micro=False).matrix)
    dark = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module
    )
    size = len(rows) + 2 * _QUIET
    paper, ink = el("path", d=f"M0 0h{size}v{size}H0z", class_="qr-paper"), el("path", d=dark, class_="qr-ink")
    view = f"0 0 {size} {size}"
    return el("svg", paper, ink, viewBox=view, class_="qr", role="img", aria_label=label, shape_rendering="crispEdges")
