// SSLContext.sni_callback: a server with several names.

#include "module/sni.h"

#include "module/call.h"

#if MICROPY_PY_SSL_SNI_CALLBACK

#define INTERNAL_ERROR 80 // RFC 8446 section 6.2

void ssl_sni_set_callback(mp_obj_ssl_context_t *self, mp_obj_t callback) {
    ssl_context_require_role(self, TLS_PROTOCOL_SERVER);
    if (callback != mp_const_none && !mp_obj_is_callable(callback)) {
        mp_raise_TypeError(MP_ERROR_TEXT("sni_callback must be callable or None"));
    }
    if (!tls_engine_has(TLS_FEATURE_SNI)) {
        mp_raise_NotImplementedError(MP_ERROR_TEXT("this build cannot read names"));
    }
    ssl_context_change(self);
    self->sni_callback = callback;
    ssl_context_end_change(self);
}

static mp_obj_ssl_context_t *context_from_obj(mp_obj_t obj) {
    if (!mp_obj_is_type(obj, &tls_context_type)) {
        obj = mp_obj_cast_to_native_base(obj, MP_OBJ_FROM_PTR(&ssl_context_type));
    }
    if (obj == MP_OBJ_NULL) {
        mp_raise_TypeError(MP_ERROR_TEXT("context must be an SSLContext"));
    }
    return MP_OBJ_TO_PTR(obj);
}

void ssl_sni_set_context(mp_obj_ssl_socket_t *self, mp_obj_t context_obj) {
    if (!self->choosing) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("context can be set in sni_callback only"));
    }
    mp_obj_ssl_context_t *context = context_from_obj(context_obj);
    if (context->protocol != self->context->protocol) {
        mp_raise_ValueError(MP_ERROR_TEXT("context is for another protocol"));
    }
    ssl_context_prepare(context);
    // The call that is going on uses the new one from here to its end.
    ssl_context_use(context);
    ssl_context_release(self->context);
    self->context = context;
}

static int alert_from_obj(mp_obj_t answer) {
    if (!mp_obj_is_int(answer)) {
        mp_raise_TypeError(MP_ERROR_TEXT("sni_callback must return None or an alert"));
    }
    mp_int_t alert = mp_obj_get_int(answer);
    if (alert <= 0 || alert > UINT8_MAX || tls_alert_name((int)alert) == NULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("sni_callback returned an unknown alert"));
    }
    return (int)alert;
}

static tls_status_t hook_sni(tls_host_t *host, const char *name, tls_context_t **context, int *alert) {
    ssl_call_t *call = ssl_call_of(host);
    mp_obj_ssl_socket_t *self = call->socket;
    tls_status_t status;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        self->choosing = true;
        mp_obj_t args[3] = {
            MP_OBJ_FROM_PTR(self),
            name == NULL ? mp_const_none : mp_obj_new_str_from_cstr(name),
            MP_OBJ_FROM_PTR(self->context),
        };
        mp_obj_t answer = mp_call_function_n_kw(self->context->sni_callback, 3, 0, args);
        if (answer != mp_const_none) {
            *alert = INTERNAL_ERROR; // unless it is an alert
            *alert = alert_from_obj(answer);
        }
        *context = ssl_context_engine(self->context);
        nlr_pop();
        status = answer == mp_const_none ? TLS_OK : TLS_ERROR;
    } else {
        call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        status = TLS_ABORTED;
    }
    self->choosing = false;
    ssl_call_set_hooks(call);
    return status;
}

void ssl_sni_set_hook(const mp_obj_ssl_context_t *self, tls_host_t *host) {
    host->sni = self->sni_callback == mp_const_none ? NULL : hook_sni;
}

#endif
