#include "play.h"

#include "engine/memory.h"
#include "random.h"
#include "start.h"

#include <stdio.h>

#define CALLS_MAX  60000 // of the engine in one run: more is a loop
#define TIMERS_MAX 30
#define IDLE_MAX   40 // rounds in which nothing moves but faults happened

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed);

static const size_t talk_sizes[8] = {0, 1, 20, 500, 3000, 17000, 40000, 100};

// What both ends agree on if nobody interferes; nobody who does can make them agree on something else.
typedef struct outcome {
    char version[10];
    uint16_t suite;
    char alpn[16];
    bool reused;
} outcome_t;

// The contexts of a scenario, and how it goes. They are kept: to make them takes longer than a handshake.
typedef struct stage {
    bool open;
    pair_t pair;
    bool known; // what follows
    bool connects;
    outcome_t outcome;
} stage_t;

#define SEED_STAGE 1
#define SEED_RUNS  2

#define STAGES_MAX 64
static stage_t stages[STAGES_MAX];

// One end in a run.
typedef struct actor {
    endpoint_t *end;
    endpoint_t *peer;
    stream_t stream;
    bool implied;   // no explicit handshake
    bool hasty;     // closes when it has said all
    bool may_check; // what it reads is what the other one wrote
    size_t to_write;
    size_t to_read;
    size_t written;
    size_t read;
    bool established;
    bool read_ended;
    bool closing; // has begun to say so
    bool closed;
    bool failed;
} actor_t;

typedef struct run {
    const scenario_t *scenario;
    stage_t *stage;
    const uint8_t *header;
    unsigned calls;
    bool clear;
    bool memory_fails;
    actor_t client;
    actor_t server;
    relay_t relay;
} run_t;

// ---------------------------------------------------------------------------------------------------------------------
// What must be true

static outcome_t outcome_of(const endpoint_t *end) {
    outcome_t outcome = {.suite = endpoint_suite(end), .reused = tls_connection_session_reused(end->connection)};
    snprintf(outcome.version, sizeof(outcome.version), "%s", tls_connection_version(end->connection));
    size_t len;
    const char *alpn = tls_connection_alpn(end->connection, &len);
    snprintf(outcome.alpn, sizeof(outcome.alpn), "%.*s", alpn == NULL ? 0 : (int)len, alpn == NULL ? "" : alpn);
    return outcome;
}

static void check_outcome(const run_t *run, const endpoint_t *end) {
    outcome_t outcome = outcome_of(end);
    const outcome_t *expected = &run->stage->outcome;
    require(end, strcmp(outcome.version, expected->version) == 0, "%s in place of %s", outcome.version,
        expected->version);
    require(end, outcome.suite == expected->suite, "suite %#x in place of %#x", outcome.suite, expected->suite);
    require(end, strcmp(outcome.alpn, expected->alpn) == 0, "protocol %s in place of %s", outcome.alpn,
        expected->alpn);
    require(end, !outcome.reused || expected->reused, "a session was resumed");
}

// The certificate by which an end proves who it is.
static const char *certificate_of(const endpoint_t *end) {
    return end->other != NULL ? end->other_side.certificate : end->side.certificate;
}

// What does not fit into a datagram is refused, and that is all.
static void try_long_datagram(const actor_t *actor) {
    static const uint8_t data[TLS_MTU_MAX + 1];
    endpoint_t *end = actor->end;
    tls_status_t before = end->status;
    size_t count;
    tls_status_t status = endpoint_write(end, data, sizeof(data), &count);
    require(end, count == 0, "%zu bytes in a datagram", count);
    require(end, status != TLS_ERROR || end->error.kind == TLS_ERROR_ARGUMENT || end->error.kind == TLS_ERROR_NO_MEMORY,
        "kind %d", end->error.kind);
    if (status != TLS_ERROR || end->error.kind == TLS_ERROR_ARGUMENT) {
        end->status = before;
    }
}

