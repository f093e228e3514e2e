#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy between boards and an honest server that damages what goes through, once or twice a round.

usage: hostile_proxy.py tcp PORT SEED ROUND_FILE
       hostile_proxy.py tls PORT SEED ROUND_FILE REPO CERT KEY

`tcp` does it to the encrypted bytes: anybody on the way can. `tls` ends TLS itself, with a certificate that the boards trust, and does it
to the bodies: a cache, a mirror or a broken middle box of the owner. Forwards to 127.0.0.1:PORT; the first line printed is its own port.

ROUND_FILE holds a number or "off" and is read for each connection (tcp) or request (tls). SEED and the number decide which fault comes, where
and how often; a new number begins anew. Each fault done is a line in ROUND_FILE.log.

  stall      nothing for a while, then on
  cut        the connection ends in the middle
  flip       one to three bits inverted
  truncate   bytes are missing in the middle (tcp), or at the end with a Content-Length that matches (tls)
  duplicate  a block comes twice; tls: with a Content-Length that matches, or one that does not
  reorder    two blocks change places
  swap       the body of another file of REPO (tls)
"""
import os
import random
import re
import socket
import ssl
import sys
import threading
import time

how, upstream, seed, round_file = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
STALL_MAX = 1.5
IDLE = 1.0  # after a fault nobody may wait for bytes that will not come
lock = threading.Lock()


class Plan:
    """What one round does: drawn once, whatever the boards ask for."""

    def __init__(self, number):
        self.number = number
        self.r = r = random.Random("%s:%s" % (seed, number))
        self.fault = r.choice(["stall", "cut", "flip", "truncate", "duplicate", "reorder"] + (["swap", "swap"] if how == "tls" else []))
        self.times = r.choice([1, 1, 2])
        self.skip = r.choice([0, 0, 0, 1])
        self.where = r.choice([r"/targets/.*app\.bin|thermo\.bin", r"/targets/", r"/targets/", r"timestamp\.json", r"/metadata/\d", r""])
        self.at = int(2 ** (r.uniform(0, 12) if r.random() < 0.25 else r.uniform(12, 18.5)))  # byte of a stream
        self.block = int(2 ** r.uniform(0, 13))
        self.share = r.random()  # place in a body
        self.stall = r.uniform(0.1, STALL_MAX)
        self.client = r.random() < 0.1  # tcp: what the board sends, instead of what it gets
        if self.client:
            self.at = int(2 ** r.uniform(0, 11))
        self.lies = r.random() < 0.5

    def hits(self):
        with lock:
            if self.skip:
                self.skip -= 1
                return False
            self.times -= 1
            return self.times >= 0

    def note(self, text):
        with lock, open(round_file + ".log", "a") as log:
            log.write("round %s: %s %s\n" % (self.number, self.fault, text))


plan = None


def current():
    global plan
    try:
        number = open(round_file).read().strip()
    except OSError:
        number = "off"
    with lock:
        if number == "off":
            plan = None
        elif plan is None or plan.number != number:
            plan = Plan(number)
        return plan


def flipped(p, data):
    data = bytearray(data)
    for _ in range(p.r.randint(1, 3)):
        data[p.r.randrange(len(data))] ^= 1 << p.r.randrange(8)
    return bytes(data)


# ---- encrypted bytes ----------------------------------------------------------------------------------------


class Cut(Exception):
    pass


def damage_stream(p, source, sink, direction):
    """Forwards; does the fault once the byte at p.at has come, in the first connection that gets so far."""
    seen, done, held = 0, False, None
    while True:
        try:
            data = source.recv(16384)
        except socket.timeout:
            if held is None:
                raise Cut
            sink.sendall(held)
            held, done = None, True
            continue
        if not data:
            if held:
                sink.sendall(held)
            return
        begin, seen = seen, seen + len(data)
        if held is not None:
            held += data
            if len(held) >= 2 * p.block:
                sink.sendall(held[p.block:2 * p.block] + held[:p.block] + held[2 * p.block:])
                held, done = None, True
            continue
        if done or seen <= p.at:
            sink.sendall(data)
            continue
        if not p.hits():
            sink.sendall(data)
            done = True
            continue
        at = p.at - begin
        done = p.fault != "reorder"
        p.note("%s at byte %d" % (direction, p.at))
        source.settimeout(IDLE)
        if p.fault == "stall":
            sink.sendall(data[:at])
            time.sleep(p.stall)
            sink.sendall(data[at:])
            source.settimeout(None)
        elif p.fault == "cut":
            sink.sendall(data[:at])
            raise Cut
        elif p.fault == "flip":
            sink.sendall(data[:at] + flipped(p, data[at:]))
        elif p.fault == "truncate":
            sink.sendall(data[:at] + data[at + p.block:])
        elif p.fault == "duplicate":
            sink.sendall(data[:at] + data[at:at + p.block] + data[at:])
        else:
            sink.sendall(data[:at])
            held = data[at:]


def forward(source, sink):
    while True:
        data = source.recv(16384)
        if not data:
            return
        sink.sendall(data)


def pump(p, source, sink, direction):
    try:
        if p:
            damage_stream(p, source, sink, direction)
        else:
            forward(source, sink)
    except (OSError, Cut):
        pass
    for s in (source, sink):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve_tcp(client):
    try:
        server = socket.create_connection(("127.0.0.1", upstream))
    except OSError:
        client.close()
        return
    p = current()
    back = threading.Thread(target=pump, args=(p if p and not p.client else None, server, client, "to the board"), daemon=True)
    back.start()
    pump(p if p and p.client else None, client, server, "from the board")
    back.join()
    client.close()
    server.close()


# ---- bodies -------------------------------------------------------------------------------------------------


def read_message(stream):
    """Head and body of a request or response; None at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline(65536)
        if not line:
            return None
        head += line
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return head, length and int(length.group(1)) or 0


