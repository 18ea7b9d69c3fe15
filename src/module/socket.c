// The connection object: its life, its place in the stream protocol, and what it tells about itself.

#include "module/socket.h"

#include <string.h>

#include "module/binding.h"
#include "module/call.h"
#include "module/certificate.h"
#include "module/datagram.h"
#include "module/errors.h"
#include "module/parameters.h"
#include "module/session.h"
#include "module/sni.h"
#include "module/stream_methods.h"
#include "module/transport.h"
#include "module/unwrap.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/objstr.h"
#include "py/stream.h"
#include "ssl_config.h"

#define POLL_RDWR (MP_STREAM_POLL_RD | MP_STREAM_POLL_WR)

#define CONGESTED_RECORD 4096
#define CONGESTION_SPAN  65536

#define DRAIN_MAX 65536 // bytes; a peer that sends for ever must not keep close() from ending

// ---------------------------------------------------------------------------------------------------------------------
// Making one

static const char *hostname_from_obj(mp_obj_t obj) {
    if (obj == mp_const_none) {
        return NULL;
    }
    size_t len;
    const char *name = mp_obj_str_get_data(obj, &len);
    if (len == 0 || strlen(name) != len) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid server_hostname"));
    }
    return name;
}

static void check_options(const mp_obj_ssl_context_t *context, const ssl_wrap_options_t *options, const char *name) {
    bool is_server = context->protocol & TLS_PROTOCOL_SERVER;
    if (options->server_side && !is_server) {
        mp_raise_ValueError(MP_ERROR_TEXT("server_side needs a server context"));
    }
    if (is_server && options->session != mp_const_none) {
        mp_raise_ValueError(MP_ERROR_TEXT("session is for clients"));
    }
    if (!is_server && name == NULL && context->check_hostname
        && tls_context_get_verify_mode(context->engine) == TLS_VERIFY_MODE_REQUIRED) {
        mp_raise_ValueError(MP_ERROR_TEXT("CERT_REQUIRED requires server_hostname"));
    }
}

static tls_connection_t *new_connection(mp_obj_ssl_context_t *context, const tls_connection_options_t *options) {
    tls_error_t error;
    tls_error_clear(&error);
    bool interrupt_was_held = ssl_hold_interrupt(true);
    ssl_context_use(context);
    tls_connection_t *connection = tls_connection_new(context->engine, options, &error);
    ssl_context_release(context);
    ssl_hold_interrupt(interrupt_was_held);
    if (connection == NULL) {
        ssl_raise(&error);
    }
    return connection;
}

// A connection that never came to be a Python object's business any more leaves the stream as it is.
void ssl_socket_discard(mp_obj_ssl_socket_t *self) {
#if MICROPY_PY_SSL_STATS
    if (self->connection != NULL) {
        self->stats.heap_peak = (uint32_t)tls_connection_memory_use(self->connection).peak;
    }
#endif
    ssl_descriptor_close(self);
    tls_connection_free(self->connection);
    self->connection = NULL;
    self->stream = MP_OBJ_NULL;
    self->unread = MP_OBJ_NULL;
    self->late_error = MP_OBJ_NULL;
}

static void handshake_or_discard(mp_obj_ssl_socket_t *self) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        ssl_socket_discard(self);
        nlr_jump(nlr.ret_val);
    }
    ssl_socket_do_handshake(self);
    nlr_pop();
}

// Whom a kept session is for; others need not ask the stream.
static uint16_t peer_port(const mp_obj_ssl_context_t *context, mp_obj_t stream) {
#if MICROPY_PY_SSL_SESSION_CACHE
    bool keeps = (context->protocol & TLS_PROTOCOL_SERVER) == 0
        && tls_context_get_session_cache_size(ssl_context_engine(context)) > 0;
    return keeps ? ssl_transport_peer_port(stream) : 0;
#else
    (void)context;
    (void)stream;
    return 0;
#endif
}

mp_obj_t ssl_socket_new(mp_obj_ssl_context_t *context, mp_obj_t stream, const ssl_wrap_options_t *options) {
    ssl_transport_check(stream);
    tls_connection_options_t connection_options = {
        .server_hostname = hostname_from_obj(options->server_hostname),
        .skip_hostname_check = !context->check_hostname,
        .session = ssl_session_from_obj(options->session),
        .peer_port = peer_port(context, stream),
    };
    if (options->client_id != mp_const_none) {
        mp_buffer_info_t id;
        mp_get_buffer_raise(options->client_id, &id, MP_BUFFER_READ);
        connection_options.client_id = id.buf;
        connection_options.client_id_len = id.len;
    }
    check_options(context, options, connection_options.server_hostname);
    ssl_context_prepare(context);

    mp_obj_ssl_socket_t *self = mp_obj_malloc_with_finaliser(mp_obj_ssl_socket_t, &ssl_socket_type);
    // The finaliser may run from now on, so every field has a value before anything that can raise.
    memset((char *)self + sizeof(self->base), 0, sizeof(*self) - sizeof(self->base));
    self->context = context;
    self->stream = stream;
    self->server_hostname = options->server_hostname;
    self->unread = MP_OBJ_NULL;
    self->late_error = MP_OBJ_NULL;
    self->send_error = MP_OBJ_NULL;
    self->timeout_ms = SSL_NO_LIMIT;
    self->blocking = options->non_blocking ? SSL_NON_BLOCKING : SSL_BLOCKING_UNKNOWN;
    self->server_side = context->protocol & TLS_PROTOCOL_SERVER;
    self->suppress_ragged_eofs = options->suppress_ragged_eofs;
    self->connection = new_connection(context, &connection_options);
    if (!ssl_is_datagram(self) && !mp_obj_is_type(stream, &ssl_socket_type)) {
        ssl_transport_send_at_once(stream);
    }
    if (options->do_handshake) {
        handshake_or_discard(self);
    }
    return MP_OBJ_FROM_PTR(self);
}

