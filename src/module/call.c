// The hooks that the engine calls, and the guard around them: no exception ever crosses a frame of the TLS library.

#include "module/call.h"

#include <string.h>

#include "module/datagram.h"
#include "module/errors.h"
#include "module/keylog.h"
#include "module/psk.h"
#include "module/sni.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/objstr.h"
#include "py/stream.h"

// With asynchronous Ctrl-C the unix port jumps out of the signal handler, from wherever the program happens to be. The
// jump must not leave the TLS library half-way, so the signal stays blocked except where a hook waits for the stream.
#if defined(__unix__) && MICROPY_ASYNC_KBD_INTR
#include <pthread.h>
#include <signal.h>
bool ssl_hold_interrupt(bool hold) {
    sigset_t set;
    sigset_t before;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, &before);
    return sigismember(&before, SIGINT) == 1;
}
#else
bool ssl_hold_interrupt(bool hold) {
    (void)hold;
    return false;
}
#endif

// Turns what a stream answered into a status. A stream that claims more than it was asked for is not believed.
static tls_status_t stream_status(ssl_call_t *call, mp_uint_t result, int errcode, size_t size, tls_status_t blocked,
    size_t *count) {
    if (result == MP_STREAM_ERROR) {
        if (mp_is_nonblocking_error(errcode)) {
            return blocked;
        }
        call->errcode = errcode;
        return TLS_ABORTED;
    }
    if (result > size) {
        call->errcode = MP_EIO;
        return TLS_ABORTED;
    }
    *count = result;
    return TLS_OK;
}

// ---------------------------------------------------------------------------------------------------------------------
// Moving bytes, within the time that settimeout() allows

tls_status_t ssl_call_time_is_over(ssl_call_t *call, tls_status_t blocked) {
    if (call->deadline.limit == 0) {
        return blocked; // there was none: non-blocking
    }
    call->errcode = MP_ETIMEDOUT;
    return TLS_ABORTED;
}

