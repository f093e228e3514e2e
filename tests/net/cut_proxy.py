# SPDX-License-Identifier: Apache-2.0
"""TCP between a client and 127.0.0.1:PORT that fails once: cut_proxy.py PORT LIMIT cut|hang

After LIMIT bytes from clients it prints "reached" and closes every connection (cut) or lets nothing more through
(hang). After a cut it forwards as before. The first line it prints is its own port.
"""
import socket
import sys
import threading
import time

port, limit, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
lock = threading.Lock()
seen = 0
reached = False
open_sockets = set()


def fail():
    global reached
    reached = True
    print("reached", flush=True)
    while how == "hang":
        time.sleep(60)
    for s in list(open_sockets):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def pump(source, sink, counts):
    global seen
    try:
        while data := source.recv(16384):
            with lock:
                if counts and not reached:
                    seen += len(data)
                    if seen > limit:
                        fail()
                        return
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(client):
    try:
        server = socket.create_connection(("127.0.0.1", port))
    except OSError:
        client.close()
        return
    open_sockets.update((client, server))
    back = threading.Thread(target=pump, args=(server, client, False), daemon=True)
    back.start()
    pump(client, server, True)
    back.join()
    for s in (client, server):
        open_sockets.discard(s)
        s.close()


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
