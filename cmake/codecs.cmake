# SPDX-License-Identifier: Apache-2.0
# The libraries of others: of checksums, which has to be there, and of body compression and encryption, each of which the
# build can do without. Target respool_codecs has those that are used.
#   RESPOOL_LZ4, RESPOOL_ZSTD, RESPOOL_CRYPTO   AUTO (used where found), ON (has to be there), OFF

set(RESPOOL_LZ4 AUTO CACHE STRING "LZ4 compression with liblz4: AUTO, ON or OFF")
set(RESPOOL_ZSTD AUTO CACHE STRING "ZSTD compression with libzstd: AUTO, ON or OFF")
set(RESPOOL_CRYPTO AUTO CACHE STRING "Encryption with OpenSSL's libcrypto: AUTO, ON or OFF")
set_property(CACHE RESPOOL_LZ4 RESPOOL_ZSTD RESPOOL_CRYPTO PROPERTY STRINGS AUTO ON OFF)
set(RESPOOL_XXHASH ON) # named files rely on it

add_library(respool_codecs INTERFACE)
set(respool_codec_names "") # as the linker knows them

function(respool_codec name header)
  string(TOUPPER "${name}" NAME)
  if(NOT RESPOOL_${NAME})
    if(NOT RESPOOL_${NAME} STREQUAL "AUTO")
      message(STATUS "respool: without ${NAME}, as asked")
      return()
    endif()
  endif()
  find_path(RESPOOL_${NAME}_INCLUDE_DIR ${header})
  find_library(RESPOOL_${NAME}_LIBRARY ${name})
  mark_as_advanced(RESPOOL_${NAME}_INCLUDE_DIR RESPOOL_${NAME}_LIBRARY)
  if(NOT RESPOOL_${NAME}_INCLUDE_DIR OR NOT RESPOOL_${NAME}_LIBRARY)
    if(RESPOOL_${NAME} STREQUAL "AUTO")
      message(STATUS "respool: without ${NAME}: ${header} or lib${name} was not found")
      return()
    endif()
    message(FATAL_ERROR "respool: ${header} or lib${name} was not found${ARGN}")
  endif()
  target_include_directories(respool_codecs SYSTEM INTERFACE "${RESPOOL_${NAME}_INCLUDE_DIR}")
  target_compile_definitions(respool_codecs INTERFACE RESPOOL_HAVE_${NAME})
  target_link_libraries(respool_codecs INTERFACE "${RESPOOL_${NAME}_LIBRARY}")
  set(respool_codec_names "${respool_codec_names};${name}" PARENT_SCOPE)
endfunction()

respool_codec(xxhash xxhash.h)
respool_codec(lz4 lz4frame.h " (RESPOOL_LZ4=OFF does without)")
respool_codec(zstd zstd.h " (RESPOOL_ZSTD=OFF does without)")
respool_codec(crypto openssl/evp.h " (RESPOOL_CRYPTO=OFF does without)")
list(REMOVE_ITEM respool_codec_names "")
