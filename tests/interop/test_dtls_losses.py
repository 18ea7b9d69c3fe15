"""Does DTLS work over a network that loses, doubles, reorders and forges datagrams, or drops long ones?"""

import concurrent.futures

import pytest
from lossy_network import (
    BAD, DATA, HELLO_VERIFY_REQUEST, TO_CLIENT, TO_SERVER, LossyNetwork, message_type, record_type)

LINES = [f"{number} {'x' * (number % 30)}\n" for number in range(60)]
# A server begins when it knows that its client has finished: with the client's first line.
AS_CLIENT = [["exchange_lines", LINES], ["close"]]
AS_SERVER = [["recv", 5000], ["exchange_lines", LINES], ["close"]]
MTU = 500


@pytest.fixture
def network():
    """network(SERVER_PORT, …): see LossyNetwork."""
    networks = []

    def network(server_port, **options):
        networks.append(LossyNetwork(server_port, **options))
        return networks[-1]

    yield network
    for started in networks:
        started.close()


class Peers:
    """A client and a server, one of them of MicroPython, and the LossyNetwork between them."""

    def __init__(self, fixture, certs, free_port, network, **options):
        self.fixture = fixture
        self.certs = certs
        self.free_port = free_port
        self.network = network
        self.options = options
        self.link = None

    def connect(self, server_port):
        self.link = self.network(server_port, **self.options)
        return self.link.port

    def context(self, protocol, **more):
        context = self.fixture("context")(protocol, **more)
        return context.set(mtu=self.options["mtu"]) if "mtu" in self.options else context

    def client(self, server_port, **more):
        return self.fixture("mpy_client")(
            self.connect(server_port), AS_CLIENT, udp=True, context=self.context("DTLS_CLIENT", ca="root"), **more)

    def server(self, **more):
        return self.fixture("mpy_server")(
            AS_SERVER, udp=True, context=self.context("DTLS_SERVER", cert="ec"), **more)

    def mtu(self, argument):
        return [argument, self.options["mtu"]] if "mtu" in self.options else []

    def start(self, program, *argv, **more):
        return self.fixture("start")([self.fixture("tool")(program), *argv], **more)

    def check(self, result, received, way):
        """All that arrived was taken, once."""
        assert result["error"] is None, result["error"]["traceback"]
        arrived = [data for data in self.link.seen(way, True) if record_type(data) == DATA]
        assert set(received) <= set(LINES)
        assert len(received) == len(set(received)) == len(arrived) - 1  # "end" is one more

    def check_result(self, peer, way):
        result = peer.result(40)
        assert result["error"] is None, result["error"]["traceback"]
        first, lines = ([], *result["steps"])[-3:-1] if len(result["steps"]) == 2 else result["steps"][:2]
        self.check(result, ([first] if first else []) + lines, way)
        return result

    def check_output(self, result, program, way):
        """The same for what a program has printed, without what else it says."""
        self.check(result, [line for line in program.stdout.splitlines(True) if line in LINES], way)

    def check_network(self):
        """What the network was to do has happened."""
        for way in (TO_SERVER, TO_CLIENT):
            if "mtu" in self.options:
                assert max(map(len, self.link.seen(way))) <= self.options["mtu"]
                assert not self.link.lost()
            else:
                assert self.link.seen(way, False), f"{way}: nothing was lost"


def say_lines(program):
    """Each with a datagram of its own."""
    for line in LINES:
        program.send_alone(line, timeout=60)


def server_of_openssl(peers):
    """openssl s_server -listen, with cookies."""
    port = peers.free_port()
    server = peers.start("openssl", "s_server", "-dtls1_2", "-listen", "-accept", f"127.0.0.1:{port}", "-cert",
                         peers.certs / "ec.pem", "-key", peers.certs / "ec.key", "-cert_chain",
                         peers.certs / "inter.pem", "-quiet", *peers.mtu("-mtu"), stdin=True)
    server.wait_udp_port(port)
    client = peers.client(port)
    server.wait_output(r"^\d+ ", 60)
    say_lines(server)
    client.process.wait_output("^sent", 60)
    peers.link.calm()
    client.process.send("calm\n")
    server.wait_output("^end")
    server.send("end\n")
    result = peers.check_result(client, TO_CLIENT)
    peers.check_output(result, server, TO_SERVER)


def client_of_openssl(peers):
    """openssl s_client."""
    server = peers.server()
    client = peers.start("openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{peers.connect(server.port)}",
                         "-quiet", "-CAfile", peers.certs / "root.pem", "-verify_return_error", *peers.mtu("-mtu"),
                         stdin=True)
    say_lines(client)
    server.process.wait_output("^sent", 60)
    peers.link.calm()
    client.send("end\n")
    server.process.send("calm\n")
    client.wait_output("^end")
    result = peers.check_result(server, TO_SERVER)
    peers.check_output(result, client, TO_CLIENT)


def server_of_gnutls(peers):
    """gnutls-serv --udp --echo: the client gets what of its own has come through twice."""
    port = peers.free_port()
    peers.start("gnutls-serv", "--udp", "--port", port, "--echo", "--disable-client-cert", "--x509certfile",
                peers.certs / "ec-chain.pem", "--x509keyfile", peers.certs / "ec.key",
                *peers.mtu("--mtu")).wait_udp_port(port)
    client = peers.client(port)
    client.process.wait_output("^sent", 60)
    peers.link.calm()
    client.process.send("calm\n")
    peers.check_result(client, TO_CLIENT)


