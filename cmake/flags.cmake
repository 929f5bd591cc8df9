# SPDX-License-Identifier: Apache-2.0
# Compiler flags of everything in this project. They are set for the directory, so a project that adds this one
# as a subdirectory does not get them.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Plain C17 hides POSIX; a file that needs more than POSIX defines _GNU_SOURCE or _DEFAULT_SOURCE itself.
add_compile_definitions(_POSIX_C_SOURCE=200809L _FILE_OFFSET_BITS=64)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # Texts of errors go into a record of fixed size and are cut there on purpose.
  add_compile_options(-Wno-format-truncation)
endif()
if(RESPOOL_WERROR)
  add_compile_options(-Werror)
endif()

if(RESPOOL_SANITIZE)
  list(JOIN RESPOOL_SANITIZE "," respool_sanitize)
  add_compile_options(-fsanitize=${respool_sanitize} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${respool_sanitize})
else()
  add_compile_options(-fstack-protector-strong)
  # Fortified functions need an optimising build. -U: some compilers predefine it.
  add_compile_options("$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
endif()

if(RESPOOL_BUILD_FUZZ)
  # Coverage feedback for the library; the fuzz targets themselves link with -fsanitize=fuzzer.
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
