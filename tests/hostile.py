"""Names that want to write on the terminal, and what must not come of them."""

from __future__ import annotations

from typing import Any

HOSTILE = {
    "controls": "a\x1b[2J\x9b31mb\x1b]0;t\x07c\x90q\x1b]52;c;aGVsbG8=\x07d",
    "letters": "in\u202egpj.exe\nsecond\r\tthird\u2028\udcff end",
    "markup": "[bold red]x[/] [@click=app.quit]y[/] [link=file:///etc/passwd]z",
    "long": "\u200b\ufeff" + "容器" * 200 + "n" * 4096,
}


def harmless(screen: Any) -> None:
    """Nothing of it on the screen would be obeyed: by the terminal, or as markup."""
    for strip in screen.strips:
        bad = {c for c in strip.text if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2028\u200b\ufeff"}
        assert bad == set(), repr(strip.text)
        for segment in strip:
            meta = segment.style.meta if segment.style is not None else {}
            assert "app.quit" not in str(meta.get("@click", ""))
            assert segment.style is None or segment.style.link is None
