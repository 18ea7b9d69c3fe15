// Is a session resumed when it may be, and only then: by a client that would have judged its server in the same way, by
// a server that asks no more than before? Does what is kept outside come back, and nothing else?

#include "engine/memory.h"
#include "engine/session.h"
#include "peers.h"

static const struct kind {
    int version;
    bool datagram;
} kinds[] = {{TLS_VERSION_1_2, false}, {TLS_VERSION_1_3, false}, {TLS_VERSION_1_2, true}};

static setup_t kind_setup(size_t kind) {
    setup_t setup = verified_setup();
    set_version(&setup, kinds[kind].version);
    setup.datagram = kinds[kind].datagram;
    return setup;
}

// The newest session of the client, which must have one.
static tls_session_t *get_session(pair_t *pair) {
    tls_error_t error;
    tls_session_t *session = tls_connection_session(pair->client.connection, &error);
    require(&pair->client, session != NULL, "there is no session");
    assert_int_equal(error.kind, TLS_ERROR_NONE);
    return session;
}

// The session of a first connection of the pair, which is open still.
static tls_session_t *first_session(pair_t *pair, const setup_t *setup) {
    pair_connect(pair, setup);
    pair_chat(pair);
    assert_false(tls_connection_session_reused(pair->client.connection));
    assert_false(tls_connection_session_reused(pair->server.connection));
    return get_session(pair);
}

// Connects anew with the session. Whether it was resumed, about which both ends agree.
static bool resume(pair_t *pair, tls_session_t *session) {
    pair->client.session = session;
    pair_reopen(pair);
    require(&pair->client, pair_handshake(pair), "the handshake failed");
    pair_chat(pair);
    bool reused = tls_connection_session_reused(pair->client.connection);
    require(&pair->client, tls_connection_session_reused(pair->server.connection) == reused, "the ends disagree");
    const uint8_t *der;
    size_t len;
    // Whether the session came from memory or from bytes.
    require(&pair->client, !reused || !tls_connection_peer_certificate(pair->client.connection, 1, &der, &len),
        "a chain that was not sent");
    return reused;
}

static void assert_resumes(pair_t *pair, tls_session_t *session, bool expected, const char *what) {
    require(&pair->client, resume(pair, session) == expected, "%s: expected %s", what,
        expected ? "resumption" : "a full handshake");
}

// ---------------------------------------------------------------------------------------------------------------------
// Resumption

TEST(resumed) {
    for (size_t k = 0; k < COUNT(kinds); k++) {
        setup_t setup = kind_setup(k);
        pair_t pair;
        tls_session_t *session = first_session(&pair, &setup);
        for (int i = 0; i < 3; i++) {
            assert_resumes(&pair, session, true, version_name(kinds[k].version, kinds[k].datagram));
            assert_int_equal(pair.client.verify_calls, 0);
            assert_int_equal(tls_connection_verify_result(pair.client.connection), 0);
            if (!pair.datagram) {
                pair_transfer(&pair, 20000, 20000);
            }
            tls_session_release(session);
            session = get_session(&pair); // the next generation
        }
        tls_session_release(session);
        pair_close(&pair);
    }
}

TEST(described) {
    for (size_t k = 0; k < COUNT(kinds); k++) {
        setup_t setup = kind_setup(k);
        pair_t pair;
        tls_session_t *session = first_session(&pair, &setup);
        size_t len;
        tls_session_id(session, &len);
        assert_true(len <= 32);
        assert_int_equal(tls_session_time(session), TIME_2026_06_01);
        assert_true(tls_session_has_ticket(session));
        assert_int_equal(tls_session_lifetime_hint(session), 7200);
        assert_int_equal(tls_session_timeout(session), 7200);
        tls_session_release(session);
        pair_close(&pair);
    }
}