// What the end demands of its peer was given. In clear, a ticket is what its client makes of it.
static void check_proof(const run_t *run, const actor_t *actor) {
    const endpoint_t *end = actor->end;
    uint8_t answers = run->header[HEADER_HOOKS];
    bool reused = tls_connection_session_reused(end->connection);
    if (end->side.verify != TLS_VERIFY_MODE_REQUIRED || (run->clear && reused)) {
        return;
    }
    require(end, tls_connection_peer_verified(end->connection), "established, but the peer is not verified");
    require(end, tls_connection_verify_result(end->connection) == 0, "established with verify result %#x",
        (unsigned)tls_connection_verify_result(end->connection));
    if (reused) {
        return;
    }
    const uint8_t *der;
    size_t len;
    bool shown = tls_connection_peer_certificate(end->connection, 0, &der, &len);
    require(end, shown, "established without a certificate");
    blob_t expected = load(certificate_of(actor->peer), ".der");
    require(end, len == expected.len && memcmp(der, expected.data, len) == 0, "this is not %s",
        certificate_of(actor->peer));
    require(end, answers & ANSWER_NOBODY || !(answers & (ANSWER_REJECT | ANSWER_ABORT)) || answers & ANSWER_DEPTH,
        "established with a certificate that the hook refused");
    require(end, !(answers & ANSWER_EARLY), "established with a certificate that is not valid yet");
}

static void check_established(const run_t *run, actor_t *actor) {
    endpoint_t *end = actor->end;
    if (actor->established || !tls_connection_is_established(end->connection)) {
        return;
    }
    actor->established = true;
    require(end, end->is_server || !run->scenario->stranger, "%s: a client connected to a stranger",
        run->scenario->name);
    if (run->stage->known && run->stage->connects) {
        check_outcome(run, end);
    }
    check_proof(run, actor);
    if (end->wire.datagram) {
        try_long_datagram(actor);
    }
}

// Whatever is called after a failure says again what the failure was.
static void check_stays_failed(actor_t *actor) {
    endpoint_t *end = actor->end;
    tls_error_t first = end->error;
    require(end, tls_error_name(first.code) != NULL && tls_error_reason(&first) != NULL, "an error without a name");
    size_t sent = end->wire.bytes_sent;
    uint8_t buf[100] = {0};
    size_t count;
    for (int call = 0; call < 3; call++) {
        if (call == 0) {
            endpoint_read(end, buf, sizeof(buf), &count);
        } else if (call == 1) {
            endpoint_write(end, buf, sizeof(buf), &count);
        } else {
            endpoint_handshake(end);
        }
        require(end, end->status == TLS_ERROR, "%s after a failure: kind %d, code %d, alert %d, %s",
            status_name(end->status), first.kind, first.code, first.alert, first.detail);
        require(end, end->error.kind == first.kind && end->error.code == first.code && end->error.alert == first.alert,
            "another error than before: kind %d, code %d, alert %d", first.kind, first.code, first.alert);
    }
    require(end, end->wire.bytes_sent == sent, "sent something after a failure");
    tls_session_t *session = tls_connection_session(end->connection, &first);
    tls_session_release(session);
}

// ---------------------------------------------------------------------------------------------------------------------
// Ends

// The byte at a position is always the same. In datagrams, which get lost, each has the position of its first byte.
static uint8_t byte_at(const endpoint_t *writer, size_t position) {
    return (uint8_t)((position * UINT64_C(0x9e3779b97f4a7c15)) >> 56) ^ (writer->is_server ? 0xee : 0x11);
}

#define WRITE_MAX    20000
#define DATAGRAM_MAX 150

static void write_some(actor_t *actor) {
    static uint8_t buf[WRITE_MAX];
    size_t max = actor->end->wire.datagram ? DATAGRAM_MAX : WRITE_MAX;
    size_t size = actor->to_write - actor->written;
    size = size < max ? size : max;
    for (size_t i = 0; i < size; i++) {
        buf[i] = byte_at(actor->end, actor->written + i);
    }
    if (actor->end->wire.datagram && size >= 2) {
        buf[0] = (uint8_t)(actor->written >> 8);
        buf[1] = (uint8_t)actor->written;
    }
    size_t count;
    endpoint_write(actor->end, buf, size, &count);
    actor->written += count;
}

