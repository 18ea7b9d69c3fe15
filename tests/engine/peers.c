#include "peers.h"

#include <errno.h>
#include <stdio.h>
#include <sys/time.h>

#define ROUNDS_MAX 1000 // without a byte moving

int64_t earliest_time;

// ---------------------------------------------------------------------------------------------------------------------
// Files

#define FILES_MAX 128

blob_t load(const char *name, const char *suffix) {
    static struct {
        char path[256];
        blob_t blob;
    } files[FILES_MAX];

    char path[sizeof(files[0].path)];
    snprintf(path, sizeof(path), "%s/%s%s", CERTS_DIR, name, suffix);
    size_t i = 0;
    while (files[i].blob.data != NULL && strcmp(files[i].path, path) != 0) {
        i++;
        assert_true(i < FILES_MAX);
    }
    if (files[i].blob.data == NULL) {
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            fail_msg("%s: %s", path, strerror(errno));
        }
        fseek(file, 0, SEEK_END);
        files[i].blob.len = (size_t)ftell(file);
        rewind(file);
        files[i].blob.data = malloc(files[i].blob.len);
        assert_int_equal(fread(files[i].blob.data, 1, files[i].blob.len, file), files[i].blob.len);
        fclose(file);
        strcpy(files[i].path, path);
    }
    return files[i].blob;
}

// ---------------------------------------------------------------------------------------------------------------------
// Configuration

const int all_versions[2] = {TLS_VERSION_1_2, TLS_VERSION_1_3};

const char *version_name(int version, bool datagram) {
    if (datagram) {
        return "DTLSv1.2";
    }
    return version == TLS_VERSION_1_2 ? "TLSv1.2" : "TLSv1.3";
}

setup_t verified_setup(void) {
    return (setup_t) {
        .client = {.anchors = "root", .verify = TLS_VERIFY_MODE_REQUIRED, .hostname = "server.test"},
        .server = {.certificate = "ec"},
    };
}

setup_t psk_setup(void) {
    return (setup_t) {
        .client = {.psk_identity = "gateway-7", .psk_key = "0123456789abcdef"},
        .server = {.psk_identity = "gateway-7", .psk_key = "0123456789abcdef"},
    };
}

void set_version(setup_t *setup, int version) {
    setup->client.minimum = setup->client.maximum = version;
    setup->server.minimum = setup->server.maximum = version;
}

static bool add_certificate(tls_context_t *context, const char *name, tls_error_t *error) {
    blob_t chain = load(name, "-chain.pem");
    blob_t key = load(name, ".key");
    return tls_context_add_certificate(context, chain.data, chain.len, key.data, key.len, NULL, error);
}

static bool set_psk(tls_context_t *context, const side_t *side, bool is_server, tls_error_t *error) {
    if (is_server) {
        return tls_context_set_psk_server(context, true, error)
            && (side->psk_hint == NULL || tls_context_set_psk_hint(context, side->psk_hint, error));
    }
    if (side->psk_from_hook) {
        return tls_context_set_psk_client(context, true, error);
    }
    return tls_context_set_psk(context, (const uint8_t *)side->psk_identity, strlen(side->psk_identity),
        (const uint8_t *)side->psk_key, strlen(side->psk_key), error);
}

static size_t count_names(const char *const names[4]) {
    size_t count = 0;
    while (count < 4 && names[count] != NULL) {
        count++;
    }
    return count;
}

