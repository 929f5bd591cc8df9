# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where. Everything it writes can be moved as a whole afterwards.
include(CMakePackageConfigHelpers)

set(respool_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/respool")

install(TARGETS respool respool_static EXPORT respoolTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES include/respool/respool.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/respool")
if(TARGET respool_tool)
  install(TARGETS respool_tool RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

# CMake package: find_package(respool) gives respool::respool and respool::static.
install(EXPORT respoolTargets NAMESPACE respool:: DESTINATION "${respool_package_dir}")
configure_package_config_file(cmake/respoolConfig.cmake.in "${PROJECT_BINARY_DIR}/respoolConfig.cmake"
                              INSTALL_DESTINATION "${respool_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/respoolConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/respoolConfig.cmake" "${PROJECT_BINARY_DIR}/respoolConfigVersion.cmake"
        DESTINATION "${respool_package_dir}")

# pkg-config, with paths relative to the file itself unless the user chose absolute ones.
set(respool_pc_dir "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(respool_pc_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(respool_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(respool_pc_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH respool_pc_up "${respool_pc_dir}" "${CMAKE_INSTALL_PREFIX}")
  string(REGEX REPLACE "/$" "" respool_pc_up "${respool_pc_up}")
  set(respool_pc_PREFIX "\${pcfiledir}/${respool_pc_up}")
endif()
set(respool_pc_CODECS "")
foreach(name IN LISTS respool_codec_names)
  string(APPEND respool_pc_CODECS " -l${name}")
endforeach()
configure_file(cmake/respool.pc.in "${PROJECT_BINARY_DIR}/respool.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/respool.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# Licence, manual page and documents.
foreach(file IN ITEMS LICENSE README.md CHANGELOG.md docs/design.md)
  if(EXISTS "${PROJECT_SOURCE_DIR}/${file}")
    install(FILES "${file}" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
  endif()
endforeach()
if(EXISTS "${PROJECT_SOURCE_DIR}/docs/respool.1")
  install(FILES docs/respool.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
endif()