static void check_data(actor_t *actor, const uint8_t *data, size_t len) {
    endpoint_t *end = actor->end;
    size_t start = actor->read;
    size_t i = 0;
    if (end->wire.datagram && len >= 2) {
        start = (size_t)(data[0] << 8 | data[1]);
        i = 2;
    }
    for (; i < len; i++) {
        require(end, data[i] == byte_at(actor->peer, start + i), "byte %zu is wrong", start + i);
    }
    actor->read += len;
    require(end, actor->read <= actor->to_read, "more was read than was written");
}

static void read_some(actor_t *actor) {
    uint8_t buf[1000];
    size_t count;
    tls_status_t status = endpoint_read(actor->end, buf, sizeof(buf), &count);
    if (count > 0 && actor->may_check) {
        check_data(actor, buf, count);
    }
    if (status == TLS_CLOSED || status == TLS_EOF) {
        actor->read_ended = true;
        tls_status_t again = endpoint_read(actor->end, buf, sizeof(buf), &count);
        require(actor->end, again == status || again == TLS_ABORTED || again == TLS_WANT_READ, "%s, and then %s",
            status_name(status), status_name(again));
    }
}

static void close_end(actor_t *actor) {
    actor->closing = true;
    if (endpoint_close_notify(actor->end) != TLS_OK) {
        return;
    }
    actor->closed = true;
    if (actor->established) {
        size_t count;
        endpoint_write(actor->end, "more", 4, &count);
        require(actor->end, actor->end->status == TLS_ERROR && count == 0, "written after close_notify");
        actor->end->status = TLS_OK;
    }
}

static bool is_done(const actor_t *actor) {
    return actor->failed || (actor->closed && actor->read_ended);
}

// TLS_ERROR of a call, but for one that the connection survives.
static bool note_failure(run_t *run, actor_t *actor) {
    run->calls++;
    require(actor->end, run->calls < CALLS_MAX, "%s: this does not end", run->scenario->name);
    if (actor->end->status == TLS_ERROR) {
        actor->failed = true;
        check_stays_failed(actor);
        wire_close(&actor->end->wire);
        return true;
    }
    check_established(run, actor);
    return actor->end->status == TLS_ERROR && note_failure(run, actor);
}

static void look_at(const endpoint_t *end) {
    (void)tls_connection_output_pending(end->connection);
    (void)tls_connection_input_buffered(end->connection);
    (void)tls_connection_memory_use(end->connection);
    size_t pending = tls_connection_input_pending(end->connection);
    require(end, pending == 0 || tls_connection_is_established(end->connection), "data without a handshake");
}

static void take_turn(run_t *run, actor_t *actor) {
    if (is_done(actor)) {
        return;
    }
    endpoint_t *end = actor->end;
    random_choose(actor->stream);
    look_at(end);
    if (!actor->implied && !tls_connection_is_established(end->connection)) {
        endpoint_handshake(end);
        note_failure(run, actor);
        return;
    }
    if (actor->written < actor->to_write && !actor->closing) {
        write_some(actor);
        if (note_failure(run, actor)) {
            return;
        }
    }
    if (!actor->read_ended) {
        read_some(actor);
        if (note_failure(run, actor)) {
            return;
        }
    }
    if (tls_connection_output_pending(end->connection)) {
        endpoint_flush(end);
        if (note_failure(run, actor)) {
            return;
        }
    }
    bool has_said_all = actor->written == actor->to_write || actor->read_ended;
    bool has_heard_all = actor->read_ended || actor->read >= actor->to_read;
    if (!actor->closed && actor->established && has_said_all && (has_heard_all || actor->hasty)) {
        close_end(actor);
        note_failure(run, actor);
    }
    if (actor->read_ended && !actor->established) {
        actor->closed = true; // the transport ended before the handshake did
    }
}

