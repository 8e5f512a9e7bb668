"""A debuginfod server on 127.0.0.1: server.py FOLDER PORTFILE HITS [MODE]

Files are FOLDER/<build-id>/executable and FOLDER/<build-id>/debuginfo. MODE tells how it treats
its clients: fine, cut (half of a file and then the end of the connection), short (half of a file as
if it were all), hang (no answer at all).
"""
import http.server
import os
import re
import sys
import time

folder, port_file, hits, mode = (sys.argv + ["fine"])[1:5]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(hits, "a") as f:
            f.write(self.path + "\n")
        if mode == "hang":
            time.sleep(600)
        match = re.fullmatch(r"/buildid/([0-9a-f]+)/(executable|debuginfo)", self.path)
        path = match and os.path.join(folder, match[1], match[2])
        if not path or not os.path.exists(path):
            self.send_error(404)
            return
        with open(path, "rb") as f:
            data = f.read()
        if mode == "short":
            data = data[: len(data) // 2]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if mode == "cut" else data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(port_file + ".new", port_file)
server.serve_forever()
