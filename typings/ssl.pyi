"""TLS for MicroPython."""

# Written by tools/make-stubs from the comments in src/module. What each thing means is in docs/reference.md.

from typing import Any, Callable, overload

OPENSSL_VERSION: str  # with that engine
MBEDTLS_VERSION: str  # with that engine
HAS_TLSv1_2: bool  # this and what follows: what the library was built with
HAS_TLSv1_3: bool
HAS_DTLS: bool
HAS_PSK: bool
HAS_CLIENT: bool
HAS_SERVER: bool
HAS_ECDH: bool
HAS_SNI: bool
HAS_PEM: bool
HAS_PEER_CERTIFICATE: bool  # getpeercert() has something to give
HAS_ALPN: bool
HAS_CRL: bool  # revocation lists can be checked
HAS_BUNDLE: bool  # trust anchors can be in a CA bundle
HAS_EXPORTER: bool  # export_keying_material() and the channel binding "tls-exporter"
HAS_TLS_UNIQUE: bool  # the channel binding "tls-unique"
__version__: str
ENGINE: str  # "mbedtls" or "openssl"
PROTOCOL_TLS_CLIENT: int
PROTOCOL_TLS_SERVER: int
PROTOCOL_DTLS_CLIENT: int
PROTOCOL_DTLS_SERVER: int
CERT_NONE: int
CERT_OPTIONAL: int
CERT_REQUIRED: int
HAS_NEVER_CHECK_COMMON_NAME: bool
HAS_SSLv2: bool
HAS_SSLv3: bool
HAS_TLSv1: bool
HAS_TLSv1_1: bool
VERIFY_DEFAULT: int
VERIFY_CRL_CHECK_LEAF: int
VERIFY_CRL_CHECK_CHAIN: int
VERIFY_X509_STRICT: int
VERIFY_X509_TRUSTED_FIRST: int
VERIFY_X509_PARTIAL_CHAIN: int

class MemoryBIO:
    """A queue of bytes in the place of a socket."""
    @property
    def pending(self) -> int:
        """How many bytes can be read."""
    @property
    def eof(self) -> bool:
        """Whether nothing is left behind write_eof()."""
    def __init__(self) -> None:
        """Make an empty one."""
    def read(self, size: int = -1, /) -> bytes:
        """Take at most size bytes out, all of them by default."""
    def write(self, data: bytes, /) -> int:
        """Put data in, return how many bytes that were."""
    def write_eof(self) -> None:
        """Let reads of a connection end behind what is there."""

class Purpose:
    """What create_default_context() makes a context for."""
    SERVER_AUTH: int
    CLIENT_AUTH: int