static bool configure(tls_context_t *context, const side_t *side, bool is_server, tls_error_t *error) {
    tls_context_set_verify_mode(context, side->verify);
    if (side->tickets != 0) {
        tls_context_set_num_tickets(context, (uint16_t)(side->tickets < 0 ? 0 : side->tickets));
    }
    if (side->minimum != 0 && !tls_context_set_versions(context, side->minimum, side->maximum, error)) {
        return false;
    }
    if (side->max_record != 0 && !tls_context_set_max_record(context, side->max_record, error)) {
        return false;
    }
    if (side->mtu != 0 && !tls_context_set_mtu(context, side->mtu, error)) {
        return false;
    }
    if (side->certificate != NULL && !add_certificate(context, side->certificate, error)) {
        return false;
    }
    if (side->second_certificate != NULL && !add_certificate(context, side->second_certificate, error)) {
        return false;
    }
    if (side->anchors != NULL) {
        blob_t anchors = load(side->anchors, ".pem");
        if (!tls_context_add_trust_anchors(context, anchors.data, anchors.len, false, error)) {
            return false;
        }
    }
    size_t count = 0;
    while (count < COUNT(side->ciphers) && side->ciphers[count] != 0) {
        count++;
    }
    if (count > 0 && !tls_context_set_ciphers(context, side->ciphers, count, error)) {
        return false;
    }
    if (side->alpn[0] != NULL && !tls_context_set_alpn(context, side->alpn, count_names(side->alpn), error)) {
        return false;
    }
    if (side->groups[0] != NULL && !tls_context_set_groups(context, side->groups, count_names(side->groups), error)) {
        return false;
    }
    return side->psk_identity == NULL || set_psk(context, side, is_server, error);
}

// ---------------------------------------------------------------------------------------------------------------------
// Hooks

// What lives on the stack during one call. The host comes first, so that a hook finds the rest.
typedef struct call {
    tls_host_t host;
    endpoint_t *endpoint;
    bool want_read; // a hook said so
    bool want_write;
    bool aborted;
    bool transport_aborted;
    bool keylog_aborted;
} call_t;

static void note(call_t *call, tls_status_t status) {
    call->want_read |= status == TLS_WANT_READ;
    call->want_write |= status == TLS_WANT_WRITE;
    call->aborted |= status == TLS_ABORTED;
    call->endpoint->eof_seen |= status == TLS_EOF;
}

static void do_more(const endpoint_t *endpoint) {
    if (endpoint->in_hook != NULL) {
        endpoint->in_hook();
    }
}

static tls_status_t hook_recv(tls_host_t *host, uint8_t *buf, size_t size, size_t *count) {
    call_t *call = (call_t *)host;
    do_more(call->endpoint);
    require(call->endpoint, size > 0, "recv was asked for nothing");
    require(call->endpoint, !call->transport_aborted, "recv was called after the transport had aborted");
    tls_status_t status = wire_recv(&call->endpoint->wire, buf, size, count);
    call->transport_aborted |= status == TLS_ABORTED;
    note(call, status);
    return status;
}

static tls_status_t hook_send(tls_host_t *host, const uint8_t *buf, size_t size, size_t *count) {
    call_t *call = (call_t *)host;
    do_more(call->endpoint);
    require(call->endpoint, size > 0, "send was given nothing");
    require(call->endpoint, !call->transport_aborted, "send was called after the transport had aborted");
    tls_status_t status = wire_send(&call->endpoint->wire, buf, size, count);
    call->transport_aborted |= status == TLS_ABORTED;
    note(call, status);
    return status;
}

static tls_status_t hook_verify(tls_host_t *host, const uint8_t *der, size_t len, unsigned depth) {
    call_t *call = (call_t *)host;
    endpoint_t *endpoint = call->endpoint;
    do_more(endpoint);
    require(endpoint, endpoint->verify_calls < VERIFY_CALLS_MAX, "verify was called too often");
    endpoint->verify_depth[endpoint->verify_calls] = depth;
    endpoint->verify_hash[endpoint->verify_calls] = hash_bytes(der, len);
    endpoint->verify_calls++;
    tls_status_t status = depth == endpoint->verify_answer_depth ? endpoint->verify_answer : TLS_OK;
    note(call, status);
    return status;
}

static tls_status_t hook_psk(tls_host_t *host, const uint8_t *identity, size_t identity_len, uint8_t *key,
    size_t *key_len) {
    call_t *call = (call_t *)host;
    endpoint_t *endpoint = call->endpoint;
    do_more(endpoint);
    endpoint->psk_calls++;
    if (endpoint->psk_answer != TLS_OK) {
        note(call, endpoint->psk_answer);
        return endpoint->psk_answer;
    }
    const side_t *side = endpoint->chose_other ? &endpoint->other_side : &endpoint->side;
    if (side->psk_identity == NULL || identity_len != strlen(side->psk_identity)
        || memcmp(identity, side->psk_identity, identity_len) != 0) {
        return TLS_ERROR;
    }
    *key_len = strlen(side->psk_key);
    assert_true(*key_len <= TLS_PSK_MAX);
    memcpy(key, side->psk_key, *key_len);
    return TLS_OK;
}

