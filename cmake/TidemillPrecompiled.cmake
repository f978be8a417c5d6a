# Precompiled headers of the standard library, Boost.Describe and, for tests, GoogleTest: about 40 % of
# what the compiler would otherwise do. Sources go on including what they use, and build without these too
# (-DTIDEMILL_PRECOMPILED_HEADERS=OFF).
#
# target_precompile_headers() is not used because its result holds paths of the checkout, so that the
# compiler cache could not serve one checkout with the objects of another. Here the result depends only
# on the compiler, its flags and the system's headers: no include path of ours, no time stamp, a fixed
# working folder, and a header of the system as the main file.
option(TIDEMILL_PRECOMPILED_HEADERS "Precompile the standard library's headers" ON)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(TIDEMILL_PRECOMPILED_HEADERS OFF)
endif()

# ccache reads the headers' names from the dependency file (CCACHE_DEPEND) instead of preprocessing
# every file first, without the precompiled header. It asks for both kinds of sloppiness before it accepts
# precompiled headers; neither matters here, since no source uses __DATE__ or __TIME__.
if(CMAKE_CXX_COMPILER_LAUNCHER STREQUAL "ccache")
  set(CMAKE_CXX_COMPILER_LAUNCHER
    env CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros ccache)
endif()

set(TIDEMILL_PRECOMPILED_STANDARD algorithm array atomic cerrno charconv chrono cmath
  condition_variable cstdint cstring deque expected filesystem functional initializer_list limits list
  map memory mutex optional set shared_mutex span stop_token string string_view thread tuple type_traits
  unordered_map utility variant vector)

# tidemill_precompiled(<name> DEFINITIONS <NAME=value>... HEADERS <header>...) makes the target
# tidemill_precompiled_<name> and its file. The headers come on top of the standard ones.
function(tidemill_precompiled name)
  cmake_parse_arguments(ARG "" "" "DEFINITIONS;HEADERS" ${ARGN})
  if(NOT TIDEMILL_PRECOMPILED_HEADERS)
    add_custom_target(tidemill_precompiled_${name})
    return()
  endif()
  find_file(TIDEMILL_PRECOMPILED_MAIN boost/describe.hpp REQUIRED)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
  separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}")
  set(options "$<TARGET_PROPERTY:tidemill_options,INTERFACE_COMPILE_OPTIONS>")
  set(definitions "$<TARGET_PROPERTY:tidemill_options,INTERFACE_COMPILE_DEFINITIONS>")
  set(includes ${TIDEMILL_PRECOMPILED_STANDARD} ${ARG_HEADERS})
  list(TRANSFORM includes PREPEND "-include;")
  list(TRANSFORM ARG_DEFINITIONS PREPEND "-D")
  set(file ${CMAKE_BINARY_DIR}/precompiled/${name}.pch)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/precompiled)
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_CXX_COMPILER} "-D$<JOIN:${definitions},;-D>" ${ARG_DEFINITIONS} ${flags}
            "${options}" ${CMAKE_CXX23_EXTENSION_COMPILE_OPTION} -fpch-instantiate-templates
            -Xclang -fno-pch-timestamp ${includes} -MD -MT ${file} -MF ${file}.d
            -x c++-header ${TIDEMILL_PRECOMPILED_MAIN} -o ${file}
    WORKING_DIRECTORY / DEPFILE ${file}.d COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Building the precompiled header ${name}")
  add_custom_target(tidemill_precompiled_${name} DEPENDS ${file})
endfunction()

# The sources of <target> start from the precompiled header <name>. They only wait for it: an object
# stays valid when the file is built again, unless one of the headers changed, and those are in the
# object's own dependency file.
function(tidemill_use_precompiled target name)
  if(NOT TIDEMILL_PRECOMPILED_HEADERS)
    return()
  endif()
  target_compile_options(${target} PRIVATE
    "SHELL:-include-pch ${CMAKE_BINARY_DIR}/precompiled/${name}.pch")
  add_dependencies(${target} tidemill_precompiled_${name})
endfunction()

tidemill_precompiled(sources)
tidemill_precompiled(tests DEFINITIONS GTEST_HAS_PTHREAD=1 HEADERS gtest/gtest.h gmock/gmock.h)
