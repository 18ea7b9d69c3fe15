# How ports built with CMake take the module in: -DUSER_C_MODULES=<this directory>/micropython.cmake
#
# SSL_ENGINE           mbedtls (default) or openssl
# MBEDTLS_DIR          engine mbedtls: a release of Mbed TLS 3.6 to compile into the image; by default the port's own
#                      Mbed TLS is used
# MBEDTLS_CONFIG_FILE  configuration for MBEDTLS_DIR; by default the library's
# SSL_CONFIGURATION    in its place one of those in configurations/, for microcontrollers: tiny, default, full (see
#                      micropython.mk)
# SSL_EARLIEST_TIME    the firmware's date in seconds since 1970 (see micropython.mk)

if(NOT SSL_ENGINE)
  set(SSL_ENGINE mbedtls)
endif()

add_library(usermod_ssl INTERFACE)
file(GLOB SSL_SOURCES CONFIGURE_DEPENDS
  ${CMAKE_CURRENT_LIST_DIR}/src/module/*.c
  ${CMAKE_CURRENT_LIST_DIR}/src/engine/*.c
  ${CMAKE_CURRENT_LIST_DIR}/src/${SSL_ENGINE}/*.c
)
target_sources(usermod_ssl INTERFACE ${SSL_SOURCES})
target_include_directories(usermod_ssl INTERFACE ${CMAKE_CURRENT_LIST_DIR}/src)

if(SSL_ENGINE STREQUAL mbedtls)
  set(SSL_DEFINITION MICROPY_PY_SSL_ENGINE_MBEDTLS=1)
  if(MBEDTLS_DIR)
    if(NOT EXISTS ${MBEDTLS_DIR}/library/psa_crypto_driver_wrappers.h)
      message(FATAL_ERROR "MBEDTLS_DIR=${MBEDTLS_DIR} is not a source tree of a release of Mbed TLS 3.6")
    endif()
    if(SSL_CONFIGURATION)
      set(SSL_CONFIGURATION_FILE ${CMAKE_CURRENT_LIST_DIR}/configurations/${SSL_CONFIGURATION}.h)
      if(NOT EXISTS ${SSL_CONFIGURATION_FILE})
        message(FATAL_ERROR "SSL_CONFIGURATION=${SSL_CONFIGURATION}: there are tiny, default and full")
      endif()
      if(NOT MBEDTLS_CONFIG_FILE)
        set(MBEDTLS_CONFIG_FILE ${SSL_CONFIGURATION_FILE})
      endif()
      list(APPEND SSL_DEFINITION MICROPY_PY_SSL_CONFIGURATION="${SSL_CONFIGURATION_FILE}")
    endif()
    # p256-m, which is empty unless the configuration has it, looks into the library.
    file(GLOB SSL_MBEDTLS_SOURCES ${MBEDTLS_DIR}/library/*.c ${MBEDTLS_DIR}/3rdparty/p256-m/*.c
      ${MBEDTLS_DIR}/3rdparty/p256-m/p256-m/*.c)
    add_library(usermod_ssl_mbedtls STATIC ${SSL_MBEDTLS_SOURCES})
    target_include_directories(usermod_ssl_mbedtls PUBLIC ${MBEDTLS_DIR}/include PRIVATE ${MBEDTLS_DIR}/library)
    if(MBEDTLS_CONFIG_FILE)
      target_compile_definitions(usermod_ssl_mbedtls PUBLIC MBEDTLS_CONFIG_FILE="${MBEDTLS_CONFIG_FILE}")
    endif()
    target_link_libraries(usermod_ssl INTERFACE usermod_ssl_mbedtls)
  endif()
elseif(SSL_ENGINE STREQUAL openssl)
  set(SSL_DEFINITION MICROPY_PY_SSL_ENGINE_OPENSSL=1)
  find_package(OpenSSL 3.0 REQUIRED)
  target_link_libraries(usermod_ssl INTERFACE OpenSSL::SSL OpenSSL::Crypto)
else()
  message(FATAL_ERROR "SSL_ENGINE=${SSL_ENGINE}: there are mbedtls and openssl")
endif()

if(SSL_EARLIEST_TIME)
  list(APPEND SSL_DEFINITION MICROPY_PY_SSL_EARLIEST_TIME=${SSL_EARLIEST_TIME})
endif()

# MicroPython's scan for interned strings takes a module's include directories from its target, but not its definitions.
target_compile_definitions(usermod_ssl INTERFACE ${SSL_DEFINITION})
list(APPEND MICROPY_CPP_DEF_EXTRA ${SSL_DEFINITION})

target_link_libraries(usermod INTERFACE usermod_ssl)