// Frees the engine's memory and nothing else: finalisers run in any order, the stream may be gone already.
static mp_obj_t ssl_socket___del__(mp_obj_t self_in) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    // The collector never finds an object that is in use; a program that calls this from a callback does.
    if (!self->busy) {
        ssl_socket_discard(self);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket___del___obj, ssl_socket___del__);

// ---------------------------------------------------------------------------------------------------------------------
// Moving data

// What poll has to ask the stream for when an operation stopped with `status`.
static uint8_t want_of(tls_status_t status) {
    if (status == TLS_WANT_READ) {
        return MP_STREAM_POLL_RD;
    }
    return status == TLS_WANT_WRITE ? MP_STREAM_POLL_WR : 0;
}

// Once the handshake is over nobody waits for the opposite direction any more.
static void note_progress(mp_obj_ssl_socket_t *self, bool was_established) {
    if (!was_established && tls_connection_is_established(self->connection)) {
        self->read_want = 0;
        self->write_want = 0;
#if MICROPY_PY_SSL_STATS
        ssl_stats_t *stats = &self->stats;
        stats->complete = true;
        stats->handshake_ms = (uint32_t)mp_hal_ticks_ms() - stats->start;
        stats->resumed = tls_connection_session_reused(self->connection);
#endif
    }
}

static ssl_transfer_t failure(int errcode, mp_obj_t exception) {
    return (ssl_transfer_t) {.errcode = errcode, .exception = exception};
}

// A connection that failed says so again, in the same words. The engine keeps them, unless it was us who gave up.
static bool is_unusable(mp_obj_ssl_socket_t *self, ssl_transfer_t *result) {
    if (self->failed == 0 || self->connection == NULL) {
        return false; // a closed one is told as such
    }
    ssl_call_t call;
    int refused = ssl_call_try_begin(&call, self);
    if (refused != 0) {
        *result = failure(0, ssl_call_refusal(refused));
    } else if (self->failed == TLS_CODE_TIMEOUT) {
        ssl_call_end(&call, ssl_datagram_give_up(&call.host));
        *result = failure(0, call.exception);
    } else {
        ssl_call_end(&call, tls_connection_handshake(self->connection, &call.host));
        *result = failure(call.errcode, call.exception);
    }
    return true;
}

// Bytes that an earlier read did not deliver. Another thread may do the same: then nobody knows which of them gets
// what, but nothing is read from beyond their end.
static size_t take_unread(mp_obj_ssl_socket_t *self, void *buf, size_t size) {
    mp_obj_t unread = self->unread;
    if (unread == MP_OBJ_NULL) {
        return 0;
    }
    size_t len;
    const char *data = mp_obj_str_get_data(unread, &len);
    size_t offset = MIN(self->unread_offset, len);
    size_t count = MIN(size, len - offset);
    memcpy(buf, data + offset, count);
    self->unread_offset = offset + count;
    if (offset + count == len) {
        self->unread = MP_OBJ_NULL;
    }
    return count;
}

static ssl_transfer_t end_of_stream(mp_obj_ssl_socket_t *self, tls_status_t status) {
    self->ended = true;
    self->truncated = status == TLS_EOF;
    if (status == TLS_EOF && !self->suppress_ragged_eofs) {
        tls_error_t error;
        tls_error_clear(&error);
        tls_error_set(&error, TLS_ERROR_EOF, TLS_CODE_CONN_EOF,
            "the peer ended the connection without close_notify: data may be missing");
        return failure(0, ssl_exception_new(&error));
    }
    return failure(0, MP_OBJ_NULL);
}

static ssl_transfer_t receive(mp_obj_ssl_socket_t *self, void *buf, size_t size, const ssl_deadline_t *deadline) {
    ssl_transfer_t result = {0};
    if (self->read_shut) {
        return result;
    }
    if (self->late_error != MP_OBJ_NULL) {
        result = failure(0, self->late_error);
        self->late_error = MP_OBJ_NULL;
        return result;
    }
    result.count = take_unread(self, buf, size);
    if (result.count > 0 || is_unusable(self, &result)) {
        return result;
    }
    ssl_call_t call;
    int errcode = ssl_call_try_begin(&call, self);
    if (errcode != 0) {
        return failure(0, ssl_call_refusal(errcode));
    }
    bool was_established = tls_connection_is_established(self->connection);
    call.may_wait = ssl_datagram_may_wait(self);
    call.deadline = *deadline;
    tls_status_t status;
    do {
        status = tls_connection_read(self->connection, &call.host, buf, size, &result.count);
    } while (ssl_datagram_again(&call, &status));
    self->read_want = want_of(status) == MP_STREAM_POLL_WR ? MP_STREAM_POLL_WR : 0;
    self->read_blocked = status == TLS_WANT_READ;
    note_progress(self, was_established);
    ssl_call_end(&call, status);
    if (result.count > 0) {
        return result;
    }
    switch (status) {
        case TLS_OK:
        case TLS_WANT_READ:
        case TLS_WANT_WRITE:
            return failure(MP_EAGAIN, MP_OBJ_NULL);
        case TLS_CLOSED:
        case TLS_EOF:
            return end_of_stream(self, status);
        case TLS_ABORTED:
        case TLS_ERROR:
            return failure(call.errcode, call.exception);
    }
    return failure(MP_EIO, MP_OBJ_NULL);
}

ssl_transfer_t ssl_socket_receive(mp_obj_ssl_socket_t *self, void *buf, size_t size, const ssl_deadline_t *deadline) {
    ssl_transfer_t result = receive(self, buf, size, deadline);
    ssl_descriptor_note(self, false, mp_is_nonblocking_error(result.errcode), false);
    return result;
}

// Whether the stream takes a few bytes, or fails, without waiting. Streams that cannot tell are believed to.
static bool is_writable_at_once(mp_obj_t stream) {
    int errcode;
    mp_uint_t answer = ssl_transport_ioctl(stream, MP_STREAM_POLL, MP_STREAM_POLL_WR, &errcode);
    return answer & (MP_STREAM_POLL_WR | MP_STREAM_POLL_ERR | MP_STREAM_POLL_HUP | MP_STREAM_POLL_NVAL);
}