// Tickets of every number, over transports that take and give little.
TEST(hard_transports) {
    static const int numbers[] = {1, 2, 5};
    for (size_t i = 0; i < 2 * COUNT(numbers); i++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[i % 2]);
        setup.server.tickets = numbers[i / 2];
        pair_t pair;
        tls_session_t *session = NULL;
        pair_open(&pair, &setup);
        for (size_t room = 0; room < 4; room++) {
            pair.client.session = session;
            pair_reopen(&pair);
            pair.client.wire.chunk = pair.server.wire.chunk = room + 1;
            pair.client.wire.block_random = pair.server.wire.abort_random = test_seed();
            if (room > 0) {
                pair.server.wire.room = 20 * room;
            }
            // The client reads: nothing but tickets comes.
            pump(&pair, endpoint_read_some, endpoint_handshake);
            assert_status(&pair.server, TLS_OK);
            assert_status(&pair.client, TLS_WANT_READ);
            assert_int_equal(tls_connection_session_reused(pair.client.connection), session != NULL);
            pair_chat(&pair);
            tls_session_release(session);
            session = get_session(&pair);
        }
        tls_session_release(session);
        pair_close(&pair);
    }
}

// In TLS 1.3 there is none before the first read, on a server and before the handshake never.
TEST(none_yet) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        tls_error_t error;
        pair_open(&pair, &setup);
        assert_null(tls_connection_session(pair.client.connection, &error));
        assert_false(tls_connection_session_reused(pair.client.connection));
        assert_true(pair_handshake(&pair));
        tls_session_t *session = tls_connection_session(pair.client.connection, &error);
        assert_int_equal(session != NULL, all_versions[v] == TLS_VERSION_1_2);
        tls_session_release(session);
        pair_chat(&pair);
        assert_null(tls_connection_session(pair.server.connection, &error));
        assert_int_equal(error.kind, TLS_ERROR_NONE);
        pair_close(&pair);
    }
}

// The session of one context in a connection of another one that asks the same.
TEST(another_context) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_t other;
        tls_session_t *session = first_session(&pair, &setup);
        pair_open(&other, &setup);
        tls_context_t *context = pair.client.context;
        pair.client.context = other.client.context;
        other.client.context = context;
        assert_resumes(&pair, session, true, "another context");
        tls_session_release(session);
        pair_close(&pair);
        pair_close(&other);
    }
}

static void forget_nothing(pair_t *pair) {
    (void)pair;
}

static void other_name(pair_t *pair) {
    pair->client.side.hostname = "www.server.test";
}

static void no_name_check(pair_t *pair) {
    pair->client.side.skip_hostname_check = true;
}

static void weaker_mode(pair_t *pair) {
    tls_context_set_verify_mode(pair->client.context, TLS_VERIFY_MODE_OPTIONAL);
}

static void no_verification(pair_t *pair) {
    tls_context_set_verify_mode(pair->client.context, TLS_VERIFY_MODE_NONE);
}

static void add_anchors(tls_context_t *context) {
    tls_error_t error;
    blob_t anchors = load("other-root", ".pem");
    assert_true(tls_context_add_trust_anchors(context, anchors.data, anchors.len, false, &error));
}

static void other_anchors(pair_t *pair) {
    add_anchors(pair->client.context);
}

static void server_other_anchors(pair_t *pair) {
    add_anchors(pair->server.context);
}

static void server_mode(pair_t *pair) {
    tls_context_set_verify_mode(pair->server.context, TLS_VERIFY_MODE_OPTIONAL);
}

static void server_forgets(pair_t *pair) {
    tls_context_forget_tickets(pair->server.context);
}

static void server_without_tickets(pair_t *pair) {
    tls_context_set_num_tickets(pair->server.context, 0);
}

// What changes between the connections, and whether that is reason enough for a full handshake.
TEST(changed_terms) {
    static const struct {
        const char *what;
        void (*change)(pair_t *pair);
        bool resumes;
    } changes[] = {
        {"nothing", forget_nothing, true},
        {"the name", other_name, false},
        {"the check of the name", no_name_check, false},
        {"a weaker verify mode", weaker_mode, false},
        {"no verification", no_verification, false},
        {"the trust anchors", other_anchors, false},
        {"the server's trust anchors", server_other_anchors, false},
        {"the server's verify mode", server_mode, false},
        {"the server's memory", server_forgets, false},
        {"the server's tickets", server_without_tickets, false},
    };
    for (size_t k = 0; k < COUNT(kinds); k++) {
        for (size_t i = 0; i < COUNT(changes); i++) {
            setup_t setup = kind_setup(k);
            pair_t pair;
            tls_session_t *session = first_session(&pair, &setup);
            if (changes[i].change == other_name) {
                // Any certificate for this server will do.
                tls_context_set_verify_mode(pair.client.context, TLS_VERIFY_MODE_OPTIONAL);
                assert_false(resume(&pair, NULL));
                tls_session_release(session);
                session = get_session(&pair);
            }
            changes[i].change(&pair);
            assert_resumes(&pair, session, changes[i].resumes, changes[i].what);
            tls_session_release(session);
            pair_close(&pair);
        }
    }
}

