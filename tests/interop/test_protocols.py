"""Do protocols work that bring TLS along in ways of their own: WebSocket, and those that begin without it?"""

import asyncio
import os
import pathlib
import pwd
import shutil
import signal
import tempfile

import pytest
import python_peer
import websockets
from aiosmtpd.controller import Controller

MPY = pathlib.Path(__file__).resolve().parent / "mpy"
VERSIONS = ("TLSv1.2", "TLSv1.3")

each_version = pytest.mark.parametrize("version", VERSIONS)


# ----------------------------------------------------------------------------------------------------------------------
# WebSocket


@each_version
def test_websocket_server(start_mpy, free_port, certs, version):
    """MicroPython's module `websocket` over a TLS connection; the client is Debian's python3-websockets."""
    port = free_port()
    server = start_mpy(MPY / "websocket_peer.py", ["server", str(port), str(certs / "ec-chain.pem"), str(certs / "ec.key")])
    server.wait_port(port)

    async def talk():
        context = python_peer.client_context(certs, version=version)
        async with websockets.connect(f"wss://localhost:{port}/", ssl=context, ping_interval=None) as conn:
            for size in (1, 125, 126, 4096, 16384, 65535):
                data = (os.urandom(size).hex()[:size - 1] + "\n").encode()
                await conn.send(data)
                back = b""
                while len(back) < size:  # the module knows no messages, only a stream
                    back += await asyncio.wait_for(conn.recv(), 10)
                assert back == data

    asyncio.run(talk())
    assert server.check() == f"served 6 {version}\n"


@each_version
def test_websocket_client(run_mpy, certs, version):
    """MicroPython is the client; messages of all kinds of sizes, in fragments."""
    async def serve():
        async def echo(conn):
            async for message in conn:
                await conn.send(message)

        context = python_peer.server_context(certs, version=version)
        async with websockets.serve(echo, "127.0.0.1", 0, ssl=context, ping_interval=None) as server:
            port = list(server.sockets)[0].getsockname()[1]
            return await asyncio.to_thread(
                run_mpy, MPY / "websocket_peer.py", ["client", str(port), str(certs / "root.pem")])

    assert asyncio.run(serve()).stdout == f"closed True True {version}\n"


# ----------------------------------------------------------------------------------------------------------------------
# SMTP


class Mailbox:
    """What aiosmtpd hands mails to."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, session.ssl is not None))
        return "250 taken"


@pytest.fixture
def mail_server(certs, free_port):
    """mail_server(VERSION): aiosmtpd, which takes mails over TLS only; it has .port and .mails."""
    controllers = []

    def mail_server(version):
        mailbox = Mailbox()
        port = free_port()
        controller = Controller(mailbox, hostname="127.0.0.1", port=port, require_starttls=True,
                                tls_context=python_peer.server_context(certs, version=version))
        controllers.append(controller)
        controller.start()
        mailbox.port = port
        return mailbox

    yield mail_server
    for controller in controllers:
        controller.stop()


@each_version
def test_starttls(run_mpy, mail_server, certs, version):
    """A connected socket is wrapped after the server has said so; a mail of many records arrives whole."""
    server = mail_server(version)
    result = run_mpy(MPY / "smtp_client.py", [str(server.port), str(certs / "root.pem"), "server.test"])
    assert result.stdout == f"sent {version}\n"
    (sender, receivers, content, has_tls), = server.mails
    assert (sender, receivers, has_tls) == ("board@board.test", ["owner@server.test"], True)
    assert content == b"".join(b"reading %d of many\r\n" % number for number in range(2000))


@pytest.mark.parametrize(("root", "name", "reason"), [
    ("other-root", "server.test", "untrusted"), ("root", "mail.test", "hostname_mismatch")])
def test_starttls_refused(run_mpy, mail_server, certs, root, name, reason):
    """No mail goes to a server that is not the right one."""
    server = mail_server("TLSv1.3")
    result = run_mpy(MPY / "smtp_client.py", [str(server.port), str(certs / f"{root}.pem"), name], check=False)
    assert (result.returncode, result.stdout) == (1, f"refused {reason}\n")
    assert not server.mails


# ----------------------------------------------------------------------------------------------------------------------
# PostgreSQL

PASSWORD = "correct horse"
HBA = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"


@pytest.fixture(scope="module")
def database_cluster(certs):
    """A folder with a new database cluster and how to run programs there: not as root, which the server refuses."""
    programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=None,
                   key=lambda path: int(path.parent.name.partition(".")[0]))
    if programs is None:
        pytest.fail("postgresql is missing; run tools/install-packages test", pytrace=False)
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if os.getuid() == 0 else []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postgres-"))
    for name in ("ec-chain.pem", "ec.key", "root.pem"):
        shutil.copy(certs / name, folder)
    (folder / "ec.key").chmod(0o600)
    (folder / "password").write_text(PASSWORD, encoding="ascii")
    if prefix:
        for path in [folder, *folder.iterdir()]:
            os.chown(path, user.pw_uid, user.pw_gid)
    yield folder, [*prefix, "env", "-C", folder], programs
    shutil.rmtree(folder)


@pytest.fixture
def database(start, database_cluster, free_port):
    """The port of a PostgreSQL server that takes TLS with client certificates only."""
    folder, prefix, programs = database_cluster
    data = folder / "data"
    if not data.exists():
        start([*prefix, programs / "initdb", "-D", data, "-U", "tester", "-A", "scram-sha-256", "--no-sync", "--locale=C",
               f"--pwfile={folder}/password"]).check(60)
        (data / "pg_hba.conf").write_text(HBA, encoding="ascii")
    port = free_port()
    settings = {
        "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "ssl": "on", "fsync": "off",
        "ssl_cert_file": folder / "ec-chain.pem", "ssl_key_file": folder / "ec.key", "ssl_ca_file": folder / "root.pem",
    }
    server = start([*prefix, programs / "postgres", "-D", data,
                    *[f"--{name}={value}" for name, value in settings.items()]])
    server.wait_output("ready to accept connections", 60, "stderr")
    yield port
    server.signal(signal.SIGINT)  # killed, it would leave shared memory behind
    server.wait()


@each_version
def test_postgres(run_mpy, database, certs, version):
    """TLS after SSLRequest, a client certificate, and a password whose proof is bound to the connection."""
    result = run_mpy(MPY / "postgres_client.py", [
        str(database), str(certs / "root.pem"), str(certs / "client-ec-chain.pem"), str(certs / "client-ec.key"), version,
        PASSWORD, "right"], timeout=60)
    assert result.lines == [f"t|{version}|/CN=Test client EC", "100000"]


def test_postgres_refuses(run_mpy, database, certs):
    """A wrong binding is as good as a wrong password; and without a certificate that it trusts, nobody gets that far."""
    def ask(cert, password, binding):
        result = run_mpy(MPY / "postgres_client.py", [
            str(database), str(certs / "root.pem"), str(certs / f"{cert}-chain.pem"), str(certs / f"{cert}.key"), "TLSv1.3",
            password, binding], check=False, timeout=60)
        assert result.returncode == 1
        return result.stdout + result.stderr

    assert ask("client-ec", PASSWORD, "wrong") == "error SCRAM channel binding check failed\n"
    assert ask("client-ec", "wrong", "right") == 'error password authentication failed for user "tester"\n'
    assert "alert unknown_ca" in ask("client-other", PASSWORD, "right")