// How much of a write to encrypt now. What is encrypted counts as written, although the stream may not take it yet; a
// program that does not wait and closes next could lose it. So once such a stream has refused part of a record, it is
// asked first and given small records, which sockets that say they are writable take whole.
static size_t choose_size(const mp_obj_ssl_socket_t *self, size_t size) {
    bool waits = self->blocking != SSL_NON_BLOCKING;
    if (self->congestion == 0 || waits || ssl_is_datagram(self) || self->connection == NULL) {
        return size;
    }
    return is_writable_at_once(self->stream) ? MIN(size, CONGESTED_RECORD) : 0;
}

static void note_output(mp_obj_ssl_socket_t *self, size_t count) {
    bool refused = tls_connection_output_pending(self->connection);
    self->congestion = refused ? CONGESTION_SPAN : self->congestion - MIN(count, self->congestion);
}

// Why the stream can no longer be written, if the peer has said so, and else the error itself. Data from the peer stays
// for the next read.
static ssl_transfer_t explain_send_error(mp_obj_ssl_socket_t *self, const ssl_deadline_t *deadline) {
    ssl_transfer_t result = failure(0, self->send_error);
    if (self->connection == NULL || !tls_connection_is_established(self->connection) || self->unread != MP_OBJ_NULL) {
        return result;
    }
    mp_obj_t room = mp_obj_new_bytes((const byte *)"", 1); // before anything is read: memory may be short
    size_t len;
    char *p = (char *)(uintptr_t)mp_obj_str_get_data(room, &len);
    ssl_transfer_t received = ssl_socket_receive(self, p, len, deadline);
    if (received.count > 0) {
        self->unread = room;
        self->unread_offset = 0;
        ssl_descriptor_refresh(self);
    }
    return received.exception != MP_OBJ_NULL ? received : result;
}

static ssl_transfer_t transmit(mp_obj_ssl_socket_t *self, const void *buf, size_t size,
    const ssl_deadline_t *deadline) {
    ssl_transfer_t result = {0};
    if (is_unusable(self, &result)) {
        return result;
    }
    if (self->write_shut && self->connection != NULL) {
        return failure(0, ssl_exception_from_errno(MP_EPIPE, "the connection was shut down for writing"));
    }
    size = choose_size(self, size);
    if (size == 0) {
        return failure(MP_EAGAIN, MP_OBJ_NULL);
    }
    ssl_call_t call;
    int errcode = ssl_call_try_begin(&call, self);
    if (errcode != 0) {
        return failure(0, ssl_call_refusal(errcode));
    }
    bool was_established = tls_connection_is_established(self->connection);
    call.may_wait = ssl_datagram_may_wait(self);
    call.deadline = *deadline;
    tls_status_t status;
    do {
        status = tls_connection_write(self->connection, &call.host, buf, size, &result.count);
    } while (ssl_datagram_again(&call, &status));
    self->write_want = want_of(status) == MP_STREAM_POLL_RD ? MP_STREAM_POLL_RD : 0;
    self->read_blocked = false;
    note_output(self, result.count);
    note_progress(self, was_established);
    ssl_call_end(&call, status);
    if (self->send_error != MP_OBJ_NULL && call.exception == MP_OBJ_NULL) {
        return explain_send_error(self, deadline);
    }
    // Bytes that the engine took are written, even if the transport failed behind them: it will say so again. But what
    // a stream raised is told at once.
    if (result.count > 0 && call.exception == MP_OBJ_NULL) {
        return result;
    }
    result.count = 0;
    switch (status) {
        case TLS_OK:
        case TLS_WANT_READ:
        case TLS_WANT_WRITE:
            return failure(MP_EAGAIN, call.exception);
        case TLS_CLOSED:
        case TLS_EOF:
            return failure(MP_EPIPE, MP_OBJ_NULL);
        case TLS_ABORTED:
        case TLS_ERROR:
            return failure(call.errcode, call.exception);
    }
    return failure(MP_EIO, MP_OBJ_NULL);
}

ssl_transfer_t ssl_socket_transmit(mp_obj_ssl_socket_t *self, const void *buf, size_t size,
    const ssl_deadline_t *deadline) {
    ssl_transfer_t result = transmit(self, buf, size, deadline);
    ssl_descriptor_note(self, true, mp_is_nonblocking_error(result.errcode), result.count < size);
    return result;
}

void ssl_socket_raise_failure(mp_obj_ssl_socket_t *self) {
    ssl_transfer_t failed;
    if (is_unusable(self, &failed)) {
        nlr_raise(failed.exception);
    }
}

void ssl_socket_require_established(mp_obj_ssl_socket_t *self) {
    ssl_socket_raise_failure(self);
    if (self->connection == NULL) {
        nlr_raise(ssl_call_refusal(MP_EBADF));
    }
    if (!tls_connection_is_established(self->connection)) {
        ssl_raise_errno(MP_ENOTCONN, "the handshake is not complete");
    }
}

bool ssl_socket_settle(const mp_obj_ssl_socket_t *self, mp_obj_t exception, int errcode, bool done) {
    if (exception != MP_OBJ_NULL) {
        nlr_raise(exception);
    }
    if (errcode != 0) {
        mp_raise_OSError(errcode);
    }
    if (!done && self->blocking == SSL_NON_BLOCKING) {
        mp_raise_OSError(MP_EAGAIN);
    }
    if (!done) {
        mp_event_wait_ms(1);
    }
    return done;
}