// A session that nobody has verified, in a connection that demands it.
TEST(unverified) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        setup.client.verify = TLS_VERIFY_MODE_NONE;
        setup.server.certificate = "self-signed";
        set_version(&setup, all_versions[v]);
        pair_t pair;
        tls_session_t *session = first_session(&pair, &setup);
        assert_resumes(&pair, session, true, "no verification");
        tls_context_set_verify_mode(pair.client.context, TLS_VERIFY_MODE_REQUIRED);
        pair.client.session = session;
        pair_reopen(&pair);
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
        tls_session_release(session);
        pair_close(&pair);
    }
}

// What the first handshake found is what a resumed one says.
TEST(optional) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        setup.client.verify = TLS_VERIFY_MODE_OPTIONAL;
        setup.client.hostname = "another.test";
        set_version(&setup, all_versions[v]);
        pair_t pair;
        tls_session_t *session = first_session(&pair, &setup);
        assert_int_equal(tls_connection_verify_result(pair.client.connection), TLS_VERIFY_HOSTNAME);
        assert_resumes(&pair, session, true, "CERT_OPTIONAL");
        assert_int_equal(tls_connection_verify_result(pair.client.connection), TLS_VERIFY_HOSTNAME);
        tls_session_release(session);
        pair_close(&pair);
    }
}

// A connection whose certificates are to be shown to a hook resumes only what was shown to one.
TEST(verify_hook) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_open(&pair, &setup);
        pair.client.no_verify_hook = true;
        assert_true(pair_handshake(&pair));
        pair_chat(&pair);
        tls_session_t *session = get_session(&pair);
        assert_resumes(&pair, session, false, "with a hook that was not asked"); // reopening brings the hook
        assert_int_equal(pair.client.verify_calls, 3);
        tls_session_release(session);
        session = get_session(&pair);
        assert_resumes(&pair, session, true, "with a hook that was asked");
        // A session that comes from a resumed connection remembers.
        tls_session_release(session);
        session = get_session(&pair);
        assert_resumes(&pair, session, true, "with a hook that was asked before");
        tls_session_release(session);
        pair_close(&pair);
    }
}

// Too old, or from the future.
TEST(age) {
    static const struct {
        int64_t seconds;
        bool resumes;
    } ages[] = {{0, true}, {7199, true}, {7200, false}, {-1, false}};
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (size_t i = 0; i < COUNT(ages); i++) {
            setup_t setup = verified_setup();
            set_version(&setup, all_versions[v]);
            pair_t pair;
            pair_connect(&pair, &setup);
            pair_chat(&pair);
            // In TLS 1.3 the session is as old as its ticket.
            tls_session_t *session = get_session(&pair);
            pair.client.session = session;
            pair_reopen(&pair);
            pair.client.now += ages[i].seconds;
            assert_true(pair_handshake(&pair));
            bool reused = tls_connection_session_reused(pair.client.connection);
            // Servers of Mbed TLS compare ages with their own clock, which stands still here.
            bool may_differ = ages[i].resumes && ages[i].seconds > 0 && all_versions[v] == TLS_VERSION_1_3;
            require(&pair.client, reused == ages[i].resumes || may_differ, "after %d seconds", (int)ages[i].seconds);
            tls_session_release(session);
            pair_close(&pair);
        }
    }
}

// Tickets of resumed connections do not prolong the proof for ever: seven days after the certificate was shown it is
// wanted again.
TEST(proof_ages) {
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_3);
    pair_t pair;
    tls_session_t *session = first_session(&pair, &setup);
    int64_t start = pair.client.now;
    bool reused = true;
    for (int64_t hours = 1; reused && hours <= 24 * 7; hours++) {
        pair.client.session = session;
        pair_reopen(&pair);
        pair.client.now = start + hours * 3600;
        assert_true(pair_handshake(&pair));
        pair_chat(&pair);
        reused = tls_connection_session_reused(pair.client.connection);
        tls_session_release(session);
        session = get_session(&pair);
    }
    tls_session_release(session);
    pair_close(&pair);
    assert_false(reused);
}