class SSLContext:
    """Configuration that connections share."""
    @property
    def protocol(self) -> int:
        """The protocol that the context was made for."""
    verify_mode: int  # CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED
    check_hostname: bool  # whether the certificate must be for server_hostname
    verify_callback: Callable[[memoryview, int], int] | None  # asked about each certificate (DER, depth); 0 goes on
    minimum_version: int  # TLSVersion.TLSv1_2 or TLSVersion.TLSv1_3
    maximum_version: int  # TLSVersion.TLSv1_2 or TLSVersion.TLSv1_3
    max_record: int  # longest record in bytes, 512 to 16384
    mtu: int  # DTLS: longest datagram in bytes, 256 to 16384
    psk_identity: str | bytes | None  # client: the name of its pre-shared key
    psk_key: str | bytes | None  # client: its pre-shared key
    server_psk_keys: dict[str | bytes, str | bytes] | None  # server: pre-shared keys by identity
    sni_callback: Callable[[SSLSocket, str | None, SSLContext], int | None] | None  # server: chooses by name
    keylog_filename: str | None  # gets the secrets of connections, for Wireshark
    num_tickets: int  # server: session tickets that a client gets
    ticket_keys: list[bytes] | tuple[bytes, ...] | None  # server: keys of its tickets, newest first; None: its own
    session_cache_size: int  # sessions that the context keeps by itself
    verify_flags: int  # VERIFY_DEFAULT, or what is checked beside the chain
    pins: frozenset[bytes] | set[bytes] | None  # SHA-256 digests of public keys: the peer must have one
    verify_time: int | None  # seconds since 1970 at which certificates must be valid; None: now
    def __init__(self, protocol: int, /) -> None:
        """Make a context for PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER, or their DTLS counterparts."""
    def load_cert_chain(self, certfile: str | bytes, keyfile: str | bytes | None = None,
        password: str | bytes | None = None) -> None:
        """Use this certificate, with its chain, and this key; a second call adds another type of key."""
    def load_verify_locations(self, cafile: str | bytes | None = None, capath: str | None = None,
        cadata: str | bytes | None = None) -> None:
        """Add trust anchors and revocation lists, from a file, a folder or data."""
    def load_default_certs(self) -> None:
        """Add the machine's trust anchors. They are read when they are needed."""
    def get_ciphers(self) -> list[str]:
        """Return the names of the enabled cipher suites, most preferred first."""
    def set_ciphers(self, ciphers: list[str] | tuple[str, ...], /) -> None:
        """Enable these cipher suites and no others."""
    def wrap_socket(self, sock: Any, *, server_side: bool = False, do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True, server_hostname: str | None = None,
        client_id: bytes | None = None, session: SSLSession | None = None) -> SSLSocket:
        """Make a TLS connection over any stream."""
    def wrap_bio(self, incoming: MemoryBIO, outgoing: MemoryBIO, server_side: bool = False,
        server_hostname: str | None = None, session: SSLSession | None = None) -> SSLSocket:
        """Make a connection that reads from one MemoryBIO and writes to another."""
    def session_stats(self) -> dict[str, int]:
        """What became of handshakes and sessions so far."""
    def set_alpn_protocols(self, protocols: list[str | bytes] | tuple[str | bytes, ...], /) -> None:
        """Offer these protocols by ALPN, or on a server choose from them, most preferred first."""
    def set_groups(self, groups: list[str] | tuple[str, ...], /) -> None:
        """Use these groups for the key exchange and no others, most preferred first."""
    def set_ecdh_curve(self, name: str, /) -> None:
        """Use this group for the key exchange and no other."""
    def set_psk_client_callback(
        self, callback: Callable[[str | bytes | None], tuple[str | bytes | None, bytes | None]] | None, /) -> None:
        """Offer the pre-shared key that callback(hint) returns, as (identity, key)."""
    def set_psk_server_callback(self, callback: Callable[[str | bytes], bytes | None] | None,
        identity_hint: str | bytes | None = None) -> None:
        """Accept the pre-shared keys that callback(identity) returns."""
    def get_ca_certs(self, binary_form: bool = False) -> list[Any]:
        """Return the authorities among the trust anchors: dicts as of getpeercert(), or DER."""
    def cert_store_stats(self) -> dict[str, int]:
        """Return how many trust anchors, authorities among them and revocation lists have been loaded."""

class SSLSession:
    """A session that a client can resume; made by connections, or from bytes."""
    @property
    def id(self) -> bytes:
        """Its name, empty if it has none."""
    @property
    def time(self) -> int:
        """Seconds since 1970-01-01 when it was made."""
    @property
    def timeout(self) -> int:
        """Seconds for which it is offered."""
    @property
    def ticket_lifetime_hint(self) -> int:
        """Seconds that the server named; 0: none."""
    @property
    def has_ticket(self) -> bool:
        """Whether the server gave a ticket, and does not keep the session itself."""
    def serialize(self) -> bytes:
        """Return bytes to keep; they hold the session's secret."""
    @staticmethod
    def deserialize(data: bytes, /) -> SSLSession:
        """Return the session that serialize() made these bytes of."""

