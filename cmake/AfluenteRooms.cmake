# A room is one folder under src/ with one purpose: a static library of its .cpp files (folders below it
# included) and one test program of the *_test.cpp files that stand beside them.

add_library(afluente_options INTERFACE)
# For whoever builds everything once, as for a sanitizer: six files share what they include, in a third of the time.
# Names in unnamed namespaces may then meet; the compiler says which.
option(AFLUENTE_UNITY "Compile the files of a room in batches" OFF)
target_compile_options(
  afluente_options INTERFACE -Wall -Wextra -Werror -Wconversion -Wnon-virtual-dtor
                             # In a batch, a local name may meet one of another file.
                             $<$<NOT:$<BOOL:${AFLUENTE_UNITY}>>:-Wshadow>
                             -Woverloaded-virtual -Wswitch-enum -fno-omit-frame-pointer
                             # g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
                             -Wno-restrict)
target_include_directories(afluente_options INTERFACE "${PROJECT_SOURCE_DIR}/src"
                                                      "${PROJECT_BINARY_DIR}/generated")
target_link_options(afluente_options INTERFACE -fuse-ld=mold)

# Test programs are compiled for a quick build, not for speed: what they measure is the program they link or start.
add_library(afluente_test_options INTERFACE)
target_compile_options(afluente_test_options INTERFACE $<$<CONFIG:RelWithDebInfo>:-O0>)
target_link_libraries(afluente_test_options INTERFACE afluente_options GTest::gmock fmt::fmt
                                                      nlohmann_json::nlohmann_json Threads::Threads)
file(WRITE "${PROJECT_BINARY_DIR}/precompiled_test.cpp" "")
add_library(afluente_precompiled_test OBJECT "${PROJECT_BINARY_DIR}/precompiled_test.cpp")
target_link_libraries(afluente_precompiled_test PRIVATE afluente_test_options)
target_precompile_headers(afluente_precompiled_test PRIVATE "${PROJECT_SOURCE_DIR}/cmake/precompiled_test.h")

function(afluente_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  if(sources)
    add_library(afluente_${name} STATIC ${sources})
    set_target_properties(afluente_${name} PROPERTIES UNITY_BUILD ${AFLUENTE_UNITY} UNITY_BUILD_BATCH_SIZE 6)
    target_link_libraries(afluente_${name} PUBLIC afluente_options ${ARGN})
  else()
    add_library(afluente_${name} INTERFACE)
    target_link_libraries(afluente_${name} INTERFACE afluente_options ${ARGN})
  endif()
  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE afluente_${name} afluente_test_options GTest::gtest_main)
    target_precompile_headers(${name}_test REUSE_FROM afluente_precompiled_test)
    add_test(NAME unit.${name} COMMAND ${name}_test)
    set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300)
  endif()
endfunction()
