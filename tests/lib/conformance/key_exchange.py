"""Key shares and points, and HelloRetryRequest."""

from conformance import CLIENTS, END, Known, case
from conformance.steps import body
from tls_bytes.wire import COOKIE, KEY_SHARE, P256, SERVER_HELLO, SUPPORTED_GROUPS, X25519, u16, u16s, vector


def share(group, public):
    """The one share in a hello, of either side."""
    def alter(hello):
        entry = u16(group) + vector(public, 2)
        hello.extensions.put(KEY_SHARE, entry if hello.kind == SERVER_HELLO else vector(entry, 2))
    return alter


def with_share(group, public):
    def prepare(peer):
        if peer.role == "client":
            peer.groups = (group,)
        peer.alter_hello["client_hello" if peer.role == "client" else "server_hello"] = share(group, public)
    return prepare


def with_point(group, public):
    """The same in TLS 1.2. What a server sends is signed as it is: the client must look at the point itself."""
    def prepare(peer):
        peer.groups = (P256,) if group == P256 else (X25519, P256)
        if peer.role == "server":
            peer.point = public
        else:
            peer.alter["client_key_exchange"] = body(lambda data: vector(public, 1))
    return prepare


# Coordinates that are on no curve; x and y not below the prime; a point of which only x is told.
POINTS = {
    "off_the_curve": b"\4" + b"\1" * 64,
    "zeros": b"\4" + bytes(64),
    "beyond_the_prime": b"\4" + b"\xff" * 64,
    "infinity": b"\0",
    "compressed": b"\2" + b"\1" * 32,
    "too_short": b"\4" + b"\1" * 63,
    "too_long": b"\4" + b"\1" * 65,
    "empty": b"",
}
COORDINATES = {
    "all_zero": bytes(32),
    "order_one": b"\1" + bytes(31),
    # The prime itself, which is zero again.
    "prime": b"\xed" + b"\xff" * 30 + b"\x7f",
    "short": bytes(31),
    "long": b"\1" * 33,
    "empty": b"",
}
BAD_POINT = {"illegal_parameter", "decode_error"}
POINT = Known("Mbed TLS's clients say handshake_failure to every share that they cannot use", "handshake_failure")
INFINITY = Known("OpenSSL calls this an error of its own", "internal_error", "internal")


def known_of(name):
    """What is known of points of P-256."""
    known = {"mbedtls server13": POINT}
    if not name.startswith("too_") and name != "empty":
        known["mbedtls server12"] = POINT
    if name == "infinity":
        known.update({"openssl client12": INFINITY, "openssl server12": INFINITY})
    return known


FIRST_SHARE = Known("the library takes the first one; servers may leave this check out")
COOKIES = Known("Mbed TLS takes a cookie for an extension that it should have offered", "unsupported_extension")
LOW_ORDER = {"mbedtls server12": POINT, "mbedtls server13": POINT}
for name, point in POINTS.items():
    case("client13", BAD_POINT, "RFC 8446 4.2.8.2", name=f"p256_{name}")(with_share(P256, point))
    case("client12 server12", BAD_POINT, "RFC 8422 5.4, 5.11", name=f"p256_{name}", known=known_of(name))(with_point(P256, point))
for name, point in COORDINATES.items():
    case("client13 server13", BAD_POINT, "RFC 8446 7.4.2", name=f"x25519_{name}", known=LOW_ORDER)(with_share(X25519, point))
    case("client12 server12", BAD_POINT, "RFC 8422 5.11", name=f"x25519_{name}",
         known=LOW_ORDER if len(point) == 32 else None)(with_point(X25519, point))


def retry_then(point):
    def prepare(peer):
        peer.groups = (P256,)
        peer.steps[1:1] = ["send hello_retry_request", "hear client_hello"]
        peer.alter_hello["server_hello"] = share(P256, point)
    return prepare


for name, point in POINTS.items():
    case("server13", BAD_POINT, "RFC 8446 4.2.8.2", name=f"p256_{name}", known=known_of(name))(retry_then(point))


@case("server13", "illegal_parameter", "RFC 8446 4.2.8",
      known={"mbedtls": POINT})
def group_without_a_share(peer):
    """Offered, but no share of it was sent."""
    peer.alter_hello["server_hello"] = share(P256, b"\4" + bytes(64))


@case("server13", "illegal_parameter", "RFC 8446 4.2.8",
      known={"mbedtls": POINT})
def group_not_offered(peer):
    peer.alter_hello["server_hello"] = share(0x6399, bytes(32))


@case("server12", "illegal_parameter", "RFC 8422 5.4", ours={"groups": ["secp256r1"]})
def group_not_offered_12(peer):
    peer.groups = (X25519,)


@case("server12", {"illegal_parameter", "handshake_failure", "decode_error"}, "RFC 8422 5.4")
def explicit_curve(peer):
    peer.alter["server_key_exchange"] = body(lambda data: b"\1" + data[1:])


@case("server13", {"missing_extension", "illegal_parameter"}, "RFC 8446 4.2.9, 9.2",
      known={"mbedtls": POINT})
def no_share(peer):
    peer.alter_hello["server_hello"] = lambda hello: hello.extensions.drop(KEY_SHARE)


@case("client13", "missing_extension", "RFC 8446 9.2", name="no_share")
def client_without_share(peer):
    peer.alter_hello["client_hello"] = lambda hello: hello.extensions.drop(KEY_SHARE)


@case("client13", "missing_extension", "RFC 8446 9.2")
def share_without_groups(peer):
    peer.alter_hello["client_hello"] = lambda hello: hello.extensions.drop(SUPPORTED_GROUPS)


