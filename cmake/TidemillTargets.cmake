# One CMake target per folder of src/. tidemill_folder(<name> DEPENDS <targets>... LIBRARIES <libs>...)
# makes
#   tidemill_<name>        a static library of every *.cc below the folder, tests and fuzzers excepted
#   tidemill_<name>_test   one GoogleTest program of its *_test.cc, when there are any
#   fuzz_<stem>            a libFuzzer program per *_fuzz.cc, with TIDEMILL_FUZZERS=ON
# New files are found by themselves. A folder includes headers as "folder/file.h".
option(TIDEMILL_FUZZERS "Build the libFuzzer programs" OFF)
option(TIDEMILL_WARNINGS_AS_ERRORS "Stop at a warning; for compilers other than ours, turn it off" ON)
set(TIDEMILL_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
include(GoogleTest)

add_library(tidemill_options INTERFACE)
target_include_directories(tidemill_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/src)
# -pthread for all: a precompiled header serves only sources with the same predefined macros.
target_compile_options(tidemill_options INTERFACE -pthread
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers
  -Wthread-safety -Werror=return-type -Werror=unused-result -fno-semantic-interposition)
if(TIDEMILL_WARNINGS_AS_ERRORS)
  target_compile_options(tidemill_options INTERFACE -Werror)
endif()
target_link_libraries(tidemill_options INTERFACE Threads::Threads)
if(TIDEMILL_SANITIZE)
  target_compile_options(tidemill_options INTERFACE -fsanitize=${TIDEMILL_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(tidemill_options INTERFACE -fsanitize=${TIDEMILL_SANITIZE})
endif()
if(TIDEMILL_FUZZERS)
  target_compile_options(tidemill_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

include(TidemillPrecompiled)

function(tidemill_folder name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES;EXCLUDE" ${ARGN})
  set(dir ${CMAKE_CURRENT_SOURCE_DIR})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${dir}/*.cc)
  foreach(pattern IN LISTS ARG_EXCLUDE)
    list(FILTER all EXCLUDE REGEX "^${dir}/${pattern}")
  endforeach()
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|/main)\\.cc$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(fuzzers ${all})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")

  set(target tidemill_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
    tidemill_use_precompiled(${target} sources)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  list(TRANSFORM ARG_DEPENDS PREPEND tidemill_ OUTPUT_VARIABLE depends)
  target_link_libraries(${target} ${scope} tidemill_options ${depends} ${ARG_LIBRARIES})

  if(tests)
    add_executable(${target}_test ${tests})
    target_link_libraries(${target}_test PRIVATE ${target} GTest::gmock GTest::gtest_main)
    tidemill_use_precompiled(${target}_test tests)
    gtest_discover_tests(${target}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT 120)
  endif()
  if(TIDEMILL_FUZZERS)
    foreach(source IN LISTS fuzzers)
      get_filename_component(stem ${source} NAME_WE)
      string(REGEX REPLACE "_fuzz$" "" stem ${stem})
      add_executable(fuzz_${stem} ${source})
      target_link_libraries(fuzz_${stem} PRIVATE ${target})
      target_link_options(fuzz_${stem} PRIVATE -fsanitize=fuzzer)
      tidemill_use_precompiled(fuzz_${stem} sources)
    endforeach()
  endif()
endfunction()
