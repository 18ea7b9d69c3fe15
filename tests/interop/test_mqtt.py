"""Does examples/mqtt_client.py work with mosquitto, which demands client certificates?"""

import os
import pathlib
import re
import signal

import pytest
import relay

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "mqtt_client.py"
VERSIONS = ("TLSv1.2", "TLSv1.3")
CONFIGURATION = """\
user root
listener {port} 127.0.0.1
cafile {certs}/root.pem
certfile {certs}/ec-chain.pem
keyfile {certs}/ec.key
require_certificate true
use_identity_as_username true
acl_file {acl}
log_type all
"""
# mosquitto itself knows a lowest version only.
OPENSSL = """\
openssl_conf = init
[init]
ssl_conf = modules
[modules]
system_default = limits
[limits]
MinProtocol = {version}
MaxProtocol = {version}
"""
# Only who has this certificate may say and hear anything.
ACL = "user Test client EC\ntopic readwrite lab/#\n"


@pytest.fixture
def broker(start, tool, certs, tmp_path, free_port):
    """broker(VERSION): mosquitto; its name for a client is the one in the client's certificate."""
    def broker(version):
        (tmp_path / "acl").write_text(ACL, encoding="ascii")
        process_port = free_port()
        configuration = tmp_path / "mosquitto.conf"
        configuration.write_text(CONFIGURATION.format(
            port=process_port, certs=certs, acl=tmp_path / "acl"), encoding="ascii")
        (tmp_path / "openssl.cnf").write_text(OPENSSL.format(version=version), encoding="ascii")
        process = start([tool("mosquitto"), "-c", configuration],
                        env={**os.environ, "OPENSSL_CONF": str(tmp_path / "openssl.cnf")}).wait_port(process_port)
        process.port = process_port
        return process
    return broker


@pytest.fixture
def mqtt(start_mpy, certs):
    """mqtt(PORT, *WORDS, cert=NAME, ca=NAME): the example at work."""
    def mqtt(port, *words, cert="client-ec", ca="root"):
        own = ["--cert", str(certs / f"{cert}-chain.pem"), "--key", str(certs / f"{cert}.key")] if cert else []
        return start_mpy(EXAMPLE, [f"localhost:{port}", *words, "--cafile", str(certs / f"{ca}.pem"), *own])
    return mqtt


@pytest.mark.parametrize("version", VERSIONS)
def test_publish_and_subscribe(broker, mqtt, version):
    """Messages go from client to client, short and longer than a record; the broker knows both by their certificates."""
    server = broker(version)
    listener = mqtt(server.port, "lab/+/temperature")
    listener.wait_output(f"^connected over {version}, full handshake$")
    long = "x" * 200
    for place, message in (("north", "21.5 °C"), ("south", long)):
        mqtt(server.port, f"lab/{place}/temperature", message).check()
    listener.wait_output(f"^lab/north/temperature: 21.5 °C\nlab/south/temperature: {long}$")
    assert "u'Test client EC'" in server.stdout + server.stderr
    listener.signal(signal.SIGINT)
    assert listener.wait() == 0 and not listener.stderr


def test_as_a_module(broker, mqtt, run_mpy, certs):
    """The program of docs/firmware.md, with a certificate, since this broker wants one."""
    server = broker("TLSv1.3")
    listener = mqtt(server.port, "lab/temperature")
    listener.wait_output("^connected")
    text = (EXAMPLE.parent.parent / "docs" / "firmware.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(import mqtt_client\n.*?)```", text, re.DOTALL)[1]
    own = f'cafile="{certs}/root.pem", cert="{certs}/client-ec-chain.pem", key="{certs}/client-ec.key"'
    program = program.replace('cafile="/root.pem"', own).replace('"broker.example", 8883', f'"localhost", {server.port}')
    assert run_mpy(program, env={"MICROPYPATH": f"{EXAMPLE.parent}:.frozen"}).stdout == ""
    listener.wait_output("^lab/temperature: 21.5$")


@pytest.mark.parametrize("version", VERSIONS)
def test_lost_connection(broker, mqtt, version):
    """It is made again, with the session resumed, and the broker still knows who it is."""
    server = broker(version)
    path = relay.Relay(server.port)
    listener = mqtt(path.port, "lab/#")
    for number in range(3):
        listener.wait_output("(^connected over .*\n(.*\n)*?){%d}" % (number + 1))
        mqtt(server.port, "lab/count", f"number {number}").check()
        listener.wait_output(f"^lab/count: number {number}$")
        path.cut()
    path.close()
    connections = re.findall("^connected over (.*)$", listener.stdout, re.MULTILINE)
    assert connections == [f"{version}, full handshake", f"{version}, resumed", f"{version}, resumed"]


def test_keep_alive(broker, mqtt):
    """A silent client is not thrown out: it sends a ping in time, and the broker answers."""
    server = broker("TLSv1.3")
    listener = mqtt(server.port, "lab/#", "--keepalive", "1", "--id", "quiet")
    server.wait_output("(Received PINGREQ from quiet\n.*Sending PINGRESP to quiet\n.*){5}", 10, "stderr")
    mqtt(server.port, "lab/a", "still there").check()
    listener.wait_output("^lab/a: still there$")
    assert "lost" not in listener.stdout
    # A broker that is stuck is given up.
    server.signal(signal.SIGSTOP)
    listener.wait_output("^lost: the broker does not answer")
    server.signal(signal.SIGCONT)
    listener.wait_output("^lost: (.*\n)*connected over TLSv1.3, resumed$")


@pytest.mark.parametrize(("options", "words"), [
    ({"ca": "other-root"}, "Test root"),
    ({"cert": None}, "alert certificate_required"),
    ({"cert": "client-other"}, "alert unknown_ca"),
    ({"cert": "client-expired"}, "alert certificate_expired"),
])
@pytest.mark.parametrize("message", [["hello"], []], ids=["publish", "subscribe"])
def test_refused(broker, mqtt, options, words, message):
    """Who is refused, or refuses, says why in one sentence, and does not try again."""
    client = mqtt(broker("TLSv1.3").port, "lab/a", *message, **options)
    assert client.wait() == 1
    assert words in client.stderr and len(client.stderr.splitlines()) == 1 and client.stderr.startswith("mqtt_client: ")


def test_not_authorized(broker, mqtt):
    """A client with another certificate connects, and hears nothing that is not for it."""
    server = broker("TLSv1.3")
    stranger = mqtt(server.port, "lab/#", cert="client-rsa")
    stranger.wait_output("connected")
    mqtt(server.port, "lab/a", "secret").check()
    mqtt(server.port, "lab/a", "forged", cert="client-rsa").check()
    server.wait_output("Denied PUBLISH", stream="stderr")
    assert "secret" not in stranger.stdout


def test_nobody_there(mqtt, free_port):
    """A publisher fails; a subscriber tries again, less and less often."""
    port = free_port()
    publisher = mqtt(port, "lab/a", "hello")
    assert publisher.wait() == 1 and publisher.stderr == "mqtt_client: nobody listens there\n"
    subscriber = mqtt(port, "lab/a")
    subscriber.wait_output("again in 1 s\n.*again in 2 s\n")
