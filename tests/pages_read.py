"""A page as its reader finds it: nested, complete, and with media that decode."""

import base64
import html.parser
import io

import cv2
import numpy as np
import soundfile as sf


class Page(html.parser.HTMLParser):
    """Checks that elements nest, and collects what a page says and refers to.

    Attributes:
      media: [(tag, MIME type, bytes)] of what the page holds.
      links: Other addresses.
      ids: Of elements.
      text: What is read outside of styles.
      tags: Names of all elements.
    """

    VOID = {"meta", "img"}

    def __init__(self, text):
        super().__init__()
        self.open, self.media, self.links, self.ids = [], [], [], []
        self.words, self.tags = [], []
        self.feed(text)
        self.close()
        assert not self.open
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for key, value in attrs:
            assert not key.startswith("on"), "no script"
            if key in ("src", "href") and value.startswith("data:"):
                kind, payload = value.removeprefix("data:").split(";base64,")
                payload = base64.b64decode(payload, validate=True)
                self.media.append((tag, kind, payload))
            elif key in ("src", "href"):
                self.links.append(value)
            elif key == "id":
                self.ids.append(value)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    def sounds(self):
        """[(float [T, C], Hz)] of its players."""
        found = [p for tag, kind, p in self.media if (tag, kind) == AUDIO]
        return [sf.read(io.BytesIO(p), always_2d=True) for p in found]

    def pictures(self):
        """[uint8 [H, W, 3]] of its pictures."""
        found = [p for tag, kind, p in self.media if (tag, kind) == PICTURE]
        return [cv2.imdecode(np.frombuffer(p, np.uint8), 1) for p in found]


AUDIO, PICTURE = ("audio", "audio/flac"), ("img", "image/png")
