#!/usr/bin/env python3
"""requests.py http|memcached PORT: gives a server on 127.0.0.1 something to do."""
import socket
import sys
import time


def connect(port):
    """The server may not listen yet."""
    end = time.time() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            if time.time() > end:
                raise
            time.sleep(0.05)


def http(port):
    for i in range(60):
        path = ("/numbers.txt", "/up/numbers.txt", "/missing.html", "/again/numbers.txt")[i % 4]
        with connect(port) as s:
            s.sendall(("GET %s HTTP/1.1\r\nHost: test\r\nAccept-Encoding: %s\r\n"
                       "Connection: close\r\n\r\n" % (path, ("gzip", "identity")[i % 2])).encode())
            got = b""
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += part
        want = b"404" if "missing" in path else b"200"
        if not got.startswith(b"HTTP/1.1 " + want):
            sys.exit("%s: %r" % (path, got[:200]))


def memcached(port):
    held = [connect(port) for _ in range(8)]
    for n, s in enumerate(held):
        f = s.makefile("rwb")
        for i in range(200):
            value = b"v" * (i * 37 % 3000)
            f.write(b"set key%d-%d 0 0 %d\r\n%s\r\n" % (n, i, len(value), value))
        f.flush()
        if any(f.readline() != b"STORED\r\n" for i in range(200)):
            sys.exit("an item was not stored")
        f.write(b"get " + b" ".join(b"key%d-%d" % (n, i) for i in range(100)) + b"\r\n")
        f.flush()
        while f.readline() != b"END\r\n":
            pass
        for i in range(0, 200, 3):
            f.write(b"delete key%d-%d\r\n" % (n, i))
        f.flush()
        if any(f.readline() != b"DELETED\r\n" for i in range(0, 200, 3)):
            sys.exit("an item was not deleted")
        if n % 2:
            f.close()
            s.close()
    print("done")


{"http": http, "memcached": memcached}[sys.argv[1]](int(sys.argv[2]))