static tls_status_t hook_psk_client(tls_host_t *host, const char *hint, uint8_t *identity, size_t *identity_len,
    uint8_t *key, size_t *key_len) {
    call_t *call = (call_t *)host;
    endpoint_t *endpoint = call->endpoint;
    const side_t *side = &endpoint->side;
    do_more(endpoint);
    endpoint->psk_calls++;
    snprintf(endpoint->psk_hint, sizeof(endpoint->psk_hint), "%s", hint == NULL ? "" : hint);
    if (endpoint->psk_answer == TLS_OK) {
        *identity_len = strlen(side->psk_identity);
        memcpy(identity, side->psk_identity, *identity_len);
        *key_len = strlen(side->psk_key);
        memcpy(key, side->psk_key, *key_len);
    }
    note(call, endpoint->psk_answer);
    return endpoint->psk_answer;
}

static tls_status_t hook_sni(tls_host_t *host, const char *name, tls_context_t **context, int *alert) {
    call_t *call = (call_t *)host;
    endpoint_t *endpoint = call->endpoint;
    do_more(endpoint);
    require(endpoint, *context == endpoint->context, "that is not its context");
    assert_int_equal(*alert, 40);
    endpoint->sni_calls++;
    snprintf(endpoint->sni_name, sizeof(endpoint->sni_name), "%s", name == NULL ? "" : name);
    if (endpoint->sni_alert != 0) {
        *alert = endpoint->sni_alert;
    }
    if (endpoint->other != NULL) {
        *context = endpoint->other;
        endpoint->chose_other = true;
    }
    note(call, endpoint->sni_answer);
    return endpoint->sni_answer;
}

static tls_status_t hook_keylog(tls_host_t *host, const char *line, size_t len) {
    call_t *call = (call_t *)host;
    endpoint_t *endpoint = call->endpoint;
    do_more(endpoint);
    require(endpoint, !call->keylog_aborted, "keylog was called after it had aborted");
    require(endpoint, endpoint->keylog_calls < KEYLOG_LINES_MAX && len < KEYLOG_LINE_SIZE, "too much for a key log");
    memcpy(endpoint->keylog_lines[endpoint->keylog_calls++], line, len);
    tls_status_t status = endpoint->keylog_answer;
    endpoint->keylog_answer = TLS_OK;
    call->keylog_aborted = status == TLS_ABORTED;
    note(call, status);
    return status;
}

static int64_t hook_now(tls_host_t *host) {
    return ((call_t *)host)->endpoint->now;
}

#define CLOCK_START (UINT32_MAX - 500) // hooks.ticks_ms wraps around soon

static uint64_t clock_ms = CLOCK_START;

void advance_clock(uint32_t ms) {
    clock_ms += ms;
}

void reset_clock(void) {
    clock_ms = CLOCK_START;
}

static uint32_t hook_ticks_ms(tls_host_t *host) {
    (void)host;
    return (uint32_t)clock_ms;
}

// OpenSSL takes the time for its DTLS timers from here and not from the hook. As the program's own function it is found
// before the C library's.
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    time->tv_sec = (time_t)(TIME_2026_06_01 + (int64_t)(clock_ms / 1000));
    time->tv_usec = (suseconds_t)(clock_ms % 1000 * 1000);
    return 0;
}

// ---------------------------------------------------------------------------------------------------------------------
// Calls

static call_t begin_call(endpoint_t *endpoint) {
    call_t call = {
        .host = {.recv = hook_recv, .send = hook_send, .now = hook_now, .ticks_ms = hook_ticks_ms},
        .endpoint = endpoint,
    };
    call.host.verify = endpoint->no_verify_hook ? NULL : hook_verify;
    call.host.keylog = endpoint->keylog ? hook_keylog : NULL;
    call.host.sni = endpoint->sni || endpoint->other != NULL ? hook_sni : NULL;
    call.host.psk = endpoint->no_psk_hook ? NULL : hook_psk;
    call.host.psk_client = endpoint->no_psk_hook ? NULL : hook_psk_client;
    memset(&call.host.error, 0xa5, sizeof(call.host.error)); // an engine clears it first
    return call;
}