def client_of_gnutls(peers):
    """gnutls-cli --udp, verifying."""
    server = peers.server()
    client = peers.start("gnutls-cli", "--udp", "--port", peers.connect(server.port), "--x509cafile",
                         peers.certs / "root.pem", "--verify-hostname", "server.test", *peers.mtu("--mtu"), "127.0.0.1",
                         stdin=True)
    say_lines(client)
    server.process.wait_output("^sent", 60)
    peers.link.calm()
    client.send("end\n")
    server.process.send("calm\n")
    client.wait_output("^end")
    result = peers.check_result(server, TO_SERVER)
    peers.check_output(result, client, TO_CLIENT)


def client_of_the_other_engine(peers):
    server = peers.server()
    client = peers.client(server.port, engine=peers.fixture("other_engine"))
    for peer in (client, server):
        peer.process.wait_output("^sent", 60)
    peers.link.calm()
    for peer in (client, server):
        peer.process.send("calm\n")
    peers.check_result(client, TO_CLIENT)
    peers.check_result(server, TO_SERVER)


CASES = (server_of_openssl, client_of_openssl, server_of_gnutls, client_of_gnutls, client_of_the_other_engine)

# OpenSSL's client and gnutls-serv come to no end where much is lost; openssl s_client does not either.
NOT_UNDER_LOSS = {"openssl": [server_of_gnutls], "mbedtls": []}


@pytest.fixture
def run_cases(request, certs, free_port, network, engine, other_engine, start, start_mpy, tool, context, mpy_client,
              mpy_server):
    """run_cases(*LEFT_OUT, **OPTIONS): all cases at once, as most of what they do is to wait; OPTIONS of the network."""
    def run(case, options):
        peers = Peers(request.getfixturevalue, certs, free_port, network, **options)
        case(peers)
        peers.check_network()
        return peers.link

    def run_cases(*left_out, **options):
        with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
            futures = {case.__name__: pool.submit(run, case, options) for case in CASES if case not in left_out}
        errors = {name: future.exception() for name, future in futures.items() if future.exception()}
        assert not errors, "\n".join(f"{name}: {error}" for name, error in errors.items())
        return {name: future.result() for name, future in futures.items()}

    return run_cases


@pytest.mark.parametrize("seed", [2, 3])
def test_losses(run_cases, engine, seed):
    """30% are lost, a tenth doubled, a tenth delayed: handshakes succeed, and data is what arrived, once."""
    run_cases(*NOT_UNDER_LOSS[engine], rates=BAD, seed=seed)


def test_mtu(run_cases):
    """Longer datagrams do not pass, none is sent, and servers begin with a cookie."""
    links = run_cases(mtu=MTU)
    for name, link in links.items():
        assert HELLO_VERIFY_REQUEST in map(message_type, link.seen(TO_CLIENT)), name


@pytest.mark.parametrize("lost", [{1}, {2}, {3}], ids=["first", "second", "third"])
def test_lost_datagrams(mpy_server, mpy_client, context, other_engine, network, lost):
    """Any of the first datagrams, lost in both directions, is sent again."""
    server = mpy_server([["recv", 100], ["send", "pong"], ["close"]], udp=True, engine=other_engine,
                        context=context("DTLS_SERVER", cert="ec"))
    link = network(server.port, lost=lost)
    client = mpy_client(link.port, [["send", "ping"], ["recv", 100], ["close"]], udp=True,
                        context=context("DTLS_CLIENT", ca="root"))
    assert client.result()["steps"][1] == "pong"
    assert server.result()["steps"][0] == "ping"
    assert link.lost() >= len(lost)


CLOSE_NOTIFY = b"\x15\xfe\xfd" + bytes(8) + b"\0\x02\x01\0"  # in plaintext: anybody can send it


def forge(link, way):
    """What somebody on the way can do: repeat all datagrams, cut and change them, say goodbye, send rubbish."""
    for data in link.seen(way):
        changed = data[:-1] + bytes([data[-1] ^ 1])
        for forged in (data, data[:-1], changed):
            link.inject(way, forged)
    for rubbish in (CLOSE_NOTIFY, b"", b"x", bytes(1400), b"\xff" * 100):
        link.inject(way, rubbish)


def test_forgeries(mpy_server, mpy_client, context, other_engine, network):
    """Replayed, damaged and forged datagrams, close_notify among them, reach no reader and end no connection."""
    server = mpy_server([["recv", 100], ["send", "one"], ["recv", 100], ["send", "two"], ["recv", 100], ["close"]],
                        udp=True, engine=other_engine, context=context("DTLS_SERVER", cert="ec"))
    link = network(server.port)
    client = mpy_client(link.port, [["send", "first"], ["recv", 100], ["say", "forge"], ["wait"], ["send", "second"],
                                    ["recv", 100], ["send", "end"], ["close"]],
                        udp=True, context=context("DTLS_CLIENT", ca="root"))
    client.process.wait_output("^forge")
    forge(link, TO_SERVER)
    forge(link, TO_CLIENT)
    client.process.send("go on\n")
    client_result, server_result = client.result(), server.result()
    for result in (client_result, server_result):
        assert result["error"] is None, result["error"]["traceback"]
    assert server_result["steps"][0:5:2] == ["first", "second", "end"]
    assert client_result["steps"][1] == "one"
    assert client_result["steps"][5] == "two"
