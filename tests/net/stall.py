# SPDX-License-Identifier: Apache-2.0
# Twenty clients that stop in the middle of the TLS handshake: what do they cost, is an honest client served meanwhile, are they ended?
#   stall.py PORT PID CA URL      prints "cpu=<percent> served=<ok of all> ended=<count> after=<seconds>"
import os, socket, ssl, sys, time, urllib.request

port, pid, ca, url = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
CLIENTS, SECONDS, ASKED = 20, 5.0, 3


def cpu():
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context(cafile=ca).wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


# Some stop in the record header, some in the ClientHello, some after it.
hello = client_hello()
cuts = [1, 4, 5, 20, len(hello) - 1, len(hello)]
context = ssl.create_default_context(cafile=ca)
stalled = []
opened = time.monotonic()
for i in range(CLIENTS):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(hello[: cuts[i % len(cuts)]])
    stalled.append(s)
time.sleep(0.3)

before, began, served = cpu(), time.monotonic(), 0
for _ in range(ASKED):
    started = time.monotonic()
    with urllib.request.urlopen(url + "/metadata/timestamp.json", context=context, timeout=5) as answer:
        served += answer.status == 200 and time.monotonic() - started < 2
    time.sleep(SECONDS / ASKED)
used = (cpu() - before) / (time.monotonic() - began) * 100
ended = 0
for s in stalled:
    s.settimeout(max(0.1, opened + 25 - time.monotonic()))
    try:
        while s.recv(4096):
            pass
        ended += 1
    except ConnectionError:
        ended += 1
    except socket.timeout:
        pass
print(f"cpu={used:.2f} served={served}/{ASKED} ended={ended} after={time.monotonic() - opened:.0f}")
