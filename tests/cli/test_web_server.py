"""The web server's processes end together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import psutil

from tests.embedded.processes import eventually

# A supervisor, as far as the web server can tell, and a page that takes its time.
PARENT = """
import sys, time
from massadmin.embedded.children import Child
web = Child(name="web", argv=[sys.executable, "-c", sys.argv[1], sys.argv[2]])
web.start()
print(web.process.pid, flush=True)
time.sleep(600)
"""
WEB = """
import sys, time
from flask import Flask
from massadmin.cli.web_server import WebServer
app = Flask("slow")

@app.get("/slow")
def slow():
    time.sleep(600)

WebServer(app, host="127.0.0.1", port=int(sys.argv[1]), threads=2).run()
"""


def test_a_killed_parent_takes_it_along_in_the_middle_of_an_answer() -> None:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, WEB, str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    with parent.stdout:
        web = psutil.Process(int(parent.stdout.readline()))

    with socket.socket() as line:
        assert eventually(lambda: line.connect_ex(("127.0.0.1", port)) == 0)
        line.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert eventually(lambda: bool(web.children()))
        processes = [web, *web.children()]
        # Answering: a thread of the pool has been started for it.
        assert eventually(lambda: any(each.num_threads() > 1 for each in processes[1:]))
        parent.kill()
        parent.wait()
        assert eventually(lambda: not any(alive(each) for each in processes), 5)


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
