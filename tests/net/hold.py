# SPDX-License-Identifier: Apache-2.0
# Clients that hold a connection: by a body that never comes, a body that trickles, a second head that trickles;
# and one that reads slowly.
#   hold.py PORT CA IMAGE      prints "body=<s> download=<bytes> second=<s> trickle=<s>": seconds until each was ended, -1 if it was not
import socket, ssl, sys, threading, time

port, ca = int(sys.argv[1]), sys.argv[2]
image = sys.argv[3]
PATIENCE = 100
context = ssl.create_default_context(cafile=ca)
took = {}


def connect():
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")


def hold(name, s, drip):
    began = time.monotonic()
    took[name] = -1
    s.settimeout(1)
    while time.monotonic() - began < PATIENCE:
        try:
            if drip:
                s.sendall(drip)
            if not s.recv(4096):
                break
        except socket.timeout:
            continue
        except OSError:
            break
    else:
        return
    took[name] = round(time.monotonic() - began)


def post(drip, name):
    s = connect()
    s.sendall(b"POST /api/v1/devices/a/reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n")
    hold(name, s, drip)


def second():
    s = connect()
    s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    s.recv(4096)
    s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
    hold("second", s, b"x")


# Slower than any deadline, but it reads.
def download():
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    raw.connect(("127.0.0.1", port))
    s = context.wrap_socket(raw, server_hostname="localhost")
    s.sendall(f"GET {image} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    got, began = b"", time.monotonic()
    try:
        while time.monotonic() - began < 85:
            got += s.recv(16384)
            time.sleep(0.15)
        while piece := s.recv(65536):
            got += piece
    except OSError:
        pass
    head, _, body = got.partition(b"\r\n\r\n")
    took["download"] = len(body)


threads = [threading.Thread(target=t, args=a) for t, a in
           [(post, (b"", "body")), (post, (b" ", "trickle")), (second, ()), (download, ())]]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(" ".join(f"{k}={v}" for k, v in sorted(took.items())))