static tls_status_t end_call(call_t *call, tls_status_t status) {
    endpoint_t *endpoint = call->endpoint;
    endpoint->status = status;
    endpoint->error = call->host.error;
    endpoint->aborts += status == TLS_ABORTED;
    const tls_error_t *error = &endpoint->error;

    require(endpoint, status != TLS_ERROR || error->kind != TLS_ERROR_NONE, "an error of no kind");
    require(endpoint, status == TLS_ERROR || status == TLS_ABORTED || error->kind == TLS_ERROR_NONE, "kind %d",
        error->kind);
    require(endpoint, status != TLS_ERROR || tls_error_name(error->code) != NULL, "unknown code %d", error->code);
    require(endpoint, error->alert >= -1 && error->alert <= 255, "no alert: %d", error->alert);
    require(endpoint, status != TLS_WANT_READ || call->want_read || endpoint->wire.datagram, "no hook said so");
    require(endpoint, status != TLS_WANT_WRITE || call->want_write, "no hook said so");
    require(endpoint, status != TLS_ABORTED || call->aborted, "no hook aborted");
    require(endpoint, !call->aborted || status == TLS_ABORTED || status == TLS_ERROR, "a hook aborted");
    require(endpoint, status != TLS_EOF || endpoint->eof_seen, "the transport has not ended");
    return status;
}

tls_status_t endpoint_handshake(endpoint_t *endpoint) {
    call_t call = begin_call(endpoint);
    end_call(&call, tls_connection_handshake(endpoint->connection, &call.host));
    if (endpoint->status == TLS_OK) {
        require(endpoint, tls_connection_is_established(endpoint->connection), "complete, but not established");
        require(endpoint, !tls_connection_output_pending(endpoint->connection), "complete, but not all was sent");
    }
    return endpoint->status;
}

tls_status_t endpoint_read(endpoint_t *endpoint, void *buf, size_t size, size_t *count) {
    call_t call = begin_call(endpoint);
    *count = SIZE_MAX;
    end_call(&call, tls_connection_read(endpoint->connection, &call.host, buf, size, count));
    require(endpoint, *count <= size, "read %zu of %zu bytes", *count, size);
    require(endpoint, (endpoint->status == TLS_OK && size > 0) == (*count > 0), "read %zu bytes", *count);
    return endpoint->status;
}

tls_status_t endpoint_write(endpoint_t *endpoint, const void *buf, size_t size, size_t *count) {
    call_t call = begin_call(endpoint);
    *count = SIZE_MAX;
    end_call(&call, tls_connection_write(endpoint->connection, &call.host, buf, size, count));
    require(endpoint, *count <= size, "wrote %zu of %zu bytes", *count, size);
    require(endpoint, endpoint->status != TLS_OK || size == 0 || *count > 0, "success, but nothing was taken");
    require(endpoint, endpoint->status != TLS_WANT_READ || *count == 0, "wrote %zu bytes", *count);
    require(endpoint, endpoint->status != TLS_WANT_WRITE || *count == 0, "wrote %zu bytes", *count);
    return endpoint->status;
}

tls_status_t endpoint_flush(endpoint_t *endpoint) {
    call_t call = begin_call(endpoint);
    end_call(&call, tls_connection_flush(endpoint->connection, &call.host));
    require(endpoint, (endpoint->status == TLS_OK) <= !tls_connection_output_pending(endpoint->connection),
        "flushed, but output is pending");
    return endpoint->status;
}

tls_status_t endpoint_close_notify(endpoint_t *endpoint) {
    call_t call = begin_call(endpoint);
    return end_call(&call, tls_connection_close_notify(endpoint->connection, &call.host));
}

int32_t endpoint_timeout_ms(endpoint_t *endpoint) {
    call_t call = begin_call(endpoint);
    return tls_connection_timeout_ms(endpoint->connection, &call.host);
}

