# Our side of test_conformance.py: for each line of JSON from the port in its argument, one connection to the peer, and a
# line of what came of it. It greets, sends back all that comes, and closes.
#
#   {"port": 4433, "server": false, "context": {"cert": [certfile, keyfile], "cafile": …, "alpn": …, "groups": …,
#                "ciphers": …, "set": {…}}, "resume": null}
#
# Equal contexts are one, so that sessions can be resumed: "resume" is a name under which the client keeps its session.

import json
import socket
import ssl
import sys

SECONDS = 5

contexts = {}
sessions = {}


def make_context(server, spec):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if "cert" in spec:
        context.load_cert_chain(*spec["cert"])
    if spec.get("cafile"):
        context.load_verify_locations(spec["cafile"])
        context.verify_mode = ssl.CERT_REQUIRED
    if "alpn" in spec:
        context.set_alpn_protocols(spec["alpn"])
    if "groups" in spec:
        context.set_groups(spec["groups"])
    if "ciphers" in spec:
        context.set_ciphers(spec["ciphers"])
    for name, value in spec.get("set", {}).items():
        setattr(context, name, value)
    return context


def describe(error):
    return {"type": type(error).__name__, "name": error.args[-1] if error.args else None,
            "reason": getattr(error, "reason", None), "alert": getattr(error, "alert", None),
            "alert_by": getattr(error, "alert_by", None), "detail": getattr(error, "detail", None)}


def connect(order):
    key = json.dumps([order["server"], order["context"]])
    if key not in contexts:
        contexts[key] = make_context(order["server"], order["context"])
    transport = socket.socket()
    transport.connect(socket.getaddrinfo("127.0.0.1", order["port"])[0][-1])
    transport.setsockopt(6, 1, 1)  # TCP_NODELAY: thousands of handshakes are not to wait for each other's acknowledgements
    options = {"server_side": True} if order["server"] else {"server_hostname": "server.test"}
    name = order.get("resume")
    if name in sessions:
        options["session"] = sessions[name]
    transport.settimeout(SECONDS)
    result = {"error": None, "complete": False, "received": "", "truncated": None, "reused": None, "version": None}
    sock = None
    try:
        sock = contexts[key].wrap_socket(transport, do_handshake_on_connect=False, **options)
        sock.do_handshake()
        result["complete"] = True
        result["version"], result["reused"] = sock.version(), sock.session_reused
        result["protocol"] = sock.selected_alpn_protocol()
        sock.write("from us")
        while True:
            data = sock.recv(4096)
            if not data:
                break
            result["received"] += data.decode()
            sock.write(data)
        result["truncated"] = sock.truncated
        if name and not order["server"]:
            sessions[name] = sock.session
    except Exception as error:
        result["error"] = describe(error)
    # What we have said last is to arrive: a connection that is closed while it holds unread data is reset. Not every
    # failure has an alert that would tell the peer to end.
    try:
        transport.settimeout(0.3)
        try:
            while transport.recv(4096):
                pass
        except OSError:
            pass
        (sock or transport).close()
    except OSError as error:
        result["end"] = repr(error)
    return result


control = socket.socket()
control.connect(socket.getaddrinfo("127.0.0.1", int(sys.argv[1]))[0][-1])
while True:
    line = control.readline()
    if not line:
        break
    control.write(json.dumps(connect(json.loads(line))) + "\n")