// One attempt; what went wrong is raised. false: it needs another one.
static bool try_handshake(mp_obj_ssl_socket_t *self, const ssl_deadline_t *deadline) {
    ssl_call_t call;
    ssl_call_begin(&call, self);
    bool was_established = tls_connection_is_established(self->connection);
    call.may_wait = self->blocking != SSL_NON_BLOCKING;
    call.deadline = *deadline;
    tls_status_t status;
    do {
        status = tls_connection_handshake(self->connection, &call.host);
    } while (ssl_datagram_again(&call, &status));
    note_progress(self, was_established);
    ssl_call_end(&call, status);
    ssl_descriptor_refresh(self);
    if (status == TLS_OK && self->send_error != MP_OBJ_NULL) {
        // A client of TLS 1.3 reads nothing after its last flight, whose first message the server may have refused.
        // What a server sends last are tickets, which a client that has said something and gone does not need.
        mp_obj_t exception = explain_send_error(self, deadline).exception;
        if (was_established || !self->server_side || self->unread == MP_OBJ_NULL) {
            call.exception = exception;
        }
    }
    return ssl_socket_settle(self, call.exception, call.errcode, status == TLS_OK);
}

void ssl_socket_do_handshake(mp_obj_ssl_socket_t *self) {
    ssl_socket_raise_failure(self);
    ssl_deadline_t deadline = ssl_socket_start(self);
    while (!try_handshake(self, &deadline)) {
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The stream protocol

static mp_uint_t stream_result(ssl_transfer_t result, int *errcode) {
    if (result.exception != MP_OBJ_NULL) {
        nlr_raise(result.exception);
    }
    if (result.errcode != 0) {
        *errcode = result.errcode;
        return MP_STREAM_ERROR;
    }
    return result.count;
}

static mp_uint_t ssl_socket_read(mp_obj_t self_in, void *buf, mp_uint_t size, int *errcode) {
    if (size == 0) {
        return 0;
    }
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    ssl_deadline_t deadline = ssl_socket_start(self);
    return stream_result(ssl_socket_receive(self, buf, size, &deadline), errcode);
}

static mp_uint_t ssl_socket_write(mp_obj_t self_in, const void *buf, mp_uint_t size, int *errcode) {
    if (size == 0) {
        return 0;
    }
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    ssl_deadline_t deadline = ssl_socket_start(self);
    return stream_result(ssl_socket_transmit(self, buf, size, &deadline), errcode);
}

// Encrypted bytes that an earlier write left behind go out from here too: a program that only waits for the answer
// would otherwise wait for ever.
static void flush_output(mp_obj_ssl_socket_t *self) {
    ssl_call_t call;
    if (self->failed != 0 || self->connection == NULL || !tls_connection_output_pending(self->connection)
        || ssl_call_try_begin(&call, self) != 0) {
        return;
    }
    call.deadline = ssl_deadline_start(0);
    tls_status_t status = tls_connection_flush(self->connection, &call.host);
    note_output(self, 0);
    ssl_call_end(&call, status);
    ssl_descriptor_refresh(self);
    if (call.exception != MP_OBJ_NULL && status == TLS_ABORTED) {
        nlr_raise(call.exception);
    }
}

bool ssl_socket_is_readable_at_once(const mp_obj_ssl_socket_t *self) {
    if (self->unread != MP_OBJ_NULL || self->late_error != MP_OBJ_NULL || self->ended || self->read_shut) {
        return true;
    }
    if (tls_connection_input_pending(self->connection) > 0) {
        return true;
    }
    return !self->read_blocked && tls_connection_input_buffered(self->connection);
}

bool ssl_socket_would_block(const mp_obj_ssl_socket_t *self) {
    return self->blocking == SSL_NON_BLOCKING && self->stream_is_empty && self->connection != NULL
        && !ssl_socket_is_readable_at_once(self);
}

static mp_uint_t ssl_socket_poll(mp_obj_ssl_socket_t *self, uintptr_t events, int *errcode) {
    if (self->busy) {
        return 0; // whoever is inside will find out
    }
    flush_output(self);
    if (self->connection == NULL || self->failed != 0) {
        return MP_STREAM_POLL_NVAL;
    }
    if (ssl_datagram_is_due(self)) {
        return events & POLL_RDWR; // either direction goes on with the handshake
    }
    mp_uint_t ready = 0;
    if ((events & MP_STREAM_POLL_RD) && ssl_socket_is_readable_at_once(self)) {
        ready |= MP_STREAM_POLL_RD;
        events &= ~(uintptr_t)MP_STREAM_POLL_RD;
        if (!(events & MP_STREAM_POLL_WR)) {
            return ready;
        }
    }
    // Each direction waits for its own event of the stream, or for the opposite one during a handshake.
    uintptr_t read_event = self->read_want != 0 ? self->read_want : MP_STREAM_POLL_RD;
    uintptr_t write_event = self->write_want != 0 ? self->write_want : MP_STREAM_POLL_WR;
    uintptr_t asked = events & ~(uintptr_t)POLL_RDWR;
    asked |= events & MP_STREAM_POLL_RD ? read_event : 0;
    asked |= events & MP_STREAM_POLL_WR ? write_event : 0;
    mp_uint_t answer = ssl_transport_ioctl(self->stream, MP_STREAM_POLL, asked, errcode);
    if (answer == MP_STREAM_ERROR) {
        return MP_STREAM_ERROR;
    }
    if ((events & MP_STREAM_POLL_RD) && (answer & read_event)) {
        ready |= MP_STREAM_POLL_RD;
    }
    if ((events & MP_STREAM_POLL_WR) && (answer & write_event)) {
        ready |= MP_STREAM_POLL_WR;
    }
    return ready | (answer & ~(mp_uint_t)POLL_RDWR);
}

// Throws away what lies in the stream unread, such as session tickets. Sockets that are closed with unread data tell
// the peer to throw away what it has not read yet, too (RFC 1122 section 4.2.2.13). They give all they have at once; a
// stream written in Python may take its time, and give less.
static void drain_input(mp_obj_ssl_socket_t *self, const ssl_deadline_t *deadline) {
    byte buf[256];
    ssl_transport_room_t room = {.max = sizeof(buf)};
    bool may_wait = ssl_transport_is_python(self->stream);
    for (size_t drained = 0; drained < DRAIN_MAX && !(may_wait && ssl_deadline_left(deadline) == 0);) {
        int errcode;
        mp_uint_t ready = ssl_transport_ioctl(self->stream, MP_STREAM_POLL, MP_STREAM_POLL_RD, &errcode);
        if (ready == MP_STREAM_ERROR || !(ready & MP_STREAM_POLL_RD)) {
            return;
        }
        mp_uint_t count = ssl_transport_read(self->stream, buf, sizeof(buf), &room, &errcode);
        if (count == 0 || count == MP_STREAM_ERROR || count > sizeof(buf)) {
            return;
        }
        drained += count;
#if MICROPY_PY_SSL_STATS
        ssl_flow_count(&self->stats.received, buf, count, false);
#endif
        if (count < sizeof(buf) && !may_wait) {
            return;
        }
    }
}

// Not for a peer that has read nothing for as long as that before: under asyncio all others wait as well.
static bool may_wait_to_close(const ssl_call_t *call) {
    const ssl_deadline_t full = {.start = call->socket->full_since, .limit = MICROPY_PY_SSL_CLOSE_TIMEOUT_MS};
    return ssl_deadline_left(&call->deadline) > 0 && (full.start == 0 || ssl_deadline_left(&full) > 0);
}

// Says close_notify behind all that was written before. Without it the peer must take its data for truncated, so a
// stream that is full gets the time of the call to take it, and one that is slow no more. A stream that blocks is not
// written while it would.
static tls_status_t send_close_notify(ssl_call_t *call) {
    mp_obj_ssl_socket_t *self = call->socket;
    for (;;) {
        tls_status_t status = TLS_WANT_WRITE;
        if (is_writable_at_once(self->stream)) {
            status = tls_connection_close_notify(self->connection, &call->host);
        }
        if (status != TLS_WANT_WRITE || !may_wait_to_close(call)) {
            return status;
        }
        mp_event_wait_ms(1);
    }
}

static tls_status_t say_goodbye(ssl_call_t *call) {
    mp_obj_ssl_socket_t *self = call->socket;
    if (self->failed != 0 || !tls_connection_is_established(self->connection)) {
        return TLS_OK;
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        return TLS_ABORTED;
    }
    // Not for ever, nor for longer than a timeout allows.
    uint32_t limit = self->timeout_ms == 0 ? SSL_NO_LIMIT : self->timeout_ms;
    call->deadline = ssl_deadline_start(MIN(limit, MICROPY_PY_SSL_CLOSE_TIMEOUT_MS));
    tls_status_t status = send_close_notify(call);
    if ((status != TLS_ABORTED || call->errcode == MP_ETIMEDOUT) && !ssl_is_datagram(self)) {
        drain_input(self, &call->deadline);
    }
    nlr_pop();
    return status;
}

// The transport is closed whatever happens before: after a failed handshake, and when close_notify could not be said.
static mp_uint_t ssl_socket_close(mp_obj_ssl_socket_t *self, int *errcode) {
    ssl_call_t call;
    int refused = ssl_call_try_begin(&call, self);
    if (refused == MP_EBUSY) {
        // From inside a hook, or from another thread: the call that is inside carries it out.
        self->close_requested = true;
        return 0;
    }
    if (refused != 0) {
        return 0; // closed before
    }
    call.closing = true;
    tls_status_t status = say_goodbye(&call);
    mp_obj_t stream = self->stream;
    ssl_socket_discard(self);
    self->close_requested = false;
    ssl_call_end(&call, status);
    mp_uint_t result = ssl_transport_ioctl(stream, MP_STREAM_CLOSE, 0, errcode);
    // Errors of TLS do not matter any more; what Python code raised does.
    if (status == TLS_ABORTED && call.exception != MP_OBJ_NULL) {
        nlr_raise(call.exception);
    }
    return result;
}

static mp_uint_t ssl_socket_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    switch (request) {
        case MP_STREAM_CLOSE:
            return ssl_socket_close(self, errcode);
        case MP_STREAM_POLL:
            return ssl_socket_poll(self, arg, errcode);
        case MP_STREAM_GET_FILENO:
            return ssl_descriptor_get(self, errcode);
        default:
            *errcode = MP_EINVAL;
            return MP_STREAM_ERROR;
    }
}

static const mp_stream_p_t ssl_socket_stream_p = {
    .read = ssl_socket_read,
    .write = ssl_socket_write,
    .ioctl = ssl_socket_ioctl,
};

// ---------------------------------------------------------------------------------------------------------------------
// Methods

//| class SSLSocket:
//| def do_handshake(self) -> None:
//|     """Complete the handshake and wait for it. With DTLS it is given up after 30 seconds: `OSError(-26624)`."""
static mp_obj_t ssl_socket_do_handshake_method(mp_obj_t self_in) {
    ssl_socket_do_handshake(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket_do_handshake_obj, ssl_socket_do_handshake_method);

static mp_obj_t open_stream(mp_obj_ssl_socket_t *self) {
    if (self->stream == MP_OBJ_NULL) {
        nlr_raise(ssl_call_refusal(MP_EBADF));
    }
    return self->stream;
}

static mp_obj_t call_stream_method(mp_obj_t self_in, qstr method, mp_obj_t arg) {
    mp_obj_t dest[3];
    mp_load_method(open_stream(MP_OBJ_TO_PTR(self_in)), method, dest);
    dest[2] = arg;
    return mp_call_method_n_kw(arg == MP_OBJ_NULL ? 0 : 1, 0, dest);
}

// Milliseconds of a timeout in seconds. SSL_NO_LIMIT is reserved.
static uint32_t timeout_from_obj(mp_obj_t obj) {
    if (obj == mp_const_none) {
        return SSL_NO_LIMIT;
    }
#if MICROPY_PY_BUILTINS_FLOAT
    mp_float_t ms = mp_obj_get_float(obj) * 1000;
    if (!(ms >= 0)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid timeout"));
    }
    // What is not zero stays so: zero means not to wait.
    return ms > 0 && ms < 1 ? 1 : (uint32_t)MIN(ms, (mp_float_t)INT32_MAX);
#else
    mp_int_t seconds = mp_obj_get_int(obj);
    if (seconds < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid timeout"));
    }
    return MIN((uint32_t)seconds, (uint32_t)INT32_MAX / 1000) * 1000;
#endif
}

// Tells the stream below how to wait. A native one need not, as long as there is a timeout: the waiting is ours, so
// that it ends in time however often the stream has to be asked. One that is written in Python is told what we were
// told. Whether no more has to be done for it not to wait too long.
static bool tell_stream(mp_obj_t stream, qstr method, mp_obj_t arg, uint32_t ms) {
    mp_obj_t dest[3];
    mp_load_method_maybe(stream, method, dest);
    if (dest[0] == MP_OBJ_NULL) {
        return false;
    }
    bool is_native = !ssl_transport_is_python(stream);
    dest[2] = is_native && ms != 0 && ms != SSL_NO_LIMIT ? MP_OBJ_NEW_SMALL_INT(0) : arg;
    mp_call_method_n_kw(1, 0, dest);
    return is_native || ms == 0;
}

void ssl_socket_tell_timeout(mp_obj_t stream, uint32_t ms) {
    mp_obj_t dest[3];
    mp_load_method(stream, MP_QSTR_settimeout, dest);
#if MICROPY_PY_BUILTINS_FLOAT
    dest[2] = mp_obj_new_float((mp_float_t)ms / 1000);
#else
    dest[2] = mp_obj_new_int_from_uint(ms / 1000);
#endif
    mp_call_method_n_kw(1, 0, dest);
}

static mp_obj_t set_timeout(mp_obj_t self_in, qstr method, mp_obj_t arg, uint32_t ms) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t stream = open_stream(self);
    bool told = tell_stream(stream, method, arg, ms);
    if (!told && ms != SSL_NO_LIMIT) {
        int errcode;
        ssl_transport_ioctl(stream, MP_STREAM_POLL, MP_STREAM_POLL_RD, &errcode); // raises if it cannot be asked
    }
    self->asks = !told;
    self->timeout_ms = ms == 0 && told ? SSL_NO_LIMIT : ms;
    self->blocking = ms == 0 ? SSL_NON_BLOCKING : SSL_BLOCKING;
    return mp_const_none;
}

//| def setblocking(self, flag: bool, /) -> None:
//|     """`True`: wait for ever. `False`: not at all."""
static mp_obj_t ssl_socket_setblocking(mp_obj_t self_in, mp_obj_t flag) {
    return set_timeout(self_in, MP_QSTR_setblocking, flag, mp_obj_is_true(flag) ? SSL_NO_LIMIT : 0);
}
static MP_DEFINE_CONST_FUN_OBJ_2(ssl_socket_setblocking_obj, ssl_socket_setblocking);

//| def settimeout(self, seconds: float | None, /) -> None:
//|     """Bound how long each method may wait in all, in seconds. `None`: for ever. 0: not at all. Until it is called
//|     the stream below waits as it was told to.
//|     """
static mp_obj_t ssl_socket_settimeout(mp_obj_t self_in, mp_obj_t timeout) {
    return set_timeout(self_in, MP_QSTR_settimeout, timeout, timeout_from_obj(timeout));
}
static MP_DEFINE_CONST_FUN_OBJ_2(ssl_socket_settimeout_obj, ssl_socket_settimeout);

//| def fileno(self) -> int:
//|     """Return the file descriptor of the stream below."""
static mp_obj_t ssl_socket_fileno(mp_obj_t self_in) {
    return call_stream_method(self_in, MP_QSTR_fileno, MP_OBJ_NULL);
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket_fileno_obj, ssl_socket_fileno);

//| def makefile(self, mode: str = "rb", buffering: int = 0, /) -> SSLSocket:
//|     """Return the connection itself, which is a stream already. The arguments mean nothing."""
static mp_obj_t ssl_socket_makefile(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return args[0];
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_socket_makefile_obj, 1, 3, ssl_socket_makefile);

//| def pending(self) -> int:
//|     """Return how many decrypted bytes can be read without the stream below."""
static mp_obj_t ssl_socket_pending(mp_obj_t self_in) {
    const mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    size_t pending = self->connection == NULL ? 0 : tls_connection_input_pending(self->connection);
    if (self->unread != MP_OBJ_NULL) {
        size_t len;
        mp_obj_str_get_data(self->unread, &len);
        pending += len - self->unread_offset;
    }
    return MP_OBJ_NEW_SMALL_INT(pending);
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket_pending_obj, ssl_socket_pending);

//| def cipher(self) -> tuple[str, str, int] | None:
//|     """Return the cipher suite: name, version of TLS, bits of the key. `None`: before the handshake and after
//|     `close()`.
//|     """
static mp_obj_t ssl_socket_cipher(mp_obj_t self_in) {
    const mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->connection == NULL) {
        return mp_const_none;
    }
    int bits;
    char name[TLS_CIPHER_NAME_SIZE];
    uint16_t suite = tls_connection_cipher(self->connection, &bits);
    if (suite == 0 || tls_cipher_name(suite, name) == NULL) {
        return mp_const_none;
    }
    mp_obj_t items[3] = {
        mp_obj_new_str_from_cstr(name),
        mp_obj_new_str_from_cstr(tls_connection_version(self->connection)),
        MP_OBJ_NEW_SMALL_INT(bits),
    };
    return mp_obj_new_tuple(3, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket_cipher_obj, ssl_socket_cipher);

//| def version(self) -> str | None:
//|     """Return `"TLSv1.2"`, `"TLSv1.3"` or `"DTLSv1.2"`. `None`: not known yet, or closed."""
static mp_obj_t ssl_socket_version(mp_obj_t self_in) {
    const mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    const char *version = self->connection == NULL ? NULL : tls_connection_version(self->connection);
    return version == NULL ? mp_const_none : mp_obj_new_str_from_cstr(version);
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket_version_obj, ssl_socket_version);

static void require_peer_certificates(void) {
    if (!tls_engine_has(TLS_FEATURE_PEER_CERTIFICATE)) {
        mp_raise_NotImplementedError(MP_ERROR_TEXT("this build does not keep the peer's certificate"));
    }
}

// A certificate that the peer sent, as bytes; MP_OBJ_NULL: there is none.
static mp_obj_t peer_certificate(const mp_obj_ssl_socket_t *self, unsigned depth) {
    const uint8_t *der;
    size_t len;
    if (self->connection == NULL || !tls_connection_peer_certificate(self->connection, depth, &der, &len)) {
        return MP_OBJ_NULL;
    }
    return mp_obj_new_bytes(der, len);
}

// What nobody has validated is not told, lest a program believe it.
static mp_obj_t peer_certificate_to_dict(const mp_obj_ssl_socket_t *self, mp_obj_t der_obj) {
#if MICROPY_PY_SSL_CERTIFICATE_DICT
    if (!tls_connection_peer_verified(self->connection)) {
        return mp_obj_new_dict(0);
    }
    size_t len;
    const char *der = mp_obj_str_get_data(der_obj, &len);
    return ssl_certificate_to_dict((const uint8_t *)der, len);
#else
    (void)self;
    (void)der_obj;
    mp_raise_NotImplementedError(MP_ERROR_TEXT("only getpeercert(True)"));
#endif
}

//| def getpeercert(self, binary_form: bool = False) -> Any:
//|     """Return the peer's certificate. `None`: it has shown none. `NotImplementedError`: this build does not keep it.
//|
//|     *binary_form*: `True`: as DER, verified or not. `False`: as a dict, with CPython's keys (`subject`, `issuer`,
//|     `notAfter`, `subjectAltName` and so on), which is empty unless the certificate was verified and found good.
//|     """
static mp_obj_t ssl_socket_getpeercert(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_binary_form, MP_ARG_BOOL, {.u_bool = false}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    const mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(pos_args[0]);
    require_peer_certificates();
    if (!MICROPY_PY_SSL_CERTIFICATE_DICT && !args[0].u_bool) {
        return peer_certificate_to_dict(self, MP_OBJ_NULL);
    }
    mp_obj_t der = peer_certificate(self, 0);
    if (der == MP_OBJ_NULL) {
        return mp_const_none;
    }
    return args[0].u_bool ? der : peer_certificate_to_dict(self, der);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(ssl_socket_getpeercert_obj, 1, ssl_socket_getpeercert);

#if MICROPY_PY_SSL_CPYTHON

//| def getpeercertchain(self) -> list[bytes]:
//|     """Return the certificates that the peer sent, its own first, as DER: neither complete nor verified."""
static mp_obj_t ssl_socket_getpeercertchain(mp_obj_t self_in) {
    require_peer_certificates();
    mp_obj_t chain = mp_obj_new_list(0, NULL);
    mp_obj_t der;
    for (unsigned depth = 0; (der = peer_certificate(MP_OBJ_TO_PTR(self_in), depth)) != MP_OBJ_NULL; depth++) {
        mp_obj_list_append(chain, der);
    }
    return chain;
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket_getpeercertchain_obj, ssl_socket_getpeercertchain);

#endif

static mp_obj_t identity(mp_obj_t self_in) {
    return self_in;
}
static MP_DEFINE_CONST_FUN_OBJ_1(identity_obj, identity);

// ---------------------------------------------------------------------------------------------------------------------
// Attributes

// What verification found, as words: an empty tuple is a verified peer, or one that nobody asked to verify.
static mp_obj_t verify_result(const mp_obj_ssl_socket_t *self) {
    uint32_t bits = self->connection == NULL ? 0 : tls_connection_verify_result(self->connection);
    mp_obj_t reasons = mp_obj_new_list(0, NULL);
    for (uint32_t bit = 1; bit != 0 && bit <= bits; bit <<= 1) {
        if (bits & bit) {
            mp_obj_list_append(reasons, mp_obj_new_str_from_cstr(tls_verify_reason(bit)));
        }
    }
    size_t len;
    mp_obj_t *items;
    mp_obj_get_array(reasons, &len, &items);
    return mp_obj_new_tuple(len, items);
}

// Under the same guard as reading, which may put a new session in the place of the one that is copied here.
static mp_obj_t session_of(mp_obj_ssl_socket_t *self) {
    if (self->connection == NULL) {
        return mp_const_none;
    }
    ssl_call_t call;
    ssl_call_begin(&call, self);
    mp_obj_t session = MP_OBJ_NULL;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        session = ssl_session_of_connection(self->connection);
        nlr_pop();
    } else {
        call.exception = MP_OBJ_FROM_PTR(nlr.ret_val);
    }
    ssl_call_end(&call, TLS_OK);
    if (call.exception != MP_OBJ_NULL) {
        nlr_raise(call.exception);
    }
    return session;
}

//| context: SSLContext
//| """The context that made it, or that `SSLContext.sni_callback` has chosen: only there it can be set, else
//| `RuntimeError`.
//| """
//| @property
//| def server_side(self) -> bool:
//|     """Whether this end is the server."""
//| @property
//| def server_hostname(self) -> str | None:
//|     """As it was given."""
//| @property
//| def verify_result(self) -> tuple[str, ...]:
//|     """What verification found wrong, in words such as `"expired"`. `()`: nothing, or nobody asked."""
//| @property
//| def truncated(self) -> bool:
//|     """Whether the stream below ended without the peer's close_notify."""
//| @property
//| def session(self) -> SSLSession | None:
//|     """Client: the newest session that can be resumed. In TLS 1.3 it comes with the first data. `None`: none, or
//|     closed.
//|     """
//| @property
//| def session_reused(self) -> bool:
//|     """Whether the handshake resumed a session. `False` before it, and after `close()`."""
static void ssl_socket_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
#if MICROPY_PY_SSL_SNI_CALLBACK
        if (attr == MP_QSTR_context && dest[1] != MP_OBJ_NULL) {
            ssl_sni_set_context(self, dest[1]);
            dest[0] = MP_OBJ_NULL;
        }
#endif
        return;
    }
    switch (attr) {
        case MP_QSTR_context:
            dest[0] = MP_OBJ_FROM_PTR(self->context);
            break;
        case MP_QSTR_server_side:
            dest[0] = mp_obj_new_bool(self->server_side);
            break;
        case MP_QSTR_server_hostname:
            dest[0] = self->server_hostname;
            break;
        case MP_QSTR_verify_result:
            dest[0] = verify_result(self);
            break;
        case MP_QSTR_truncated:
            dest[0] = mp_obj_new_bool(self->truncated);
            break;
        case MP_QSTR_session:
            dest[0] = session_of(self);
            break;
        case MP_QSTR_session_reused:
            dest[0] = mp_obj_new_bool(
                self->connection != NULL && tls_connection_session_reused(self->connection));
            break;
        default:
            dest[1] = MP_OBJ_SENTINEL; // go on in the table below
            break;
    }
}

