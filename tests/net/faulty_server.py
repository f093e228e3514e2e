#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A dishonest HTTPS server over a repository folder: what an attacker or a broken proxy may do to a board.

usage: faulty_server.py REPO CERT KEY RULES

Serves REPO/metadata and REPO/targets on a free port of 127.0.0.1 and prints the port. RULES is a JSON file, read anew for each request: a
list of {"path": regex, "fault": name, "n": number, "times": number}; the first rule that matches a request and is not used up applies. A new RULES file starts the counting afresh.

  cut          send the right Content-Length, then only n bytes, then close
  short        Content-Length says n bytes fewer than the file; the body is that much shorter
  lie          Content-Length says n bytes more than what is sent, then close
  long         n more zero bytes, Content-Length to match
  endless      no Content-Length, zero bytes without end (bounded at 64 MiB)
  flip         bit 0 of byte n inverted
  replace      the file named by "with" instead (relative to REPO)
  status       answer with status n and no body
  ignore-range answer 200 with the whole file though a Range was asked for
  wrong-range  answer 206 with a Content-Range that begins n bytes too late
  new-etag     another ETag, and If-Range never matches
  stall        send half, then wait n seconds

Every request is written to RULES.log as one line: method path range if-range status bytes. RULES.report is the body of the last POST,
RULES.tokens has a line for each request that carried an Authorization header. On SIGHUP new connections get the certificate that is then in
CERT and KEY.
"""
import hashlib
import json
import os
import re
import signal
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

repo, cert, key, rules_path = sys.argv[1:5]
used = {}
rules_seen = None
lock = threading.Lock()


def rule_for(path):
    global rules_seen
    with lock:
        try:
            seen = os.stat(rules_path)
            if rules_seen != (seen.st_ino, seen.st_mtime_ns):
                rules_seen = (seen.st_ino, seen.st_mtime_ns)
                used.clear()
            rules = json.load(open(rules_path))
        except (OSError, ValueError):
            return None
        for i, rule in enumerate(rules):
            if not re.search(rule["path"], path):
                continue
            if "times" in rule and used.get(i, 0) >= rule["times"]:
                continue
            used[i] = used.get(i, 0) + 1
            return rule
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, status, count):
        with lock, open(rules_path + ".log", "a") as log:
            log.write("%s %s %s %s %d %d\n" % (self.command, self.path, self.headers.get("Range", "-"),
                                               self.headers.get("If-Range", "-"), status, count))

    def parse_request(self):
        good = super().parse_request()
        if good and self.headers.get("Authorization"):
            with lock, open(rules_path + ".tokens", "a") as log:
                log.write("%s %s\n" % (self.command, self.path))
        return good

    def answer(self, status, body, headers, send=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        sent = body if send is None else body[:send]
        if self.command == "GET":
            self.wfile.write(sent)
        self.note(status, len(sent))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open(rules_path + ".report", "wb") as report:
            report.write(body)
        self.answer(204, b"", {"Content-Length": "0"})

    def do_GET(self):
        rule = rule_for(self.path) or {"fault": "none"}
        fault, n = rule["fault"], rule.get("n", 0)
        name = os.path.normpath(repo + self.path) if fault != "replace" else os.path.join(repo, rule["with"])
        if fault == "status":
            return self.answer(n, b"", {"Content-Length": "0"})
        if not name.startswith(repo) or not os.path.isfile(name):
            return self.answer(404, b"", {"Content-Length": "0"})
        body = open(name, "rb").read()
        etag = '"%s"' % hashlib.sha256(body + (b"other" if fault == "new-etag" else b"")).hexdigest()[:32]
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if self.headers.get("If-None-Match") == etag:
            return self.answer(304, b"", {"ETag": etag})
        status = 200
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and fault != "ignore-range" and self.headers.get("If-Range", etag) == etag:
            start, total = int(wanted.group(1)), len(body)
            status, body = 206, body[start:]
            shown = start + (n if fault == "wrong-range" else 0)
            headers["Content-Range"] = "bytes %d-%d/%d" % (shown, total - 1, total)
        if fault == "flip":
            body = body[:n] + bytes([body[n] ^ 1]) + body[n + 1:]
        if fault == "short":
            body = body[:-n]
        if fault == "long":
            body += bytes(n)
        if fault == "endless":
            self.close_connection = True
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(1024):
                    self.wfile.write(bytes(65536))
            except OSError:
                pass
            return self.note(200, -1)
        headers["Content-Length"] = str(len(body) + (n if fault == "lie" else 0))
        if fault == "stall":
            self.answer(status, body, headers, len(body) // 2)
            time.sleep(n)
            self.close_connection = True
            return None
        if fault in ("cut", "lie"):
            self.close_connection = True
            return self.answer(status, body, headers, n if fault == "cut" else None)
        return self.answer(status, body, headers)

    do_HEAD = do_GET


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
signal.signal(signal.SIGHUP, lambda *_: context.load_cert_chain(cert, key))
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
