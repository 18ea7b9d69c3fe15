"""TLS for MicroPython."""

# Written by tools/make-stubs from the comments in src/module. docs/reference.md tells how it goes together.

from typing import Any, Callable, overload

OPENSSL_VERSION: str  # with that engine: the library's version
MBEDTLS_VERSION: str  # with that engine: the library's version
HAS_TLSv1_2: bool  # TLS 1.2, and whether the versions can be set to it
HAS_TLSv1_3: bool  # TLS 1.3, likewise
HAS_DTLS: bool  # DTLS 1.2
HAS_PSK: bool  # pre-shared keys
HAS_CLIENT: bool  # contexts for clients
HAS_SERVER: bool  # contexts for servers
HAS_ECDH: bool  # key exchange with elliptic curves
HAS_SNI: bool  # host names as *server_hostname*, and `SSLContext.sni_callback`
HAS_PEM: bool  # certificates and keys in PEM, not DER only
HAS_PEER_CERTIFICATE: bool  # `SSLSocket.getpeercert()` has something to give
HAS_ALPN: bool  # `SSLContext.set_alpn_protocols()`
HAS_CRL: bool  # revocation lists can be checked
HAS_BUNDLE: bool  # trust anchors can be in a CA bundle
HAS_EXPORTER: bool  # `SSLSocket.export_keying_material()` and the channel binding `"tls-exporter"`
HAS_TLS_UNIQUE: bool  # the channel binding `"tls-unique"`
__version__: str  # that of this module
ENGINE: str  # `"mbedtls"` or `"openssl"`
PROTOCOL_TLS_CLIENT: int  # 0
PROTOCOL_TLS_SERVER: int  # 1
PROTOCOL_DTLS_CLIENT: int  # 2
PROTOCOL_DTLS_SERVER: int  # 3
CERT_NONE: int  # 0: a client accepts any server, a server asks for no certificate
CERT_OPTIONAL: int  # 1: checks and goes on in any case, see `SSLSocket.verify_result`
CERT_REQUIRED: int  # 2: a valid certificate or no connection
HAS_NEVER_CHECK_COMMON_NAME: bool  # `False`
HAS_SSLv2: bool  # `False`
HAS_SSLv3: bool  # `False`
HAS_TLSv1: bool  # `False`
HAS_TLSv1_1: bool  # `False`
VERIFY_DEFAULT: int  # nothing more than a valid chain; revocation lists are not looked at
VERIFY_CRL_CHECK_LEAF: int  # the peer's certificate must not be in its issuer's revocation list, which is needed
VERIFY_CRL_CHECK_CHAIN: int  # the same for every certificate below the trust anchor
VERIFY_X509_STRICT: int  # RFC 5280 to the letter; with Mbed TLS it cannot be set: `OSError(-28800)`
VERIFY_X509_TRUSTED_FIRST: int  # taken, and always so
VERIFY_X509_PARTIAL_CHAIN: int  # taken, and always so

class MemoryBIO:
    """A queue of bytes in the place of a socket, for `SSLContext.wrap_bio()`."""
    @property
    def pending(self) -> int:
        """How many bytes can be read."""
    @property
    def eof(self) -> bool:
        """Whether `write_eof()` was called and all has been read."""
    def __init__(self) -> None:
        """It is empty at first."""
    def read(self, size: int = -1, /) -> bytes:
        """Take at most *size* bytes out; -1: all. `b""`: there are none."""
    def write(self, data: bytes, /) -> int:
        """Put data in, all of it, and return how many bytes that were. After `write_eof()`: `OSError(EPIPE)`."""
    def write_eof(self) -> None:
        """Let a connection that reads it find the end behind what is there."""

class Purpose:
    """What `create_default_context()` makes a context for."""
    SERVER_AUTH: int  # a client, which verifies servers
    CLIENT_AUTH: int  # a server

