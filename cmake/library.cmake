# SPDX-License-Identifier: Apache-2.0
# The library: its objects, compiled once, and the shared and the static library made of them.

file(GLOB_RECURSE respool_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.c")

# The objects themselves, also for tests of what the library hides.
add_library(respool_core OBJECT ${respool_sources})
set_target_properties(respool_core PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(respool_core PUBLIC "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(respool_core PUBLIC Threads::Threads)

# Not linked as a target: respool_codecs is of this build alone, and what uses the objects links it itself.
target_include_directories(respool_core SYSTEM PRIVATE
                           $<TARGET_PROPERTY:respool_codecs,INTERFACE_SYSTEM_INCLUDE_DIRECTORIES>)
target_compile_definitions(respool_core PRIVATE $<TARGET_PROPERTY:respool_codecs,INTERFACE_COMPILE_DEFINITIONS>)

# What both libraries tell their users.
function(respool_library_interface target)
  target_include_directories(${target} INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
                                                 "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  set_target_properties(${target} PROPERTIES OUTPUT_NAME respool LINKER_LANGUAGE C)
endfunction()

add_library(respool SHARED $<TARGET_OBJECTS:respool_core>)
respool_library_interface(respool)
set_target_properties(respool PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_link_libraries(respool PRIVATE Threads::Threads $<BUILD_INTERFACE:respool_codecs>)
if(NOT RESPOOL_SANITIZE AND NOT APPLE)
  target_link_options(respool PRIVATE -Wl,--no-undefined -Wl,-z,relro -Wl,-z,now)
endif()
add_library(respool::respool ALIAS respool)

# Hidden symbols of several objects are still global to a static link. Where the tools are there, the objects become one
# and their hidden symbols local, so that the archive offers the public functions and nothing else.
set(respool_localize OFF)
if(CMAKE_OBJCOPY AND NOT RESPOOL_SANITIZE AND NOT RESPOOL_BUILD_FUZZ AND NOT CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  execute_process(COMMAND "${CMAKE_OBJCOPY}" --help OUTPUT_VARIABLE objcopy_help ERROR_QUIET)
  if(objcopy_help MATCHES "--localize-hidden")
    set(respool_localize ON)
  endif()
endif()

if(respool_localize)
  set(respool_single "${CMAKE_CURRENT_BINARY_DIR}/respool_single.o")
  separate_arguments(respool_c_flags UNIX_COMMAND "${CMAKE_C_FLAGS}")
  add_custom_command(
    OUTPUT "${respool_single}"
    COMMAND "${CMAKE_C_COMPILER}" ${respool_c_flags} -r -nostdlib -o "${respool_single}" $<TARGET_OBJECTS:respool_core>
    COMMAND "${CMAKE_OBJCOPY}" --localize-hidden "${respool_single}"
    DEPENDS respool_core $<TARGET_OBJECTS:respool_core>
    COMMENT "Combining objects, hiding internal symbols"
    COMMAND_EXPAND_LISTS VERBATIM)
  set_source_files_properties("${respool_single}" PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  add_library(respool_static STATIC "${respool_single}")
else()
  add_library(respool_static STATIC $<TARGET_OBJECTS:respool_core>)
endif()
respool_library_interface(respool_static)
set_target_properties(respool_static PROPERTIES EXPORT_NAME static)
# Elsewhere the codecs are found by the linker, by name.
target_link_libraries(respool_static PUBLIC Threads::Threads $<BUILD_INTERFACE:respool_codecs>)
foreach(name IN LISTS respool_codec_names)
  target_link_libraries(respool_static PUBLIC $<INSTALL_INTERFACE:${name}>)
endforeach()
add_library(respool::static ALIAS respool_static)