TEST(no_tickets) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        setup.server.tickets = -1;
        set_version(&setup, all_versions[v]);
        pair_t pair;
        tls_error_t error;
        pair_connect(&pair, &setup);
        assert_int_equal(tls_context_get_num_tickets(pair.server.context), 0);
        pair_chat(&pair);
        tls_session_t *session = tls_connection_session(pair.client.connection, &error);
        // In TLS 1.2 there may be an identifier, which this server will not know.
        if (session != NULL) {
            assert_false(tls_session_has_ticket(session));
            assert_resumes(&pair, session, false, "an identifier");
        }
        tls_session_release(session);
        pair_close(&pair);
    }
}

TEST(default_tickets) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    assert_int_equal(tls_context_get_num_tickets(pair.server.context), 2);
    pair_close(&pair);
}

TEST(psk) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = psk_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        tls_error_t error;
        pair_connect(&pair, &setup);
        pair_chat(&pair);
        assert_null(tls_connection_session(pair.client.connection, &error));
        assert_false(tls_connection_session_reused(pair.client.connection));
        assert_false(tls_connection_session_reused(pair.server.connection));
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Servers that ask for certificates

static setup_t mutual_setup(int version, tls_verify_mode_t mode) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    setup.client.certificate = "client-ec";
    setup.server.anchors = "root";
    setup.server.verify = mode;
    return setup;
}

static bool has_peer_certificate(const endpoint_t *endpoint) {
    const uint8_t *der;
    size_t len;
    return tls_connection_peer_certificate(endpoint->connection, 0, &der, &len);
}

// The server knows its client again, whether the session was resumed or not.
TEST(mutual) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = mutual_setup(all_versions[v], TLS_VERIFY_MODE_REQUIRED);
        pair_t pair;
        pair_connect(&pair, &setup);
        pair_chat(&pair);
        tls_error_t error;
        tls_session_t *session = tls_connection_session(pair.client.connection, &error);
        bool reused = resume(&pair, session);
        assert_true(reused || all_versions[v] == TLS_VERSION_1_3); // see the list of Mbed TLS's limits
        assert_true(has_peer_certificate(&pair.server));
        assert_int_equal(tls_connection_verify_result(pair.server.connection), 0);
        tls_session_release(session);
        pair_close(&pair);
    }
}

// A session from before the server asked for certificates does not spare the client that.
TEST(server_asks_later) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = mutual_setup(all_versions[v], TLS_VERIFY_MODE_NONE);
        setup.client.certificate = NULL;
        pair_t pair;
        tls_session_t *session = first_session(&pair, &setup);
        tls_context_set_verify_mode(pair.server.context, TLS_VERIFY_MODE_REQUIRED);
        pair.client.session = session;
        pair_reopen(&pair);
        assert_false(pair_handshake(&pair) && endpoint_read_some(&pair.client) == TLS_OK);
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_NO_CLIENT_CERTIFICATE);
        tls_session_release(session);
        pair_close(&pair);
    }
}

// What an optional check has found is not forgotten.
TEST(optional_client) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = mutual_setup(all_versions[v], TLS_VERIFY_MODE_OPTIONAL);
        setup.client.certificate = "expired";
        pair_t pair;
        pair_connect(&pair, &setup);
        pair_chat(&pair);
        uint32_t found = tls_connection_verify_result(pair.server.connection);
        assert_true(found & TLS_VERIFY_EXPIRED);
        tls_error_t error;
        tls_session_t *session = tls_connection_session(pair.client.connection, &error);
        resume(&pair, session);
        assert_int_equal(tls_connection_verify_result(pair.server.connection), found);
        tls_session_release(session);
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Bytes

typedef struct bytes {
    uint8_t *data; // exactly `len` bytes of memory
    size_t len;
} bytes_t;

static bytes_t serialize(const tls_session_t *session) {
    bytes_t bytes = {.len = tls_session_serialize(session, NULL, 0)};
    assert_true(bytes.len > 0);
    bytes.data = malloc(bytes.len);
    assert_int_equal(tls_session_serialize(session, bytes.data, bytes.len - 1), bytes.len);
    assert_int_equal(tls_session_serialize(session, bytes.data, bytes.len), bytes.len);
    return bytes;
}