class SSLContext:
    """Configuration that connections share. While one of them is inside a call, changes raise `OSError(EBUSY)`."""
    @property
    def protocol(self) -> int:
        """The protocol that the context was made for."""
    verify_mode: int
    """`CERT_NONE`, `CERT_OPTIONAL` or `CERT_REQUIRED`. At first `CERT_NONE`, but `CERT_REQUIRED` for a client of module
    `tls`.
    """
    check_hostname: bool
    """Client: whether the certificate must be for *server_hostname*. At first `True`."""
    verify_callback: Callable[[memoryview, int], int] | None
    """Called as `f(der, depth)` for each certificate of the peer's chain, from the highest depth to 0, the peer's own.
    0 goes on, anything else rejects the peer; it cannot make a bad certificate good. `None`: nobody is asked.
    """
    minimum_version: int
    """`TLSVersion.TLSv1_2` or `TLSVersion.TLSv1_3`, the oldest version that connections take."""
    maximum_version: int
    """`TLSVersion.TLSv1_2` or `TLSVersion.TLSv1_3`, the newest version that connections take."""
    max_record: int
    """Longest record that new connections send, in bytes of data, and that a client asks its server for: 512 to 16384,
    the value at first. With Mbed TLS a client asks only if its `maximum_version` is TLS 1.2.
    """
    mtu: int
    """DTLS: longest datagram that new connections send, in bytes without UDP and IP headers: 256 to 16384, at first
    1400.
    """
    psk_identity: str | bytes | None
    """Client: the name of its pre-shared key, 1 to 256 bytes. `None`: none."""
    psk_key: str | bytes | None
    """Client: its pre-shared key, 1 to 512 bytes. With it and `psk_identity` nothing else is offered. `None`: none."""
    server_psk_keys: dict[str | bytes, str | bytes] | None
    """Server: pre-shared keys by identity. With it nothing else is accepted. `None`: none."""
    sni_callback: Callable[[SSLSocket, str | None, SSLContext], int | None] | None
    """Server: called as `f(sock, name, context)` in each handshake; *name* is the host that the client asks for, or
    `None`.

    It may set `sock.context` to another context, and returns `None` to go on, or the number of the alert that refuses.
    On a client it cannot be set: `ValueError`.
    """
    keylog_filename: str | None
    """File to which the secrets of connections are added, for Wireshark; who has it can decrypt them. `None`: none."""
    num_tickets: int
    """Server: how many session tickets a client gets in TLS 1.3, at first 2; in TLS 1.2 at most one. 0: no sessions. On
    a client it cannot be set: `ValueError`.
    """
    ticket_keys: list[bytes] | tuple[bytes, ...] | None
    """Server: 1 to 16 keys of its tickets, each 48 or 80 random bytes: the first seals, all open. Servers with the same
    keys take each other's tickets. `None`: keys of its own, which change every hour.
    """
    session_cache_size: int
    """How many sessions the context keeps by itself, 0 to 65535. At first 0 on a client, 100 on a server."""
    verify_flags: int
    """`VERIFY_DEFAULT`, or what is demanded beside a valid chain. For new connections."""
    pins: frozenset[bytes] | set[bytes] | None
    """SHA-256 digests of public keys (SubjectPublicKeyInfo), 32 bytes each: the peer's certificate or one above it must
    have one, in every `verify_mode`. Any iterable can be set, but an empty one: `ValueError`. `None`: no pins.
    """
    verify_time: int | None
    """Seconds since 1970-01-01 at which certificates must be valid. `None`: now, by the device's clock."""
    def __init__(self, protocol: int, /) -> None:
        """*protocol*: `PROTOCOL_TLS_CLIENT`, `PROTOCOL_TLS_SERVER`, `PROTOCOL_DTLS_CLIENT` or `PROTOCOL_DTLS_SERVER`.
        """
    def load_cert_chain(self, certfile: str | bytes, keyfile: str | bytes | None = None,
        password: str | bytes | None = None) -> None:
        """Set the own certificate and its key. A second call with another type of key (RSA, ECDSA) adds it.

        - *certfile*: the certificate and its chain. A `str` is a path, or PEM text; `bytes` are PEM or DER.
        - *keyfile*: the private key, likewise. `None`: it is in *certfile*.
        - *password*: that of an encrypted PKCS#8 key.

        What cannot be used: `ValueError("invalid cert")`, `ValueError("invalid key")`.
        """
    def load_verify_locations(self, cafile: str | bytes | None = None, capath: str | None = None,
        cadata: str | bytes | None = None) -> None:
        """Add trust anchors and revocation lists.

        - *cafile*: a path, or data. PEM (also with lists), DER, or a CA bundle, which is used where it lies.
        - *capath*: a folder; its files called `*.pem`, `*.crt`, `*.cer` and `*.crl`, or as by `openssl rehash`, are
          read at once.
        - *cadata*: data, as for *cafile*; never a path.

        What cannot be used: `ValueError("invalid cert")`.
        """
    def load_default_certs(self) -> None:
        """Add the machine's trust anchors. They are read when a connection needs them first, once for all contexts."""
    def get_ciphers(self) -> list[str]:
        """Return the names of the enabled cipher suites, most preferred first."""
    def set_ciphers(self, ciphers: list[str] | tuple[str, ...], /) -> None:
        """Enable these cipher suites and no others.

        *ciphers*: names as of `get_ciphers()`, or IANA's. An unknown name and an empty list: `OSError(-24192)`.
        """
    def wrap_socket(self, sock: Any, *, server_side: bool = False, do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True, server_hostname: str | None = None,
        client_id: bytes | None = None, session: SSLSession | None = None) -> SSLSocket:
        """Make a connection over a stream.

        - *sock*: the stream. When this raises, it is still open and the caller's. DTLS: a connected UDP socket.
        - *server_side*: must be as the context's protocol says.
        - *do_handshake_on_connect*: `False` leaves the handshake to `SSLSocket.do_handshake()`, or the first reads and
          writes.
        - *suppress_ragged_eofs*: an end without close_notify reads as `b""`. `False`: as `OSError(-29312)`.
        - *server_hostname*: client: the server's name or address, sent to it (names only) and compared with its
          certificate. `CERT_REQUIRED` needs it, else `ValueError`, unless `check_hostname` is off.
        - *client_id*: DTLS server: bytes that tell clients apart, usually the address; its cookies are bound to them.
        - *session*: client: the session to resume. If that is not possible there is a full handshake, and no error.
        """
    def wrap_bio(self, incoming: MemoryBIO, outgoing: MemoryBIO, server_side: bool = False,
        server_hostname: str | None = None, session: SSLSession | None = None) -> SSLSocket:
        """Make a connection without a socket, which never waits, and whose handshake is still to be done.

        - *incoming*, *outgoing*: what it reads from, and what it writes to.
        - *server_side*, *server_hostname*, *session*: as for `wrap_socket()`.
        """
    def session_stats(self) -> dict[str, int]:
        """Return numbers of handshakes and sessions so far.

        - `connect`, `connect_good`: a client's handshakes, begun and completed; `accept`, `accept_good`: a server's.
        - `hits`: sessions resumed. `misses`: a client had none to offer, or a server did not know it.
        - `number`: sessions kept now. `timeouts`, `cache_full`: those that went for their age, or to make room.
        """
    def set_alpn_protocols(self, protocols: list[str | bytes] | tuple[str | bytes, ...], /) -> None:
        """Set what a client offers by ALPN, and what a server chooses from.

        *protocols*: names such as `"http/1.1"`, most preferred first. `[]`: none. A client that has none of its
        server's is refused: `OSError(-30080)`.
        """
    def set_groups(self, groups: list[str] | tuple[str, ...], /) -> None:
        """Set the groups of the key exchange; no others are used. In TLS 1.2 they are the curves of ECDSA certificates,
        too.

        *groups*: `"X25519"`, `"prime256v1"` and so on, most preferred first. An unknown name and an empty list:
        `ValueError`.
        """
    def set_ecdh_curve(self, name: str, /) -> None:
        """Set the only group of the key exchange, as `set_groups([name])`."""
    def set_psk_client_callback(
        self, callback: Callable[[str | bytes | None], tuple[str | bytes | None, bytes | None]] | None, /) -> None:
        """Client: ask for the pre-shared key when a connection needs it, unless `psk_key` is set.

        *callback*: `callback(hint)` returns identity and key; either of them `None` or empty: there is none. *hint* is
        what the server said, in TLS 1.2 only, or `None`. `None` in place of a callback switches it off.
        """
    def set_psk_server_callback(self, callback: Callable[[str | bytes], bytes | None] | None,
        identity_hint: str | bytes | None = None) -> None:
        """Server: ask for the pre-shared key of a client, unless `server_psk_keys` has it.

        - *callback*: `callback(identity)` returns the key; `None` or `b""`: the client is refused. `None` switches it
          off.
        - *identity_hint*: told to clients in TLS 1.2, at most 256 bytes. With Mbed TLS: `OSError(-28800)`.
        """
    def get_ca_certs(self, binary_form: bool = False) -> list[Any]:
        """Return the authorities among the trust anchors, in no order.

        *binary_form*: `True`: each as DER. `False`: each as a dict, as of `SSLSocket.getpeercert()`.
        """
    def cert_store_stats(self) -> dict[str, int]:
        """Return how many trust anchors there are (`"x509"`), authorities among them (`"x509_ca"`), and revocation
        lists (`"crl"`).
        """

