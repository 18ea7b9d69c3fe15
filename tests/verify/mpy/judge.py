# judge.py FILE: one connection for each case and TLS version that the JSON in FILE lists, and what verification made of it.
#
# The peer of each is the program that started this one: it listens on a port, and is told in a line which chain to show.
# Prints a line of JSON for each: name, version, verdict, and for people the detail.

import json
import socket
import ssl
import sys

ACCEPT = "accept"
VERIFY_FAILED, BAD_CERTIFICATE = -0x2700, -0x7A00


def connect(port, line):
    sock = socket.socket()
    sock.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    sock.write(line.encode() + b"\n")
    sock.read(1)  # else the first record would wait for an acknowledgement
    return sock


def new_context(spec, case, version):
    client = case["role"] == "server"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if client else ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = context.minimum_version = version
    if not client:
        context.load_cert_chain(spec["cert"], spec["key"])
    for anchor in case["anchors"]:
        context.load_verify_locations(cadata=anchor)
    if case["bundle"]:
        context.load_verify_locations(case["bundle"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_time = spec["time"]
    return context


def judge(spec, case, version):
    try:
        context = new_context(spec, case, version)
    except ValueError as e:
        # Such an anchor cannot be loaded.
        return e.args[0], e.detail
    sock = connect(spec["port"], "%s %s" % (case["number"], version))
    try:
        sock = context.wrap_socket(
            sock, server_side=case["role"] == "client", server_hostname=case["host"], do_handshake_on_connect=True)
        if sock.read(2) != b"ok":
            return "no data arrived", ""
        return ACCEPT, ""
    except OSError as e:
        if e.errno in (VERIFY_FAILED, BAD_CERTIFICATE):
            return e.reason, e.detail
        return "%s: %s" % (e, getattr(e, "reason", None)), getattr(e, "detail", "")
    finally:
        sock.close()


with open(sys.argv[1]) as f:
    spec = json.load(f)
for case in spec["cases"]:
    for version in case["versions"]:
        verdict, detail = judge(spec, case, version)
        print(json.dumps({"name": case["name"], "version": version, "verdict": verdict, "detail": detail}))
