"""Fixtures of the interoperability tests: MicroPython as client and as server, and the programs it talks to."""

import json
import pathlib

import pytest

MPY = pathlib.Path(__file__).resolve().parent / "mpy"
VERSIONS = ("TLSv1.2", "TLSv1.3")
VERSION_NUMBERS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = range(3)

# What a server gets as a request; every peer answers to it.
GET = "GET / HTTP/1.0\r\n\r\n"


def pytest_collection_modifyitems(items):
    """Marks the tests that known.txt lists."""
    lines = (MPY.parent / "known.txt").read_text(encoding="utf-8").splitlines()
    known = dict(line.split(" | ", 1) for line in lines if line and not line.startswith("#"))
    for item in items:
        if item.path.parent == MPY.parent and item.name in known:
            item.add_marker(pytest.mark.xfail(reason=known[item.name], strict=True))


class Peer:
    """MicroPython running mpy/peer.py."""

    def __init__(self, process, port):
        self.process = process
        self.port = port

    def result(self, timeout=30):
        """What it prints at its end."""
        self.process.check(timeout)
        return json.loads(self.process.stdout.splitlines()[-1])


class Context(dict):
    """What mpy/peer.py makes its SSLContext of."""

    def version(self, version):
        if version is not None:
            number = VERSION_NUMBERS[version]
            # Up before down, so that minimum <= maximum holds all the time.
            self.setdefault("set", {}).update(
                {"maximum_version": number, "minimum_version": number})
        return self

    def set(self, **attributes):
        self.setdefault("set", {}).update(attributes)
        return self


@pytest.fixture
def context(certs):
    """context(PROTOCOL, cert=None, ca=None, version=None, **MORE): the context of a MicroPython peer."""
    def context(protocol, cert=None, ca=None, version=None, **more):
        spec = Context(protocol=protocol, **more)
        if cert is not None:
            spec["cert"] = [str(certs / f"{cert}-chain.pem"), str(certs / f"{cert}.key"), None]
        if ca is not None:
            spec["cafile"] = str(certs / f"{ca}.pem")
            spec.set(verify_mode=CERT_REQUIRED)
        return spec.version(version)

    return context


@pytest.fixture
def mpy_client(start_mpy, context):
    """mpy_client(PORT, STEPS, context=None, engine=…, …): a client at work; by default it verifies server.test."""
    client_context = context

    def mpy_client(port, steps, *, context=None, wrap=None, engine=None, env=None, **spec):
        spec.update(
            port=port, steps=steps, context=context or client_context("TLS_CLIENT", ca="root"),
            wrap=wrap if wrap is not None else {"server_hostname": "server.test"})
        options = {"engine": engine} if engine else {}
        return Peer(start_mpy(MPY / "peer.py", [spec], stdin=True, env=env, **options), port)

    return mpy_client


@pytest.fixture
def mpy_server(start_mpy, context, free_port):
    """mpy_server(STEPS, context=None, …): a server that listens already; by default with the certificate ec."""
    server_context = context

    def mpy_server(steps, *, context=None, wrap=None, engine=None, udp=False, **spec):
        port = free_port()
        spec.update(
            server=True, udp=udp, port=port, steps=steps, context=context or server_context("TLS_SERVER", cert="ec"),
            wrap={"server_side": True, **(wrap or {})})
        options = {"engine": engine} if engine else {}
        process = start_mpy(MPY / "peer.py", [spec], stdin=True, **options)
        if udp:
            process.wait_udp_port(port)
        else:
            process.wait_port(port)
        return Peer(process, port)

    return mpy_server
