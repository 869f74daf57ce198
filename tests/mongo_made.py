"""As much of a MongoDB server as Sacred asks of one, over a real socket.

The wire protocol's OP_MSG: int32 length, request, response to, 2013, flags; then
sections: 0 and a document, or 1, a length, a name and documents.
https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
"""

import socketserver
import struct
import threading

import bson

MESSAGE = 2013
HELLO = {"isWritablePrimary": True, "maxWireVersion": 21, "minWireVersion": 0}
HELLO |= {"maxBsonObjectSize": 2**24, "maxMessageSizeBytes": 48_000_000}
HELLO |= {"maxWriteBatchSize": 100_000, "readOnly": False}


class Server(socketserver.ThreadingTCPServer):
    """Keeps documents in `kept`: {"database.collection": [document]}."""

    daemon_threads = allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept, self.lock = {}, threading.Lock()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def port(self):
        return self.server_address[1]

    def answer(self, asked):
        """The document that answers a command."""
        command = next(iter(asked))
        name = f"{asked['$db']}.{asked[command]}"
        documents = self.kept.setdefault(name, []) if command in WRITES else None
        if documents is None:
            documents = self.kept.get(name, [])
        if command in ("hello", "isMaster", "ismaster"):
            return HELLO
        if command == "insert":
            documents += asked["documents"]
            return {"n": len(asked["documents"])}
        if command == "update":
            return self.update(documents, asked["updates"])
        if command == "find":
            found = [x for x in documents if fits(x, asked.get("filter", {}))]
            for key, order in reversed(list(asked.get("sort", {}).items())):
                found.sort(key=lambda x: x[key], reverse=order < 0)
            return cursor(name, found[: asked.get("limit") or None])
        if command == "aggregate":  # of count_documents
            return cursor(name, [{"_id": 1, "n": len(documents)}] if documents else [])
        return cursor(name, []) if command.startswith("list") else {}

    def update(self, documents, updates):
        """Answers the updates that Sacred makes: $set, and $push of $each."""
        made = []
        for k, one in enumerate(updates):
            found = [x for x in documents if fits(x, one["q"])]
            if not found and one.get("upsert"):
                found = [{"_id": bson.ObjectId(), **one["q"]}]
                documents += found
                made.append({"index": k, "_id": found[0]["_id"]})
            for document in found[:1]:
                document.update(one["u"].get("$set", {}))
                for key, values in one["u"].get("$push", {}).items():
                    document.setdefault(key, []).extend(values["$each"])
        return {"n": len(updates), "nModified": len(updates), "upserted": made}


WRITES = ("insert", "update")


def fits(document, wanted):
    return all(document.get(key) == value for key, value in wanted.items())


def cursor(name, found):
    return {"cursor": {"id": 0, "ns": name, "firstBatch": found}}


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self):
        while len(head := self.rfile.read(16)) == 16:
            size, request, _, kind = struct.unpack("<iiii", head)
            body = self.rfile.read(size - 16)
            if kind == MESSAGE:
                asked = read(body)
                with self.server.lock:
                    told = {**self.server.answer(asked), "ok": 1.0}
                sent = struct.pack("<IB", 0, 0) + bson.encode(told)
                code = MESSAGE
            else:  # OP_QUERY, the first greeting; answered by OP_REPLY
                told = {**HELLO, "ismaster": True, "ok": 1.0}
                sent = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(told)
                code = 1
            head = struct.pack("<iiii", len(sent) + 16, 1, request, code)
            self.wfile.write(head + sent)  # at once: TCP holds a second part back


def read(body):
    """The command of an OP_MSG, with the documents of its other sections."""
    flags, place = struct.unpack_from("<I", body)[0], 4
    asked, more = {}, {}
    stop = len(body) - (4 if flags & 1 else 0)  # a checksum
    while place < stop:
        kind, place = body[place], place + 1
        size = struct.unpack_from("<i", body, place)[0]
        part, place = body[place : place + size], place + size
        if kind == 0:
            asked = bson.decode(part)
        else:
            name, _, documents = part[4:].partition(b"\0")
            more[name.decode()] = bson.decode_all(documents)
    return {**asked, **more}