static tls_session_t *deserialize(bytes_t bytes) {
    tls_error_t error;
    tls_session_t *session = tls_session_deserialize(bytes.data, bytes.len, &error);
    assert_int_equal(session == NULL, error.kind == TLS_ERROR_ARGUMENT);
    assert_int_equal(session == NULL, error.detail[0] != '\0');
    return session;
}

TEST(round_trip) {
    for (size_t k = 0; k < COUNT(kinds); k++) {
        setup_t setup = kind_setup(k);
        pair_t pair;
        tls_session_t *session = first_session(&pair, &setup);
        bytes_t bytes = serialize(session);
        tls_session_t *copy = deserialize(bytes);
        assert_non_null(copy);
        size_t len;
        size_t copy_len;
        const uint8_t *id = tls_session_id(session, &len);
        const uint8_t *copy_id = tls_session_id(copy, &copy_len);
        assert_int_equal(len, copy_len);
        assert_memory_equal(id, copy_id, len);
        assert_int_equal(tls_session_time(copy), tls_session_time(session));
        assert_int_equal(tls_session_timeout(copy), tls_session_timeout(session));
        assert_int_equal(tls_session_lifetime_hint(copy), tls_session_lifetime_hint(session));
        assert_int_equal(tls_session_has_ticket(copy), tls_session_has_ticket(session));
        bytes_t again = serialize(copy);
        assert_int_equal(again.len, bytes.len);
        assert_memory_equal(again.data, bytes.data, bytes.len);
        tls_session_release(session);
        assert_resumes(&pair, copy, true, "read back");
        tls_session_release(copy);
        free(again.data);
        free(bytes.data);
        pair_close(&pair);
    }
}

TEST(references) {
    setup_t setup = verified_setup();
    pair_t pair;
    tls_session_t *session = first_session(&pair, &setup);
    assert_ptr_equal(tls_session_retain(session), session);
    tls_session_release(session);
    // The connection holds one of its own.
    pair.client.session = session;
    pair_reopen(&pair);
    tls_session_release(session);
    pair.client.session = NULL;
    assert_true(pair_handshake(&pair));
    assert_true(tls_connection_session_reused(pair.client.connection));
    pair_close(&pair);
    tls_session_release(NULL);
}

// Every byte that is not as it was written, every length but the right one.
TEST(altered) {
    setup_t setup = verified_setup();
    pair_t pair;
    tls_session_t *session = first_session(&pair, &setup);
    bytes_t bytes = serialize(session);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] ^= 0x10;
        assert_null(deserialize(bytes));
        bytes.data[i] ^= 0x10;
        bytes_t cut = {.data = malloc(i + 1), .len = i};
        memcpy(cut.data, bytes.data, i);
        assert_null(deserialize(cut));
        free(cut.data);
    }
    bytes_t longer = {.data = calloc(1, bytes.len + 1), .len = bytes.len + 1};
    memcpy(longer.data, bytes.data, bytes.len);
    assert_null(deserialize(longer));
    free(longer.data);
    assert_null(deserialize((bytes_t) {.data = (uint8_t *)"", .len = 0}));
    free(bytes.data);
    tls_session_release(session);
    pair_close(&pair);
}

// Where things stand in the bytes: a mark, a checksum, the length of the engine's version, the version, the rest.
#define CHECKSUM_AT 8
#define VERSION_AT  (CHECKSUM_AT + TLS_DIGEST_SIZE)

// The same bytes in memory of this length, with one of them changed, and with the right checksum.
static tls_session_t *deserialize_changed(bytes_t bytes, size_t len, size_t at, uint8_t change) {
    bytes_t changed = {.data = calloc(1, len), .len = len};
    memcpy(changed.data, bytes.data, len < bytes.len ? len : bytes.len);
    changed.data[at] ^= change;
    assert_true(tls_sha256(changed.data + VERSION_AT, len - VERSION_AT, changed.data + CHECKSUM_AT));
    tls_session_t *session = deserialize(changed);
    free(changed.data);
    return session;
}