@case(CLIENTS, "handshake_failure", "RFC 8446 4.1.1, RFC 8422 4")
def no_group_in_common(peer):
    def alter(hello):
        hello.extensions.put(SUPPORTED_GROUPS, vector(u16s([0x2a2a, 0x6400]), 2))
        if peer.version == 13:
            share(0x2a2a, b"\0")(hello)
    peer.alter_hello["client_hello"] = alter


@case("client13", "illegal_parameter", "RFC 8446 4.2.8",
      known={"mbedtls": Known("Mbed TLS does not compare the two lists; it knows the group")})
def share_of_an_unlisted_group(peer):
    peer.alter_hello["client_hello"] = lambda hello: hello.extensions.put(SUPPORTED_GROUPS, vector(u16s([P256]), 2))


@case("client13", "illegal_parameter", "RFC 8446 4.2.8",
      known={"mbedtls": FIRST_SHARE, "openssl": FIRST_SHARE})
def share_twice(peer):
    def alter(hello):
        shares = hello.extensions.get(KEY_SHARE)[2:]
        hello.extensions.put(KEY_SHARE, vector(shares + shares, 2))
    peer.alter_hello["client_hello"] = alter


# ----------------------------------------------------------------------------------------------------------------------
# HelloRetryRequest

def retry(act, again="hear client_hello"):
    """A server that asks for another hello first."""
    def prepare(peer):
        peer.groups = (P256,)
        peer.steps[1:1] = [act, again]
    return prepare


@case("server13", None, "RFC 8446 4.2.2",
      known={"mbedtls": COOKIES})
def cookie(peer):
    retry(lambda peer: peer.send_hello_retry_request(cookie=b"c" * 200))(peer)
    def check(peer):
        assert peer.hello.extensions.get(COOKIE) == vector(b"c" * 200, 2)
    peer.steps.insert(3, check)


@case("server13", None, "RFC 8446 4.1.4, 4.2.2",
      known={"mbedtls": COOKIES})
def cookie_alone(peer):
    """No other group is wanted."""
    def send(peer):
        peer.send_hello_retry_request(group=None, cookie=b"c")
    peer.steps[1:1] = [send, "hear client_hello"]


@case("server13", "unexpected_message", "RFC 8446 4.1.4")
def retry_twice(peer):
    retry(lambda peer: peer.send_hello_retry_request())(peer)
    peer.steps[3:3] = ["send hello_retry_request"]


@case("server13", "illegal_parameter", "RFC 8446 4.1.4")
def retry_without_change(peer):
    """The group whose share was sent."""
    peer.steps[1:1] = [lambda peer: peer.send_hello_retry_request(group=X25519)]


@case("server13", "illegal_parameter", "RFC 8446 4.1.4",
      known={"mbedtls": Known("Mbed TLS sends the same hello again, which Finished covers", END)})
def retry_without_anything(peer):
    peer.steps[1:] = [lambda peer: peer.send_hello_retry_request(group=None)]
    peer.talk = []


@case("server13", "illegal_parameter", "RFC 8446 4.2.8",
      known={"mbedtls": Known("Mbed TLS notices when it makes the share", "internal_error", "internal")})
def retry_for_a_group_not_offered(peer):
    peer.steps[1:] = [lambda peer: peer.send_hello_retry_request(group=0x6399)]
    peer.talk = []


@case("server13", {"illegal_parameter"}, "RFC 8446 4.2.8",
      known={"mbedtls": POINT})
def share_of_another_group_than_the_retry(peer):
    peer.steps[1:1] = ["send hello_retry_request", "hear client_hello"]
    peer.alter_hello["server_hello"] = share(X25519, b"\x09" + bytes(31))
    peer.groups = (P256,)


@case("server13", "illegal_parameter", "RFC 8446 4.1.4", ours={"ciphers": ["TLS1-3-AES-128-GCM-SHA256",
                                                                           "TLS1-3-CHACHA20-POLY1305-SHA256"]})
def suite_changed_after_retry(peer):
    retry(lambda peer: peer.send_hello_retry_request())(peer)
    peer.alter_hello["server_hello"] = lambda hello: hello.suites.__setitem__(0, 0x1303)


@case("server13", "unsupported_extension", "RFC 8446 4.1.4, 4.2",
      known={"mbedtls": Known("Mbed TLS sends illegal_parameter", "illegal_parameter"),
             "openssl": Known("OpenSSL ignores unknown extensions of servers, and sends its second hello", END)})
def retry_with_an_extension_of_its_own(peer):
    peer.steps[1:] = ["send hello_retry_request"]
    peer.talk = []
    peer.alter_hello["hello_retry_request"] = lambda hello: hello.extensions.put(0x7a7a)


@case("client13", {"illegal_parameter"}, "RFC 8446 4.1.2",
      known={"mbedtls": Known("Mbed TLS sends handshake_failure", "handshake_failure")})
def share_not_as_the_retry_asked(peer):
    peer.alter_hello["client_hello"] = lambda hello: hello.extensions.put(KEY_SHARE, b"\0\0")
    peer.steps[1:1] = ["hear hello_retry_request", "send second_hello"]
    peer.alter_hello["second_hello"] = lambda hello: hello.extensions.put(KEY_SHARE, b"\0\0")


@case("client13", {"illegal_parameter", "handshake_failure", "protocol_version", "missing_extension"}, "RFC 8446 4.1.2",
      known={"mbedtls": Known("Mbed TLS takes another suite, which the client cannot: no Finished can be right", END)})
def another_suite_after_the_retry(peer):
    peer.alter_hello["client_hello"] = lambda hello: hello.extensions.put(KEY_SHARE, b"\0\0")
    peer.steps[1:1] = ["hear hello_retry_request", "send second_hello"]
    peer.alter_hello["second_hello"] = lambda hello: setattr(hello, "suites", [0x1303])