// Asks all that can be asked about a connection.
static void ask_all(const actor_t *actor) {
    const endpoint_t *end = actor->end;
    tls_connection_t *connection = end->connection;
    random_choose(STREAM_SHARED);
    const uint8_t *der;
    size_t len;
    for (unsigned depth = 0; tls_connection_peer_certificate(connection, depth, &der, &len) && depth < 20; depth++) {
        (void)hash_bytes(der, len);
    }
    int bits;
    (void)tls_connection_cipher(connection, &bits);
    (void)tls_connection_version(connection);
    tls_error_t error;
    uint8_t out[TLS_BINDING_MAX];
    for (int binding = TLS_BINDING_UNIQUE; binding <= TLS_BINDING_EXPORTER; binding++) {
        if (tls_connection_channel_binding(connection, (tls_binding_t)binding, out, &len, &error)) {
            (void)hash_bytes(out, len);
        }
    }
    bool exported = tls_connection_export(connection, "EXPERIMENTAL", 12, NULL, 0, out, sizeof(out), &error);
    require(end, !exported || tls_connection_is_established(connection), "keys without a connection");

    tls_session_t *session = tls_connection_session(connection, &error);
    if (session == NULL) {
        return;
    }
    size_t size = tls_session_serialize(session, NULL, 0);
    uint8_t *bytes = malloc(size + 1);
    if (size > 0 && tls_session_serialize(session, bytes, size) == size) {
        tls_session_t *copy = tls_session_deserialize(bytes, size, &error);
        require(end, copy != NULL || error.kind == TLS_ERROR_NO_MEMORY, "a session cannot be read back");
        tls_session_release(copy);
    }
    free(bytes);
    tls_session_release(session);
}

// ---------------------------------------------------------------------------------------------------------------------
// Runs

// A few bytes at a time, a long conversation takes seconds and shows nothing new.
static size_t talk_size(const uint8_t *header, unsigned number) {
    size_t size = talk_sizes[number];
    uint8_t client = header[HEADER_CLIENT_FAULTS] & FAULT_CHUNK;
    uint8_t server = header[HEADER_SERVER_FAULTS] & FAULT_CHUNK;
    bool dribbles = (client > 0 && client < 5) || (server > 0 && server < 5);
    return dribbles && size > 500 ? 500 : size;
}

static actor_t actor_of(endpoint_t *end, endpoint_t *peer, const uint8_t *header) {
    uint8_t talk = header[HEADER_CONVERSATION];
    size_t client_size = talk_size(header, talk & TALK_CLIENT);
    size_t server_size = talk_size(header, (talk & TALK_SERVER) >> 3);
    return (actor_t) {
        .end = end,
        .peer = peer,
        .stream = end->is_server ? STREAM_SERVER : STREAM_CLIENT,
        .implied = header[HEADER_FLAGS] & FLAG_IMPLIED,
        .hasty = talk & (end->is_server ? TALK_QUIET : TALK_CLOSE),
        .to_write = end->is_server ? server_size : client_size,
        .to_read = end->is_server ? client_size : server_size,
    };
}

static void set_faults(wire_end_t *wire, uint8_t faults) {
    if (faults & FAULT_CHUNK) {
        wire->chunk = (size_t)1 << (faults & FAULT_CHUNK);
    }
    wire->block_random = faults & FAULT_BLOCK ? 4711 : 0;
    wire->abort_random = faults & FAULT_ABORT ? 815 : 0;
}

static void set_hooks(endpoint_t *end, uint8_t answers, bool keylog) {
    end->no_verify_hook = answers & ANSWER_NOBODY;
    end->verify_answer = answers & ANSWER_ABORT ? TLS_ABORTED : answers & ANSWER_REJECT ? TLS_ERROR
                                                                                        : TLS_OK;
    end->verify_answer_depth = answers & ANSWER_DEPTH ? 1 : 0;
    if (answers & ANSWER_NO_KEY) {
        end->psk_answer = answers & ANSWER_ABORT ? TLS_ABORTED : TLS_ERROR;
        end->sni_answer = end->psk_answer;
    }
    end->keylog = keylog;
    end->keylog_answer = answers & ANSWER_KEYLOG ? TLS_ABORTED : TLS_OK;
    end->now = answers & ANSWER_NO_TIME ? -1 : answers & ANSWER_EARLY ? TIME_2000_01_01
                                                                      : end->now;
}

static size_t moved(const run_t *run) {
    const wire_end_t *client = &run->client.end->wire;
    const wire_end_t *server = &run->server.end->wire;
    return client->bytes_sent + client->bytes_received + server->bytes_sent + server->bytes_received;
}

static size_t blocked(const run_t *run) {
    return run->client.end->wire.blocked + run->server.end->wire.blocked;
}

