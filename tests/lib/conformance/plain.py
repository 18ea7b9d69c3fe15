"""Nothing is wrong: the peers themselves, and all that they can do."""

from conformance import ALL, CLIENTS, SERVERS, case
from conformance.steps import CLIENT_CERTIFICATE, WANTS_CERTIFICATE, ask_certificate, show_certificate
from tls_bytes.wire import KEY_SHARE, P256


@case(ALL, None, "RFC 8446 2, RFC 5246 7.3")
def ordinary(peer):
    pass


@case("client12 client13 server12", None, "RFC 8422 5.1.1")
def p256(peer):
    peer.groups = (P256,)


@case("server13", None, "RFC 8446 4.1.4")
def hello_retry_request(peer):
    peer.groups = (P256,)
    peer.steps[1:1] = ["send hello_retry_request", "hear client_hello"]


@case("client13", None, "RFC 8446 4.1.4", name="hello_retry_request")
def retried(peer):
    """No share in the first hello."""
    peer.alter_hello["client_hello"] = lambda hello: hello.extensions.put(KEY_SHARE, b"\0\0")
    peer.steps[1:1] = ["hear hello_retry_request", "send second_hello"]


@case(SERVERS, None, "RFC 8446 4.3.2, RFC 5246 7.4.4", ours=CLIENT_CERTIFICATE)
def client_certificate(peer):
    ask_certificate(peer)


@case(CLIENTS, None, "RFC 8446 4.3.2, RFC 5246 7.4.4", ours=WANTS_CERTIFICATE, name="client_certificate")
def peers_certificate(peer):
    show_certificate(peer)


@case("client12", None, "RFC 7627 5.3")
def without_extended_master_secret(peer):
    peer.extended = False


@case("server12", None, "RFC 7627 5.3", name="without_extended_master_secret")
def server_without_extended_master_secret(peer):
    peer.extended = False