// What py/stream.c does:
//| @overload
//| def write(self, buffer: bytes, size: int = ..., /) -> int | None:
//|     """Write the buffer, or *size* bytes of it, and return how many were taken. `None`: none, it would have to wait.
//|     """
//| @overload
//| def write(self, buffer: bytes, offset: int, size: int, /) -> int | None:
//|     """Write *size* bytes of the buffer from *offset*, with the same result."""
//| def send(self, buffer: bytes, /) -> int | None:
//|     """Write at most one record and return how many bytes were taken. `None`: none, it would have to wait."""
//| @overload
//| def sendall(self, buffer: bytes, size: int = ..., /) -> int | None:
//|     """The same as `write()`."""
//| @overload
//| def sendall(self, buffer: bytes, offset: int, size: int, /) -> int | None:
//|     """The same as `write()`."""
//| def close(self) -> None:
//|     """Say close_notify and close the stream below. Waits at most three seconds, or the timeout if that is less, for
//|     what is still to be sent, and not for a peer that has read nothing for so long. May be called again.
//|     """
//| def __enter__(self) -> SSLSocket:
//|     """Return the connection itself."""
//| def __exit__(self, *exception: Any) -> None:
//|     """Close the connection."""
static const mp_rom_map_elem_t ssl_socket_locals_dict_table[] = {
    {MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&ssl_socket___del___obj)},
    {MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&identity_obj)},
    {MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&mp_stream___exit___obj)},
    {MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&ssl_stream_read_obj)},
    {MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&ssl_stream_readinto_obj)},
    {MP_ROM_QSTR(MP_QSTR_readline), MP_ROM_PTR(&ssl_stream_readline_obj)},
    {MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&ssl_stream_write_obj)},
    {MP_ROM_QSTR(MP_QSTR_recv), MP_ROM_PTR(&ssl_stream_recv_obj)},
    {MP_ROM_QSTR(MP_QSTR_recv_into), MP_ROM_PTR(&ssl_stream_recv_into_obj)},
    {MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&mp_stream_write1_obj)},
    {MP_ROM_QSTR(MP_QSTR_sendall), MP_ROM_PTR(&ssl_stream_write_obj)},
    {MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&mp_stream_close_obj)},