static bool wait_for_timer(const actor_t *one, const actor_t *other) {
    int32_t first = is_done(one) ? -1 : endpoint_timeout_ms(one->end);
    int32_t second = is_done(other) ? -1 : endpoint_timeout_ms(other->end);
    if (first < 0 && second < 0) {
        return false;
    }
    advance_clock((uint32_t)(second < 0 || (first >= 0 && first < second) ? first : second));
    return true;
}

// Until both are done, or nothing moves any more. Without `relay` the target is alone.
static void play(run_t *run, actor_t *alone) {
    int timers = 0;
    for (int idle = 0; idle < IDLE_MAX; idle++) {
        size_t moved_before = moved(run);
        size_t blocked_before = blocked(run);
        if (alone != NULL) {
            take_turn(run, alone);
        } else {
            take_turn(run, &run->client);
            bool passed = relay_move(&run->relay);
            take_turn(run, &run->server);
            idle = relay_move(&run->relay) || passed ? 0 : idle;
        }
        if (alone != NULL ? is_done(alone) : is_done(&run->client) && is_done(&run->server)) {
            return;
        }
        if (moved(run) != moved_before) {
            idle = 0;
        } else if (blocked(run) == blocked_before && idle > 1) {
            const actor_t *one = alone != NULL ? alone : &run->client;
            const actor_t *other = alone != NULL ? alone : &run->server;
            if (!run->client.end->wire.datagram || timers++ == TIMERS_MAX || !wait_for_timer(one, other)) {
                return;
            }
        }
    }
}

static void give_transcript(endpoint_t *end, const uint8_t *data, size_t len) {
    if (!end->wire.datagram) {
        if (len > 0) {
            wire_inject(&end->wire, data, len);
        }
        end->wire.ended = true;
        return;
    }
    while (len > 2) {
        size_t size = (size_t)(data[0] << 8 | data[1]);
        size = size < len - 2 ? size : len - 2;
        if (size > 0) {
            wire_inject(&end->wire, data + 2, size);
        }
        data += 2 + size;
        len -= 2 + size;
    }
}

static bool target_is_server(const uint8_t *header) {
    return this_target == TARGET_DATAGRAM ? header[HEADER_FLAGS] & FLAG_SERVER : this_target == TARGET_SERVER;
}

static void free_connections(pair_t *pair) {
    endpoint_t *const ends[] = {&pair->client, &pair->server};
    for (size_t i = 0; i < 2; i++) {
        tls_connection_free(ends[i]->connection);
        ends[i]->connection = NULL;
        wire_free(&ends[i]->wire);
    }
}

// With new connections of the stage's contexts. `out`: where all that the target read is left for the caller to free,
// or NULL.
static void run_connections(run_t *run, const uint8_t *input, size_t len, wire_queue_t *out) {
    pair_t *pair = &run->stage->pair;
    run->client = actor_of(&pair->client, &pair->server, run->header);
    run->server = actor_of(&pair->server, &pair->client, run->header);
    actor_t *target = target_is_server(run->header) ? &run->server : &run->client;
    set_faults(&pair->client.wire, run->header[HEADER_CLIENT_FAULTS]);
    set_faults(&pair->server.wire, run->header[HEADER_SERVER_FAULTS]);
    set_hooks(&pair->client, run->header[HEADER_HOOKS], run->scenario->keylog);
    set_hooks(&pair->server, run->header[HEADER_HOOKS], run->scenario->keylog);

    bool transcript = run->header[HEADER_FLAGS] & FLAG_TRANSCRIPT;
    run->client.may_check = run->server.may_check = !transcript && !run->clear;
    relay_start(&run->relay, pair, target_is_server(run->header));
    if (transcript) {
        give_transcript(target->end, input + HEADER_SIZE, len - HEADER_SIZE);
        play(run, target);
    } else {
        lane_t *lane = target_is_server(run->header) ? &run->relay.to_server : &run->relay.to_client;
        lane->record = out != NULL;
        relay_script(&run->relay, input + HEADER_SIZE, len - HEADER_SIZE);
        play(run, NULL);
        if (out != NULL) {
            *out = lane->passed;
            lane->passed = (wire_queue_t) {.data = NULL};
        }
    }
    ask_all(&run->client);
    ask_all(&run->server);
    relay_free(&run->relay);
}