class SSLSession:
    """A session that a client can resume, from `SSLSocket.session` or `deserialize()`. It does not change."""
    @property
    def id(self) -> bytes:
        """Its name; `b""`: it has none."""
    @property
    def time(self) -> int:
        """When it was made, in seconds since 1970-01-01, by the device's clock."""
    @property
    def timeout(self) -> int:
        """For how many seconds it is offered: as the server said, at most seven days; two hours if it said nothing."""
    @property
    def ticket_lifetime_hint(self) -> int:
        """What the server said, in seconds. 0: nothing."""
    @property
    def has_ticket(self) -> bool:
        """Whether the server gave a ticket. `False`: it keeps the session itself, in TLS 1.2."""
    def serialize(self) -> bytes:
        """Return it as bytes, to be kept. They hold the session's secret: keep them like a private key."""
    @staticmethod
    def deserialize(data: bytes, /) -> SSLSession:
        """Return the session that `serialize()` made these bytes of. Damaged, or from another engine or version of it:
        `ValueError`.
        """

class SSLSocket:
    """A connection, made by `SSLContext.wrap_socket()`, `SSLContext.wrap_bio()` or `wrap_socket()`. It is a stream.
    Where a method would have to wait and may not, reads and writes return `None`, others raise `OSError(EAGAIN)`; a
    timeout is `OSError(ETIMEDOUT)`. After both the same call goes on where it stopped. After `close()`:
    `OSError(EBADF)`.
    """
    context: SSLContext
    """The context that made it, or that `SSLContext.sni_callback` has chosen: only there it can be set, else
    `RuntimeError`.
    """
    @property
    def server_side(self) -> bool:
        """Whether this end is the server."""
    @property
    def server_hostname(self) -> str | None:
        """As it was given."""
    @property
    def verify_result(self) -> tuple[str, ...]:
        """What verification found wrong, in words such as `"expired"`. `()`: nothing, or nobody asked."""
    @property
    def truncated(self) -> bool:
        """Whether the stream below ended without the peer's close_notify."""
    @property
    def session(self) -> SSLSession | None:
        """Client: the newest session that can be resumed. In TLS 1.3 it comes with the first data. `None`: none, or
        closed.
        """
    @property
    def session_reused(self) -> bool:
        """Whether the handshake resumed a session. `False` before it, and after `close()`."""
    def get_channel_binding(self, cb_type: str = "tls-unique", /) -> bytes | None:
        """Return a name for the connection that both ends know. `None`: before the handshake, and where this kind is
        not defined.

        *cb_type*: `"tls-unique"` (not in TLS 1.3), `"tls-server-end-point"` or `"tls-exporter"`; others: `ValueError`.
        """
    def export_keying_material(self, label: str | bytes, length: int, context: bytes | None = None) -> bytes:
        """Return bytes that the peer can make, too, and nobody else (RFC 5705). Before the handshake:
        `OSError(ENOTCONN)`.

        - *label*: what for, 1 to 249 bytes. Labels that TLS uses itself: `ValueError`.
        - *length*: how many bytes, 1 to 8160.
        - *context*: mixed into it, at most 512 bytes. In TLS 1.2 `None` and `b""` are different.
        """
    def selected_alpn_protocol(self) -> str | bytes | None:
        """Return the protocol that ALPN agreed on, as `bytes` if it is not UTF-8. `None`: none."""
    def do_handshake(self) -> None:
        """Complete the handshake and wait for it. With DTLS it is given up after 30 seconds: `OSError(-26624)`."""
    def setblocking(self, flag: bool, /) -> None:
        """`True`: wait for ever. `False`: not at all."""
    def settimeout(self, seconds: float | None, /) -> None:
        """Bound how long each method may wait in all, in seconds. `None`: for ever. 0: not at all. Until it is called
        the stream below waits as it was told to.
        """
    def fileno(self) -> int:
        """Return the file descriptor of the stream below."""
    def makefile(self, mode: str = "rb", buffering: int = 0, /) -> SSLSocket:
        """Return the connection itself, which is a stream already. The arguments mean nothing."""
    def pending(self) -> int:
        """Return how many decrypted bytes can be read without the stream below."""
    def cipher(self) -> tuple[str, str, int] | None:
        """Return the cipher suite: name, version of TLS, bits of the key. `None`: before the handshake and after
        `close()`.
        """
    def version(self) -> str | None:
        """Return `"TLSv1.2"`, `"TLSv1.3"` or `"DTLSv1.2"`. `None`: not known yet, or closed."""
    def getpeercert(self, binary_form: bool = False) -> Any:
        """Return the peer's certificate. `None`: it has shown none. `NotImplementedError`: this build does not keep it.

        *binary_form*: `True`: as DER, verified or not. `False`: as a dict, with CPython's keys (`subject`, `issuer`,
        `notAfter`, `subjectAltName` and so on), which is empty unless the certificate was verified and found good.
        """
    def getpeercertchain(self) -> list[bytes]:
        """Return the certificates that the peer sent, its own first, as DER: neither complete nor verified."""
    @overload
    def write(self, buffer: bytes, size: int = ..., /) -> int | None:
        """Write the buffer, or *size* bytes of it, and return how many were taken. `None`: none, it would have to wait.
        """
    @overload
    def write(self, buffer: bytes, offset: int, size: int, /) -> int | None:
        """Write *size* bytes of the buffer from *offset*, with the same result."""
    def send(self, buffer: bytes, /) -> int | None:
        """Write at most one record and return how many bytes were taken. `None`: none, it would have to wait."""
    @overload
    def sendall(self, buffer: bytes, size: int = ..., /) -> int | None:
        """The same as `write()`."""
    @overload
    def sendall(self, buffer: bytes, offset: int, size: int, /) -> int | None:
        """The same as `write()`."""
    def close(self) -> None:
        """Say close_notify and close the stream below. Waits at most three seconds, or the timeout if that is less, for
        what is still to be sent, and not for a peer that has read nothing for so long. May be called again.
        """
    def __enter__(self) -> SSLSocket:
        """Return the connection itself."""
    def __exit__(self, *exception: Any) -> None:
        """Close the connection."""
    def stats(self) -> dict[str, int | bool | None]:
        """Return numbers of this connection, also after `close()`.

        - `bytes_received`, `bytes_sent`, `records_received`, `records_sent`: what went through the stream below.
        - `handshake_ms`: milliseconds from the handshake's first call to its end, or `None`; `resumed`: whether by a
          session.
        - `heap_held`, `heap_peak`: bytes of the heap that it takes now, and the most that it ever took.
        """
    def read(self, size: int = -1, /) -> bytes | None:
        """Read *size* bytes, waiting for all of them; -1: up to the end. `b""`: the end. `None`: nothing there, it
        would have to wait.
        """
    def recv(self, size: int = -1, /) -> bytes | None:
        """Read what is there, at most *size* bytes of one record; -1: up to the end, as `read()`. `b""`: the end.
        `None`: nothing there, it would have to wait.
        """
    def readinto(self, buffer: bytearray | memoryview, size: int = -1, /) -> int | None:
        """Fill the buffer, or *size* bytes of it, and return how many were read. 0: the end. `None`: nothing there, it
        would have to wait.
        """
    def recv_into(self, buffer: bytearray | memoryview, size: int = -1, /) -> int | None:
        """Read what is there, at most one record, into the buffer, or *size* bytes of it, and return how many. 0: the
        end. `None`: nothing there, it would have to wait.
        """
    def readline(self, size: int = -1, /) -> bytes | None:
        """Read up to the end of a line and with it, at most *size* bytes; -1: however many. `b""`: the end. `None`:
        nothing there, it would have to wait.
        """
    def unwrap(self) -> Any:
        """End TLS and not the stream: say close_notify, wait for the peer's, and return the stream below. Data that
        comes instead has to be read first: `OSError(EINVAL)`. An end without close_notify: `OSError(-29312)`.
        """
    def shutdown(self, how: int, /) -> None:
        """End one direction or both; the stream below stays as it is.

        *how*: 0: reads give `b""`. 1: says close_notify; writes are `OSError(EPIPE)`. 2: both. Others: `ValueError`.
        """

