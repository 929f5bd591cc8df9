# SPDX-License-Identifier: Apache-2.0
# The command line tool. It sees the public header only.

file(GLOB respool_tool_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cli/*.c")
add_executable(respool_tool ${respool_tool_sources})
target_link_libraries(respool_tool PRIVATE respool_static)
# In a folder of its own: the build system has a target named respool already.
set_target_properties(respool_tool PROPERTIES OUTPUT_NAME respool
                                              RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