// A checksum does not tell where bytes come from, so nothing else may rely on it: of another version of the library, of
// another format, too short, too long, or nonsense.
TEST(strangers) {
    setup_t setup = verified_setup();
    pair_t pair;
    tls_session_t *session = first_session(&pair, &setup);
    bytes_t bytes = serialize(session);
    tls_session_t *same = deserialize_changed(bytes, bytes.len, VERSION_AT, 0);
    assert_non_null(same);
    tls_session_release(same);
    size_t version_end = VERSION_AT + 1 + bytes.data[VERSION_AT];
    assert_null(deserialize_changed(bytes, bytes.len, version_end - 1, 1));
    assert_null(deserialize_changed(bytes, bytes.len, CHECKSUM_AT - 1, 1));
    assert_null(deserialize_changed(bytes, bytes.len, VERSION_AT, 1));
    for (size_t len = VERSION_AT + 1; len < bytes.len; len++) {
        assert_null(deserialize_changed(bytes, len, VERSION_AT, 0));
    }
    assert_null(deserialize_changed(bytes, bytes.len + 1, VERSION_AT, 0));
    // What stays readable may only end in a connection that does as if there were no session.
    for (size_t at = version_end; at < bytes.len; at += test_stride(5)) {
        same = deserialize_changed(bytes, bytes.len, at, 0xff);
        pair.client.session = same;
        pair_reopen(&pair);
        (void)pair_handshake(&pair);
        tls_session_release(same);
    }
    free(bytes.data);
    tls_session_release(session);
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory

#define MARKER 54321

static bool is_no_memory(const tls_error_t *error) {
    return error->kind == TLS_ERROR_NO_MEMORY && error->code == TLS_CODE_ALLOC_FAILED;
}

// Reads a session, keeps it as bytes, reads it back, resumes it. false: memory ran out, and something said so.
static bool use_session(pair_t *pair, bool *told) {
    tls_error_t error;
    *told = true;
    tls_session_t *session = tls_connection_session(pair->client.connection, &error);
    if (session == NULL) {
        *told = is_no_memory(&error);
        return false;
    }
    uint8_t bytes[4096];
    size_t len = tls_session_serialize(session, bytes, sizeof(bytes));
    tls_session_release(session);
    assert_true(len < sizeof(bytes));
    session = len == 0 ? NULL : tls_session_deserialize(bytes, len, &error);
    if (session == NULL) {
        *told = len == 0 || is_no_memory(&error);
        return false;
    }
    pair->client.session = session;
    bool opened = pair_try_reopen(pair, &error);
    bool worked = opened && pair_handshake(pair) && tls_connection_session_reused(pair->client.connection);
    if (!opened) {
        *told = is_no_memory(&error);
    } else if (!worked) {
        // A server that has no memory to look at a ticket may go on without it.
        *told = is_no_memory(&pair->client.error) || is_no_memory(&pair->server.error)
            || tls_connection_is_established(pair->client.connection);
    }
    pair->client.session = NULL;
    tls_session_release(session);
    return worked;
}

TEST(memory_runs_out) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        bool worked = false;
        for (long number = 0; !worked; number += (long)test_stride(number < 60 ? 1 : 151)) {
            pair_connect(&pair, &setup);
            pair_chat(&pair);
            bool told;
            tls_memory_fail_after(0);
            assert_null(tls_calloc(1, MARKER));
            tls_memory_fail_after(number);
            worked = use_session(&pair, &told);
            tls_memory_fail_after(-1);
            require(&pair.client, told, "allocation %ld: nobody says that there is no memory", number);
            assert_true(worked || tls_memory_failed_size() != MARKER);
            // The contexts are as good as before.
            pair_reopen(&pair);
            require(&pair.client, pair_handshake(&pair), "after allocation %ld", number);
            pair_close(&pair);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumed),
        cmocka_unit_test(described),
        cmocka_unit_test(hard_transports),
        cmocka_unit_test(none_yet),
        cmocka_unit_test(another_context),
        cmocka_unit_test(changed_terms),
        cmocka_unit_test(unverified),
        cmocka_unit_test(optional),
        cmocka_unit_test(verify_hook),
        cmocka_unit_test(age),
        cmocka_unit_test(proof_ages),
        cmocka_unit_test(no_tickets),
        cmocka_unit_test(default_tickets),
        cmocka_unit_test(psk),
        cmocka_unit_test(mutual),
        cmocka_unit_test(server_asks_later),
        cmocka_unit_test(optional_client),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(references),
        cmocka_unit_test(altered),
        cmocka_unit_test(strangers),
        cmocka_unit_test(memory_runs_out),
    };
    return RUN_TESTS("sessions");
}
