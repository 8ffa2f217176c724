# SPDX-License-Identifier: 0BSD
"""An HTML page as a tree, read without mercy: what is not well-formed is a complaint."""

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.parts = []  # elements and text

    def walk(self):
        yield self
        for part in self.parts:
            if isinstance(part, Element):
                yield from part.walk()

    def find(self, tag):
        return [element for element in self.walk() if element.tag == tag]

    def text(self):
        return "".join(p.text() if isinstance(p, Element) else p for p in self.parts)

    def x(self):
        """Per cent of the plot's width."""
        return float(self.attributes["x"].rstrip("%"))


class Document(HTMLParser):
    """The page's root is `root`; `complaints` are what is wrong with it."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.complaints = []
        self.root = self._open = Element("", {}, None)
        self.feed(text)
        self.close()
        if self._open is not self.root:
            self.complaints.append(f"<{self._open.tag}> is never closed")
        self._judge(text)

    def handle_starttag(self, tag, attrs):
        if len(dict(attrs)) != len(attrs):
            self.complaints.append(f"<{tag}> has an attribute twice")
        element = Element(tag, dict(attrs), self._open)
        self._open.parts.append(element)
        if tag not in VOID:
            self._open = element

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open = self._open.parent

    def handle_endtag(self, tag):
        if self._open.tag != tag:
            self.complaints.append(f"</{tag}> inside of <{self._open.tag}>")
            return
        self._open = self._open.parent

    def handle_data(self, data):
        self._open.parts.append(data)

    def find(self, tag):
        return self.root.find(tag)

    def text(self):
        """What is read: the body, and the exact values behind rounded numbers."""
        body = self.find("body")[0]
        values = [e.attributes.get("value", "") for e in body.find("data")]
        text = body.text().replace("\u202f", "").replace("\u2212", "-")
        return "\n".join([text, *values])

    def heading(self):
        return self.find("h1")[0].text()

    def section(self, name):
        found = [e for e in self.find("section") if e.attributes["id"] == name]
        return found[0] if found else Element("", {}, None)

    def figure(self, title):
        """The plot of that title."""
        return next(
            s for s in self.find("svg") if s.find("title") and s.find("title")[0].text() == title
        )

    def rows(self, caption):
        """The table of that caption, as lists of text."""
        table = next(t for t in self.find("table") if t.find("caption")[0].text() == caption)
        return [
            [cell.text() for cell in row.parts if isinstance(cell, Element)]
            for body in table.find("tbody")
            for row in body.find("tr")
        ]

    def _judge(self, text):
        say = self.complaints.append
        elements = list(self.root.walk())
        ids = [e.attributes["id"] for e in elements if "id" in e.attributes]
        if len(set(ids)) != len(ids):
            say("an id twice")
        for e in elements:
            if e.tag in ("script", "link", "img", "iframe", "object", "use", "image"):
                say(f"there is a <{e.tag}>")
            for name, value in e.attributes.items():
                if name.startswith("on") or name in ("src", "xlink:href"):
                    say(f"<{e.tag}> has {name}")
                if name == "href" and value[1:] not in ids:
                    say(f"a link to {value}")
                if name == "aria-labelledby" and not set(value.split()) <= set(ids):
                    say(f"no label {value}")
            if e.attributes.get("role") == "img" and [
                len(e.find(t)) for t in ("title", "desc")
            ] != [1, 1]:
                say("a picture without title and desc")
            if e.tag == "table" and (len(e.find("caption")) != 1 or not e.find("th")):
                say("a table without caption or headings")
            if e.tag == "th" and e.attributes.get("scope") not in ("row", "col"):
                say("a heading of nothing")
        for word in ("http://", "https://", "url(", "@import", "javascript:"):
            if word in re.sub(r"(?s)<body.*", "", text):
                say(f"the head has {word}")
        for tag in ("title", "h1", "main"):
            if len([e for e in self.find(tag) if e.parent.tag != "svg"]) != 1:
                say(f"not one <{tag}>")