def ask(head, body):
    """The honest server's answer."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", upstream)) as raw, context.wrap_socket(raw) as s:
        head = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head)
        s.sendall(head[:-2] + b"Connection: close\r\n\r\n" + body)
        stream = s.makefile("rb")
        answer, length = read_message(stream)
        bare = head.startswith(b"HEAD") or answer.split(None, 2)[1] in (b"204", b"304")
        return re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", answer), b"" if bare else stream.read(length)


def other_file(p, path, own):
    """Of the same folder of the repository as a rule: an older image, another role."""
    repo = sys.argv[5]
    top = "targets" if "/targets/" in path else "metadata"
    names = sorted(os.path.join(d, f) for d, _, files in os.walk(os.path.join(repo, top)) for f in files)
    p.r.shuffle(names)
    for name in names:
        body = open(name, "rb").read()
        if body != own and body:
            return body
    return own[::-1]


def with_length(head, length):
    return re.sub(rb"(?i)(\r\ncontent-length: *)\d+", lambda m: m.group(1) + str(length).encode(), head)


def damage_body(p, path, head, body, client):
    """Sends the answer. False: the connection is over."""
    at = min(int(p.share * len(body)), len(body) - 1)
    block = min(p.block, len(body))
    p.note("%s, %d bytes, at %d" % (path, len(body), at))
    if p.fault == "stall":
        client.sendall(head + body[:at])
        time.sleep(p.stall)
        client.sendall(body[at:])
        return True
    if p.fault == "cut":
        client.sendall(head + body[:at])
        return False
    if p.fault == "flip":
        body = flipped(p, body)
    elif p.fault == "truncate":
        body = body[:at]
        head = with_length(head, len(body))
    elif p.fault == "duplicate":
        longer = body[:at] + body[at:at + block] + body[at:]
        body = longer[:len(body)] if p.lies else longer
        head = with_length(head, len(body))
    elif p.fault == "reorder":
        a, b = body[at:at + block], body[at + block:at + 2 * block]
        body = body[:at] + b + a + body[at + 2 * block:]
    elif p.fault == "swap":
        other = other_file(p, path, body)
        if p.lies:  # as long as the right one
            other = (other * (len(body) // len(other) + 1))[:len(body)]
        body = other
        head = with_length(head, len(body))
    client.sendall(head + body)
    return True


def serve_tls(raw):
    try:
        with context.wrap_socket(raw, server_side=True) as client:
            stream = client.makefile("rb")
            while message := read_message(stream):
                head, length = message
                path = head.split(None, 2)[1].decode("ascii", "replace")
                answer, body = ask(head, stream.read(length))
                p = current()
                if p and body and re.search(p.where, path) and p.hits():
                    if not damage_body(p, path, answer, body, client):
                        break
                else:
                    client.sendall(answer + body)
            raw.close()
    except (OSError, ValueError):
        raw.close()


if how == "tls":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[6], sys.argv[7])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve_tls if how == "tls" else serve_tcp, args=(listener.accept()[0],), daemon=True).start()
