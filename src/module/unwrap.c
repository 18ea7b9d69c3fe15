// Ending TLS, or one direction of it, and not the stream below.

#include "module/unwrap.h"

#include "module/call.h"
#include "module/errors.h"
#include "module/socket.h"
#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/stream.h"

#if MICROPY_PY_SSL_UNWRAP

// As socket.SHUT_RD, SHUT_WR and SHUT_RDWR have it everywhere.
enum {
    SHUT_READING,
    SHUT_WRITING,
    SHUT_BOTH,
};

// Says close_notify behind all that was written.
static void end_writing(mp_obj_ssl_socket_t *self, const ssl_deadline_t *deadline) {
    ssl_call_t call;
    tls_status_t status;
    do {
        ssl_call_begin(&call, self);
        call.deadline = *deadline;
        status = tls_connection_close_notify(self->connection, &call.host);
        // From the first attempt on: nothing may follow what has been encrypted already.
        self->write_shut = true;
        ssl_call_end(&call, status);
        ssl_descriptor_refresh(self);
    } while (!ssl_socket_settle(self, call.exception, call.errcode, status == TLS_OK));
}

// Waits for the peer's close_notify. false: it has not come yet. Data that comes instead stays for the next read.
static bool try_end_reading(mp_obj_ssl_socket_t *self, const ssl_deadline_t *deadline) {
    mp_obj_t room = mp_obj_new_bytes((const byte *)"", 1); // before anything is read: memory may be short
    size_t len;
    char *p = (char *)(uintptr_t)mp_obj_str_get_data(room, &len);
    ssl_transfer_t result = {.count = 1};
    if (self->unread == MP_OBJ_NULL) {
        result = ssl_socket_receive(self, p, len, deadline);
        self->unread = result.count > 0 ? room : MP_OBJ_NULL;
        self->unread_offset = 0;
        ssl_descriptor_refresh(self);
    }
    if (result.count > 0) {
        ssl_raise_errno(MP_EINVAL, "the peer has sent data, which has to be read first");
    }
    bool blocked = mp_is_nonblocking_error(result.errcode);
    return ssl_socket_settle(self, result.exception, blocked ? 0 : result.errcode, !blocked);
}

static void end_reading(mp_obj_ssl_socket_t *self, const ssl_deadline_t *deadline) {
    self->read_shut = false;
    while (!try_end_reading(self, deadline)) {
    }
    if (self->truncated) {
        tls_error_t error;
        tls_error_clear(&error);
        tls_error_set(&error, TLS_ERROR_EOF, TLS_CODE_CONN_EOF, "the peer ended the connection without close_notify");
        ssl_raise(&error);
    }
}

// The stream, which waits as it was told to.
static mp_obj_t take_stream(mp_obj_ssl_socket_t *self) {
    ssl_call_t call;
    ssl_call_begin(&call, self);
    mp_obj_t stream = self->stream;
    ssl_socket_discard(self);
    ssl_call_end(&call, TLS_OK);
    if (call.exception != MP_OBJ_NULL) {
        nlr_raise(call.exception);
    }
    if (self->timeout_ms != SSL_NO_LIMIT && !self->asks) {
        ssl_socket_tell_timeout(stream, self->timeout_ms);
    }
    return stream;
}

//| class SSLSocket:
//| def unwrap(self) -> Any:
//|     """End TLS and not the stream: say close_notify, wait for the peer's, and return the stream below. Data that
//|     comes instead has to be read first: `OSError(EINVAL)`. An end without close_notify: `OSError(-29312)`.
//|     """
static mp_obj_t ssl_socket_unwrap(mp_obj_t self_in) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    ssl_deadline_t deadline = ssl_socket_start(self);
    ssl_socket_require_established(self);
    end_writing(self, &deadline);
    end_reading(self, &deadline);
    return take_stream(self);
}
MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket_unwrap_obj, ssl_socket_unwrap);

//| def shutdown(self, how: int, /) -> None:
//|     """End one direction or both; the stream below stays as it is.
//|
//|     *how*: 0: reads give `b""`. 1: says close_notify; writes are `OSError(EPIPE)`. 2: both. Others: `ValueError`.
//|     """
static mp_obj_t ssl_socket_shutdown(mp_obj_t self_in, mp_obj_t how_obj) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    mp_int_t how = mp_obj_get_int(how_obj);
    if (how < SHUT_READING || how > SHUT_BOTH) {
        mp_raise_ValueError(MP_ERROR_TEXT("how must be 0, 1 or 2"));
    }
    ssl_deadline_t deadline = ssl_socket_start(self);
    ssl_socket_require_established(self);
    if (how != SHUT_WRITING) {
        self->read_shut = true;
        self->unread = MP_OBJ_NULL;
        ssl_descriptor_refresh(self);
    }
    if (how != SHUT_READING) {
        end_writing(self, &deadline);
    }
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(ssl_socket_shutdown_obj, ssl_socket_shutdown);

#endif
