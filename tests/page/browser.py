# SPDX-License-Identifier: 0BSD
"""Debian's chromium, without a screen: what it makes of a page."""

import json
import re
import shutil
import subprocess
import tempfile
import zlib

BROWSER = "chromium"

# Runs in the page, and sends what it finds to the page around it: what is wider than the window or
# lies outside of it, apart from tables in boxes that scroll; texts in a drawing that overlap.
LOOK = """
addEventListener("load", () => {
	const wide = [], outside = [], overlap = [];
	const width = document.documentElement.clientWidth;
	const say = e => `${e.tagName} ${e.textContent.slice(0, 40)}`;
	if (document.documentElement.scrollWidth > width) wide.push(document.documentElement.scrollWidth);
	for (const e of document.querySelectorAll("body *")) {
		const box = e.getBoundingClientRect();
		if (e.closest(".scroll > *") || !box.width) continue;
		if (box.left < -0.5 || box.right > width + 0.5) outside.push(`${say(e)} ${box.left} ${box.right}`);
	}
	for (const plot of document.querySelectorAll("svg.plot")) {
		const texts = [...plot.querySelectorAll("text")].map(e => [e, e.getBoundingClientRect()]);
		texts.forEach(([a, x], i) => texts.slice(i + 1).forEach(([b, y]) => {
			if (x.left + 1 < y.right && y.left + 1 < x.right && x.top + 3 < y.bottom && y.top + 3 < x.bottom)
				overlap.push(`${say(a)} / ${say(b)}`);
		}));
	}
	const heading = document.querySelector("h1").innerText;
	parent.postMessage(JSON.stringify({heading, wide, outside, overlap}), "*");
});
"""

# A window of chromium's has a least width, a frame has none.
FRAME = """<!DOCTYPE html><meta charset="utf-8"><body>
<script>
addEventListener("message", e => { document.getElementById("found").textContent = e.data; });
</script>
<pre id="found"></pre><iframe src="%s" style="width:%dpx;height:900px;border:0"></iframe>
"""


def missing():
    """Why there is no browser; empty: there is one."""
    if shutil.which(BROWSER):
        return ""
    return f"{BROWSER} is not installed, 120 MB: tests/page/suite.sh --browser installs it"


def _run(patience, *words):
    with tempfile.TemporaryDirectory(prefix="page-") as profile:
        return subprocess.run(
            [
                *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *(f"--user-data-dir={profile}", "--force-device-scale-factor=1", *words),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60 * patience,
            check=True,
        ).stdout.decode()


def probe(stem, text, width, patience):
    """What LOOK finds at a width in pixels."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    inner, outer = f"{stem}-inner.html", f"{stem}-frame.html"
    with open(inner, "w", encoding="utf-8") as file:
        file.write(text.replace("</head>", f"<script>{LOOK}</script></head>"))
    with open(outer, "w", encoding="utf-8") as file:
        file.write(FRAME % (inner.rpartition("/")[2], width))
    dom = _run(patience, "--virtual-time-budget=10000", "--dump-dom", f"file://{outer}")
    found = re.search(r'<pre id="found">(.+?)</pre>', dom, re.DOTALL)
    if not found:
        raise OSError(f"the page never loaded: {dom[:200]}")
    unescaped = found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return json.loads(unescaped)


def screenshot(stem, text, patience):
    """(colours, the part of pixels that differ from the corner's) of a page of 1280 x 1600."""
    source, target = f"{stem}.html", f"{stem}.png"
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    _run(patience, "--window-size=1280,1600", f"--screenshot={target}", f"file://{source}")
    with open(target, "rb") as file:
        rows = _pixels(file.read())
    counts = {}
    for row in rows:
        for pixel in row:
            counts[pixel] = counts.get(pixel, 0) + 1
    total = sum(counts.values())
    return len(counts), 1 - counts[rows[0][0]] / total


def _pixels(png):
    """Rows of pixels of a PNG of 8 bits a sample, as bytes each."""
    position, data, header = 8, b"", b""
    while position < len(png):
        size, kind = (
            int.from_bytes(png[position : position + 4], "big"),
            png[position + 4 : position + 8],
        )
        body = png[position + 8 : position + 8 + size]
        header = body if kind == b"IHDR" else header
        data += body if kind == b"IDAT" else b""
        position += 12 + size
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    step = {2: 3, 6: 4}[header[9]]
    raw, rows, above = zlib.decompress(data), [], bytearray(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        kind, row = raw[start], bytearray(raw[start + 1 : start + 1 + width * step])
        for i in range(len(row)) if kind else ():
            left = row[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            if kind == 4:
                guess = left + above[i] - corner
                guess = min((left, above[i], corner), key=lambda x: abs(guess - x))
            else:
                guess = (0, left, above[i], (left + above[i]) // 2)[kind]
            row[i] = (row[i] + guess) & 255
        rows.append([bytes(row[i : i + step]) for i in range(0, len(row), step)])
        above = row
    return rows


def printed(stem, patience):
    """Sheets of paper that the page takes."""
    target = f"{stem}.pdf"
    _run(patience, "--no-pdf-header-footer", f"--print-to-pdf={target}", f"file://{stem}.html")
    with open(target, "rb") as file:
        return len(re.findall(rb"/Type\s*/Page\b", file.read()))
