"""Does examples/dtls_echo_server.py serve many DTLS clients on one UDP socket, and keep nothing for those who lie?"""

import pathlib
import socket

import pytest
from lossy_network import CLIENT_HELLO, HELLO_VERIFY_REQUEST, SERVER_HELLO, message_type

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "dtls_echo_server.py"
CLIENTS = 8


@pytest.fixture
def server(start_mpy, certs, free_port):
    """The port of the example at work."""
    port = free_port()
    process = start_mpy(EXAMPLE, [str(port), f"certfile={certs / 'ec-chain.pem'}", f"keyfile={certs / 'ec.key'}"])
    process.wait_udp_port(port)
    return port


@pytest.fixture
def start_client(start, certs):
    """start_client(PORT, *OPTIONS): openssl s_client at work."""
    return lambda port, *options: start(
        ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port}", "-quiet", "-CAfile", certs / "root.pem",
         "-verify_return_error", *options], stdin=True)


def new_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(10)
    sock.bind(("127.0.0.1", 0))
    return sock


def test_many_clients(server, start_client, start, tool, certs, mpy_client, context, engine, other_engine):
    """Clients of OpenSSL, of GnuTLS and of both engines, all connected at the same time; each gets what is its own."""
    programs = [start_client(server) for _ in range(CLIENTS)]
    programs.append(start([tool("gnutls-cli"), "--udp", "--port", server, "--x509cafile", certs / "root.pem",
                           "--verify-hostname", "server.test", "127.0.0.1"], stdin=True))
    steps = [["say", "started"], ["wait"], ["recv", 100], ["close"]]
    ours = [mpy_client(server, [["send", f"peer {number}\n"], ["recv", 100], *steps[:2],
                                ["send", f"peer {number} again\n"], *steps[2:]],
                       udp=True, context=context("DTLS_CLIENT", ca="root"), engine=(engine, other_engine)[number % 2])
            for number in range(CLIENTS)]
    for number, program in enumerate(programs):
        program.send(f"program {number}\n")
    for number, program in enumerate(programs):
        program.wait_output(f"^program {number}$")
    for peer in ours:
        peer.process.wait_output("^started")
    # All of them are connected now.
    for number, program in enumerate(programs):
        program.send(f"program {number} again\n")
    for peer in ours:
        peer.process.send("go on\n")
    for number, program in enumerate(programs):
        program.wait_output(f"^program {number} again$")
    for number, peer in enumerate(ours):
        result = peer.result()
        assert result["error"] is None, result["error"]["traceback"]
        assert [result["steps"][1], result["steps"][5]] == [f"peer {number}\n", f"peer {number} again\n"]


class Client:
    """openssl s_client, whose datagrams the test carries to a server from an address of its own."""

    def __init__(self, start_client, port):
        self.near = new_socket()
        self.far = new_socket()
        self.far.connect(("127.0.0.1", port))
        self.process = start_client(self.near.getsockname()[1])

    def receive(self):
        data, self.address = self.near.recvfrom(65536)
        return data

    def ask(self, data):
        """What the server answers first."""
        self.far.send(data)
        return self.far.recv(65536)

    def answer(self, data):
        self.near.sendto(data, self.address)

    def close(self):
        self.near.close()
        self.far.close()


@pytest.fixture
def client(start_client, server):
    client = Client(start_client, server)
    yield client
    client.close()


def test_cookies(client, server):
    """Who has not returned a cookie of its own address gets another one, shorter than the question, and no state."""
    hello = client.receive()
    assert message_type(hello) == CLIENT_HELLO
    # More of them than the server takes clients, each from an address of its own.
    for _ in range(100):
        with new_socket() as sock:
            sock.sendto(hello, ("127.0.0.1", server))
            answer = sock.recv(65536)
            assert message_type(answer) == HELLO_VERIFY_REQUEST
            assert len(answer) <= len(hello)
    client.answer(client.ask(hello))
    second = client.receive()
    while second == hello or len(second) <= len(hello):
        second = client.receive()  # sent again meanwhile
    with new_socket() as thief:
        thief.sendto(second, ("127.0.0.1", server))
        assert message_type(thief.recv(65536)) == HELLO_VERIFY_REQUEST
    assert message_type(client.ask(second)) == SERVER_HELLO


def test_rubbish(server, start_client):
    """From addresses that are not known it is dropped without an answer, and clients are served."""
    with new_socket() as sock:
        sock.settimeout(0.3)
        for rubbish in (b"", b"x", b"GET / HTTP/1.0\r\n\r\n", bytes(1400), b"\x16\xfe\xfd" + bytes(20), b"\xff" * 60):
            for _ in range(20):
                sock.sendto(rubbish, ("127.0.0.1", server))
        with pytest.raises(TimeoutError):
            sock.recv(65536)
    client = start_client(server)
    client.send("hello\n")
    client.wait_output("^hello")


def test_client_that_comes_back(server, start_client, client, free_port):
    """From the port of a connection that is still open it is not answered; from another one it is, and from the same
    one when the connection was closed. So docs/dtls.md says."""
    hello = client.receive()

    def is_answered(port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.3)
            sock.bind(("127.0.0.1", port))
            sock.sendto(hello, ("127.0.0.1", server))
            try:
                return message_type(sock.recv(65536)) == HELLO_VERIFY_REQUEST
            except TimeoutError:
                return False

    def visit(port):
        program = start_client(server, "-bind", f"127.0.0.1:{port}", "-no_ign_eof")
        program.send("hello\n")
        program.wait_output("^hello")
        return program

    port, other_port = free_port(), free_port()
    visit(port).kill()  # without close_notify
    assert not is_answered(port)
    assert is_answered(other_port)
    assert not is_answered(port)
    program = visit(other_port)
    program.close_stdin()  # says close_notify
    program.wait()
    assert is_answered(other_port)