#if MICROPY_PY_SSL_IOCTL
    {MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&mp_stream_ioctl_obj)},
#endif
    {MP_ROM_QSTR(MP_QSTR_do_handshake), MP_ROM_PTR(&ssl_socket_do_handshake_obj)},
    {MP_ROM_QSTR(MP_QSTR_setblocking), MP_ROM_PTR(&ssl_socket_setblocking_obj)},
    {MP_ROM_QSTR(MP_QSTR_settimeout), MP_ROM_PTR(&ssl_socket_settimeout_obj)},
    {MP_ROM_QSTR(MP_QSTR_fileno), MP_ROM_PTR(&ssl_socket_fileno_obj)},
    {MP_ROM_QSTR(MP_QSTR_makefile), MP_ROM_PTR(&ssl_socket_makefile_obj)},
#if MICROPY_PY_SSL_UNWRAP
    {MP_ROM_QSTR(MP_QSTR_unwrap), MP_ROM_PTR(&ssl_socket_unwrap_obj)},
    {MP_ROM_QSTR(MP_QSTR_shutdown), MP_ROM_PTR(&ssl_socket_shutdown_obj)},
#endif
    {MP_ROM_QSTR(MP_QSTR_pending), MP_ROM_PTR(&ssl_socket_pending_obj)},
    {MP_ROM_QSTR(MP_QSTR_cipher), MP_ROM_PTR(&ssl_socket_cipher_obj)},
    {MP_ROM_QSTR(MP_QSTR_version), MP_ROM_PTR(&ssl_socket_version_obj)},
    {MP_ROM_QSTR(MP_QSTR_getpeercert), MP_ROM_PTR(&ssl_socket_getpeercert_obj)},