// Reads or writes at most `size` bytes. A stream that may block for longer than we want to wait is asked first, others
// when they would block.
static tls_status_t move_bytes(ssl_call_t *call, bool writing, uint8_t *buf, size_t size, size_t *count) {
    mp_obj_t stream = call->socket->stream;
    uintptr_t event = writing ? MP_STREAM_POLL_WR : MP_STREAM_POLL_RD;
    tls_status_t blocked = writing ? TLS_WANT_WRITE : TLS_WANT_READ;
    bool waits = call->deadline.limit != SSL_NO_LIMIT;
    for (bool ask = waits && call->socket->asks;; ask = true) {
        uint32_t left = ssl_deadline_left(&call->deadline);
        // A peer that drips always has something for us, and is never done.
        bool is_over = left == 0 && call->deadline.limit != 0;
        if (is_over || (ask && !ssl_transport_wait(stream, event, left))) {
            return ssl_call_time_is_over(call, blocked);
        }
        int errcode = 0;
        mp_uint_t result = writing ? ssl_transport_write(stream, buf, size, call->room.max, &errcode)
                                   : ssl_transport_read(stream, buf, size, &call->room, &errcode);
        tls_status_t status = writing ? TLS_WANT_WRITE : TLS_EOF; // a write of nothing means "not now"
        if (result != 0) {
            status = stream_status(call, result, errcode, size, blocked, count);
        }
        if (status != blocked || !waits || call->deadline.limit == 0) {
            return status;
        }
        if (ask) {
            mp_event_wait_ms(1); // it had said that it was ready
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The last words of a peer
//
// A peer that refuses us says why in an alert and closes. What we send then fails, although the alert lies unread in
// the stream. So if there is something to read, the error is kept in `send_error` and the library is made to believe
// that its bytes went, so that it reads on. When nothing is left to read, the call ends with the error after all.

// Whether there is something to read at once. Streams that cannot tell, or raise, count as empty: there is an error to
// tell already.
static bool has_input(const mp_obj_ssl_socket_t *self) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        return false;
    }
    int errcode;
    mp_uint_t ready = ssl_transport_ioctl(self->stream, MP_STREAM_POLL, MP_STREAM_POLL_RD, &errcode);
    nlr_pop();
    return ready != MP_STREAM_ERROR && (ready & MP_STREAM_POLL_RD);
}

// The OSError that says that the peer has closed, from a stream that answered or raised it; else MP_OBJ_NULL.
static mp_obj_t peer_is_gone(const ssl_call_t *call) {
    mp_obj_t number = MP_OBJ_NEW_SMALL_INT(call->errcode);
    if (call->exception != MP_OBJ_NULL) {
        bool is_os_error = mp_obj_exception_match(call->exception, MP_OBJ_FROM_PTR(&mp_type_OSError));
        number = is_os_error ? mp_obj_exception_get_value(call->exception) : mp_const_none;
    }
    if (number != MP_OBJ_NEW_SMALL_INT(MP_EPIPE) && number != MP_OBJ_NEW_SMALL_INT(MP_ECONNRESET)) {
        return MP_OBJ_NULL;
    }
    return call->exception != MP_OBJ_NULL ? call->exception : mp_obj_new_exception_arg1(&mp_type_OSError, number);
}

// Sending has failed, for a reason that is in the call. Datagrams are lost one by one.
static tls_status_t send_failed(ssl_call_t *call, size_t size, size_t *count) {
    mp_obj_ssl_socket_t *self = call->socket;
    mp_obj_t error = ssl_is_datagram(self) || call->closing ? MP_OBJ_NULL : peer_is_gone(call);
    if (error == MP_OBJ_NULL || !has_input(self)) {
        return TLS_ABORTED;
    }
    self->send_error = error;
    call->exception = MP_OBJ_NULL;
    call->errcode = 0;
    *count = size;
    return TLS_OK;
}

tls_status_t ssl_call_raise_send_error(ssl_call_t *call) {
    mp_obj_exception_clear_traceback(call->socket->send_error);
    call->exception = call->socket->send_error;
    call->errcode = 0;
    return TLS_ABORTED;
}

// ---------------------------------------------------------------------------------------------------------------------
// The hooks

tls_status_t ssl_call_receive(ssl_call_t *call, uint8_t *buf, size_t size, size_t *count) {
    return move_bytes(call, false, buf, size, count);
}

static void count_flow(ssl_call_t *call, bool sent, const uint8_t *data, size_t size) {
#if MICROPY_PY_SSL_STATS
    ssl_stats_t *stats = &call->socket->stats;
    ssl_flow_count(sent ? &stats->sent : &stats->received, data, size, ssl_is_datagram(call->socket));
#else
    (void)call;
    (void)sent;
    (void)data;
    (void)size;
#endif
}

static tls_status_t hook_recv(tls_host_t *host, uint8_t *buf, size_t size, size_t *count) {
    ssl_call_t *call = ssl_call_of(host);
    if (call->socket->send_error != MP_OBJ_NULL && !has_input(call->socket)) {
        return ssl_call_raise_send_error(call); // it must not wait
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        ssl_hold_interrupt(true);
        call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        return TLS_ABORTED;
    }
    ssl_hold_interrupt(false);
    mp_handle_pending(true); // a Ctrl-C that came while the library was at work
    tls_status_t status
        = (ssl_is_datagram(call->socket) ? ssl_datagram_receive : ssl_call_receive)(call, buf, size, count);
    ssl_hold_interrupt(true);
    nlr_pop();
    if (status == TLS_OK) {
        // One that is written in Python, or gives datagrams, may have more.
        call->socket->stream_is_empty
            = *count < size && !ssl_is_datagram(call->socket) && !ssl_transport_is_python(call->socket->stream);
        count_flow(call, false, buf, *count);
    }
    if (status != TLS_OK && call->socket->send_error != MP_OBJ_NULL) {
        return ssl_call_raise_send_error(call);
    }
    return status;
}

static void note_refusal(mp_obj_ssl_socket_t *self, bool refused) {
    if (!refused) {
        self->full_since = 0;
    } else if (self->full_since == 0) {
        uint32_t now = (uint32_t)mp_hal_ticks_ms();
        self->full_since = now == 0 ? UINT32_MAX : now; // a millisecond ago, not in one
    }
}

static tls_status_t hook_send(tls_host_t *host, const uint8_t *buf, size_t size, size_t *count) {
    ssl_call_t *call = ssl_call_of(host);
    if (call->socket->send_error != MP_OBJ_NULL) {
        *count = size;
        return TLS_OK;
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        ssl_hold_interrupt(true);
        call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        return send_failed(call, size, count);
    }
    ssl_hold_interrupt(false);
    mp_handle_pending(true); // an interrupted write may have told how much it wrote, and nothing of the Ctrl-C
    tls_status_t status = move_bytes(call, true, (uint8_t *)(uintptr_t)buf, size, count);
    note_refusal(call->socket, status == TLS_WANT_WRITE);
    if (status == TLS_OK) {
        count_flow(call, true, buf, *count);
        ssl_datagram_sent(call->socket);
    }
    ssl_hold_interrupt(true);
    nlr_pop();
    return status == TLS_ABORTED ? send_failed(call, size, count) : status;
}

static tls_status_t hook_verify(tls_host_t *host, const uint8_t *der, size_t len, unsigned depth) {
    ssl_call_t *call = ssl_call_of(host);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        return TLS_ABORTED;
    }
    // A memoryview as from the built-in module, but of a copy: the engine's certificate does not outlive the handshake.
    byte *copy = m_new(byte, len);
    memcpy(copy, der, len);
    mp_obj_t view = mp_obj_new_memoryview('B', len, copy);
    mp_obj_t verdict
        = mp_call_function_2(call->socket->context->verify_callback, view, MP_OBJ_NEW_SMALL_INT(depth));
    tls_status_t status = mp_obj_get_int(verdict) == 0 ? TLS_OK : TLS_ERROR;
    nlr_pop();
    return status;
}

