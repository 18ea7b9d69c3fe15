// The hooks that the engine calls, and the guard around them: no exception ever crosses a frame of the TLS library.

#include "module/call.h"

#include <string.h>

#include "module/errors.h"
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

static ssl_call_t *call_of(tls_host_t *host) {
    return (ssl_call_t *)host;
}

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

// Waits until a datagram is there, the retransmission timer has run out or the call has waited long enough. true: there
// is one, or waiting is not ours. The library may come here several times in one call.
static bool wait_for_datagram(ssl_call_t *call) {
    int32_t remaining = tls_connection_timeout_ms(call->socket->connection, &call->host);
    if (call->wait_ms == 0 || remaining < 0) {
        return true;
    }
    uint32_t limit = MIN((uint32_t)remaining, call->wait_ms - call->waited_ms);
    uint32_t start = (uint32_t)mp_hal_ticks_ms();
    for (;;) {
        int errcode;
        mp_uint_t ready = ssl_transport_ioctl(call->socket->stream, MP_STREAM_POLL, MP_STREAM_POLL_RD, &errcode);
        if (ready != 0) {
            return true; // or an error, which the read will tell
        }
        uint32_t elapsed = (uint32_t)mp_hal_ticks_ms() - start;
        if (elapsed >= limit) {
            call->waited_ms += MIN(elapsed, call->wait_ms - call->waited_ms);
            call->timer_expired = true;
            return false;
        }
        mp_event_wait_ms(1);
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
    bool is_datagram = self->context->protocol & TLS_PROTOCOL_DATAGRAM;
    mp_obj_t error = is_datagram || call->closing ? MP_OBJ_NULL : peer_is_gone(call);
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

static tls_status_t hook_recv(tls_host_t *host, uint8_t *buf, size_t size, size_t *count) {
    ssl_call_t *call = call_of(host);
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
    tls_status_t status = TLS_WANT_READ;
    if (wait_for_datagram(call)) {
        int errcode = 0;
        mp_uint_t result = ssl_transport_read(call->socket->stream, buf, size, &call->room, &errcode);
        status = result == 0 ? TLS_EOF : stream_status(call, result, errcode, size, TLS_WANT_READ, count);
    }
    ssl_hold_interrupt(true);
    nlr_pop();
    if (status != TLS_OK && call->socket->send_error != MP_OBJ_NULL) {
        return ssl_call_raise_send_error(call);
    }
    return status;
}

static tls_status_t hook_send(tls_host_t *host, const uint8_t *buf, size_t size, size_t *count) {
    ssl_call_t *call = call_of(host);
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
    int errcode = 0;
    mp_uint_t result = ssl_transport_write(call->socket->stream, buf, size, call->room.max, &errcode);
    // A write of nothing means "not now".
    tls_status_t status
        = result == 0 ? TLS_WANT_WRITE : stream_status(call, result, errcode, size, TLS_WANT_WRITE, count);
    ssl_hold_interrupt(true);
    nlr_pop();
    return status == TLS_ABORTED ? send_failed(call, size, count) : status;
}

static tls_status_t hook_verify(tls_host_t *host, const uint8_t *der, size_t len, unsigned depth) {
    ssl_call_t *call = call_of(host);
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

// Keys of the dict are bytes or str. Comparing the two kinds makes MicroPython print a warning, so that is not left to
// a lookup.
static mp_obj_t find_psk(mp_obj_t keys, const uint8_t *identity, size_t identity_len) {
    mp_map_t *map = mp_obj_dict_get_map(keys);
    for (size_t i = 0; i < map->alloc; i++) {
        if (!mp_map_slot_is_filled(map, i) || !mp_obj_is_str_or_bytes(map->table[i].key)) {
            continue;
        }
        size_t len;
        const char *key = mp_obj_str_get_data(map->table[i].key, &len);
        if (len == identity_len && memcmp(key, identity, len) == 0) {
            return map->table[i].value;
        }
    }
    return MP_OBJ_NULL;
}

static tls_status_t hook_psk(tls_host_t *host, const uint8_t *identity, size_t identity_len, uint8_t *key,
    size_t *key_len) {
    ssl_call_t *call = call_of(host);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        return TLS_ABORTED;
    }
    tls_status_t status = TLS_ERROR;
    mp_obj_t value = find_psk(call->socket->context->server_psk_keys, identity, identity_len);
    if (value != MP_OBJ_NULL) {
        mp_buffer_info_t info;
        mp_get_buffer_raise(value, &info, MP_BUFFER_READ);
        if (info.len == 0 || info.len > TLS_PSK_MAX) {
            mp_raise_ValueError(MP_ERROR_TEXT("bad length of pre-shared key"));
        }
        memcpy(key, info.buf, info.len);
        *key_len = info.len;
        status = TLS_OK;
    }
    nlr_pop();
    return status;
}

static int64_t hook_now(tls_host_t *host) {
    (void)host;
    return (int64_t)(mp_hal_time_ns() / 1000000000u);
}

static uint32_t hook_ticks_ms(tls_host_t *host) {
    (void)host;
    return (uint32_t)mp_hal_ticks_ms();
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
    call->room.max = self->context->protocol & TLS_PROTOCOL_DATAGRAM ? SIZE_MAX : SSL_TRANSPORT_PIECE;
    call->host.recv = hook_recv;
    call->host.send = hook_send;
    call->host.verify = self->context->verify_callback == mp_const_none ? NULL : hook_verify;
    call->host.psk = self->context->server_psk_keys == mp_const_none ? NULL : hook_psk;
    call->host.now = hook_now;
    call->host.ticks_ms = hook_ticks_ms;
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