#if MICROPY_PY_SSL_STATS
    {MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&ssl_socket_stats_obj)},
#endif
#if MICROPY_PY_SSL_CHANNEL_BINDING
    {MP_ROM_QSTR(MP_QSTR_get_channel_binding), MP_ROM_PTR(&ssl_socket_get_channel_binding_obj)},
    {MP_ROM_QSTR(MP_QSTR_export_keying_material), MP_ROM_PTR(&ssl_socket_export_keying_material_obj)},
#endif
#if MICROPY_PY_SSL_CPYTHON
    {MP_ROM_QSTR(MP_QSTR_getpeercertchain), MP_ROM_PTR(&ssl_socket_getpeercertchain_obj)},
#endif
#if MICROPY_PY_SSL_ALPN
    {MP_ROM_QSTR(MP_QSTR_selected_alpn_protocol), MP_ROM_PTR(&ssl_socket_selected_alpn_protocol_obj)},
#endif
};
static MP_DEFINE_CONST_DICT(ssl_socket_locals_dict, ssl_socket_locals_dict_table);

MP_DEFINE_CONST_OBJ_TYPE(ssl_socket_type, MP_QSTR_SSLSocket, MP_TYPE_FLAG_NONE, attr, ssl_socket_attr, protocol,
    &ssl_socket_stream_p, locals_dict, &ssl_socket_locals_dict);