#if MICROPY_PY_SSL_KEYLOG
// Files may be those of a file system that is written in Python.
static tls_status_t hook_keylog(tls_host_t *host, const char *line, size_t len) {
    ssl_call_t *call = ssl_call_of(host);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        return TLS_ABORTED;
    }
    ssl_keylog_write(call->socket->context->keylog_filename, line, len);
    nlr_pop();
    return TLS_OK;
}
#endif

static int64_t hook_now(tls_host_t *host) {
    (void)host;
    return (int64_t)(mp_hal_time_ns() / 1000000000u);
}

static uint32_t hook_ticks_ms(tls_host_t *host) {
    (void)host;
    return (uint32_t)mp_hal_ticks_ms();
}

void ssl_call_set_hooks(ssl_call_t *call) {
    const mp_obj_ssl_context_t *context = call->socket->context;
    call->host.verify = context->verify_callback == mp_const_none ? NULL : hook_verify;
    ssl_psk_set_hooks(context, &call->host);
#if MICROPY_PY_SSL_SNI_CALLBACK
    ssl_sni_set_hook(context, &call->host);
#endif
#if MICROPY_PY_SSL_KEYLOG
    call->host.keylog = context->keylog_filename == mp_const_none ? NULL : hook_keylog;
#endif
}

int ssl_call_try_begin(ssl_call_t *call, mp_obj_ssl_socket_t *self) {
    if (SSL_ATOMIC_EXCHANGE(&self->busy, 1)) {
        return MP_EBUSY;
    }
    if (self->connection == NULL) {
        SSL_ATOMIC_EXCHANGE(&self->busy, 0);
        return MP_EBADF;
    }
    memset(call, 0, sizeof(*call));
    call->socket = self;
    call->exception = MP_OBJ_NULL;
    call->deadline.limit = SSL_NO_LIMIT;
    call->room.max = ssl_is_datagram(self) ? SIZE_MAX : SSL_TRANSPORT_PIECE;
#if MICROPY_PY_SSL_STATS
    if (!self->stats.started) {
        self->stats.started = true;
        self->stats.start = (uint32_t)mp_hal_ticks_ms();
    }
#endif
    call->host.recv = hook_recv;
    call->host.send = hook_send;
    call->host.now = hook_now;
    call->host.ticks_ms = hook_ticks_ms;
    ssl_call_set_hooks(call);
    tls_error_clear(&call->host.error);
    call->interrupt_was_held = ssl_hold_interrupt(true);
    ssl_context_use(self->context);
    return 0;
}

mp_obj_t ssl_call_refusal(int errcode) {
    return ssl_exception_from_errno(errcode,
        errcode == MP_EBUSY ? "another call is using this connection" : "the connection is closed");
}

void ssl_call_begin(ssl_call_t *call, mp_obj_ssl_socket_t *self) {
    int errcode = ssl_call_try_begin(call, self);
    if (errcode != 0) {
        nlr_raise(ssl_call_refusal(errcode));
    }
}

// The close() that a hook asked for. What it raises is told only if the call has nothing to tell itself.
static void close_now(ssl_call_t *call, mp_obj_ssl_socket_t *self) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        if (call->exception == MP_OBJ_NULL) {
            call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        }
        return;
    }
    mp_stream_close(MP_OBJ_FROM_PTR(self));
    nlr_pop();
}

void ssl_call_end(ssl_call_t *call, tls_status_t status) {
    mp_obj_ssl_socket_t *self = call->socket;
    if (status == TLS_ERROR && call->host.error.kind != TLS_ERROR_ARGUMENT) {
        self->failed = call->host.error.code;
    }
    ssl_context_release(self->context);
    call->room.array = NULL; // the collector searches the stack, also where calls have returned
    call->room.items = NULL;
    SSL_ATOMIC_EXCHANGE(&self->busy, 0);
    ssl_hold_interrupt(call->interrupt_was_held);
    if (status == TLS_ERROR && call->exception == MP_OBJ_NULL) {
        call->exception = ssl_exception_new(&call->host.error);
    }
    if (self->close_requested) {
        close_now(call, self);
    }
}