static const uint8_t plain_header[HEADER_SIZE] = {[HEADER_CONVERSATION] = 2 | 2 << 3};

// The random numbers of a run are those of its scenario. With those of another, its transcript would be that of a true
// peer.
static void start_random(const stage_t *stage) {
    random_start(SEED_RUNS + (uint32_t)(stage - stages));
}

// A run in which all is well; whether both ends connected.
static bool run_plainly(const scenario_t *scenario, stage_t *stage) {
    run_t run = {.scenario = scenario, .stage = stage, .header = plain_header};
    tls_error_t error;
    start_random(stage);
    if (!pair_try_reopen(&stage->pair, &error)) {
        fail_msg("%s: the connections cannot be made", scenario->name);
    }
    run_connections(&run, plain_header, HEADER_SIZE, NULL);
    if (!stage->known) {
        stage->known = true;
        stage->outcome = outcome_of(&stage->pair.client);
        stage->connects = run.client.established && run.server.established;
        require(run.client.end, stage->connects || run.client.failed || run.server.failed, "%s: stuck",
            scenario->name);
        require(run.client.end, stage->outcome.reused == scenario->resumes, "%s: resumed or not", scenario->name);
    }
    bool connected = run.client.established && run.server.established;
    free_connections(&stage->pair);
    return connected;
}

static void close_stage(stage_t *stage) {
    tls_session_release(stage->pair.client.session);
    stage->pair.client.session = NULL;
    pair_close(&stage->pair);
    stage->open = false;
}

// The session is one that the server of the stage gave.
static void get_session(stage_t *stage) {
    tls_error_t error;
    if (pair_handshake(&stage->pair)) {
        pair_chat(&stage->pair); // tickets of TLS 1.3 come with it
        stage->pair.client.session = tls_connection_session(stage->pair.client.connection, &error);
    }
    tls_session_stats_t stats;
    tls_context_session_stats(stage->pair.client.context, &stats);
    if (stats.number > 0) {
        // The context has one, too.
        tls_session_release(stage->pair.client.session);
        stage->pair.client.session = NULL;
    }
}

// false: out of memory.
static bool open_stage(const scenario_t *scenario, stage_t *stage) {
    tls_error_t error;
    reset_clock();
    random_start(SEED_STAGE);
    stage->open = true;
    if (!pair_try_open(&stage->pair, &scenario->setup, &error)) {
        require(&stage->pair.client, error.kind == TLS_ERROR_NO_MEMORY, "%s: kind %d, %s", scenario->name, error.kind,
            error.detail);
        close_stage(stage);
        return false;
    }
    // A cache whose sessions other runs have used would not be the same again.
    tls_context_set_session_cache_size(stage->pair.server.context, 0);
    if (scenario->configure != NULL) {
        scenario->configure(&stage->pair);
    }
    if (scenario->resumes) {
        get_session(stage);
    }
    free_connections(&stage->pair);
    return true;
}

// Memory runs out while contexts are made.
static void open_without_memory(const scenario_t *scenario, long allocation) {
    pair_t pair;
    tls_error_t error;
    tls_memory_fail_after(allocation - 1);
    bool ok = pair_try_open(&pair, &scenario->setup, &error);
    tls_memory_fail_after(-1);
    require(&pair.client, ok || error.kind == TLS_ERROR_NO_MEMORY, "%s: kind %d, %s", scenario->name, error.kind,
        error.detail);
    pair_close(&pair);
}

// A stage as it was the first time.
static stage_t *prepare_stage(const scenario_t *scenario, size_t number, bool anew) {
    stage_t *stage = &stages[number];
    if (stage->open && (anew || scenario->fresh)) {
        close_stage(stage);
    }
    if (!stage->open) {
        if (!open_stage(scenario, stage)) {
            fail_msg("%s: out of memory", scenario->name);
        }
        if (!stage->known) {
            run_plainly(scenario, stage);
        }
        if (scenario->fresh) {
            close_stage(stage);
            (void)open_stage(scenario, stage);
        }
    }
    return stage;
}