uint16_t endpoint_suite(const endpoint_t *endpoint) {
    int bits;
    return tls_connection_cipher(endpoint->connection, &bits);
}

tls_status_t endpoint_read_some(endpoint_t *endpoint) {
    uint8_t buf[64];
    size_t count;
    return endpoint_read(endpoint, buf, sizeof(buf), &count);
}

// ---------------------------------------------------------------------------------------------------------------------
// Pairs

static bool open_context(tls_context_t **context, const side_t *side, bool is_server, bool datagram,
    tls_error_t *error) {
    unsigned protocol = (is_server ? TLS_PROTOCOL_SERVER : 0) | (datagram ? TLS_PROTOCOL_DATAGRAM : 0);
    *context = tls_context_new(protocol, error);
    return *context != NULL && configure(*context, side, is_server, error);
}

static bool open_endpoint(endpoint_t *endpoint, const side_t *side, bool is_server, bool datagram,
    tls_error_t *error) {
    endpoint->side = *side;
    endpoint->is_server = is_server;
    return open_context(&endpoint->context, side, is_server, datagram, error);
}

static bool open_other(pair_t *pair, const setup_t *setup, tls_error_t *error) {
    if (setup->other == NULL) {
        return true;
    }
    pair->server.other_side = *setup->other;
    return open_context(&pair->server.other, setup->other, true, setup->datagram, error);
}

static bool open_connection(endpoint_t *endpoint, tls_error_t *error) {
    const side_t *side = &endpoint->side;
    tls_connection_options_t options = {
        .server_hostname = side->hostname,
        .skip_hostname_check = side->skip_hostname_check,
        .client_id = (const uint8_t *)side->client_id,
        .client_id_len = side->client_id == NULL ? 0 : strlen(side->client_id),
        .session = endpoint->session,
    };
    endpoint->connection = tls_connection_new(endpoint->context, &options, error);
    return endpoint->connection != NULL;
}

bool pair_try_open(pair_t *pair, const setup_t *setup, tls_error_t *error) {
    memset(pair, 0, sizeof(*pair));
    pair->datagram = setup->datagram;
    return open_endpoint(&pair->client, &setup->client, false, setup->datagram, error)
        && open_endpoint(&pair->server, &setup->server, true, setup->datagram, error)
        && open_other(pair, setup, error) && pair_try_reopen(pair, error);
}

static void show_error(const tls_error_t *error) {
    const char *name = tls_error_name(error->code);
    print_error("  kind %d, %s, reason %s, alert %d%s, verify %#x\n  text \"%s\"\n  detail \"%s\"\n", error->kind,
        name == NULL ? "unknown code" : name, tls_error_reason(error), error->alert,
        error->alert_from_peer ? " from the peer" : "", (unsigned)error->verify, error->text, error->detail);
}

void pair_open(pair_t *pair, const setup_t *setup) {
    tls_error_t error;
    if (!pair_try_open(pair, setup, &error)) {
        show_error(&error);
        fail_msg("the pair cannot be made");
    }
}

static void close_connection(endpoint_t *endpoint) {
    tls_connection_free(endpoint->connection);
    endpoint->connection = NULL;
    wire_free(&endpoint->wire);
}

bool pair_try_reopen(pair_t *pair, tls_error_t *error) {
    endpoint_t *ends[] = {&pair->client, &pair->server};
    for (size_t i = 0; i < 2; i++) {
        close_connection(ends[i]);
        *ends[i] = (endpoint_t) {
            .context = ends[i]->context,
            .session = ends[i]->session,
            .side = ends[i]->side,
            .is_server = ends[i]->is_server,
            .other = ends[i]->other,
            .other_side = ends[i]->other_side,
            .now = TIME_2026_06_01,
        };
    }
    wire_connect(&pair->client.wire, &pair->server.wire, pair->datagram);
    return open_connection(&pair->client, error) && open_connection(&pair->server, error);
}

void pair_reopen(pair_t *pair) {
    tls_error_t error;
    if (!pair_try_reopen(pair, &error)) {
        show_error(&error);
        fail_msg("the connections cannot be made");
    }
}