class TLSVersion:
    """Values of `SSLContext.minimum_version` and `SSLContext.maximum_version`."""
    TLSv1_2: int  # 0x0303
    TLSv1_3: int  # 0x0304

def _decode_certificate(der: bytes | bytearray | memoryview, /) -> dict[str, Any]:
    """Return the dict that `SSLSocket.getpeercert()` makes of a certificate."""
def create_default_context(purpose: int = Purpose.SERVER_AUTH, *, cafile: str | bytes | None = None,
    capath: str | None = None, cadata: str | bytes | None = None) -> SSLContext:
    """Make the context that a program should use unless it knows better.

    - *purpose*: `Purpose.SERVER_AUTH` for a client, which verifies servers and their names; `Purpose.CLIENT_AUTH`
      for a server, which asks for no certificates until `verify_mode` says so.
    - *cafile*, *capath*, *cadata*: trust anchors, as for `SSLContext.load_verify_locations()`. Without any a client
      uses the machine's.
    """
def DER_cert_to_PEM_cert(der_cert_bytes: bytes | bytearray | memoryview, /) -> str:
    """Return the certificate as PEM. It is not looked into."""
def PEM_cert_to_DER_cert(pem_cert_string: str, /) -> bytes:
    """Return the certificate as DER. It is not looked into; what is no PEM raises `ValueError`."""