static const scenario_t *choose_scenario(uint8_t byte, size_t *number) {
    bool datagram = this_target == TARGET_DATAGRAM;
    *number = byte % (datagram ? datagram_scenario_count : stream_scenario_count);
    return datagram ? &datagram_scenarios[*number] : &stream_scenarios[*number];
}

// Whether the target connected.
static bool run_input(const uint8_t *input, size_t len, wire_queue_t *out) {
    size_t number;
    const scenario_t *scenario = choose_scenario(input[HEADER_SCENARIO], &number);
    uint8_t flags = input[HEADER_FLAGS];
    run_t run = {.scenario = scenario, .header = input, .clear = flags & FLAG_CLEAR};
    run.stage = prepare_stage(scenario, number, flags & FLAG_FRESH);
    pair_t *pair = &run.stage->pair;

    long allocation = input[HEADER_MEMORY] << 8 | input[HEADER_MEMORY + 1];
    if (flags & FLAG_FRESH && allocation > 0) {
        open_without_memory(scenario, allocation);
    }

    tls_error_t error;
    reset_clock();
    start_random(run.stage);
    library_set_clear(run.clear);
    tls_memory_fail_after(allocation - 1);
    if (pair_try_reopen(pair, &error)) {
        run_connections(&run, input, len, out);
    }
    tls_memory_fail_after(-1);
    free_connections(pair);
    library_set_clear(false);

    if (flags & FLAG_AGAIN && !scenario->fresh) {
        reset_clock();
        require(&pair->client, run_plainly(scenario, run.stage) == run.stage->connects, "%s: not any more",
            scenario->name);
    }
    return target_is_server(input) ? run.server.established : run.client.established;
}

// ---------------------------------------------------------------------------------------------------------------------
// Seeds

static void write_seed(const char *dir, const char *name, size_t number, bool server, const uint8_t *header,
    const uint8_t *data, size_t len) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%s-%02zu%s", dir, name, number, server ? "-server" : "");
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(header, 1, HEADER_SIZE, file) != HEADER_SIZE || fwrite(data, 1, len, file) != len
        || fclose(file) != 0) {
        fail_msg("%s cannot be written", path);
    }
}

// What the target read in a run in which all was well; it has to come to the same when nobody is there.
static void write_seeds_of(const char *dir, size_t number, uint8_t flags) {
    uint8_t header[HEADER_SIZE];
    memcpy(header, plain_header, HEADER_SIZE);
    header[HEADER_SCENARIO] = (uint8_t)number;
    header[HEADER_FLAGS] = flags;
    bool server = flags & FLAG_SERVER;
    bool clear = flags & FLAG_CLEAR;
    write_seed(dir, clear ? "script-clear" : "script", number, server, header, NULL, 0);

    wire_queue_t read = {.data = NULL};
    bool connected = run_input(header, HEADER_SIZE, &read);
    header[HEADER_FLAGS] |= FLAG_TRANSCRIPT;
    write_seed(dir, clear ? "transcript-clear" : "transcript", number, server, header, read.data, read.tail);

    uint8_t *input = malloc(HEADER_SIZE + read.tail);
    memcpy(input, header, HEADER_SIZE);
    memcpy(input + HEADER_SIZE, read.data, read.tail);
    if (run_input(input, HEADER_SIZE + read.tail, NULL) != connected) {
        size_t unused;
        fail_msg("%s: the transcript comes to something else", choose_scenario((uint8_t)number, &unused)->name);
    }
    free(input);
    free(read.data);
}

void write_seeds(const char *dir) {
    bool datagram = this_target == TARGET_DATAGRAM;
    size_t count = datagram ? datagram_scenario_count : stream_scenario_count;
    for (size_t i = 0; i < count; i++) {
        for (uint8_t flags = 0; flags <= FLAG_SERVER; flags += FLAG_SERVER) {
            if (flags == 0 || datagram) {
                write_seeds_of(dir, i, flags);
                write_seeds_of(dir, i, flags | FLAG_CLEAR);
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// libFuzzer

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < HEADER_SIZE) {
        return -1;
    }
    run_input(data, len, NULL);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed) {
    return mutate_input(data, len, max, seed);
}