void pair_close(pair_t *pair) {
    close_connection(&pair->client);
    close_connection(&pair->server);
    tls_context_release(pair->client.context);
    tls_context_release(pair->server.context);
    tls_context_release(pair->server.other);
    pair->client.context = pair->server.context = pair->server.other = NULL;
}

static bool may_go_on(tls_status_t status) {
    return status == TLS_WANT_READ || status == TLS_WANT_WRITE || status == TLS_ABORTED;
}

static size_t moved(const endpoint_t *endpoint) {
    return endpoint->wire.bytes_sent + endpoint->wire.bytes_received;
}

// Sets the clock to when the first timer fires. false: none runs.
static bool wait_for_timer(pair_t *pair) {
    int32_t client = endpoint_timeout_ms(&pair->client);
    int32_t server = endpoint_timeout_ms(&pair->server);
    if (client < 0 && server < 0) {
        return false;
    }
    advance_clock((uint32_t)(server < 0 || (client >= 0 && client < server) ? client : server));
    return true;
}

// The handshake, and then reading what a peer repeats because its flight or ours was lost.
static tls_status_t datagram_handshake(endpoint_t *endpoint) {
    if (!tls_connection_is_established(endpoint->connection)) {
        return endpoint_handshake(endpoint);
    }
    tls_status_t status = endpoint_read_some(endpoint);
    require(endpoint, status != TLS_OK, "data came before it was sent");
    return endpoint->status = may_go_on(status) ? TLS_OK : status;
}

static void take_step(endpoint_t *endpoint, step_t step) {
    // A datagram end that is done still has to answer a peer who has not heard so.
    bool answers = step == datagram_handshake && endpoint->status == TLS_OK;
    if ((may_go_on(endpoint->status) || answers) && step(endpoint) == TLS_ERROR) {
        wire_close(&endpoint->wire);
    }
}

void pump(pair_t *pair, step_t client_step, step_t server_step) {
    pair->client.status = pair->server.status = TLS_WANT_READ;
    for (int idle = 0; idle < ROUNDS_MAX; idle++) {
        size_t moved_before = moved(&pair->client) + moved(&pair->server);
        size_t blocked_before = pair->client.wire.blocked + pair->server.wire.blocked;
        take_step(&pair->client, client_step);
        take_step(&pair->server, server_step);
        if (!may_go_on(pair->client.status) && !may_go_on(pair->server.status)) {
            return;
        }
        if (moved(&pair->client) + moved(&pair->server) != moved_before) {
            idle = -1;
        } else if (pair->client.wire.blocked + pair->server.wire.blocked == blocked_before
            && !(pair->datagram && wait_for_timer(pair)) && idle > 0) {
            return;
        }
    }
}

bool pair_handshake(pair_t *pair) {
    step_t step = pair->datagram ? datagram_handshake : endpoint_handshake;
    pump(pair, step, step);
    return pair->client.status == TLS_OK && pair->server.status == TLS_OK;
}

void pair_connect(pair_t *pair, const setup_t *setup) {
    pair_open(pair, setup);
    pair_handshake(pair);
    assert_status(&pair->client, TLS_OK);
    assert_status(&pair->server, TLS_OK);
}

// ---------------------------------------------------------------------------------------------------------------------
// Transfer

// One direction. The byte at a position is always the same, so that the receiver knows what has to come.
typedef struct flow {
    endpoint_t *from;
    endpoint_t *to;
    size_t len;
    size_t written;
    size_t read;
    uint8_t salt;
} flow_t;

static uint8_t byte_at(const flow_t *flow, size_t position) {
    return (uint8_t)((position * UINT64_C(0x9e3779b97f4a7c15)) >> 56) ^ flow->salt;
}

#define WRITE_MAX 40000
#define READ_MAX  20000

static void write_some(flow_t *flow, uint32_t *random) {
    static uint8_t buf[WRITE_MAX];
    size_t size = flow->len - flow->written;
    if (size == 0) {
        endpoint_flush(flow->from);
        return;
    }
    size_t limit = random_below(random, 4) == 0 ? WRITE_MAX : 600;
    size_t wanted = 1 + random_below(random, (uint32_t)limit);
    size = wanted < size ? wanted : size;
    for (size_t i = 0; i < size; i++) {
        buf[i] = byte_at(flow, flow->written + i);
    }
    size_t count;
    endpoint_write(flow->from, buf, size, &count);
    flow->written += count;
}

