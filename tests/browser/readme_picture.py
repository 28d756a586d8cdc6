"""Draw the README's picture of the demo: `python tests/browser/readme_picture.py`.

Runs the demo unattended, hands what it printed to headless Chromium, and saves what a person
with a dark terminal would see.
"""

import html
import shutil
import subprocess
import sysconfig
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "simulator" / "images" / "demo.png"
KEYFOB = Path(sysconfig.get_path("scripts")) / "keyfob"
COMMAND = ("--approve", "auto", "--until", "refreshed:2")
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
STYLE = """
  body { margin: 0; padding: 18px 26px; display: inline-block }
  body { background: #1d2127; color: #d6dae0 }
  pre { font: 15px/17px 'DejaVu Sans Mono', monospace; margin: 0 }
  .qr { background: #fff; color: #000 }
  b { color: #8fd19e; font-weight: normal }
"""


def main() -> None:
    shown = subprocess.run(
        [KEYFOB, "sim", *COMMAND], capture_output=True, text=True, check=True
    ).stdout
    command = html.escape(f'$ make demo ARGS="{" ".join(COMMAND)}"')
    lines = [f"<b>{command}</b>", ""]
    for line in shown.splitlines():
        text = html.escape(line)
        if line.startswith("  │   "):
            text = f"  │   <span class=qr>{html.escape(line[6:])}</span>"
        lines.append(text)
    page_source = f"<style>{STYLE}</style><pre>" + "\n".join(lines) + "</pre>"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(device_scale_factor=2, viewport={"width": 900, "height": 400})
        page.set_content(page_source)
        TARGET.parent.mkdir(exist_ok=True)
        page.locator("body").screenshot(path=TARGET)
        browser.close()


if __name__ == "__main__":
    main()
