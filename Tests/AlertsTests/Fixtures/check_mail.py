"""Reads messages as a mail program does, and tells what is wrong with them: one JSON object a message, a line each.

usage: check_mail.py MESSAGE...
"""
import email
import email.policy
import html.parser
import json
import sys

HEADERS = {"Date", "From", "To", "Cc", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
           "X-Daybook-Idempotency-Key", "MIME-Version", "Content-Type"}
TAGS = {"html", "head", "meta", "title", "body", "div", "p", "h1", "h2", "span", "table", "tr", "th", "td", "pre", "ul",
        "li"}
ATTRIBUTES = {"lang", "charset", "name", "content", "style", "role"}


class Page(html.parser.HTMLParser):
    """Collects the text, and what is not to be there."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.words, self.mistakes = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS:
            self.mistakes.append(f"the tag {tag}")
        for name, value in attributes:
            if name not in ATTRIBUTES or "url(" in value or "//" in value:
                self.mistakes.append(f"the attribute {name}={value}")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.mistakes.append(f"</{tag}> ends nothing")

    def handle_data(self, data):
        self.words.append(data)

    def handle_comment(self, data):
        self.mistakes.append("a comment")


def check(data):
    mistakes = []
    if b"\n" in data.replace(b"\r\n", b"") or b"\r" in data.replace(b"\r\n", b""):
        mistakes.append("a line does not end with CRLF")
    if any(byte > 126 or byte < 32 and byte not in b"\r\n\t" for byte in data):
        mistakes.append("a byte is not of text in ASCII")
    mistakes += [f"a line of {len(line)} bytes" for line in data.split(b"\r\n") if len(line) > 78]
    message = email.message_from_bytes(data, policy=email.policy.default)
    names = [name for name, _ in message.items()]
    mistakes += [f"the header {name}" for name in names if name not in HEADERS or names.count(name) > 1]
    mistakes += [f"no header {name}" for name in HEADERS - {"Cc"} - set(names)]
    for name, value in message.items():
        mistakes += [f"{name}: {defect!r}" for defect in value.defects]
    for name in ["From", "To", "Cc"]:
        mistakes += [f"{name}: {address}" for address in (message[name].addresses if message[name] else [])
                     if "@" not in address.addr_spec]
    if message["Date"].datetime.utcoffset() is None:
        mistakes.append("the date has no zone")
    parts = list(message.iter_parts())
    for part in [message] + parts:
        mistakes += [repr(defect) for defect in part.defects]
    kinds = [(part.get_content_type(), part.get_content_charset()) for part in parts]
    if message.get_content_type() != "multipart/alternative" or kinds != [
            ("text/plain", "utf-8"), ("text/html", "utf-8")]:
        mistakes.append(f"parts: {kinds}")
        return {"mistakes": mistakes}
    page = Page()
    page.feed(parts[1].get_content())
    page.close()
    mistakes += page.mistakes + [f"<{tag}> has no end" for tag in page.open]
    return {
        "mistakes": mistakes, "headers": {name: str(value) for name, value in message.items()},
        "to": [[address.display_name, address.addr_spec] for address in message["To"].addresses],
        "text": parts[0].get_content().replace("\r\n", "\n"), "page": "".join(page.words)}


for path in sys.argv[1:]:
    with open(path, "rb") as file:
        print(json.dumps(check(file.read())))