static void read_some(flow_t *flow, uint32_t *random) {
    static uint8_t buf[READ_MAX];
    size_t count;
    endpoint_read(flow->to, buf, 1 + random_below(random, READ_MAX), &count);
    for (size_t i = 0; i < count; i++) {
        require(flow->to, buf[i] == byte_at(flow, flow->read + i), "byte %zu of %zu is wrong", flow->read + i,
            flow->len);
    }
    flow->read += count;
    require(flow->to, flow->read <= flow->written, "read %zu of %zu bytes written", flow->read, flow->written);
}

static bool is_done(const flow_t *flow) {
    return flow->read == flow->len && !tls_connection_output_pending(flow->from->connection);
}

void pair_transfer(pair_t *pair, size_t client_bytes, size_t server_bytes) {
    uint32_t random = test_seed();
    flow_t flows[] = {
        {.from = &pair->client, .to = &pair->server, .len = client_bytes, .salt = 0x11},
        {.from = &pair->server, .to = &pair->client, .len = server_bytes, .salt = 0xee},
    };
    size_t idle = 0;
    while (!is_done(&flows[0]) || !is_done(&flows[1])) {
        size_t moved_before = moved(&pair->client) + moved(&pair->server);
        for (size_t i = 0; i < 2; i++) {
            flow_t *flow = &flows[i];
            write_some(flow, &random);
            require(flow->from, flow->from->status == TLS_OK || may_go_on(flow->from->status), "cannot write");
            read_some(flow, &random);
            require(flow->to, flow->to->status == TLS_OK || may_go_on(flow->to->status), "cannot read");
        }
        idle = moved(&pair->client) + moved(&pair->server) == moved_before ? idle + 1 : 0;
        require(flows[0].from, idle < ROUNDS_MAX, "stuck: client %zu of %zu, server %zu of %zu", flows[0].read,
            client_bytes, flows[1].read, server_bytes);
    }
}

void pair_chat(pair_t *pair) {
    pair_transfer(pair, 20, 30);
}

// ---------------------------------------------------------------------------------------------------------------------
// Assertions

const char *status_name(tls_status_t status) {
    static const char *const names[] = {
        "TLS_OK",
        "TLS_WANT_READ",
        "TLS_WANT_WRITE",
        "TLS_CLOSED",
        "TLS_EOF",
        "TLS_ABORTED",
        "TLS_ERROR",
    };
    return (size_t)status < COUNT(names) ? names[status] : "no status at all";
}

void show_endpoint(const endpoint_t *endpoint) {
    print_error("%s: %s after %zu bytes sent, %zu received, %zu calls of the transport\n",
        endpoint->is_server ? "server" : "client", status_name(endpoint->status), endpoint->wire.bytes_sent,
        endpoint->wire.bytes_received, endpoint->wire.calls);
    if (endpoint->status == TLS_ERROR) {
        show_error(&endpoint->error);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Bytes

// FNV-1a
uint64_t hash_bytes(const void *data, size_t len) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

uint32_t test_seed(void) {
    static uint32_t seed;
    if (seed == 0) {
        const char *text = getenv("TEST_SEED");
        seed = text == NULL ? 0 : (uint32_t)strtoul(text, NULL, 0);
        seed = seed == 0 ? 20260601 : seed;
        print_message("random choices start from TEST_SEED=%u\n", (unsigned)seed);
    }
    return seed;
}

size_t test_stride(size_t step) {
    const char *text = getenv("TEST_STRIDE");
    size_t factor = text == NULL ? 1 : strtoul(text, NULL, 0);
    return factor == 0 ? 1 : step * factor;
}

uint32_t random_below(uint32_t *state, uint32_t limit) {
    *state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
    return (uint32_t)(((uint64_t)*state * limit) >> 32);
}

// ---------------------------------------------------------------------------------------------------------------------
// Groups of tests

int start_engine(void **state) {
    (void)state;
    return tls_engine_init() ? 0 : -1;
}
