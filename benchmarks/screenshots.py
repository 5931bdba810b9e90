"""Pictures of a verdict, to be looked at: its page, its page printed, and its summary in a terminal.

    python benchmarks/screenshots.py VALIDATION_JSON [...] --output FOLDER [--browser chromium]

Of every result: the page at 1280 and 400 pixels, light and dark, the page as it prints (page-print.pdf), and what
`mctl report` shows at 80 and 120 columns, with and without -v. `--browser` is a Chromium (on Debian `apt-get install
chromium`). The script ends with an error if a dark page is not dark or a page scrolls sideways at 400 pixels; whether
the pictures are good is for a person to say.
"""

from __future__ import annotations

import argparse
import html
import io
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageChops
from rich.console import Console

from mctl.report.page import page
from mctl.report.terminal import show
from mctl.report.verdict_files import parse_result

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-pdf-header-footer",
)
SCHEMES = {"light": 1, "dark": 0}  # as Blink counts them
HEIGHT = 9000
DARK = 90  # of 255: what no channel of a dark page's ground exceeds


class Browser:
    """A Chromium that draws one file at a time."""

    def __init__(self, command: str, folder: Path) -> None:
        self._command, self._folder = command, folder

    def draw(self, content: str, picture: Path, width: int, scheme: str = "light") -> Image.Image:
        """`content` as wide as asked, without the empty rows below it.

        A window has a smallest width, a frame has none: the document is shown in a frame.
        """
        document, frame = self._folder / "document.html", self._folder / "frame.html"
        document.write_text(content, encoding="utf-8", errors="backslashreplace")
        frame.write_text(
            "<!doctype html><style>body{margin:0}iframe{border:0;display:block}</style>"
            f'<iframe src="document.html" width="{width}" height="{HEIGHT}"></iframe>',
            encoding="utf-8",
        )
        self._run(
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
            f"--screenshot={picture}",
            f"--window-size={max(width, 600)},{HEIGHT}",
            frame.as_uri(),
        )
        drawn = Image.open(picture).convert("RGB").crop((0, 0, width, HEIGHT))
        ground = Image.new("RGB", drawn.size, drawn.getpixel((1, HEIGHT - 2)))
        box = ImageChops.difference(drawn, ground).getbbox() or (0, 0, width, 1)
        drawn = drawn.crop((0, 0, width, min(box[3] + 16, HEIGHT)))
        drawn.save(picture)
        return drawn

    def width_needed(self, content: str, width: int) -> int:
        """How wide a document makes itself in a frame that is `width` wide: more, and it scrolls sideways."""
        frame = self._folder / "frame.html"
        told = "document.title = this.contentDocument.documentElement.scrollWidth"
        frame.write_text(
            "<!doctype html>"
            f'<iframe srcdoc="{html.escape(content)}" width="{width}" height="800" onload="{told}"></iframe>',
            encoding="utf-8",
            errors="backslashreplace",
        )
        shown = self._run("--virtual-time-budget=2000", "--dump-dom", frame.as_uri())
        return int(shown.partition("<title>")[2].partition("</title>")[0])

    def print(self, content: str, pdf: Path, scheme: str) -> None:
        """`content` as it is printed where the system is light or dark."""
        document = self._folder / "document.html"
        document.write_text(content, encoding="utf-8", errors="backslashreplace")
        self._run(
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", f"--print-to-pdf={pdf}", document.as_uri()
        )

    def _run(self, *arguments: str) -> str:
        profile = f"--user-data-dir={self._folder / 'profile'}"
        command = [self._command, *OPTIONS, profile, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def terminal(result_path: Path, columns: int, *, verbose: bool) -> str:
    """What `mctl report` shows, as HTML with its colours."""
    console = Console(
        file=io.StringIO(), width=columns, record=True, force_terminal=True, soft_wrap=True, highlight=False
    )
    show(parse_result(result_path), console, verbose=verbose)
    style = (
        f"body{{background:#1e1e1e;color:#ddd;margin:8px}}pre{{width:{columns}ch;white-space:pre;font-size:14px;"
        "outline:1px dashed #555;overflow:visible}"
    )
    body = console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")
    return f"<!doctype html><meta charset=utf-8><style>{style}</style>{body}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+", metavar="VALIDATION_JSON")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--browser", default="chromium")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(arguments.browser, Path(folder))
        for path in arguments.results:
            _pictures(browser, path, arguments.output.resolve() / path.stem)


def _pictures(browser: Browser, path: Path, stem: Path) -> None:
    document = page(parse_result(path))
    for width in (1280, 400):
        for scheme in SCHEMES:
            drawn = browser.draw(document, Path(f"{stem}-{width}-{scheme}.png"), width, scheme)
            ground = drawn.getpixel((1, drawn.height - 1))
            if (max(ground) <= DARK) != (scheme == "dark"):
                raise SystemExit(f"{stem.name}: the {scheme} page has a ground of {ground}")
    needed = browser.width_needed(document, 400)
    if needed > 404:  # with the frame's border
        raise SystemExit(f"{stem.name}: the page needs {needed} pixels where it has 400")
    for scheme in SCHEMES:
        browser.print(document, Path(f"{stem}-print-{scheme}.pdf"), scheme)
    for columns in (80, 120):
        for verbose in (False, True):
            shown = terminal(path, columns, verbose=verbose)
            name = f"{stem}-terminal-{columns}{'-v' if verbose else ''}.png"
            browser.draw(shown, Path(name), 9 * columns + 40)
    print(f"{stem.name}: drawn", flush=True)


if __name__ == "__main__":
    main()