def get_server_certificate(addr: tuple[str, int], ssl_version: int = PROTOCOL_TLS_CLIENT,
    ca_certs: str | bytes | None = None, timeout: float | None = None) -> str:
    """Connect to a server and return its certificate as PEM.

    - *addr*: host and port.
    - *ssl_version*: `PROTOCOL_TLS_CLIENT`, else `ValueError`.
    - *ca_certs*: trust anchors, a path or data, by which the certificate is verified (its name is not). `None`: it
      is not verified.
    - *timeout*: seconds that the socket waits each time. `None`: for ever.
    """
def get_default_verify_paths() -> Any:
    """Return where `SSLContext.load_default_certs()` looks, as a named tuple.

    Its fields are `cafile` and `capath` (the file and the folder; `None`: not there), `openssl_cafile_env` and
    `openssl_capath_env` (variables of the environment that name others), `openssl_cafile` and `openssl_capath`
    (what counts without them). What this build does not have is `None`.
    """
def wrap_socket(sock: Any, server_side: bool = False, keyfile: str | bytes | None = None,
    certfile: str | bytes | None = None, cert_reqs: int = CERT_NONE, cadata: str | bytes | None = None,
    server_hostname: str | None = None, do_handshake: bool = True, *, key: str | bytes | None = None,
    cert: str | bytes | None = None) -> SSLSocket:
    """Make a TLS connection over a stream, with a context of its own.

    - *sock*: the stream. When this raises, it is still open and the caller's.
    - *server_side*: whether to be the server.
    - *keyfile*, *certfile*, or *key*, *cert*: private key, and certificate with its chain. A `str` is a path, or
      PEM text; `bytes` are PEM or DER. Both spellings of one, or a key alone: `TypeError`. A certificate alone has
      its key in the same file.
    - *cert_reqs*: `CERT_NONE`, `CERT_OPTIONAL` or `CERT_REQUIRED`, as `SSLContext.verify_mode`.
    - *cadata*: trust anchors, PEM or DER.
    - *server_hostname*: client: the server's name or address, sent to it (names only) and compared with its
      certificate.
    - *do_handshake*: `False` leaves the handshake to the first reads and writes.
    """