class SSLSocket:
    """A TLS connection: a stream."""
    context: SSLContext  # that which made it, or which sni_callback has chosen: only there can it be set
    @property
    def server_side(self) -> bool:
        """Whether it is the server's end."""
    @property
    def server_hostname(self) -> str | None:
        """As given."""
    @property
    def verify_result(self) -> tuple[str, ...]:
        """What verification found wrong, in words."""
    @property
    def truncated(self) -> bool:
        """Whether the stream ended without the peer's close_notify."""
    @property
    def session(self) -> SSLSession | None:
        """Client: the newest session that can be resumed."""
    @property
    def session_reused(self) -> bool:
        """Whether the handshake resumed a session."""
    def get_channel_binding(self, cb_type: str = "tls-unique", /) -> bytes | None:
        """Return "tls-unique", "tls-server-end-point" or "tls-exporter" of this connection."""
    def export_keying_material(self, label: str | bytes, length: int, context: bytes | None = None) -> bytes:
        """Return bytes that the peer can make, too, and nobody else."""
    def selected_alpn_protocol(self) -> str | bytes | None:
        """Return the protocol that ALPN agreed on."""
    def do_handshake(self) -> None:
        """Complete the handshake, waiting for it."""
    def setblocking(self, flag: bool, /) -> None:
        """Wait for ever, or not at all."""
    def settimeout(self, seconds: float | None, /) -> None:
        """Bound how long each method may wait in all."""
    def fileno(self) -> int:
        """Return the file descriptor of the stream below."""
    def makefile(self, mode: str = "rb", buffering: int = 0, /) -> SSLSocket:
        """Return the connection itself, which is a stream already."""
    def pending(self) -> int:
        """Return how many decrypted bytes wait."""
    def cipher(self) -> tuple[str, str, int] | None:
        """Return name, version and bits of the cipher suite."""
    def version(self) -> str | None:
        """Return "TLSv1.3" and the like."""
    def getpeercert(self, binary_form: bool = False) -> Any:
        """Return the peer's certificate: a dict, which is empty if it was not validated, or DER; None: it has none."""
    def getpeercertchain(self) -> list[bytes]:
        """Return the certificates that the peer sent, its own first, in DER, verified or not."""
    @overload
    def write(self, buffer: bytes, size: int = ..., /) -> int | None:
        """Write the buffer, or size bytes of it; return how many were taken; None: would block."""
    @overload
    def write(self, buffer: bytes, offset: int, size: int, /) -> int | None:
        """Write size bytes of the buffer, from offset."""
    def send(self, buffer: bytes, /) -> int | None:
        """Write a record, return how many bytes were taken; None: would block."""
    @overload
    def sendall(self, buffer: bytes, size: int = ..., /) -> int | None:
        """The same as write()."""
    @overload
    def sendall(self, buffer: bytes, offset: int, size: int, /) -> int | None:
        """The same as write()."""
    def close(self) -> None:
        """Say close_notify and close the stream below."""
    def __enter__(self) -> SSLSocket:
        """Return the connection itself."""
    def __exit__(self, *exception: Any) -> None:
        """Close the connection."""
    def stats(self) -> dict[str, int | bool | None]:
        """Return bytes and records each way, how the handshake went, and how much of the heap it takes."""
    def read(self, size: int = -1, /) -> bytes | None:
        """Read size bytes, or all up to the end; None: would block."""
    def recv(self, size: int = -1, /) -> bytes | None:
        """Read what is there, at most one record; None: would block."""
    def readinto(self, buffer: bytearray | memoryview, size: int = -1, /) -> int | None:
        """Fill the buffer, return how many bytes; None: would block."""
    def recv_into(self, buffer: bytearray | memoryview, size: int = -1, /) -> int | None:
        """Read what is there into the buffer, at most one record; None: would block."""
    def readline(self, size: int = -1, /) -> bytes | None:
        """Read up to the end of a line; None: would block."""
    def unwrap(self) -> Any:
        """End TLS with close_notify both ways, return the stream below."""
    def shutdown(self, how: int, /) -> None:
        """End reading (0), writing (1, says close_notify) or both (2)."""

class TLSVersion:
    """Values of minimum_version and maximum_version."""
    TLSv1_2: int
    TLSv1_3: int

def _decode_certificate(der: bytes | bytearray | memoryview, /) -> dict[str, Any]:
    """Make of a certificate the dict that getpeercert() returns."""
def create_default_context(purpose: int = Purpose.SERVER_AUTH, *, cafile: str | bytes | None = None,
    capath: str | None = None, cadata: str | bytes | None = None) -> SSLContext:
    """Make a context for clients that verifies servers, by the machine's trust anchors if none are given."""
def DER_cert_to_PEM_cert(der_cert_bytes: bytes | bytearray | memoryview, /) -> str:
    """Write a certificate in DER as PEM."""
def PEM_cert_to_DER_cert(pem_cert_string: str, /) -> bytes:
    """Read a certificate in PEM; the result is DER."""
def get_server_certificate(addr: tuple[str, int], ssl_version: int = PROTOCOL_TLS_CLIENT,
    ca_certs: str | bytes | None = None, timeout: float | None = None) -> str:
    """Fetch a server's certificate, as PEM; verified if there are ca_certs."""
def get_default_verify_paths() -> Any:
    """Return where load_default_certs() looks: cafile, capath, openssl_cafile_env, openssl_cafile and so on."""
def wrap_socket(sock: Any, server_side: bool = False, keyfile: str | bytes | None = None,
    certfile: str | bytes | None = None, cert_reqs: int = CERT_NONE, cadata: str | bytes | None = None,
    server_hostname: str | None = None, do_handshake: bool = True, *, key: str | bytes | None = None,
    cert: str | bytes | None = None) -> SSLSocket:
    """Make a TLS connection over any stream, without a context of its own to keep."""
